"""Figures: that they carry numbers, names and units, and that their bytes are stable."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from simkit.show.columns import number
from simkit.show.figures import FIGURES, save_figures
from simkit.show.style import drawn
from simkit.study.courses import answer_totals
from simkit.study.outcome import ALL_HONEST, Outcome
from tests.show.example import example

ROOT = Path(__file__).parents[2]


def texts(figure: Figure) -> list[str]:
    figure.draw_without_rendering()
    found = (t.get_text() for t in figure.findobj(Text))
    return [text for text in found if text]


@pytest.mark.parametrize("name", FIGURES)
def test_every_strategy_is_named_and_every_axis_has_a_unit(name: str) -> None:
    shown = "\n".join(texts(FIGURES[name](example())))
    for strategy in example().strategies:
        assert strategy in shown
    assert "%" in shown or " s, " in shown


@pytest.mark.parametrize("name", ["harm", "hurt", "load", "over-time", "answers", "trade-off"])
def test_sampled_figures_say_what_their_bars_are(name: str) -> None:
    shown = "\n".join(texts(FIGURES[name](example())))
    assert "95 % intervals" in shown
    assert "over 8 replications" in shown
    assert "no intervals" in "\n".join(texts(FIGURES[name](example(1))))


def test_leakage_shows_the_numbers_and_the_prior() -> None:
    figure = FIGURES["leakage"](example())
    path = figure.axes[0]
    assert [t.get_text() for t in path.texts] == ["100", "33", "33"]
    assert path.lines[0].get_xdata()[0] == pytest.approx(100 / 3)  # type: ignore[index]


def test_without_probes_the_figure_says_so() -> None:
    assert "names no probes" in "\n".join(texts(FIGURES["leakage"](replace(example(), leakage={}))))


def test_harm_shows_each_cohort_with_its_number() -> None:
    found = example()
    shown = texts(FIGURES["harm"](found))
    assert {"feed reader", "path scanner"} <= set(shown)
    rate = found.interval("silent", "false_drops_per_wish", "feed_reader").mean
    assert f"{rate:.1f}" in shown


def test_trade_off_points_lie_where_the_numbers_are() -> None:
    found = example()
    panel = FIGURES["trade-off"](found).axes[0]
    lines = [c.lines[0] for c in panel.containers]  # type: ignore[attr-defined]
    across = [float(line.get_xdata()[0]) for line in lines]
    wanted = [found.interval(s, "false_drops_per_wish", ALL_HONEST).mean for s in found.strategies]
    assert across == pytest.approx(wanted)


def size(path: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return width, height


def test_files_are_the_same_bytes_again(tmp_path: Path) -> None:
    once = save_figures(example(), tmp_path / "once")
    again = save_figures(example(), tmp_path / "again")
    assert [p.stem for p in once] == list(FIGURES)
    for first, second in zip(once, again, strict=True):
        assert first.read_bytes() == second.read_bytes()
        assert min(size(first)) > 300


def test_no_pyplot_is_needed() -> None:
    code = (
        "import sys; import simkit.show.figures, simkit.show.table, simkit.study.compare;"
        "bad = {'matplotlib', 'matplotlib.pyplot', 'pandas', 'scipy'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_hurt_names_cohort_and_line_with_the_share() -> None:
    found = example()
    shown = texts(FIGURES["hurt"](found))
    assert any(t.startswith("feed_reader") and "made-up.conf:7" in t for t in shown)
    row = next(r for r in found.rules if (r.strategy, r.cohort) == ("silent", "feed_reader"))
    assert number(row.share.mean) in shown


def test_a_rule_with_dollars_is_no_formula(tmp_path: Path) -> None:
    rule = r"if ($http_host !~ ^a\.b$)"
    found = example()
    vars(found)["rules"] = tuple(replace(row, text=rule) for row in found.rules)
    figure = FIGURES["hurt"](found)
    figure.savefig(tmp_path / "hurt.png")
    assert any(text.endswith(drawn(rule)) for text in texts(figure))
    assert r"\$http_host" in drawn(rule)


def test_the_load_is_named_in_words_and_the_wait_is_that_of_wishes() -> None:
    shown = "\n".join(texts(FIGURES["load"](example())))
    assert {"TLS handshakes", "accepting connections"} <= set(shown.splitlines())
    assert "cpu_" not in shown
    assert "honest wishes that were served" in shown


def test_over_time_says_who_comes_and_goes_and_why_there_is_no_warm_up() -> None:
    shown = "\n".join(texts(FIGURES["over-time"](example())))
    assert "flood from 4 to 8 s" in shown
    assert "not stationary" in shown
    bare = replace(example(), outcomes=tuple(map(plain, example().outcomes)))
    assert "was not kept" in "\n".join(texts(FIGURES["over-time"](bare)))
    assert "was not kept" in "\n".join(texts(FIGURES["answers"](bare)))


def plain(outcome: Outcome) -> Outcome:
    """The outcome as a sweep keeps it."""
    return Outcome(**{f.name: getattr(outcome, f.name) for f in fields(Outcome)})


def test_answers_are_stacked_to_their_sum() -> None:
    found = example()
    panel = FIGURES["answers"](found).axes[0]
    ends = [
        max(p.get_x() + p.get_width() for p in row) for row in zip(*panel.containers, strict=True)
    ]
    sums = [answer_totals(found, s)["requests"].mean for s in found.strategies]
    assert ends == pytest.approx(sums)
