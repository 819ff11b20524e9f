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

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from simpy.events import Event

from simkit import draws
from simkit.draws import Purpose
from simkit.engine.agenda import SimpyAgenda
from simkit.engine.pool import Pool
from simkit.engine.recorder import Recorder
from simkit.engine.stage import Stage
from simkit.host import NEVER, Exchange, Kind, Remote, base, place
from simkit.policy import Bound
from simkit.traffic import Action, Member
from simkit.traffic.part import NS_PER_S
from simkit.wire import Shape, Sight, SightKind, Version

__all__ = ["Attempt", "Behaviour", "Client", "Wish", "World"]

Behaviour = Generator[Event, Any, None]
"""What a client does: it yields what it waits for, and a wait for an attempt gives a `Sight`."""

_NO_ANSWER = Sight(SightKind.NO_ANSWER)
_SIGHT = base(Kind.SIGHT)
_WAKE = base(Kind.WAKE)
_PATIENCE = base(Kind.PATIENCE)


class Attempt(Exchange, Event):
    """A request on the wire, and the event that its `Sight` is seen."""

    __slots__ = (
        "agenda",
        "answered",
        "deadline_ns",
        "recorded",
        "reused",
        "sent_ns",
        "shape",
        "wish",
    )

    def __init__(self, wish: Wish, item: int, number: int, shape: int, serial: int) -> None:
        Exchange.__init__(self)
        self.answered = False
        """Whether the time of the sight is settled."""
        self.reused = False
        """Whether it went out on a connection that had served before."""
        self.recorded = False
        """Whether its row is written."""
        me = wish.client
        self.env = self.agenda = me.env
        self.callbacks = [me.sees]
        self.wish = wish
        self.wish_number = wish.number
        self.item = item
        self.attempt = number
        self.shape = shape
        self.place = place(me.number, serial)
        self.key = me.key
        self.bound = me.bound(shape)
        self.sent_ns = self.agenda.now
        self.deadline_ns = self.sent_ns + me.patience_ns

    @property
    def sight(self) -> Sight:
        """What is seen, once it is settled."""
        found: Sight = self._value
        return found

    def reply(self, sight: Sight, at_ns: int) -> None:
        """Settle what the client sees and when; later than its patience it sees nothing."""
        if at_ns <= self.deadline_ns and not self.answered:
            self.answered = True
            self._ok = True
            self._value = sight
            self.agenda.happens_at(at_ns, _SIGHT | self.place, self)

    def break_off(self) -> None:
        """The window ends before anything is seen."""
        self._value = _NO_ANSWER


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

    def hold(self, target: str, line_every_s: float) -> Attempt:
        """Open a connection for a header that never ends: a line of it that often."""
        shape = self.client.shape_number(self, target, "GET", 0)
        return self._attempt(0, shape, int(line_every_s * NS_PER_S))

    def _attempt(self, item: int, shape: int, line_every_ns: int = 0) -> Attempt:
        number = self._tries.get(item, 0)
        self._tries[item] = number + 1
        self.attempts += 1
        self._under_way += 1
        return self.client.send(self, item, number, shape, line_every_ns)

    def seen(self, attempt: Attempt) -> None:
        """An attempt of this wish is over."""
        decision = attempt.decision
        sight = attempt.sight
        self._under_way -= 1
        if decision is not None and decision.refused:
            self.refusals += 1
            self.rule = self.client.world.recorder.rules.number(decision.rule)
            self._failed.add(attempt.item)
        elif sight.kind is not SightKind.HTTP or sight.status >= 500:
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


class Client:
    """One client, as its behaviour sees it."""

    def __init__(self, world: World, member: Member) -> None:
        self.world = world
        self.env = world.agenda
        """The SimPy environment; its time is in nanoseconds."""
        self.number = member.number
        self.scenario = world.stage.scenario
        """The scenario that it plays in."""
        self.spec = self.scenario.cohorts[member.cohort]
        """The cohort, as the scenario file has it."""
        self.key = member.key
        self.patience_ns = int(self.spec.patience_s * NS_PER_S)
        self.left = False
        """Whether it has quit altogether."""
        self.pace = 1.0
        """A factor by which it stretches the gaps between what it starts."""
        self.session = 0
        """The number of what it has started last."""
        self.cohort = member.cohort
        """The number of its cohort."""
        self.address_number = world.stage.address_number(member.address)
        """The number of its address."""
        self._address = member.address
        self._dialect = world.stage.dialect(member.cohort, member.agent)
        self._reactions = world.stage.reaction_table(member.cohort)
        half_rtt_ns = world.stage.half_rtt_ns(self.spec)
        keeps = self.spec.keeps_connections
        self._pool = Pool(world.server, self.number, self.key, half_rtt_ns, keeps=keeps)
        self._bounds = world.stage.bounds(member.address)
        self._under_way: deque[Attempt] = deque()
        self._timer_set = False
        self._open: dict[int, Wish] = {}
        self._wishes = self._serials = self._pauses = 0

    # What behaviours are written with

    @property
    def now_s(self) -> float:
        """Seconds since the start of the run."""
        return self.env.now / NS_PER_S

    @property
    def http2(self) -> bool:
        """Whether it speaks HTTP/2 with this server, so that one connection carries everything."""
        return self._dialect.version is Version.HTTP_2

    def begin(self, *, single: bool = False) -> Wish:
        """Begin a wish. One for a ``single`` request ends by itself when the answer is seen."""
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

    def reaction(self, sight: Sight, method: str = "GET") -> Action:
        """What the cohort's reactions say to a sight."""
        return self._reactions.action(sight, method)

    # What wishes and attempts need of it

    def shape_number(self, wish: Wish, target: str | Shape, method: str, body_bytes: int) -> int:
        """The number of the shape that asks for this."""
        if isinstance(target, Shape):
            return self.world.stage.shapes.number(target)
        flaw = self.spec.flaw
        flawed = flaw is not None and self.uniform(Purpose.CHOICE, wish.number, 1) < flaw.share
        return self._dialect.number(method, target, body_bytes, flawed)

    def bound(self, shape: int) -> Bound:
        """The plan of a shape from this client's address."""
        return self._bounds.get(shape) or self.world.stage.bind(shape, self._address)

    def send(self, wish: Wish, item: int, number: int, shape: int, line_every_ns: int) -> Attempt:
        """Put an attempt on the wire, and be impatient about it (but not about a slow header)."""
        self._serials += 1
        attempt = Attempt(wish, item, number, shape, self._serials)
        under_way = self._under_way
        while under_way and under_way[0].recorded:
            under_way.popleft()
        under_way.append(attempt)
        if line_every_ns:
            attempt.line_every_ns = line_every_ns
            attempt.deadline_ns = NEVER
        elif not self._timer_set:
            self._set_timer(attempt)
        known = self.world.stage.shapes.known[shape]
        attempt.reused = self._pool.carry(attempt, known, attempt.sent_ns)
        return attempt

    def sees(self, event: Event) -> None:
        """An attempt has come to its end; whoever waits for it goes on after this."""
        attempt = cast(Attempt, event)
        self._record(attempt)
        self._pool.done(attempt.connection, attempt.sight)
        attempt.wish.seen(attempt)

    def _wake(self, event: Event, at_ns: int) -> Event:
        """Let an event happen that processes of this client wait for."""
        self._pauses += 1
        event._ok = True
        event._value = None
        self.env.happens_at(at_ns, _WAKE | place(self.number, self._pauses), event)
        return event

    def _set_timer(self, attempt: Attempt) -> None:
        self._timer_set = True
        key = _PATIENCE | place(self.number, 0)
        self.env.at(attempt.deadline_ns, key, self._lose_patience, None)

    def _lose_patience(self, _: None) -> None:
        """Give up the attempts that have taken too long; all have the same time, so in order."""
        self._timer_set = False
        while self._under_way:
            attempt = self._under_way[0]
            if not attempt.answered:
                if attempt.deadline_ns > self.env.now:
                    self._set_timer(attempt)
                    return
                self.world.server.abandon(attempt)
                attempt.reply(_NO_ANSWER, self.env.now)
            self._under_way.popleft()

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
            self.address_number,
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
        for attempt in self._under_way:
            if not attempt.recorded:
                attempt.break_off()
                self._record(attempt)
        for wish in list(self._open.values()):
            self.end(wish, cut=True)


class _Gathering(Event):
    """The end of several generators that run side by side."""

    def __init__(self, env: SimpyAgenda, running: int) -> None:
        super().__init__(env)
        self.running = running
