"""Reading study files: one clear error with file, line and key for whatever is wrong.

A study file says which strategies meet which crowds, how often::

    name = "flood"
    title = "What a growing flood does to everybody else"
    scenario = "small_shop"              # a shipped name, or a file beside this one
    strategies = ["open", "polite", { name = "mine", policy = "./nginx.conf" }]
    replications = 10
    seed = 1
    engine = "auto"                      # or simpy, compiled
    measures = ["misses", "cpu_share"]   # what the results are to hold; all where this is left out

    [vary]
    "cohorts.flood.count" = [3, 12, 48]
    "network.rtt_ms" = { values = [10, 40, 160], label = "round trip, ms" }

All values of all varied parameters are combined; without any there is one point, the scenario as
it is. What a path may name is said in `simkit.study.sweep.grid`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from simkit import shipped
from simkit.errors import InputError
from simkit.strategy import Strategy, load_strategy
from simkit.study.outcome import MEASURES, Engine, Task, run_task
from simkit.study.shared import Shared
from simkit.study.sweep.grid import Axis, Value, canonical, points_of, scenario_with
from simkit.study.sweep.study import Study
from simkit.traffic import Arrivals, Probe, Scenario, load_scenario
from simkit.traffic.document import placed
from simkit.traffic.lines import KeyPath, key_of, line_of
from simkit.traffic.part import Count, Name, NotEmpty, Part
from simkit.traffic.reading import read_model

__all__ = ["StrategySpec", "StudySpec", "known_measures", "load_study"]


class StrategySpec(Part):
    """A policy, by a shipped name or a file beside the study's, and the name that it goes by."""

    policy: str
    name: Name | None = None


def _by_policy(given: object) -> object:
    return {"policy": given} if isinstance(given, str) else given


class StudySpec(Part):
    """A study file as it stands."""

    name: Name
    title: str = ""
    scenario: str
    strategies: Annotated[
        tuple[Annotated[StrategySpec, BeforeValidator(_by_policy)], ...], NotEmpty
    ]
    replications: Count = 10
    seed: int = 1
    engine: Engine = "auto"
    allow_unsupported: bool = False
    measures: tuple[str, ...] = ()
    vary: dict[str, Any] = Field(default_factory=dict)


def load_study(path_or_name: str | Path) -> Study:
    """A study from a TOML file, or a shipped one by its name.

    Every policy is read and every scenario of the grid is made. Raises InputError with file, line
    and key for whatever cannot be used.
    """
    path = shipped.find("studies", path_or_name)
    spec, lines = read_model(path, StudySpec)
    return _Reader(path, spec, lines).study()


class _Reader:
    """One study file; its errors name the line of what they are about."""

    def __init__(self, path: Path, spec: StudySpec, lines: Mapping[KeyPath, int]) -> None:
        self.path = path
        self.spec = spec
        self.lines = lines

    def study(self) -> Study:
        spec = self.spec
        with self._about(("scenario",)):
            base = load_scenario(self._beside("scenarios", spec.scenario))
        strategies = self._strategies()
        if spec.measures:
            self._check_measures(known_measures(base, next(iter(strategies.values()))))
        axes = tuple(self._axes(base))
        with self._about(("vary",)):
            if len({axis.path for axis in axes}) < len(axes):
                raise InputError("names a parameter twice")
            points = points_of(base, axes)
        return Study(
            spec.name,
            strategies,
            axes,
            points,
            spec.replications,
            spec.seed,
            spec.engine,
            spec.measures,
            spec.title,
        )

    def _about(self, place: KeyPath) -> AbstractContextManager[None]:
        return placed(self.path, self.lines, place)

    def _error(self, place: KeyPath, what: str, hint: str | None = None) -> InputError:
        line = line_of(self.lines, place)
        return InputError(f"{key_of(place)}: {what}", file=self.path, line=line, hint=hint)

    def _beside(self, kind: shipped.Kind, name: str) -> Path:
        """A shipped file by its name, or a file whose path begins at the study's folder."""
        return shipped.find(kind, name, self.path.parent)

    def _named(self, name: str) -> Path:
        if name in shipped.shipped_files("strategies"):
            return shipped.find("strategies", name)
        return self._beside("policies", name)

    def _strategies(self) -> dict[str, Strategy]:
        found: dict[str, Strategy] = {}
        for number, spec in enumerate(self.spec.strategies):
            place: KeyPath = ("strategies", number)
            with self._about(place):
                strategy = load_strategy(self._named(spec.policy), self.spec.allow_unsupported)
            name = spec.name or strategy.name
            if name in found:
                raise self._error(
                    place, f'another strategy is named "{name}"', "give { name =, policy = }"
                )
            found[name] = strategy
        return found

    def _check_measures(self, known: Sequence[str]) -> None:
        for number, name in enumerate(self.spec.measures):
            if name not in known:
                what = f"{name} is no measure"
                raise self._error(("measures", number), what, f"there are {', '.join(known)}")

    def _axes(self, base: Scenario) -> Iterator[Axis]:
        """Every axis, after each of its values was tried alone."""
        for place, given in _leaves(self.spec.vary, ("vary",)):
            axis = self._axis(place, given)
            for number, value in enumerate(axis.values):
                here = (*place, number)
                with self._about(here if here in self.lines else (*place, "values", number)):
                    scenario_with(base, {axis.path: value})
            yield axis

    def _axis(self, place: KeyPath, given: Value) -> Axis:
        spec = given if isinstance(given, dict) else {"values": given}
        values, label = spec["values"], spec.get("label", "")
        path = ".".join(str(part) for part in place[1:])
        if set(spec) - {"values", "label"} or not isinstance(label, str):
            raise self._error(place, 'takes a list, or { values = […], label = "…" }')
        if not isinstance(values, list) or not values:
            raise self._error(place, "needs a list of values, at least one")
        if len({canonical(value) for value in values}) < len(values):
            raise self._error(place, "has the same value twice")
        return Axis(path, tuple(values), label)


def _leaves(given: Mapping[str, Value], place: KeyPath) -> Iterator[tuple[KeyPath, Value]]:
    """The varied parameters with their places: dotted keys without quotes make tables of tables."""
    for key, value in given.items():
        if isinstance(value, dict) and "values" not in value:
            yield from _leaves(value, (*place, key))
        else:
            yield (*place, key), value


def known_measures(scenario: Scenario, strategy: Strategy) -> tuple[str, ...]:
    """The names of all measures that a run of the scenario gives: asked of an empty one."""
    nobody = Probe(
        name="nobody",
        kind="probe",
        honest=True,
        count=1,
        addresses=("192.0.2.1",),
        arrivals=Arrivals(kind="at once", from_s=1.0),
    )
    empty = scenario.model_copy(update={"cohorts": (nobody,), "length_s": 0.001})
    outcome = run_task(Task("", Shared(strategy), Shared(empty), 1, 0))
    return (*(m.name for m in MEASURES), *outcome.load.vector())
