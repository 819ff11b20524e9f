"""Hostile strings by the thousand: no traceback, no hang, and memory within bounds.

``python -m tests.fuzz.campaign configurations --until 1000 --seed 1`` tries strings 0 to 999 of
that seed; ``--first 500`` goes on from there, and ``--show 500`` prints that string. Exit status 1
where one did harm; its number is printed with the commands that show it and go on after it.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import resource
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from simkit.cli.progress import progress
from tests.fuzz.targets import TARGETS, Target

LIMIT_S = 10.0
"""A string that costs more of the processor's time hangs, or waits for 30 times as long."""
MEMORY_BYTES = 1 << 30
"""All that the process may have at any time, the interpreter with it."""
_WAIT = 30
_ALARMS = (signal.SIGPROF, signal.SIGALRM)
_STUCK_S = 40 * LIMIT_S  # for so many strings, in a library that sees no signal
_STUCK_STRINGS = 100

__all__ = ["LIMIT_S", "MEMORY_BYTES", "HarmError", "main", "try_all"]


class HarmError(Exception):
    """A string that did harm: its number, and what happened."""

    def __init__(self, number: int, what: str) -> None:
        self.number, self.what = number, what
        super().__init__(f"string {number}: {what}")


class _HangError(BaseException):
    """Time is up; no handler of errors swallows it."""


def try_all(
    target: Target,
    seed: int,
    numbers: range,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    limit_s: float = LIMIT_S,
) -> Counter[str]:
    """Try the strings of these numbers; what came of them, counted. Raises `HarmError`."""
    found: Counter[str] = Counter()
    for done, number in enumerate(numbers):
        tell(done, len(numbers))
        data = target.make(seed, number)
        try:
            with _within(limit_s):
                found[target.attempt(data)] += 1
        except _HangError:
            raise HarmError(number, f"takes longer than {limit_s:g} s") from None
        except Exception:
            raise HarmError(number, traceback.format_exc()) from None
    return found


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Two alarms: what is slow for others on the machine is not slow itself."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * _WAIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _time_is_up(number: int, frame: FrameType | None) -> None:
    raise _HangError


@contextmanager
def bounded(memory_bytes: int = MEMORY_BYTES) -> Iterator[None]:
    """Alarms are hangs, and memory is bounded, while the block runs."""
    before = {name: signal.signal(name, _time_is_up) for name in _ALARMS}
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        for name, handler in before.items():
            signal.signal(name, handler)


def main(words: list[str] | None = None) -> int:
    """Run a campaign as the command line says."""
    given = _parser().parse_args(words)
    with tempfile.TemporaryDirectory(prefix="simkit-fuzz-", dir=_memory()) as made:
        target = TARGETS[given.target](Path(made))
        if given.show is not None:
            sys.stdout.buffer.write(target.make(given.seed, given.show))
            return 0
        return _run(target, given)


def _memory() -> str | None:
    """A folder that lies in memory, where there is one: every string becomes a file."""
    shared = Path("/dev/shm")
    return str(shared) if os.access(shared, os.W_OK) else None


def _run(target: Target, given: argparse.Namespace) -> int:
    again = f"python -m tests.fuzz.campaign {given.target} --seed {given.seed}"
    rest = f"{again} --until {given.until} --first"
    last = [given.first]

    def note(done: int, total: int) -> None:
        last[0] = given.first + done
        if done % _STUCK_STRINGS == 0:
            faulthandler.dump_traceback_later(_STUCK_S, exit=True)
        tell(done, total)

    numbers = range(given.first, given.until)
    try:
        with bounded(), progress(f"{given.target}, seed {given.seed}") as tell:
            found = try_all(target, given.seed, numbers, note)
    except HarmError as harm:
        print(f"{harm}\nmake it again: {again} --show {harm.number}", file=sys.stderr)
        print(f"go on after it: {rest} {harm.number + 1}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\ngo on: {rest} {last[0]}", file=sys.stderr)
        return 130
    finally:
        faulthandler.cancel_dump_traceback_later()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    outcomes = ", ".join(f"{name}: {count}" for name, count in sorted(found.items()))
    print(f"{given.target}, seed {given.seed}, at most {peak_mb} MB; {outcomes}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Try hostile strings.")
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--until", type=int, default=50_000, metavar="NUMBER")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, metavar="NUMBER")
    parser.add_argument("--show", type=int, metavar="NUMBER", help="print a string, try nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
