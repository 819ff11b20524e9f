"""A trial against reality, as tables: in a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan
from statistics import median
from typing import TYPE_CHECKING

from simkit.errors import printable
from simkit.show.console import make_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from simkit.live.sim_to_real import Cohort, Cpu, Report

__all__ = ["markdown", "print_report"]

_NOTHING = "–"
_SHARES = (
    "All repeats together. Shares are those of wishes served, and of requests refused and seen as "
    "each answer; the one that lies farthest apart is shown, as simulated less live."
)
_CPU_TITLES = (
    "Policy",
    "Level",
    "Reached",
    "CPU live, s",
    "CPU simulated, s",
    "Off",
    "Wake-ups live",
    "simulated",
)
_COHORT_TITLES = (
    "Policy",
    "Level",
    "Cohort",
    "Requests live",
    "simulated",
    "Farthest share",
    "Off, points",
    "Attempts per wish live",
    "simulated",
    "Off",
)


def print_report(found: Report, console: Console | None = None) -> None:
    """Print what was compared, and the verdict."""
    from rich.text import Text

    out = make_console() if console is None else console
    out.print(Text(_about(found)))
    out.print()
    out.print(_table(_CPU_TITLES, map(_cpu_cells, found.cpu()), named=2))
    out.print()
    judged = [one for one in found.cohorts() if one.judged]
    out.print(_table(_COHORT_TITLES, map(_cohort_cells, judged), named=3))
    out.print()
    for failure in found.failures():
        out.print(Text(printable(failure), style="bold red"), soft_wrap=True)
    out.print(Text(_verdict(found), style="bold"))


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, named: int) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for place, title in enumerate(titles):
        table.add_column(title, justify="left" if place < named else "right")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def _cpu_cells(one: Cpu) -> tuple[str, ...]:
    return (
        one.setting.policy,
        one.setting.level,
        f"{one.utilisation:.0%}",
        f"{median(one.live_s):.2f}",
        f"{median(one.simulated_s):.2f}",
        f"{one.off:+.0%}",
        f"{one.wake_ups[0]:,.0f}",
        f"{one.wake_ups[1]:,.0f}",
    )


def _cohort_cells(one: Cohort) -> tuple[str, ...]:
    share, points = one.farthest
    off = one.attempts_off
    return (
        one.setting.policy,
        one.setting.level,
        one.name,
        f"{one.live.requests:,}",
        f"{one.simulated.requests:,}",
        share,
        f"{points:+.2f}",
        _number(one.live.attempts_per_wish),
        _number(one.simulated.attempts_per_wish),
        _NOTHING if isnan(off) else f"{off:+.1%}",
    )


def _number(value: float) -> str:
    return _NOTHING if isnan(value) else f"{value:.2f}"


def _about(found: Report) -> str:
    clients = sorted(found.clients.values())
    return (
        f"{found.scenario}: {clients[0]:,} to {clients[-1]:,} clients for {found.length_s:g} s, "
        f"{found.repeats} times, against nginx {found.nginx} and in simulation "
        f"(seed {found.seed}, round trip {found.rtt_ms:.3f} ms)."
    )


def _verdict(found: Report) -> str:
    judged = [one for one in found.cohorts() if one.judged]
    points = max((abs(one.farthest[1]) for one in judged), default=0.0)
    offs = (one.attempts_off for one in judged)
    attempts = max((abs(off) for off in offs if not isnan(off)), default=0.0)
    cpu = max(abs(one.off) for one in found.cpu())
    far = (
        f"shares at most {points:.1f} points apart (allowed {found.allowed.points:g}), attempts "
        f"per wish {attempts:.1%} ({found.allowed.attempts:.0%}), CPU {cpu:.0%} "
        f"({found.allowed.cpu:.0%})"
    )
    return f"{'Simulation and reality agree' if found.holds else 'They do not agree'}: {far}."


# Markdown


def markdown(found: Report, picture: str) -> str:
    """The report as a page, with the figure that lies beside it."""
    judged = [one for one in found.cohorts() if one.judged]
    few = sorted({one.name for one in found.cohorts() if not one.judged})
    parts = [
        "# Against reality",
        _about(found),
        _verdict(found),
        f"![Live and simulated side by side]({picture})",
        *_failures(found),
        "## CPU of the worker",
        "Medians over the repeats. *Reached* is the share of the time that the live worker ran.",
        _grid(_CPU_TITLES, map(_cpu_cells, found.cpu()), named=2),
        "## Outcomes",
        _SHARES,
        _grid(_COHORT_TITLES, map(_cohort_cells, judged), named=3),
        *([f"Too few outcomes to be judged, in some settings: {', '.join(few)}."] if few else []),
        "## How it was measured",
        _how(found),
    ]
    return "\n\n".join(parts) + "\n"


def _failures(found: Report) -> list[str]:
    failures = found.failures()
    if not failures:
        return []
    return [
        "What lies farther apart than is allowed:",
        "\n".join(f"- {printable(f)}" for f in failures),
    ]


def _grid(titles: Sequence[str], rows: Iterable[Sequence[str]], *, named: int) -> str:
    marks = [":--" if place < named else "--:" for place in range(len(titles))]
    lines = [titles, marks, *rows]
    cells = ([printable(cell).replace("|", r"\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _how(found: Report) -> str:
    cpu = found.cpu()
    late = max(one.late_ms[1] for one in cpu)
    waited = max(one.waited for one in cpu)
    driver = max(one.driver for one in cpu)
    runs = [facts for runs in found.lived.values() for facts in runs]
    requests = sum(one.requests for one in runs)
    strangers = sum(one.strangers for one in runs)
    unlogged = sum(one.unlogged for one in runs)
    otherwise = sum(one.otherwise for one in runs)
    floods = "; ".join(
        f"{level}: {', '.join(f'{n} of {name}' for name, n in counts.items())}"
        for level, counts in found.floods.items()
    )
    return (
        f"On {found.date}, {found.processor}, with one worker of nginx {found.nginx}"
        f"{_placed(found)}. Clients are "
        f"the behaviours of the simulation, with the same draws, on real sockets from addresses of "
        f"their own. Floods were made as strong as the levels want it ({floods}). In {requests:,} "
        f"live requests, {strangers:,} answers were none that the plan knows, {unlogged:,} "
        f"requests had no line in the access log (those under way when the window closed among "
        f"them), {otherwise:,} a status there that is not the plan's. In the worst setting the "
        f"clients were {late:.1f} ms late in 1 of 100 cases, their process used {driver:.0%} of "
        f"its core, and the worker waited {waited:.1%} of the time for others on its core. "
        f"{_priced(found)}.{_without(found)}"
    )


def _placed(found: Report) -> str:
    together = "all clients and the application in one process"
    own = " on a core of its own and "
    return f"{own}{together} on the other" if found.apart else f" and {together}, on the same core"


def _without(found: Report) -> str:
    if not found.left_out:
        return ""
    names = ", ".join(found.left_out)
    return f" Without their addresses of IPv6, of which loopback has one alone: {names}."


def _priced(found: Report) -> str:
    from simkit.live.sim_to_real.report import MEASURED

    if found.costs == MEASURED:
        return f"The costs of the simulation were calibrated between the runs ({MEASURED})"
    return f"The costs of the simulation are those of {printable(found.costs)}"
