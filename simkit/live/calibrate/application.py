"""The application behind the proxied place: it can hold its answers back until all have asked."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition

from simkit.live.backend import SamePage

__all__ = ["Application"]

_PATIENCE_S = 10.0
_PAGE = SamePage(body_bytes=0)


class Application:
    """A site (`simkit.live.backend.Pages`) with an empty page everywhere.

    An answer without a body comes in one segment, so what it costs nginx is nginx's own work.
    Called by the threads of the backend; answers go out at once unless the door is shut.
    """

    def __init__(self) -> None:
        self._change = Condition()
        self._waiting = 0
        self._shut = False

    def find(self, path: str) -> SamePage:  # noqa: ARG002
        """The page, once the door is open."""
        with self._change:
            self._waiting += 1
            self._change.notify_all()
            self._wait(lambda: not self._shut)
            self._waiting -= 1
        return _PAGE

    def shut(self) -> None:
        """From now on answers are held back."""
        with self._change:
            self._shut = True

    def gather(self, count: int) -> None:
        """Wait until so many requests wait for their answers."""
        with self._change:
            self._wait(lambda: self._waiting >= count)

    def open(self) -> None:
        """Let answers go."""
        with self._change:
            self._shut = False
            self._change.notify_all()

    def _wait(self, until: Callable[[], bool]) -> None:
        self._change.wait_for(until, _PATIENCE_S)
