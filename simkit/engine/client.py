"""What a behaviour is written with: clients, their wishes, and attempts to wait for.

A behaviour is a SimPy process: a generator that yields what it waits for. A reader's own client
takes a few lines:

    def newsreader(me: Client) -> Behaviour:
        while True:
            wish = me.begin()                      # what it wants: the news
            sight = yield wish.ask("/news")        # a request, and what is seen of the answer
            if sight.kind is SightKind.EMPTY:      # closed without a word: once more in 5 s
                yield me.sleep(5)
                yield wish.ask("/news")
            wish.end()
            yield me.sleep(me.exponential(60, Purpose.THINK, wish.number))

    run = simulate(scenario, policy, behaviours={"newsreaders": newsreader})

Every client draws from its own stream (`Client.uniform`), so the same seed gives the same run.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from simpy.events import Event

from simkit import draws
from simkit.draws import Purpose
from simkit.engine.agenda import SimpyAgenda
from simkit.engine.attempt import Attempt
from simkit.engine.party import Party
from simkit.engine.pool import Pool
from simkit.engine.recorder import Recorder
from simkit.engine.stage import Stage
from simkit.host import Hold, Kind, Line, Remote, base, place
from simkit.traffic import Action, CohortBase, Member, StopCounter
from simkit.traffic.machine import ns_per_byte
from simkit.traffic.part import NS_PER_S
from simkit.wire import Address, Shape, Sight, SightKind, Version

if TYPE_CHECKING:
    from simkit.engine.edge import Edge

__all__ = ["Attempt", "Behaviour", "Client", "Wish", "World"]

Behaviour = Generator[Event, Any, None]
"""What a client does: it yields what it waits for, and a wait for an attempt gives a `Sight`."""

_WAKE = base(Kind.WAKE)


class Wish:
    """Something that a client wants; it may take several requests.

    ``item`` tells the parts of a wish: 0 is the document, then come its resources. A wish is
    served if each item was, in its last attempt: an HTTP answer below 500 that the policy did
    not refuse.
    """

    __slots__ = (
        "_failed",
        "_single",
        "_tries",
        "_under_way",
        "attempts",
        "client",
        "number",
        "refusals",
        "rule",
        "session",
        "start_ns",
    )

    def __init__(self, client: Client, number: int, single: bool) -> None:
        self.client = client
        self.number = number
        self.session = client.session
        self.start_ns = client.env.now
        self.attempts = 0
        self.refusals = 0
        self.rule = -1
        self._single = single
        self._tries: dict[int, int] = {}
        self._failed: set[int] = set()
        self._under_way = 0

    def ask(
        self, target: str | Shape, item: int = 0, *, method: str = "GET", body_bytes: int = 0
    ) -> Attempt:
        """Send a request for a path, or one of any shape. Yield the attempt to see its `Sight`."""
        me = self.client
        return self._attempt(item, me.shape_number(self, target, method, body_bytes))

    def hold(
        self,
        target: str,
        line_every_s: float,
        *,
        method: str = "GET",
        body_bytes: int = 0,
        heeds: bool = True,
    ) -> Attempt:
        """Send a request that never ends: a line of its header, or of its body, that often.

        Unless it ``heeds`` an answer, the client goes on until the server closes. Raises
        ValueError in HTTP/2, where one connection is for everything.
        """
        me = self.client
        if me.http2:
            raise ValueError("a connection that is held speaks HTTP/1")
        attempt = self._new(0, me.shape_number(self, target, method, body_bytes))
        attempt.hold = Hold.BODY if body_bytes else Hold.HEADER
        attempt.line_every_ns = int(line_every_s * NS_PER_S)
        attempt.heeds = heeds
        return me.send(attempt)

    def _attempt(self, item: int, shape: int) -> Attempt:
        attempt = self._new(item, shape)
        attempt.reach = self.client.reach
        return self.client.send(attempt)

    def _new(self, item: int, shape: int) -> Attempt:
        number = self._tries.get(item, 0)
        self._tries[item] = number + 1
        self.attempts += 1
        self._under_way += 1
        me = self.client
        attempt = Attempt(me, shape, self)
        attempt.key = me.key
        attempt.wish_number, attempt.item, attempt.attempt = self.number, item, number
        return attempt

    def seen(self, attempt: Attempt) -> None:
        """An attempt of this wish is over."""
        decision = attempt.decision
        self._under_way -= 1
        if decision is not None and decision.refused:
            self.refusals += 1
            self.rule = self.client.world.recorder.rules.number(decision.rule)
            self._failed.add(attempt.item)
        elif not attempt.sight.came:
            self._failed.add(attempt.item)
        elif self._failed:
            self._failed.discard(attempt.item)
        if self._single:
            self.end()

    @property
    def served(self) -> bool:
        """Whether everything that was asked for has come."""
        return bool(self.attempts) and not self._failed and not self._under_way

    def end(self) -> None:
        """The client has what it wanted, or has given up."""
        self.client.end(self)


@dataclass(slots=True)
class World:
    """A run in the making: its time, its server, and what is recorded."""

    stage: Stage
    agenda: SimpyAgenda
    server: Remote
    recorder: Recorder
    edges: list[Edge] = field(default_factory=list)

    def route(self, spec: CohortBase, address: Address) -> Edge | None:
        """The edge that stands between a client and the server, if there is one."""
        cdn = self.stage.strategy.cdn
        return None if cdn is None or spec.is_direct else self.edges[cdn.edge_of(address)]


class Client(Party):
    """One client, as its behaviour sees it."""

    def __init__(self, world: World, member: Member) -> None:
        self.spec = world.stage.scenario.cohorts[member.cohort]
        """The cohort, as the scenario file has it."""
        patience_ns = int(self.spec.patience_s * NS_PER_S)
        super().__init__(member.number, world.agenda, world.server, patience_ns)
        self.world = world
        self.env = world.agenda
        """The SimPy environment; its time is in nanoseconds."""
        self.scenario = world.stage.scenario
        """The scenario that it plays in."""
        self.key = member.key
        self.left = False
        """Whether it has quit altogether."""
        self.pace = 1.0
        """A factor by which it stretches the gaps between what it starts."""
        self.session = 0
        """The number of what it has started last."""
        self.cohort = member.cohort
        """The number of its cohort."""
        self.reach = self.spec.goes_as_far_as
        """How far it goes with the server."""
        self._index = member.index
        self._agent = member.agent
        self._identity = 0
        self._reactions = world.stage.reaction_table(member.cohort)
        self._stops = StopCounter(self.spec.stops) if self.spec.stops else None
        line = Line(
            self.number,
            self.key,
            world.stage.half_rtt_ns(self.spec),
            ns_per_byte(self.spec.downlink_mbit_per_s),
            resumes=self.spec.resumes,
        )
        self.pool = Pool(world.server, line, keeps=self.spec.keeps_connections)
        self.met: Edge | None = None
        """The edge that it has a connection to."""
        self._route: Edge | None = None
        self._open: dict[int, Wish] = {}
        self._wishes = self._pauses = 0
        self._take_identity()

    # What behaviours are written with

    @property
    def now_s(self) -> float:
        """Seconds since the start of the run."""
        return self.env.now / NS_PER_S

    @property
    def http2(self) -> bool:
        """Whether it speaks HTTP/2 with this server, so that one connection carries everything."""
        return self._dialect.version is Version.HTTP_2

    def change(self, *, agent: bool = False, address: bool = False) -> None:
        """Go on as somebody else: with the next agent of the cohort, from the next address."""
        if agent:
            self._agent = (self._agent + 1) % max(1, len(self.spec.agents))
        moves = address and self.spec.identities > 1
        if moves:
            self.pool.leave()
            self._identity = (self._identity + 1) % self.spec.identities
        if agent or moves:
            self._take_identity()

    def react(self, sight: Sight, method: str = "GET") -> Action:
        """What the cohort's reactions say to a sight, as far as it does not wait: that is done."""
        action = self._reactions.action(sight, method)
        self.pace = action.paced(self.pace)
        self.left = self.left or action.leave
        if action.change:
            self.change(agent=action.changes_agent, address=action.changes_address)
        return action

    def begin(self, *, single: bool = False) -> Wish:
        """Begin a wish. One for a ``single`` request ends by itself when the answer is seen."""
        if self.spec.rotates == "wish" and self._wishes:
            self.change(address=True)
        wish = Wish(self, self._wishes, single)
        self._open[wish.number] = wish
        self._wishes += 1
        return wish

    def get(self, target: str | Shape, *, method: str = "GET", body_bytes: int = 0) -> Attempt:
        """A wish for a single request, waited for or not."""
        wish = self.begin(single=True)
        return wish.ask(target, method=method, body_bytes=body_bytes)

    def sleep(self, seconds: float) -> Event:
        """Wait."""
        return self.until(self.env.now + int(seconds * NS_PER_S))

    def until(self, time_ns: int) -> Event:
        """Wait until a time of the run; not at all if it has passed."""
        return self._wake(Event(self.env), max(time_ns, self.env.now))

    def starts(self, *, waits: bool = True) -> Iterator[int]:
        """When it starts something, in nanoseconds; with ``waits``, once it is free for it."""
        now_ns = (lambda: self.env.now) if waits else (lambda: 0)
        window_ns = self.scenario.window_ns
        starts = self.spec.arrivals.starts_ns(self.key, window_ns, now_ns, lambda: self.pace)
        for self.session, start_ns in enumerate(starts):
            if self.spec.rotates == "start" and self.session:
                self.change(address=True)
            yield start_ns

    def together(self, lanes: Sequence[Behaviour]) -> Event:
        """Run generators side by side, and wait until all have ended."""
        gathering = _Gathering(self.env, len(lanes))
        for lane in lanes:
            self.env.process(self._lane(lane, gathering))
        if not lanes:
            self._wake(gathering, self.env.now)
        return gathering

    def _lane(self, lane: Behaviour, gathering: _Gathering) -> Behaviour:
        yield from lane
        gathering.running -= 1
        if not gathering.running:
            self._wake(gathering, self.env.now)

    def uniform(self, purpose: Purpose, first: int = 0, second: int = 0) -> float:
        """A number in [0, 1) from this client's stream, addressed by purpose, wish and so on."""
        return draws.uniform(self.key, purpose, first, second)

    def exponential(self, mean: float, purpose: Purpose, first: int = 0, second: int = 0) -> float:
        """An exponential variate of that mean from this client's stream."""
        return draws.exponential(mean, self.uniform(purpose, first, second))

    def has_done_with(self, sight: Sight) -> None:
        """Something that it wanted has come, or is given up, with this sight in the end."""
        if self._stops is not None and self._stops.sees(sight, "wishes"):
            self.left = True

    # What wishes and attempts need of it

    def shape_number(self, wish: Wish, target: str | Shape, method: str, body_bytes: int) -> int:
        """The number of the shape that asks for this."""
        if isinstance(target, Shape):
            return self.world.stage.shapes.number(target)
        flaw = self.spec.flaw
        flawed = flaw is not None and self.uniform(Purpose.CHOICE, wish.number, 1) < flaw.share
        return self._dialect.number(method, target, body_bytes, flawed)

    def _take_identity(self) -> None:
        """The address, the way of putting requests, and the way to the server that go with it."""
        stage = self.world.stage
        place = self._index * self.spec.identities + self._identity
        self._address = stage.address_of(self.cohort, place)
        self.address_number = stage.address_number(self._address)
        self._dialect = stage.dialect(self.cohort, self._agent)
        self._bounds = stage.bounds(self._address, self.spec)
        self._route = self.world.route(self.spec, self._address)

    def send(self, attempt: Attempt) -> Attempt:
        """Put an attempt on the wire: to the server, or to the edge in front of it."""
        stage, shape = self.world.stage, attempt.shape
        attempt.bound = self._bounds.get(shape) or stage.bind(shape, self.spec, self._address)
        self.note(attempt)
        if self._route is None:
            self.carry(attempt, stage.shapes.known[shape])
        else:
            self._route.take(attempt, self)
        return attempt

    def sees(self, event: Event) -> None:
        """An attempt has come to its end; whoever waits for it goes on after this."""
        attempt = cast(Attempt, event)
        self._record(attempt)
        if attempt.edge is None:
            self.pool.done(attempt.connection, attempt.sight)
            if attempt.hold and attempt.sight.kind is SightKind.HTTP:
                self.world.server.hang_up(attempt.connection)
        if self._stops is not None and self._stops.sees(attempt.sight):
            self.left = True
        assert attempt.wish is not None
        attempt.wish.seen(attempt)

    def give_up(self, attempt: Attempt) -> None:
        """Wait no more: the server is told, but an edge goes on by itself."""
        if attempt.edge is None:
            super().give_up(attempt)
        else:
            attempt.over = True

    def _wake(self, event: Event, at_ns: int) -> Event:
        """Let an event happen that processes of this client wait for."""
        self._pauses += 1
        event._ok = True
        event._value = None
        self.env.happens_at(at_ns, _WAKE | place(self.number, self._pauses), event)
        return event

    # What is recorded

    def _record(self, attempt: Attempt) -> None:
        attempt.recorded = True
        decision = attempt.decision
        sight = attempt.sight
        recorder = self.world.recorder
        row = (
            attempt.sent_ns,
            self.cohort,
            self.number,
            attempt.address_number,
            attempt.wish_number,
            attempt.item,
            attempt.attempt,
            attempt.shape,
            attempt.status,
            sight.kind,
            sight.status,
            attempt.bytes_sent,
            attempt.delay_ns,
            self.env.now - attempt.sent_ns,
            -1 if decision is None else recorder.rules.number(decision.rule),
            decision is not None and decision.refused,
            attempt.reused,
        )
        recorder.requests.extend(row)

    def end(self, wish: Wish, *, cut: bool = False) -> None:
        """Record the end of a wish, once; ``cut``: by the end of the window."""
        if self._open.pop(wish.number, None) is None:
            return
        row = (
            wish.start_ns,
            self.env.now,
            self.cohort,
            self.number,
            self.address_number,
            wish.number,
            wish.session,
            wish.attempts,
            wish.served and not cut,
            wish.refusals,
            wish.rule,
            cut,
        )
        self.world.recorder.wishes.extend(row)

    def cut(self) -> None:
        """The window has ended: record what is under way as it stands."""
        for attempt in self.under_way():
            attempt.break_off()
            self._record(attempt)
        for wish in list(self._open.values()):
            self.end(wish, cut=True)


class _Gathering(Event):
    """The end of several generators that run side by side."""

    def __init__(self, env: SimpyAgenda, running: int) -> None:
        super().__init__(env)
        self.running = running
