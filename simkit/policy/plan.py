"""What deciding comes to: a plan, whose leaves are decisions.

A `Plan` is made without a clock. It is a small tree: consult limits, wait, occupy, answer, one
branch for each outcome. `simkit.policy.limits` walks it with the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from simkit.policy.source import Source
from simkit.policy.values import Residue
from simkit.wire import Sight

__all__ = [
    "ENDLESS",
    "Answer",
    "Consult",
    "Decision",
    "Handler",
    "Lease",
    "LimitUse",
    "Node",
    "Occupy",
    "Phase",
    "Plan",
    "Rule",
]


class Phase(StrEnum):
    """Where in nginx's order a decision falls; ``in front`` of nginx comes before all of it."""

    FRONT = "in front"
    HANDSHAKE = "handshake"
    PARSE = "parse"
    POST_READ = "post-read"
    SERVER_REWRITE = "server-rewrite"
    FIND_CONFIG = "find-config"
    REWRITE = "rewrite"
    PREACCESS = "preaccess"
    ACCESS = "access"
    PRECONTENT = "precontent"
    CONTENT = "content"


class Handler(IntEnum):
    """Who makes the answer: it decides what the answer costs."""

    SILENT = 0
    """444: the connection is closed without a byte."""
    PAGE = 1
    """One of nginx's own pages, or the text of a `return`."""
    STATIC = 2
    """A file of the site, sent by nginx."""
    PROXY = 3
    """The upstream behind nginx."""
    TLS = 4
    """The handshake is refused."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What caused a decision: the directive, its phase, and what made it apply.

    ``because`` names, outermost first, the `if`s that held and the entries of `map` and `geo`
    that gave their values. ``decisive`` is where a reader should look first.
    """

    source: Source
    directive: str
    phase: Phase
    because: tuple[Source, ...] = ()

    @property
    def decisive(self) -> Source:
        """The last entry of a map or geo that made the rule apply, or the directive itself."""
        return self.because[-1] if self.because else self.source


@dataclass(frozen=True, slots=True)
class Lease:
    """How many requests a connection may have served, and how old it may be, to be kept.

    nginx looks at `keepalive_requests` and `keepalive_time` when it enters a location, so an
    answer that is given before, such as a `return` of the server, ends no connection by them.
    """

    requests: int
    age_ns: int

    def within(self, other: Lease) -> Lease:
        """The shorter of both."""
        return Lease(min(self.requests, other.requests), min(self.age_ns, other.age_ns))


ENDLESS = Lease(1 << 62, 1 << 62)


@dataclass(frozen=True, slots=True)
class Decision:
    """How a request ends.

    ``status`` is what the access log says (0: nothing is logged), ``sight`` what the client sees,
    ``bytes_sent`` counts headers and body. ``rule`` is None where the site itself answered.
    ``refused`` says that the policy turned the request away (an error of the site is no refusal).
    ``lease`` is how long an HTTP/1.x connection may live: it ends with this answer even if the
    sight says that it is kept.
    """

    status: int
    sight: Sight
    handler: Handler
    bytes_sent: int
    rule: Rule | None = None
    refused: bool = False
    lease: Lease = ENDLESS


@dataclass(frozen=True, slots=True)
class LimitUse:
    """One `limit_req` or `limit_conn` as a plan consults it.

    ``zone`` is the number of the zone in the policy. ``burst`` and ``delay`` are in thousandths of
    a request (for `limit_conn`, ``burst`` is the number of connections and ``delay`` unused).
    ``key`` gives the key once the address is known.
    """

    zone: int
    key: Residue
    burst: int
    delay: int
    source: Source

    @property
    def is_address(self) -> bool:
        """Whether the key is the client's address in nginx's binary form."""
        return any(getattr(part, "name", "") == "binary_remote_addr" for part in self.key.parts)


class Node:
    """A step of a plan: `Answer`, `Consult` or `Occupy`."""

    __slots__ = ()


@dataclass(eq=False, slots=True)
class Answer(Node):
    """The end: what is answered."""

    decision: Decision


@dataclass(eq=False, slots=True)
class Consult(Node):
    """`limit_req`: ask the limits in order; one child for each outcome.

    ``delayed`` is where the request goes on after the delay, ``rejected[i]`` where it goes when the
    limit ``uses[i]`` rejects it. In a dry run nobody is delayed or turned away, and the children
    differ only in what `$limit_req_status` says.
    """

    uses: tuple[LimitUse, ...]
    dry_run: bool
    passed: Node
    delayed: Node
    rejected: tuple[Node, ...]


@dataclass(eq=False, slots=True)
class Occupy(Node):
    """`limit_conn`: count the request in, or refuse it."""

    uses: tuple[LimitUse, ...]
    dry_run: bool
    passed: Node
    rejected: tuple[Node, ...]


@dataclass(eq=False, slots=True)
class Plan:
    """The plan of all requests that the configuration cannot tell apart."""

    root: Node
    volatile: bool = False
    limited: tuple[Consult | Occupy, ...] = field(init=False)
    """The nodes that ask limits."""

    def __post_init__(self) -> None:
        nodes = dict.fromkeys(self.nodes())
        self.limited = tuple(n for n in nodes if isinstance(n, Consult | Occupy))

    def nodes(self) -> Iterator[Node]:
        """Every node, a parent before its children, the passed child first."""
        pending = [self.root]
        while pending:
            node = pending.pop()
            yield node
            if isinstance(node, Consult):
                pending += [*reversed(node.rejected), node.delayed, node.passed]
            elif isinstance(node, Occupy):
                pending += [*reversed(node.rejected), node.passed]

    def uses(self) -> tuple[LimitUse, ...]:
        """Every limit that the plan may consult, each once."""
        return tuple(dict.fromkeys(use for node in self.limited for use in node.uses))

    def leaves(self) -> tuple[Decision, ...]:
        """Every decision that the plan can come to."""
        return tuple(n.decision for n in self.nodes() if isinstance(n, Answer))
