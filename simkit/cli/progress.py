"""Progress on standard error: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

Report = Callable[[int, int], None]
Said = Callable[[int, int, str], None]

_EVERY_S = 15.0

__all__ = ["Report", "Said", "progress", "saying"]


@contextmanager
def progress(what: str) -> Iterator[Report]:
    """A function to be called with (done, total); the bar goes when the block ends."""
    if not sys.stderr.isatty():
        say = _lines(what)
        yield lambda done, total: say(done, total, f"{done} of {total}")
        return
    from rich.progress import MofNCompleteColumn, TimeRemainingColumn

    with _bar(what, MofNCompleteColumn(), TimeRemainingColumn()) as say:
        yield lambda done, total: say(done, total, "")


@contextmanager
def saying(what: str) -> Iterator[Said]:
    """A function to be called with (done, total, words): who calls it says how long it takes."""
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    from rich.progress import TextColumn

    with _bar(what, TextColumn("{task.fields[words]}")) as say:
        yield say


@contextmanager
def _bar(what: str, *after: ProgressColumn) -> Iterator[Said]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), *after)
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    with bar:
        task = bar.add_task(escape(what), total=None, words="")

        def say(done: int, total: int, words: str) -> None:
            bar.update(task, completed=done, total=total, words=escape(words))

        yield say


def _lines(what: str) -> Said:
    last = time.monotonic()

    def say(done: int, total: int, words: str) -> None:
        nonlocal last
        now = time.monotonic()
        if done < total and now - last >= _EVERY_S:
            last = now
            print(f"{what}: {words}", file=sys.stderr, flush=True)

    return say
