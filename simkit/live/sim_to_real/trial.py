"""The whole trial: live runs with calibrations between them, then the same in simulation.

Repeats are the outer loop, and a calibration comes before each: a shared machine changes its pace,
and so what is compared was measured next to each other. The cost table is the median over all of
them, as in `simkit.live.calibrate`; simulations come last and need no live nginx.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from simkit.engine import simulate
from simkit.live.calibrate import Calibration, Conditions, Effort, Measurement, calibrate, fit
from simkit.live.calibrate import to_toml as cost_table
from simkit.live.calibrate.worker import cores_apart
from simkit.live.crowd import Lived, live
from simkit.live.crowd.loopback import Loopback
from simkit.live.nginx import find_nginx, nginx_version
from simkit.live.sim_to_real.levels import Counts, Level, check_floods, scaled, with_counts
from simkit.live.sim_to_real.lived import Facts, facts_of
from simkit.live.sim_to_real.outcomes import Count, counted
from simkit.live.sim_to_real.report import MEASURED, Report, Setting
from simkit.live.sim_to_real.round_trip import round_trip_ms
from simkit.live.sim_to_real.store import Store
from simkit.policy import Policy
from simkit.traffic import Scenario

__all__ = ["CROWD", "Tell", "Wanted", "trial"]

Tell = Callable[[int, int, str], None]
"""Called with how many steps are done, how many there are, and what comes next."""

CROWD = Path(__file__).with_name("crowd.toml")
"""The crowd that is held against reality unless another is given."""

_PILOT_S = 15.0
_CALIBRATION = Effort(repeats=1, window_s=0.5)
_NAME = "sim-to-real"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be tried. ``costs`` is a cost table to go by; None: one is measured in between."""

    scenario: Scenario
    policies: Mapping[str, Policy]
    levels: Sequence[Level]
    repeats: int
    seed: int
    date: str
    processor: str
    program: str | None = None
    costs: str | None = None
    calibration: Effort = _CALIBRATION


def trial(wanted: Wanted, folder: Path | None, tell: Tell) -> Report:
    """Run it all; with a folder what has been measured is kept there, and a cut trial goes on.

    Raises InputError where this is no Linux, nginx is missing, or it refuses a policy.
    """
    with tempfile.TemporaryDirectory(prefix="simkit-real-") as made:
        return _Trial(wanted, Path(made), folder, tell).run()


class _Trial:
    """The state of a trial."""

    def __init__(self, wanted: Wanted, made: Path, folder: Path | None, tell: Tell) -> None:
        self._wanted = wanted
        self._made = made
        self._tell = tell
        check_floods(wanted.scenario, wanted.levels)
        self._version = nginx_version(find_nginx(wanted.program))
        loopback = Loopback()
        self._scenario = loopback.scenario(wanted.scenario)
        certificate = wanted.scenario.host.certificate
        self._policies = {
            name: loopback.policy(policy, made / str(number), certificate)
            for number, (name, policy) in enumerate(wanted.policies.items())
        }
        self._first = next(iter(self._policies.values()))
        self._left_out = loopback.left_out
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._costs_file = (folder or made).resolve() / MEASURED
        self._store = Store(folder, self._about())
        pairs = len(self._policies) * len(wanted.levels)
        self._steps = len(wanted.levels) + 1 + wanted.repeats * (2 * pairs + (wanted.costs is None))
        self._done = 0

    def _about(self) -> dict[str, Any]:
        """What the measurements hang on."""
        wanted = self._wanted
        texts = {name: p.path.read_text(errors="replace") for name, p in self._policies.items()}
        digest = hashlib.blake2b(digest_size=8)
        digest.update(self._scenario.model_dump_json().encode())
        digest.update(repr(sorted(texts.items())).encode())
        return {
            "what": digest.hexdigest(),
            "levels": [level.name for level in wanted.levels],
            "seed": wanted.seed,
            "nginx": self._version,
            "processor": wanted.processor,
            "costs": wanted.costs,
        }

    def run(self) -> Report:
        wanted = self._wanted
        date = self._remembered("begun", lambda: wanted.date)
        quiet = self._kept("quiet", "the crowd without its floods", self._quiet)
        rtt_ms = quiet["rtt_ms"]
        self._scenario = _with_round_trip(self._scenario, rtt_ms)
        counts = self._piloted(quiet["utilisation"])
        lived: dict[Setting, list[Facts]] = {}
        calibrations: list[list[Measurement]] = []
        for repeat in range(wanted.repeats):
            if wanted.costs is None:
                calibrations.append(self._calibrated(repeat))
            for level in wanted.levels:
                for name in self._policies:
                    setting = Setting(name, level.name)
                    found = self._live(setting, counts[level.name], repeat)
                    lived.setdefault(setting, []).append(found)
        costs = self._table(calibrations)
        simulated = {
            setting: [
                self._simulated(setting, counts[setting.level], repeat, costs)
                for repeat in range(wanted.repeats)
            ]
            for setting in lived
        }
        return Report(
            scenario=wanted.scenario.name,
            clients={
                name: sum(c.count for c in with_counts(self._scenario, found).cohorts)
                for name, found in counts.items()
            },
            length_s=self._scenario.length_s,
            seed=wanted.seed,
            rtt_ms=rtt_ms,
            nginx=self._version,
            date=date,
            processor=wanted.processor,
            costs=wanted.costs or MEASURED,
            apart=self._apart(),
            left_out=self._left_out,
            floods={name: dict(found) for name, found in counts.items()},
            lived=lived,
            simulated=simulated,
        )

    @staticmethod
    def _apart() -> bool:
        with cores_apart() as cores:
            return cores.apart

    # Steps

    def _step(self, words: str) -> None:
        self._tell(self._done, self._steps, words)
        self._done += 1

    def _kept(self, key: str, words: str, measure: Callable[[], Any]) -> Any:
        """What is in the store, or else is measured now."""
        self._step(words)
        return self._remembered(key, measure)

    def _remembered(self, key: str, measure: Callable[[], Any]) -> Any:
        found = self._store.get(key)
        if found is None:
            found = measure()
            self._store.put(key, found)
        return found

    def _quiet(self) -> dict[str, float]:
        """The crowd without its floods: how busy it keeps the worker, which round trip it meets."""
        counts = dict.fromkeys(self._wanted.levels[0].guess, 0)
        lived = self._tried(counts)
        scenario = _with_round_trip(with_counts(self._scenario, counts), 0.0)
        simulated = simulate(scenario, self._first, seed=self._wanted.seed)
        rtt_ms = round_trip_ms(scenario, lived.run, simulated)
        return {"utilisation": lived.utilisation, "rtt_ms": rtt_ms}

    def _piloted(self, without: float) -> dict[str, Counts]:
        """The floods that make the worker as busy as each level wants it, by short trials.

        ``without`` floods it is busy for that share of the time.
        """
        found: dict[str, Counts] = {}
        for level in self._wanted.levels:
            words = f"how strong the floods must be for {level.name}"
            found[level.name] = self._kept(
                f"floods {level.name}", words, partial(self._pilot, level, without)
            )
        return found

    def _pilot(self, level: Level, without: float) -> Counts:
        """By the guess, and once more by what that leads to: costs do not grow quite evenly."""
        counts = level.guess
        for _ in range(2):
            counts = scaled(level, counts, without, self._tried(counts).utilisation)
        return counts

    def _tried(self, counts: Counts) -> Lived:
        """A short trial under the first policy."""
        return live(
            with_counts(self._scenario, counts),
            self._first,
            seed=self._wanted.seed,
            program=self._wanted.program,
            most_s=_PILOT_S,
        )

    def _calibrated(self, repeat: int) -> list[Measurement]:
        def measure() -> dict[str, Any]:
            wanted = self._wanted
            found = calibrate(
                program=wanted.program,
                effort=wanted.calibration,
                date=wanted.date,
                processor=wanted.processor,
            )
            rows = [asdict(replace(one, repeat=repeat)) for one in found.measurements]
            return {"conditions": asdict(found.conditions), "measurements": rows}

        words = f"repeat {repeat + 1}: calibrating"
        found = self._kept(f"calibration {repeat}", words, measure)
        return [Measurement(**one) for one in found["measurements"]]

    def _live(self, setting: Setting, counts: Counts, repeat: int) -> Facts:
        def measure() -> dict[str, Any]:
            lived = live(
                with_counts(self._scenario, counts),
                self._policies[setting.policy],
                seed=self._wanted.seed,
                replication=repeat,
                program=self._wanted.program,
            )
            return facts_of(lived).to_json()

        words = f"repeat {repeat + 1}: {setting.policy} at {setting.level}"
        return Facts.from_json(self._kept(f"{setting} {repeat}", words, measure))

    def _table(self, calibrations: Sequence[Sequence[Measurement]]) -> str:
        """The cost table to simulate with, written where it is kept."""
        if self._wanted.costs is not None:
            return self._wanted.costs
        rows = [one for measured in calibrations for one in measured]
        kept = [self._store.get(f"calibration {n}")["conditions"] for n in range(len(calibrations))]
        before, after = kept[0]["load_average"][0], kept[-1]["load_average"][1]
        together = {**kept[0], "load_average": (before, after), "repeats": len(kept)}
        found = Calibration(Conditions(**together), tuple(rows), fit(rows))
        self._costs_file.write_text(cost_table(found, _NAME), encoding="utf-8")
        return str(self._costs_file)

    def _simulated(
        self, setting: Setting, counts: Counts, repeat: int, costs: str
    ) -> tuple[dict[str, Count], Mapping[str, float]]:
        self._step(f"repeat {repeat + 1}: {setting.policy} at {setting.level}, simulated")
        scenario = with_counts(self._scenario, counts)
        host = scenario.host.model_copy(update={"costs": costs})
        run = simulate(
            scenario.model_copy(update={"host": host}),
            self._policies[setting.policy],
            seed=self._wanted.seed,
            replication=repeat,
        )
        return counted(run), run.load


def _with_round_trip(scenario: Scenario, rtt_ms: float) -> Scenario:
    network = scenario.network.model_copy(update={"rtt_ms": rtt_ms})
    return scenario.model_copy(update={"network": network})
