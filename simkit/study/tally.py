"""Counting refusals: how many requests and clients, of what kind, and what they had got."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simkit.accesslog import Client, RequestLine, Trace, visible
from simkit.accesslog.agents import Kind, kind_of
from simkit.errors import printable

__all__ = ["Crowd", "Example", "Range", "Share", "Tally", "short_client", "short_target"]

_EXAMPLES = 3
_AGENT_SHOWN = 80
_TARGET_SHOWN = 80

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Share:
    """So many requests of so many clients."""

    requests: int = 0
    clients: int = 0

    def to_json(self) -> dict[str, int]:
        """As plain numbers."""
        return {"requests": self.requests, "clients": self.clients}


@dataclass(frozen=True, slots=True)
class Range:
    """A number over the members of an ensemble: its median, the lowest and the highest."""

    median: float
    low: int
    high: int

    @classmethod
    def of(cls, values: Sequence[int]) -> Range:
        """The range of at least one value."""
        return cls(float(np.median(values)), min(values), max(values))

    def to_json(self) -> dict[str, float]:
        """As plain numbers."""
        return {"median": self.median, "low": self.low, "high": self.high}

    def __str__(self) -> str:
        median = f"{self.median:,.1f}".removesuffix(".0")
        return median if self.low == self.high else f"{median} [{self.low:,}–{self.high:,}]"


@dataclass(frozen=True, slots=True)
class Example:
    """A request as the log has it, for people to recognise. ``agent`` None: none, or not logged."""

    line: int
    client: Client
    request: RequestLine
    agent: str | None
    kind: Kind
    status: int

    def to_json(self, *, full: bool = False) -> dict[str, str | int | None]:
        """What may be shown: unless ``full``, a shortened address and no query string."""
        target = _shown(visible(self.request.target or self.request.text), _TARGET_SHOWN, full)
        return {
            "line": self.line,
            "client": printable(self.client.text) if full else short_client(self.client),
            "method": printable(self.request.method),
            "target": target if full else short_target(target),
            "agent": None
            if self.agent is None
            else _shown(visible(self.agent), _AGENT_SHOWN, full),
            "kind": self.kind.value,
            "recorded": self.status,
        }


@dataclass(frozen=True, slots=True)
class Tally:
    """What a rule did. ``recorded`` counts by the class of the status that the log has (``2xx``,
    …, ``unknown``): who is refused what had been served loses something.
    """

    share: Share
    kinds: dict[Kind, Share]
    recorded: dict[str, int]
    examples: tuple[Example, ...] = ()

    @property
    def served_then(self) -> int:
        """Requests that had been served: 2xx and 3xx."""
        return self.recorded.get("2xx", 0) + self.recorded.get("3xx", 0)


class Crowd:
    """The clients of a trace, ready for counting; every distinct agent is looked up once."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        agent = trace.agent
        if agent is None:
            self.kinds: tuple[Kind, ...] = (Kind.UNKNOWN,)
            self.kind = np.zeros(len(trace), dtype=np.int64)
        else:
            order = tuple(Kind)
            of_agent = np.array([order.index(kind_of(a)) for a in agent.values], dtype=np.int64)
            self.kinds = order
            self.kind = of_agent[agent.codes]

    def share(self, rows: Rows) -> Share:
        """How many requests these rows are, of how many clients."""
        return Share(len(rows), len(np.unique(self.trace.client.codes[rows])))

    def by_kind(self, rows: Rows) -> dict[Kind, Share]:
        """The share of each kind that occurs, in the order of `Kind`."""
        kinds = self.kind[rows]
        return {self.kinds[k]: self.share(rows[kinds == k]) for k in np.unique(kinds)}

    def served_then(self, rows: Rows) -> int:
        """How many of the rows the log has as 2xx or 3xx."""
        status = self.trace.status[rows] // 100
        return int(((status == 2) | (status == 3)).sum())

    def tally(self, rows: Rows) -> Tally:
        """Everything about these rows."""
        classes, counts = np.unique(self.trace.status[rows] // 100, return_counts=True)
        recorded = {
            f"{c}xx" if c else "unknown": n
            for c, n in zip(classes.tolist(), counts.tolist(), strict=True)
        }
        examples = tuple(self._example(row) for row in rows[:_EXAMPLES].tolist())
        return Tally(self.share(rows), self.by_kind(rows), recorded, examples)

    def _example(self, row: int) -> Example:
        trace = self.trace
        agent = None if trace.agent is None else trace.agent[row]
        return Example(
            int(trace.line[row]),
            trace.client[row],
            trace.request[row],
            agent,
            self.kinds[self.kind[row]],
            int(trace.status[row]),
        )


def short_client(client: Client) -> str:
    """A client's network: /24, /48, or the last two labels of a name."""
    if client.named:
        labels = client.text.rsplit(".", 2)
        tail = ".".join(labels[1:]) if len(labels) > 2 else "…"
        return printable(f"*.{visible(tail)}")
    from ipaddress import ip_network

    length = 24 if client.address.version == 4 else 48
    return str(ip_network((client.address, length), strict=False))


def short_target(target: str) -> str:
    """A request target without its query string."""
    path, mark, _ = target.partition("?")
    return f"{path}?…" if mark else path


def _shown(text: str, length: int, full: bool) -> str:
    return printable(text if full or len(text) <= length else f"{text[:length]}…")
