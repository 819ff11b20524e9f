"""An edge of a CDN: it answers visitors from its cache, or asks the server for them.

    take ─► _arrives ─┬─► from the cache, or a page of its own         ─► the visitor's sight
              (EDGE)  └─► _ask ─► Gateway … the server ─► came ─┬─► _show ─►
                            ▲                                   │
                            └──────── a stale connection ◄──────┘

Between a visitor and its edge only the time is modelled: a connection that is set up once and never
fails. Between edge and server there are connections as any client has them, for each port of its
own. If a visitor loses its patience the edge goes on with what it has asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from simpy.events import Event

from simkit import draws
from simkit.engine.attempt import Attempt
from simkit.engine.party import Party
from simkit.engine.pool import Pool
from simkit.host import Kind, Line, base
from simkit.policy.plan import Answer, Decision, Phase
from simkit.traffic import Reach
from simkit.traffic.part import NS_PER_MS, NS_PER_S
from simkit.traffic.reactions import MethodClass, method_class
from simkit.wire import Shape, Sight, SightKind

if TYPE_CHECKING:
    from simkit.engine.client import Client, World
    from simkit.strategy import Cdn

__all__ = ["EDGES", "Edge", "edges"]

EDGES = "the edges of the CDN"
"""What their streams of draws are named after."""

_EDGE = base(Kind.EDGE)
_CONNECTED = Sight(SightKind.CONNECTED)
_STALE = (SightKind.RESET, SightKind.EMPTY)


def edges(world: World, root: int) -> Iterator[Edge]:
    """The edges in front of the server; their gateways are numbered after all clients."""
    cdn = world.stage.strategy.cdn
    if cdn is not None:
        for index in range(cdn.spec.edges):
            yield Edge(world, cdn, index, root)


class Edge:
    """One edge, by its number."""

    def __init__(self, world: World, cdn: Cdn, index: int, root: int) -> None:
        self._world = world
        self._cdn = cdn
        self._half_ns = int(cdn.spec.rtt_ms * NS_PER_MS) // 2
        self._cache: dict[tuple[str, str], tuple[int, Sight]] = {}
        doors = world.stage.doors_of_edges
        self._gateways = {
            door: Gateway(world, cdn, self, index, index * len(doors) + turn, root)
            for turn, door in enumerate(doors)
        }

    def take(self, attempt: Attempt, client: Client) -> None:
        """A visitor sends a request: over a connection that it has, or sets up now."""
        attempt.edge = self
        attempt.reused = client.met is self
        set_up_ns = (4 if self._shape(attempt).tls else 2) * self._half_ns
        now = self._world.agenda.now
        if attempt.reach is not Reach.REQUEST:
            connects = attempt.reach is Reach.CONNECT
            attempt.reply(_CONNECTED, now + (2 * self._half_ns if connects else set_up_ns))
            return
        client.met = self if client.spec.keeps_connections else None
        at_ns = now + self._half_ns + (0 if attempt.reused else set_up_ns)
        self._world.agenda.at(at_ns, _EDGE | attempt.place, self._arrives, attempt)

    def _arrives(self, attempt: Attempt) -> None:
        if attempt.over or attempt.hold:
            return
        root = attempt.bound.plan.root
        if isinstance(root, Answer) and _is_own(root.decision):
            attempt.decision = root.decision
            self._show(attempt, root.decision.sight)
            return
        until_ns, sight = self._cache.get(_url(self._shape(attempt)), (0, None))
        if sight is not None and self._world.agenda.now < until_ns:
            self._show(attempt, sight)
        else:
            self._ask(attempt)

    def _ask(self, attempt: Attempt) -> None:
        """Ask the server in the visitor's place."""
        shape = self._shape(attempt)
        self._gateways[shape.port, shape.tls].forward(attempt)

    def came(self, attempt: Attempt, own: Attempt) -> None:
        """What the edge asked the server for in the visitor's place has come, or will not."""
        sight = own.sight
        if self._tries_again(own, attempt, sight):
            attempt.again = True
            self._ask(attempt)
            return
        attempt.decision, attempt.status = own.decision, own.status
        attempt.bytes_sent, attempt.delay_ns = own.bytes_sent, own.delay_ns
        shown, shape = self._cdn.seen(sight), self._shape(attempt)
        if self._cdn.keeps(shape, own.decision):
            self._cache[_url(shape)] = self._world.agenda.now + self._cdn.keeps_ns, shown
        self._show(attempt, shown)

    def _tries_again(self, own: Attempt, attempt: Attempt, sight: Sight) -> bool:
        stale = own.reused and sight.kind in _STALE
        if not stale or attempt.again or not self._cdn.spec.tries_again:
            return False
        return method_class(self._shape(attempt).method) is not MethodClass.OTHER

    def _show(self, attempt: Attempt, sight: Sight) -> None:
        attempt.reply(sight, self._world.agenda.now + self._half_ns)

    def _shape(self, attempt: Attempt) -> Shape:
        return self._world.stage.shapes.known[attempt.shape]


class Gateway(Party):
    """The connections of an edge to a port of the server; ``turn`` counts all gateways."""

    def __init__(
        self, world: World, cdn: Cdn, edge: Edge, index: int, turn: int, root: int
    ) -> None:
        number = world.stage.client_count + turn
        super().__init__(number, world.agenda, world.server, int(cdn.spec.patience_s * NS_PER_S))
        self._stage = world.stage
        self._edge = edge
        self.address_number = world.stage.address_number(cdn.address_of(index))
        key = draws.stream(root, EDGES, turn)
        line = Line(number, key, world.stage.half_rtt_of_edges_ns, resumes=True)
        self.pool = Pool(world.server, line, keeps=True)

    def forward(self, attempt: Attempt) -> None:
        """Send a visitor's request on, with the draws that are the visitor's."""
        own = Attempt(self, attempt.shape)
        own.parent = attempt
        own.key, own.bound = attempt.key, attempt.bound
        own.wish_number, own.item, own.attempt = attempt.wish_number, attempt.item, attempt.attempt
        self.note(own)
        self.carry(own, self._stage.shape_at_server(attempt.shape))

    def sees(self, event: Event) -> None:
        """The server's answer has come, or will not."""
        own = cast(Attempt, event)
        own.recorded = True
        self.pool.done(own.connection, own.sight)
        assert own.parent is not None
        self._edge.came(own.parent, own)


def _url(shape: Shape) -> tuple[str, str]:
    """What a cache knows a page by."""
    return shape.header("Host") or "", shape.target


def _is_own(decision: Decision) -> bool:
    """Whether the CDN itself, and not the server, has decided."""
    return decision.rule is not None and decision.rule.phase is Phase.FRONT
