"""Taking the samples: in rounds, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from time import perf_counter

from simkit.bench.case import COMPILED, Case
from simkit.bench.sample import Sample

__all__ = ["Measured", "measure"]

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Measured:
    """The samples of a case, one for each round, and how long each process took as a whole.

    ``failure`` is what the first sample said that did not come to its end.
    """

    case: Case
    samples: list[Sample] = field(default_factory=list)
    process_s: list[float] = field(default_factory=list)
    failure: str = ""

    @property
    def due(self) -> bool:
        """Whether another sample is wanted."""
        done = len(self.samples) >= self.case.repeats
        return not (done or self.case.missing or self.failure)


def measure(cases: Sequence[Case], progress: Progress) -> list[Measured]:
    """Sample all cases: each once, then each once more, until all have their number."""
    found = [Measured(case) for case in cases]
    total = sum(case.repeats for case in cases if not case.missing)
    with tempfile.TemporaryDirectory(prefix="simkit-bench-") as cache:
        if any(one.due and one.case.engine == COMPILED for one in found):
            _run(Case("flood", COMPILED, 10, 1), cache)  # so that nobody else has to compile
        while any(one.due for one in found):
            for one in found:
                if one.due:
                    _add(one, cache)
                    progress(sum(len(m.samples) for m in found), total)
    return found


def _add(one: Measured, cache: str) -> None:
    if one.case.cache == "cached" and not one.samples:
        _run(one.case, cache)
    begun = perf_counter()
    done = _run(one.case, cache)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        one.failure = lines[-1] if lines else f"ended with status {done.returncode}"
        return
    one.process_s.append(perf_counter() - begun)
    one.samples.append(Sample(**json.loads(done.stdout.splitlines()[-1])))


def _run(case: Case, cache: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "simkit.bench.sample", json.dumps(asdict(case))],
        env=_environment(case, cache),
        capture_output=True,
        text=True,
        check=False,
    )


def _environment(case: Case, cache: str) -> dict[str, str]:
    """The environment of a sample: with an empty cache of compiled code, or one that was filled."""
    if case.cache == "cold":
        folder = tempfile.mkdtemp(dir=cache)
    elif case.cache == "cached":
        folder = os.path.join(cache, "filled")  # noqa: PTH118 (an environment holds text)
    else:
        return dict(os.environ)
    return {**os.environ, "SIMKIT_CACHE": folder}
