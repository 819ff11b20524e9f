"""A calibration is written as a cost table that says where it comes from and that runs."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from simkit.engine import simulate
from simkit.host import load_costs
from simkit.live.calibrate import to_toml
from simkit.live.calibrate.cases import COOLED, PAUSES_US
from simkit.policy import load_policy
from simkit.shipped import find
from simkit.show.calibrate import print_calibration
from simkit.traffic import load_scenario
from tests.live.calibrate.making import TRUTH, calibration, measured


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(to_toml(calibration(measured(noise=0.05)), "mine"))
    return path


def test_what_is_read_is_what_was_found(written: Path) -> None:
    assert load_costs(written) == calibration(measured(noise=0.05)).table("mine")


def test_every_value_says_how_it_came_about(written: Path) -> None:
    values = [line for line in written.read_text().splitlines() if " = " in line and "#" in line]
    assert len(values) == len(TRUTH) - len(COOLED) * (len(PAUSES_US) - 1)
    for line in values:
        assert line.split("# ")[1].startswith(("measured: ", "derived: ", "assumed: ")), line
        assert "; repeats " in line


def test_the_provenance_names_the_circumstances(written: Path) -> None:
    text = " ".join(load_costs(written).provenance.split())
    for words in (
        "on 2026-01-31, on loopback, against nginx 1.22.1. a processor, 2 cores.",
        "The worker had a core of its own",
        "Load average of the machine: 0.5 before, 0.7 after.",
        "297,000 requests, in 3 repeats",
        "Whenever it was ready, it ran before whoever else was there.",
        "one at a time, 0.1, 0.5, 2, 10, 40 ms after the last, of kept.page, refused,",
        "low: up to 1 at a time; 10% of a core wanted",
        "high: up to 64 that waited together",
        "root mean square",
        "Half the range over the repeats",
    ):
        assert words in text
    assert max(map(len, load_costs(written).provenance.splitlines())) <= 100


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    processor = 'x""" \\ \x1b[2J\nname = "other" [bold]'
    found = calibration(measured(), processor)
    path = tmp_path / "hostile.toml"
    path.write_text(to_toml(found, "hostile"))
    table = load_costs(path)
    assert table == found.table("hostile")
    assert table.name == "hostile"
    assert "\x1b" not in path.read_text()
    out = io.StringIO()
    print_calibration(found, table, Console(file=out, width=140))
    assert "\x1b" not in out.getvalue()
    assert "[bold]" in out.getvalue()


def test_json_holds_what_was_measured() -> None:
    found = calibration(measured(repeats=2))
    document = json.loads(json.dumps(found.to_json("mine"), allow_nan=False))
    assert document["table"]["name"] == "mine"
    assert len(document["measurements"]) == len(found.measurements)
    assert document["table"]["wake_up_us"][-1] == pytest.approx([40_000, 180])
    assert document["values"]["wake_up_us after 2 ms"]["us"] == pytest.approx(90)
    assert document["values"]["wake_up_us after 2 ms"]["how"].startswith("derived")
    assert document["requests"] == found.requests


def test_the_table_shows_each_value_beside_the_other(written: Path) -> None:
    out = io.StringIO()
    found = calibration(measured())
    print_calibration(found, load_costs("nginx-1.22-loopback"), Console(file=out, width=140))
    rows = {row.split()[0]: row.split() for row in out.getvalue().splitlines() if row.strip()}
    assert "wake_up_us after 2 ms 90" in " ".join(out.getvalue().split())
    assert rows["new_connection_us.silent"][-2:] == ["µs", "measured"]
    assert rows["body_ns_per_byte"][-4:] == ["ns", "per", "byte", "derived"]


def test_a_scenario_runs_at_these_costs(tmp_path: Path) -> None:
    """The load of the same crowd follows the table: free of charge, and as measured."""
    loads = []
    for factor in (0.0, 1.0):
        found = calibration(measured({name: us * factor or 1e-9 for name, us in TRUTH.items()}))
        costs = tmp_path / f"{factor}.toml"
        costs.write_text(to_toml(found, "mine"))
        scenario = load_scenario("small_shop")
        host = scenario.host.model_copy(update={"costs": str(costs)})
        short = scenario.model_copy(update={"host": host, "length_s": 30.0})
        run = simulate(short, load_policy(find("policies", "open")))
        assert run.cost_table == "mine"
        loads.append(run.load)
    assert loads[0]["cpu_s"] == pytest.approx(0, abs=1e-6)
    assert loads[1]["cpu_s"] > 0.001
    assert 60e-6 < loads[1]["cpu_wake_up_s"] / loads[1]["wake_ups"] < 180e-6
