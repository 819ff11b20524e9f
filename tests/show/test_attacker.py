"""What attacks look like to people: the tables and the figure."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text

from simkit.measures.leakage import Always, Attack, Secret, attack, load_product
from simkit.show.attacker import print_attacks, shown_stages, verdict_on
from simkit.show.console import make_console
from simkit.show.figures_attacker import belief, same_lines, save_belief
from simkit.wire import Sight, SightKind
from tests.measures.leakage.asking import attacked, secrets

SECRETS = ("presence", "path", "rule", "product", "threshold")
STRATEGIES = ("silent", "polite", "hardened")


def everything() -> list[Attack]:
    found = [attacked(p, s) for p in STRATEGIES for s in SECRETS]
    drop = Always(load_product("firewall").way("DROP").sight, "DROP")
    return [*found, attack(secrets()["presence"], drop)]


def printed(*attacks: Attack) -> str:
    out = StringIO()
    print_attacks(attacks, make_console(out))
    return out.getvalue()


def test_each_probe_says_what_was_seen_and_believed() -> None:
    shown = printed(attacked("silent", "product"))
    assert "1. a page, as a scanner" in shown
    assert "2. a malformed request line" in shown
    row = next(line for line in shown.splitlines() if "nginx, HAProxy, Caddy" in line)
    assert "empty" in row
    assert "nginx 33 %" in row
    assert "A guess is right with 95 % after 2 probes." in shown


def test_a_sampled_attack_shows_its_interval_its_test_and_the_stages_that_tell() -> None:
    found = attacked("silent", "threshold")
    shown = printed(found)
    assert "20 [15–20]" in shown
    assert f"Sampled {found.replications} times in each world: a leak was found (p =" in shown
    assert "21 × 200 + 7 × empty" in shown
    stages = [s.probes for s in shown_stages(found)]
    assert {1, 28, 120} <= set(stages)
    assert len(stages) < 12


def test_what_is_never_reached_is_said() -> None:
    assert "These probes do not bring a right guess to 95 %." in verdict_on(
        attacked("hardened", "rule")
    )
    assert "not with these" in printed(attacked("hardened", "rule"))
    assert "taken to be unspent" in verdict_on(attacked("silent", "path"))
    assert "exists, open 33 %; does not" in " ".join(printed(attacked("silent", "path")).split())


def test_hostile_names_are_shown_and_not_obeyed() -> None:
    sight = Sight(SightKind.HTTP, 200, (("server", "[bold]\x1b[2Jx"),), 5)
    secret = Secret.of("a [red]secret\x1b[2J", ["one", "[/]two"], lambda _: sight)
    shown = printed(attack(secret, Always(sight), name="[b]mine"))
    assert "\x1b" not in shown
    for text in ("[red]secret\\x1b[2J", "[/]two", "[b]mine", "[bold]\\x1b[2Jx"):
        assert text in shown
    texts = [t.get_text() for t in belief([attack(secret, Always(sight))]).findobj(Text)]
    assert not any("\x1b" in text for text in texts)


def test_the_figure_has_a_panel_for_each_secret_with_units_and_names() -> None:
    figure = belief(everything())
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert len(panels) == len(SECRETS)
    for axes in panels:
        assert axes.get_ylabel() == "right guesses, %"
        assert axes.get_xlabel() == "probes sent"
        legend = axes.get_legend()
        assert legend is not None
        named = " ".join(t.get_text() for t in legend.get_texts())
        assert all(strategy in named for strategy in STRATEGIES)
    texts = "\n".join(t.get_text() for t in figure.findobj(Text))
    assert "replications in each world" in texts
    assert "guessing blind" in texts


def test_lines_carry_the_chances_and_sampled_ones_a_band() -> None:
    figure = belief(everything())
    product, threshold = figure.axes[3], figure.axes[4]
    assert np.asarray(product.lines[0].get_ydata()).tolist() == pytest.approx([20, 60, 100])
    assert not product.collections
    assert len(threshold.collections) == 1


def test_equal_lines_are_one_line_with_all_names() -> None:
    groups = same_lines(attacked(p, "threshold") for p in STRATEGIES)
    assert [names for _, names in groups] == [list(STRATEGIES)]
    rules = {tuple(names) for _, names in same_lines(attacked(p, "rule") for p in STRATEGIES)}
    assert rules == {("silent",), ("polite",), ("hardened",)}


def test_nothing_to_show_is_an_error_and_files_are_the_same_again(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no attack"):
        belief([])
    few = [attacked("silent", "rule"), replace(attacked("polite", "rule"), strategy="other")]
    one, two = (save_belief(few, tmp_path / n / "belief.png") for n in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
