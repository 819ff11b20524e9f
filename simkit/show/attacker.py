"""An attacker's view: for each secret, what each probe told, and how the belief moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isinf
from typing import TYPE_CHECKING

from simkit.errors import printable
from simkit.measures.channel.matrix import Vector
from simkit.measures.leakage.attack import Attack, Stage
from simkit.show.console import PLAIN_WIDTH, make_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_LADDER = (1, 2, 5)
_WORTH_NAMING = 0.005
_MOST_NAMED = 5
_FEW = 6
_MOVED = 0.01

__all__ = [
    "attack_table",
    "attacks_text",
    "print_attacks",
    "shown_stages",
    "summary_table",
    "verdict_on",
]


def print_attacks(attacks: Sequence[Attack], console: Console | None = None) -> None:
    """Print what came of attacks, then each of them probe by probe."""
    from rich.text import Text

    out = make_console() if console is None else console
    out.print(summary_table(attacks))
    for found in attacks:
        out.print(attack_table(found))
        out.print(Text(verdict_on(found)), "")


def attacks_text(attacks: Sequence[Attack]) -> str:
    """What `print_attacks` prints, as text without colours."""
    import io

    from rich.console import Console

    out = io.StringIO()
    print_attacks(attacks, Console(file=out, width=PLAIN_WIDTH, color_system=None))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def summary_table(attacks: Sequence[Attack]) -> Table:
    """One row for each attack: how often a guess is right, and after how many probes it is sure."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    heads = ("Secret", "Attacker", "Strategy", "Basis")
    for title in heads:
        table.add_column(title)
    for title in (
        "Blind\n% right",
        "1 probe\n% right",
        "All probes\n% right",
        "Probes\nuntil sure",
    ):
        table.add_column(title, justify="right", no_wrap=True)
    for found in attacks:
        first, last = found.stages[min(1, len(found.stages) - 1)], found.stages[-1]
        names = (found.secret, found.attacker, found.strategy, found.basis)
        chances = (_chance(stage) for stage in (found.stages[0], first, last))
        table.add_row(*map(_safe, names), *chances, _until(found))
    return table


def attack_table(found: Attack) -> Table:
    """Probe by probe: in each world what the attacker sees, and what it then believes."""
    from rich import box
    from rich.table import Table

    title = f"{found.secret} under {found.strategy}, asked by: {found.attacker}"
    table = Table(title=_safe(title), box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    for head in ("Probe", "If it is", "the attacker sees", "and believes"):
        table.add_column(head, overflow="fold")
    table.add_column("Right guesses\n%", justify="right", no_wrap=True)
    for stage in shown_stages(found):
        for row in _rows(found, stage):
            table.add_row(*row)
        table.add_section()
    return table


def shown_stages(found: Attack) -> tuple[Stage, ...]:
    """The stages worth a place in a table: all of a few, else those where the chance has moved.

    Of many the first, the last and those at which a guess is sure are shown, and of 1, 2, 5, 10,
    20 … and the last before the chance moves those that differ from the one shown before.
    """
    stages = found.stages
    last = len(stages) - 1
    if last <= _FEW:
        return stages[1:]
    until = found.probes_until
    always = {1, last, *(int(n) for n in (until.lower, until.upper) if not isinf(n))}
    ladder = {s * 10**power for power in range(len(str(last))) for s in _LADDER}
    shown: list[Stage] = []
    for stage in stages[1:]:
        moved = not shown or abs(stage.chance.mean - shown[-1].chance.mean) > _MOVED
        if stage.probes in always or (moved and stage.probes in ladder):
            before = stages[stage.probes - 1]
            if shown and before.probes > shown[-1].probes and _still(before, shown[-1]) and moved:
                shown.append(before)
            shown.append(stage)
    return tuple(shown)


def _still(stage: Stage, other: Stage) -> bool:
    return abs(stage.chance.mean - other.chance.mean) <= _MOVED


def _rows(found: Attack, stage: Stage) -> Iterator[list[str]]:
    """One row for all worlds that show the same and leave the same belief."""
    groups: dict[tuple[str, str], list[str]] = {}
    for index, world in enumerate(found.worlds):
        told = (stage.saw[index], _beliefs(found.worlds, stage.belief[index]))
        groups.setdefault(told, []).append(world)
    label, chance = f"{stage.probes}. {stage.asks}", _chance(stage)
    for (saw, belief), worlds in groups.items():
        yield [*map(_safe, (label, _listed(worlds), saw, belief)), chance]
        label = chance = ""


def _beliefs(worlds: Sequence[str], belief: Vector) -> str:
    """The likeliest worlds with their shares, the likeliest first."""
    ranked = sorted(zip(worlds, belief.tolist(), strict=True), key=lambda pair: -pair[1])
    named = [f"{world} {100 * share:.0f} %" for world, share in ranked if share >= _WORTH_NAMING]
    more = [f"and {len(named) - _MOST_NAMED} more"] if len(named) > _MOST_NAMED else []
    return _listed([*named[:_MOST_NAMED], *more])


def _listed(names: Sequence[str]) -> str:
    """Names one after another; by semicolons where they have commas of their own."""
    return ("; " if any("," in name for name in names) else ", ").join(names)


def _chance(stage: Stage) -> str:
    """How often a guess is right, in per cent: exact, or from the interval's low end to above."""
    if stage.chance.n == 0:
        return f"{100 * stage.chance.mean:.0f}"
    low, mean, high = (100 * v for v in (stage.chance.low, stage.chance.mean, stage.high))
    return f"{mean:.0f} [{low:.0f}–{high:.0f}]"


def _until(found: Attack) -> str:
    until = found.probes_until
    if isinf(until.upper):
        return "not with these" if isinf(until.lower) else f"{until.lower:.0f} or more"
    same = until.lower == until.upper
    return f"{until.lower:.0f}" if same else f"{until.lower:.0f}–{until.upper:.0f}"


def verdict_on(found: Attack) -> str:
    """What the attack comes to, in two or three sentences."""
    target = f"{100 * found.sure.target:.0f} %"
    until = _until(found)
    if until == "not with these":
        said = [f"These probes do not bring a right guess to {target}."]
    else:
        said = [f"A guess is right with {target} after {until} probe{'s' if until != '1' else ''}."]
    if found.sure.open < 1.0:
        stops = f"{100 * (1 - found.sure.open):.0f} % of attacks"
        said.append(f"{_mean(found)}; {stops} get there with these probes.")
    if found.test is not None:
        said.append(f"Sampled {found.replications} times in each world: {found.test}.")
    elif found.basis == "first probe":
        said.append("Every limit on the way is taken to be unspent.")
    return printable(" ".join(said))


def _mean(found: Attack) -> str:
    done = 1.0 - found.sure.open
    steps = sum(n * p for n, p in enumerate(found.sure.chances.tolist())) / done
    target = f"{100 * found.sure.target:.0f} %"
    return f"An attacker who stops once it is {target} sure stops after {steps:.1f} on average"


def _safe(text: str) -> str:
    from rich.markup import escape

    return escape(printable(text))
