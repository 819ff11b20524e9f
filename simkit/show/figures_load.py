"""The figure of the load: what CPU time goes to, and how long honest clients wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simkit.show.drawing import arms, errors, names, runs, segment, sheet
from simkit.show.style import BLUE, LABEL, SMALL, bare, plain_log
from simkit.study.compare import Comparison
from simkit.study.outcome import SERVER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CAUSES", "load"]


def load(found: Comparison) -> Figure:
    """What the workers' time goes to, and how long honest clients wait."""
    rows = len(found.strategies)
    figure = sheet(10.5, 2.5 + 0.4 * rows, "Server load: what does it cost, and who waits?")
    left, right = figure.subplots(1, 2, sharey=True)
    _cpu_panel(left, found)
    _latency_panel(right, found)
    figure.supxlabel(runs(found), fontsize=SMALL)
    return figure


CAUSES = {
    "cpu_wake_up_s": "waking up when something arrives",
    "cpu_accept_s": "accepting connections",
    "cpu_tls_s": "TLS handshakes",
    "cpu_read_s": "reading requests",
    "cpu_silent_s": "closing without an answer (444)",
    "cpu_page_s": "pages of nginx's own (400, 403, 429 …)",
    "cpu_static_s": "answers from disk",
    "cpu_proxy_s": "answers from the application",
}
"""What CPU time went to, by the names that the engine counts it under."""


def _causes(found: Comparison) -> list[str]:
    """The parts of the CPU time that any strategy has, as the engine names them."""
    first = found.outcomes[0].load.server
    parts = [name for name in first if name.startswith("cpu_") and name.endswith("_s")]
    parts = [name for name in parts if name != "cpu_s"]
    return [
        name
        for name in parts
        if any(found.interval(s, name, SERVER).mean > 0 for s in found.strategies)
    ]


def _cpu_panel(axes: Axes, found: Comparison) -> None:
    rows = range(len(found.strategies))
    start = [0.0] * len(rows)
    for index, cause in enumerate(_causes(found)):
        values = [found.interval(s, cause, SERVER).mean for s in found.strategies]
        name = CAUSES.get(cause, cause.removeprefix("cpu_").removesuffix("_s").replace("_", " "))
        segment(axes, index, name, values, start)
        start = [a + b for a, b in zip(start, values, strict=True)]
    totals = [found.interval(s, "cpu_s", SERVER) for s in found.strategies]
    errors(axes, rows, totals)
    axes.set_xlabel("CPU time of all workers, s, by what it went to", fontsize=LABEL)
    bare(axes, names(found))
    axes.set_xlim(0, 1.08 * max(t.high if t.known else t.mean for t in totals) or 1.0)
    axes.legend(fontsize=SMALL, ncols=2, frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0))


QUANTILES = {
    "honest_wish_p50_ms": ("half of them", "o", "white"),
    "honest_wish_p95_ms": ("95 %", "s", BLUE),
    "honest_wish_p99_ms": ("99 %", "D", "black"),
}


def _latency_panel(axes: Axes, found: Comparison) -> None:
    for measure, (label, marker, colour) in QUANTILES.items():
        values = [found.interval(s, measure, SERVER) for s in found.strategies]
        axes.errorbar(
            [v.mean for v in values],
            range(len(values)),
            xerr=arms(values),
            fmt=marker,
            markersize=6.0,
            markerfacecolor=colour,
            markeredgecolor="black",
            ecolor="black",
            elinewidth=0.9,
            capsize=1.8,
            label=label,
        )
    bare(axes)
    plain_log(axes, "x")
    axes.set_xlabel("wait, from the first request until all had come, ms (log)", fontsize=LABEL)
    axes.legend(
        fontsize=SMALL,
        ncols=3,
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        title="honest wishes that were served: how long they took at most",
        title_fontsize=SMALL,
        alignment="left",
    )
