"""Figures of attacks: how the attacker's belief moves from probe to probe, by strategy.

Each panel is a secret. A line is how often the attacker's best guess is right; strategies that
give the same line share it and are named together. Sampled lines are the success of a guesser on
samples it had not seen, in a band from the lower end of its interval to the estimate from above.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from simkit.measures.leakage.attack import Attack
from simkit.show.attacker import attacks_text
from simkit.show.style import DPI, GREY, LABEL, SMALL, TITLE, bare, drawn, sign
from simkit.study.attackers import write_attacks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 3
QUESTIONS = {
    "presence": "presence: is anything there?",
    "path": "path: forbidden, open, absent?",
    "rule": "rule: which one refused me?",
    "product": "product: which server is it?",
    "threshold": "threshold: how high is the limit?",
}
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 3)), (0, (3, 5)))

__all__ = ["QUESTIONS", "belief", "same_lines", "save_belief", "write_belief"]


def belief(attacks: Sequence[Attack]) -> Figure:
    """How often a guess is right over the probes, for each secret and strategy.

    Raises ValueError where there is no attack.
    """
    from matplotlib.figure import Figure

    if not attacks:
        raise ValueError("no attack to show")
    secrets = list(dict.fromkeys(a.secret for a in attacks))
    across = min(ACROSS, len(secrets))
    down = -(-len(secrets) // across)
    figure = Figure(figsize=(3.9 * across, 0.9 + 3.5 * down), dpi=DPI, layout="constrained")
    title = "What attackers learn: how often is the best guess right, probe by probe?"
    figure.suptitle(fill(title, 38 * across), fontsize=TITLE, x=0.01, ha="left", fontweight="bold")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes, secret in zip(panels, secrets, strict=False):
        _panel(axes, [a for a in attacks if a.secret == secret])
    for axes in panels[len(secrets) :]:
        axes.set_visible(False)
    figure.supxlabel(_foot(attacks), fontsize=SMALL)
    return figure


def same_lines(attacks: Iterable[Attack]) -> list[tuple[Attack, list[str]]]:
    """Attacks with the same chances after every probe together, with the names of all of them."""
    groups: dict[tuple[float, ...], tuple[Attack, list[str]]] = {}
    for found in attacks:
        values = (v for s in found.stages for v in (s.chance.mean, s.chance.low, s.high))
        key = tuple(round(v, 9) for v in values)
        groups.setdefault(key, (found, []))[1].append(drawn(found.strategy))
    return list(groups.values())


def _panel(axes: Axes, attacks: Sequence[Attack]) -> None:
    from matplotlib.ticker import MaxNLocator

    first = attacks[0]
    for index, (found, names) in enumerate(same_lines(attacks)):
        _line(axes, found, names, index)
    axes.axhline(100 * first.stages[0].chance.mean, color=GREY, linestyle=(0, (2, 2)), linewidth=1)
    axes.axhline(100 * first.sure.target, color=GREY, linewidth=0.8)
    sure = f"{100 * first.sure.target:.0f} %"
    place = axes.get_yaxis_transform()
    axes.text(
        0.01,
        100 * first.sure.target - 1,
        sure,
        color=GREY,
        va="top",
        fontsize=SMALL,
        transform=place,
    )
    bare(axes, grid="both")
    axes.set_title(QUESTIONS.get(first.secret, drawn(first.secret)), fontsize=LABEL, loc="left")
    axes.set_ylim(0, 104)
    axes.set_yticks(range(0, 101, 25))
    axes.set_ylabel("right guesses, %", fontsize=LABEL)
    axes.set_xlabel("probes sent", fontsize=LABEL)
    most = max(len(a.stages) - 1 for a in attacks)
    axes.set_xlim(-0.03 * most, 1.03 * most)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.legend(fontsize=SMALL, frameon=False, loc="upper left", bbox_to_anchor=(0.0, -0.17))


def _line(axes: Axes, found: Attack, names: Sequence[str], index: int) -> None:
    look = sign(index)
    probes = [s.probes for s in found.stages]
    every = max(1, len(probes) // 12)
    axes.plot(
        probes,
        [100 * s.chance.mean for s in found.stages],
        color=look.colour,
        linestyle=LINES[index % len(LINES)],
        linewidth=1.8,
        marker=look.marker,
        # Lines that lie on each other still show: a later one is marked smaller and elsewhere.
        markersize=max(3.5, 9.0 - 1.5 * index),
        markevery=(index * every // 4 % len(probes), every) if every > 1 else 1,
        label=fill(", ".join(names), 44),
    )
    if found.sampled:
        low, high = ([100 * v for v in side] for side in _band(found))
        axes.fill_between(probes, low, high, color=look.colour, alpha=0.22, linewidth=0)


def _band(found: Attack) -> tuple[list[float], list[float]]:
    return [s.chance.low for s in found.stages], [s.high for s in found.stages]


def _foot(attacks: Sequence[Attack]) -> str:
    said = "dashed: guessing blind"
    sampled = [a for a in attacks if a.sampled]
    if sampled:
        many = sorted({a.replications for a in sampled})
        runs = f"{many[0]}" if len(many) == 1 else f"{many[0]}–{many[-1]}"
        level = f"{100 * sampled[0].stages[-1].chance.level:.0f} %"
        said += (
            f"; band: from the low end of the {level} interval of a guesser on unseen samples "
            f"to the plug-in estimate, {runs} replications in each world"
        )
    return f"{said}; without a band: exact"


def save_belief(attacks: Sequence[Attack], path: Path) -> Path:
    """Write the figure as PNG, without a date in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    belief(attacks).savefig(path, metadata={"Software": None})
    return path


def write_belief(attacks: Sequence[Attack], folder: Path) -> list[Path]:
    """Write what attackers come to believe: a table, the same for reading, and a figure."""
    table = write_attacks(attacks, folder)
    text = folder / "attacks.txt"
    text.write_text(attacks_text(attacks), encoding="utf-8")
    return [table, text, save_belief(attacks, folder / "belief.png")]
