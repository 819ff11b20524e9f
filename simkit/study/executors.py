"""Who does the work: this process, others, or a cluster, all as `concurrent.futures` has it.

Whoever it is does one thing at a time on request and gives back a future, so nothing else in
simkit knows the difference. Other processes are started afresh (spawn): nothing that this one has
in memory can change what they find.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from simkit.errors import InputError

Result = TypeVar("Result")

_CONNECT_S = 15

__all__ = ["Here", "Processes", "on_dask"]


class Here(Executor):
    """Does in this process what it is given, at once. Ctrl-C goes to whoever gave it."""

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """The future of what is done when this returns."""
        future: Future[Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # a future holds whatever was raised
            future.set_exception(error)
        return future


class Processes(ProcessPoolExecutor):
    """Fresh processes. They leave Ctrl-C to this one, and end when it ends, however it does.

    Each holds the reading end of a pipe that nobody writes to; the writing end is here alone, so
    it closes when this process is killed.
    """

    def __init__(self, workers: int) -> None:
        context = get_context("spawn")
        reader, self._leash = context.Pipe(duplex=False)
        super().__init__(workers, mp_context=context, initializer=_attach, initargs=(reader,))

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Wait for the work; after an error, end the processes whatever they are doing."""
        if kind is not None:
            self._leash.close()
        self.shutdown(wait=True, cancel_futures=True)


def _attach(leash: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_when_let_go, args=(leash,), daemon=True).start()


def _leave_when_let_go(leash: Connection) -> None:
    try:
        leash.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


@contextmanager
def on_dask(address: str) -> Iterator[Executor]:
    """The workers of a dask.distributed cluster whose scheduler is at that address.

    They need the same simkit, and the files of a study under the same paths. Raises InputError
    where `distributed` is not installed or nobody answers.
    """
    try:
        import distributed
    except ImportError:
        raise InputError(
            "dask.distributed is not installed", hint="pip install 'simkit[cluster]'"
        ) from None
    make: Any = distributed.Client  # has no types of its own
    try:
        client = make(address, timeout=_CONNECT_S)
    except (OSError, ValueError) as error:
        raise InputError(f"no dask scheduler can be reached at {address}: {error}") from None
    with client:
        yield client.get_executor(pure=False)
