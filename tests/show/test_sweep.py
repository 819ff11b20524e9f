"""The tables and figures of a sweep: every strategy, every value, units and intervals."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.text import Text
from rich.console import Console

from simkit.show.columns import number
from simkit.show.sweep import headlines, print_sweep, save_figures, sweep_figure
from simkit.study.sweep import Sweep, load_study, sweep
from tests.study.sweep.making import STUDY, written
from tests.study.sweep.test_running import broken_study


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    folder = tmp_path_factory.mktemp("found")
    return sweep(load_study(written(folder)), folder / "out", workers=1)


def printed(found: Sweep, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    print_sweep(found, console)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_a_table_for_each_parameter_with_every_value_and_strategy(found: Sweep) -> None:
    text = printed(found, 160)
    assert "small, by cohorts.some bots.count" in text
    assert "small, by network.rtt_ms, round trip, ms" in text
    assert "Means over all values of cohorts.some bots.count." in text
    axis, _ = found.axis("network.rtt_ms")
    for headline in headlines(found):
        assert f"{headline.title}, {headline.unit}" in text
    value = found.interval("strict one", axis, 1, "false_drops_per_wish", "(all honest)")
    assert number(value.mean) in text.split()
    assert f"{number(value.low)}–{number(value.high)}" in text


def test_a_narrow_terminal_gets_the_values_below_each_other(found: Sweep) -> None:
    text = printed(found, 80)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("by cohorts.some bots.count") > 1


def test_what_failed_is_listed(tmp_path: Path) -> None:
    study = written(tmp_path)
    broken_study(tmp_path)
    text = printed(sweep(load_study(study), tmp_path / "out", workers=1), 160)
    assert "2 of 4 cells failed" in text
    assert "some bots' is custom" in text
    assert "strict one" in text


def test_a_figure_has_a_panel_for_each_headline_and_a_line_for_each_strategy(found: Sweep) -> None:
    figure = sweep_figure(found, 0)
    figure.draw_without_rendering()
    texts = "\n".join(t.get_text() for t in figure.findobj(Text))
    for word in ("loose", "strict one", "False drops", "% of honest wishes", "95 % intervals over"):
        assert word in texts
    panels = [axes for axes in figure.axes if axes.get_visible()]
    shown = headlines(found)
    assert len(panels) == len(shown) == 5
    line = panels[1].containers[1]
    assert isinstance(line, ErrorbarContainer)
    drops = line.lines[0].get_ydata()
    by_hand = [
        found.interval("strict one", 0, p, "false_drops_per_wish", "(all honest)").mean
        for p in range(3)
    ]
    assert np.asarray(drops) == pytest.approx(by_hand)


def test_a_figure_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    text = STUDY.replace('"cohorts.some bots.count" = [1, 2, 4]\n', "")
    found = sweep(load_study(written(tmp_path, study=text)), tmp_path / "out", workers=1)
    (first,), (again,) = (save_figures(found, tmp_path / name) for name in ("first", "again"))
    assert first.name == "by-network-rtt-ms.png"
    assert first.read_bytes() == again.read_bytes()
