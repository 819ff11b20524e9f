"""Waiting for sockets until a time: epoll, with time-outs finer than its milliseconds."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Self

from simkit.traffic.part import NS_PER_S

__all__ = ["Happens", "Poller"]

Happens = Callable[[int], None]
"""Called with the events that came for a socket (`select.EPOLLIN` …)."""

_MOST_AT_ONCE = 64
_COARSE_NS = 20_000_000


class Poller:
    """Sockets by their file descriptors, and what to call when something happens to them.

    Python rounds the time-out of epoll up to a millisecond, within which several clients may have
    something to do; that of select(2) goes by the microsecond, and it can wait for an epoll.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._itself = [self._epoll.fileno()]
        self._calls: dict[int, Happens] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._epoll.close()

    def watch(self, fd: int, call: Happens, events: int = select.EPOLLIN) -> None:
        """From now on call this when something happens to that socket."""
        self._calls[fd] = call
        self._epoll.register(fd, events)

    def change(self, fd: int, events: int) -> None:
        """Another set of events is of interest."""
        self._epoll.modify(fd, events)

    def forget(self, fd: int) -> None:
        """The socket is about to be closed, with which the kernel forgets it."""
        self._calls.pop(fd, None)

    def wait(self, timeout_ns: int) -> list[tuple[Happens, int]]:
        """What has happened, or happens before the time is over."""
        epoll = self._epoll
        found = epoll.poll(0, _MOST_AT_ONCE)
        if not found and timeout_ns > 0:
            if timeout_ns > _COARSE_NS:
                found = epoll.poll((timeout_ns - _COARSE_NS) / NS_PER_S, _MOST_AT_ONCE)
            else:
                select.select(self._itself, (), (), timeout_ns / NS_PER_S)
                found = epoll.poll(0, _MOST_AT_ONCE)
        calls = self._calls
        return [(calls[fd], events) for fd, events in found if fd in calls]
