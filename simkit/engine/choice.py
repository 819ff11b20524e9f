"""Which engine runs a scenario.

Both give the same tables, so this is a matter of time alone. The compiled engine is many times
faster, but has to be loaded, or even compiled, before its first run in a process. ``auto`` takes
it where that pays: by how many requests are to be expected.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from simkit.errors import InputError
from simkit.traffic import Caller, CohortBase, Custom, Flood, Scanner, Scenario, Visitor

__all__ = ["Engine", "chosen", "expected_requests"]

Engine = Literal["auto", "simpy", "compiled"]

_WORTH_LOADING = 150_000
"""Requests that take the SimPy engine as long as loading the compiled one: some seconds."""
_WORTH_COMPILING = 3_000_000
"""Requests that take it as long as compiling that: a minute."""

_loaded = False


def chosen(
    engine: Engine, scenario: Scenario, behaviours: Collection[str], runs: int = 1
) -> Literal["simpy", "compiled"]:
    """The engine for so many runs of a scenario with these behaviours of one's own.

    Raises InputError where the compiled engine is wanted and cannot be had, or there is no such
    engine.
    """
    if engine not in ("auto", "simpy", "compiled"):
        raise InputError(f"there is no engine {engine!r}", hint="auto, simpy or compiled")
    written = [c.name for c in scenario.cohorts if c.name in behaviours or isinstance(c, Custom)]
    if engine == "compiled" and written:
        raise InputError(
            f"the behaviour of cohort {written[0]!r} is written in Python, "
            "which the compiled engine cannot run",
            hint="engine='simpy', or 'auto', which sees that by itself",
        )
    if engine == "simpy" or written:
        return "simpy"
    if engine == "auto" and not _pays(runs * expected_requests(scenario)):
        return "simpy"
    if runs > 1:
        _compile_once()
    return "compiled"


def _compile_once() -> None:
    """Before other processes want it too, each for itself."""
    from simkit.engine.compiled import loop

    if not loop.is_kept():
        loop.prepare()


def _pays(requests: float) -> bool:
    global _loaded  # noqa: PLW0603 (once loaded it stays so for the process)
    if not _loaded and requests > _WORTH_LOADING:
        from simkit.engine.compiled import loop

        _loaded = requests > _WORTH_COMPILING or loop.is_kept()
    return _loaded


def expected_requests(scenario: Scenario) -> float:
    """About how many requests a run has; nobody is refused or gives up."""
    return sum(_requests(cohort, scenario) for cohort in scenario.cohorts)


def _requests(cohort: CohortBase, scenario: Scenario) -> float:
    arrivals = cohort.arrivals
    starts = 1.0
    if arrivals.repeats and arrivals.every_s:
        until_s = min(arrivals.until_s or scenario.length_s, scenario.length_s)
        starts = max(0.0, until_s - arrivals.from_s) / arrivals.every_s
    return cohort.count * starts * _requests_per_start(cohort, scenario)


def _requests_per_start(cohort: CohortBase, scenario: Scenario) -> float:
    match cohort:
        case Visitor():
            pages = [scenario.site.page(path) for path in cohort.pages]
            return cohort.pages_mean + max(len(page.resources) for page in pages)
        case Scanner():
            return 2.0 + len(cohort.asks())
        case Caller() | Flood():
            return 1.0
    return 1.0
