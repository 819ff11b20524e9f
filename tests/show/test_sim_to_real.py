"""A trial against reality is shown: in a terminal, as a page, as a figure."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from matplotlib.image import imread
from rich.console import Console

from simkit.show.figures_sim_to_real import figure, save_figure
from simkit.show.sim_to_real import markdown, print_report
from tests.live.sim_to_real.made_up import count, report


def printed(found: object) -> str:
    out = io.StringIO()
    print_report(found, Console(file=out, width=200))  # type: ignore[arg-type]
    return out.getvalue()


def test_the_terminal_shows_both_worlds_and_the_verdict() -> None:
    text = printed(report())
    assert "crowd: 640 to 640 clients for 60 s, 3 times, against nginx 1.22.1" in text
    rows = [row.split() for row in text.splitlines()]
    assert ["open", "10%", "10%", "6.00", "6.30", "+5%", "1,000", "1,100"] in rows
    assert any(row[:5] == ["open", "10%", "people", "1,500", "1,500"] for row in rows)
    assert not any("few" in row for row in rows)
    assert "Simulation and reality agree" in text


def test_what_is_too_far_apart_is_said() -> None:
    text = printed(report({"people": count(500, 200, 400)}, simulated_cpu_s=9.0))
    assert "open at 10%, people: " in text
    assert "open at 10%: CPU is +50% off (allowed 20%)" in text
    assert "They do not agree" in text


def test_the_page_has_tables_the_figure_and_how_it_was_measured() -> None:
    text = markdown(report(), "picture.png")
    assert text.startswith("# Against reality\n")
    assert "![Live and simulated side by side](picture.png)" in text
    assert "| open | 10% | 10% | 6.00 | 6.30 | +5% | 1,000 | 1,100 |" in text
    assert "Too few outcomes to be judged, in some settings: few." in text
    assert "10%: 1 of flood, 2 of leech" in text
    assert "a processor" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 2  # two tables, each of one width


def test_the_figure_has_three_panels_that_read_in_grey(tmp_path: Path) -> None:
    made = figure(report())
    assert len(made.axes) == 3
    markers = [{line.get_marker() for line in axes.lines} - {"None", ""} for axes in made.axes]
    assert all(len(found) == 2 for found in markers)  # a marker for each policy
    file = save_figure(report(), tmp_path / "figure.png")
    pixels = imread(file)
    assert pixels.shape[1] > 1000
    assert np.ptp(pixels[..., :3].mean(axis=2)) > 0.9


def test_hostile_names_stay_text() -> None:
    text = printed(report(policies=("\x1b[2Jred", "[bold]")))
    assert "\x1b" not in text
    assert "[bold]" in text
