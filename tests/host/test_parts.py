"""The parts of the machine by themselves: order, clock, upstream, worker, slots."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from simkit import draws
from simkit.draws import Purpose
from simkit.engine.agenda import SimpyAgenda
from simkit.host import Clock, Connection, Exchange, Kind, Line, Upstream, Worker, priority
from simkit.host.cooling import Cooling
from simkit.traffic import UpstreamSpec

ENTITIES = st.integers(0, 2**27 - 1)
SEQUENCES = st.integers(0, 2**32 - 1)
KEYS = st.tuples(st.sampled_from(Kind), ENTITIES, SEQUENCES)


@given(KEYS, KEYS)
def test_a_priority_orders_as_kind_entity_and_sequence_do(
    one: tuple[Kind, int, int], other: tuple[Kind, int, int]
) -> None:
    assert (priority(*one) < priority(*other)) == (one < other)
    assert 1 < priority(*one) < 2**63


@given(st.lists(st.tuples(st.integers(0, 3), KEYS), max_size=12, unique=True), st.randoms())
def test_events_happen_in_the_order_of_their_keys_not_of_scheduling(
    events: list[tuple[int, tuple[Kind, int, int]]], shuffler: Any
) -> None:
    agenda = SimpyAgenda()
    happened: list[tuple[int, tuple[Kind, int, int]]] = []
    shuffled = list(events)
    shuffler.shuffle(shuffled)
    for event in shuffled:
        agenda.at(event[0], priority(*event[1]), happened.append, event)
    agenda.run()
    assert happened == sorted(events)


@given(st.integers(0, 10**12), st.integers(0, 2**64 - 1))
def test_the_clock_shows_whole_milliseconds_and_knows_when_they_begin(now: int, key: int) -> None:
    clock = Clock(key)
    ms = clock.ms(now)
    begins = clock.ns(ms)
    assert begins <= now < begins + 1_000_000
    assert clock.ms(begins) == ms
    assert clock.ms(begins - 1) == ms - 1


class GivenServices(Upstream):
    """An upstream whose service times are given, by number of the wish."""

    def __init__(self, spec: UpstreamSpec, services: Sequence[int]) -> None:
        super().__init__(spec)
        self._services = services

    def _service_ns(self, exchange: Exchange) -> int:
        return self._services[exchange.wish_number]


def served_one_by_one(arrivals: list[int], services: Sequence[int], servers: int) -> list[int]:
    """A second implementation: servers that look at a queue, nanosecond by nanosecond."""
    queue: list[int] = []
    busy: list[tuple[int, int]] = []
    ends = [0] * len(arrivals)
    for now in range(max(arrivals) + sum(services) + 1):
        busy = [(end, who) for end, who in busy if end > now]
        queue += [who for who, at in enumerate(arrivals) if at == now]
        while queue and len(busy) < servers:
            who = queue.pop(0)
            ends[who] = now + services[who]
            busy.append((ends[who], who))
            busy = [(end, other) for end, other in busy if end > now]
    return ends


@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30)), min_size=1, max_size=12),
)
def test_the_upstream_serves_in_order_with_as_many_servers_as_it_has(
    servers: int, customers: list[tuple[int, int]]
) -> None:
    gaps, services = zip(*customers, strict=True)
    arrivals = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    upstream = GivenServices(UpstreamSpec(servers=servers), services)
    ends = [
        upstream.enter(cast(Exchange, SimpleNamespace(wish_number=i)), at)
        for i, at in enumerate(arrivals)
    ]
    assert ends == served_one_by_one(arrivals, services, servers)
    waited_ns = sum(end for end in ends if end is not None) - sum(arrivals) - sum(services)
    assert upstream.waited_ns == waited_ns


def mean_service_ms(spec: UpstreamSpec, number: int = 4000) -> tuple[float, float]:
    """Mean and its standard error of what the upstream draws."""
    upstream = Upstream(spec)
    key = draws.stream(3, spec.service, 0)
    times = []
    for wish in range(number):
        exchange = SimpleNamespace(key=key, wish_number=wish, item=0, attempt=0)
        times.append(upstream._service_ns(cast(Exchange, exchange)) / 1e6)
    mean = sum(times) / number
    return mean, (sum((t - mean) ** 2 for t in times) / number / number) ** 0.5


def test_service_times_have_the_mean_that_the_scenario_says() -> None:
    assert mean_service_ms(UpstreamSpec(service="constant", mean_ms=30)) == (30.0, 0.0)
    for spec in (
        UpstreamSpec(service="exponential", mean_ms=30),
        UpstreamSpec(service="lognormal", mean_ms=30, sigma=0.8),
    ):
        mean, error = mean_service_ms(spec)
        assert abs(mean - 30) < 3.5 * error


FREE = Cooling(0)


class Machine:
    """A worker with given slots, and what it did."""

    def __init__(self, slots: int = 512, wake_up: Cooling = FREE) -> None:
        self.agenda = SimpyAgenda()
        self.closed: list[Connection] = []
        self.done: list[tuple[int, str]] = []
        self.worker = Worker(self.agenda, 0, slots, wake_up, self.close)

    def close(self, connection: Connection) -> None:
        self.closed.append(connection)
        self.worker.idle.pop(connection)
        self.worker.free += 1

    def job(self, at_ns: int, name: str, cost_ns: int) -> None:
        def begin(_: object) -> tuple[int, Any]:
            return cost_ns, lambda _: self.done.append((self.agenda.now, name))

        key = priority(Kind.REQUEST, 0, at_ns)
        self.agenda.at(at_ns, key, lambda _: self.worker.add(begin, None), None)


def test_a_worker_takes_jobs_in_order_and_pays_for_waking_only_when_it_slept() -> None:
    machine = Machine(wake_up=Cooling(0.1))
    machine.job(0, "first", 10)
    machine.job(50, "second", 10)
    machine.job(60, "third", 10)
    machine.job(500, "later", 10)
    machine.agenda.run()
    assert machine.done == [(110, "first"), (120, "second"), (130, "third"), (610, "later")]
    assert machine.worker.wake_ups == 2


def test_waking_costs_more_the_longer_the_worker_slept() -> None:
    machine = Machine(wake_up=Cooling([(0.1, 0.02), (1.1, 0.04)]))  # 20 ns after 100, 40 after 1100
    machine.job(0, "after a long time", 10)
    machine.job(100, "after 50", 10)
    machine.job(730, "after 600", 10)
    machine.agenda.run()
    assert machine.done == [
        (50, "after a long time"),
        (130, "after 50"),
        (770, "after 600"),
    ]
    assert (machine.worker.wake_ups, machine.worker.waking_ns) == (3, 40 + 20 + 30)


def test_a_nudge_wakes_a_worker_that_sleeps_and_no_other() -> None:
    machine = Machine(wake_up=Cooling(0.1))
    for at_ns in (0, 50, 200):
        key = priority(Kind.HANG_UP, 0, at_ns)
        machine.agenda.at(at_ns, key, lambda _: machine.worker.nudge(), None)
    machine.job(90, "in line behind the first nudge", 10)
    machine.agenda.run()
    assert machine.done == [(110, "in line behind the first nudge")]
    assert (machine.worker.wake_ups, machine.worker.waking_ns) == (2, 200)


def connection(serial: int) -> Connection:
    return Connection(Line(0, 0, 0), serial, 80, 0, tls=False, http2=False)


def test_idle_connections_give_way_when_a_sixteenth_of_the_slots_is_left() -> None:
    """The numbers of ngx_drain_connections: max(1, min(32, n / 8)) of n, the oldest first."""
    machine = Machine(slots=512)
    worker = machine.worker
    idle = [connection(n) for n in range(480)]
    for one in idle[:479]:
        assert worker.take_slot()
        worker.idle[one] = None
    assert worker.free == 33
    assert worker.take_slot()
    assert machine.closed == []  # 33 were free: more than a sixteenth
    assert worker.take_slot()
    assert machine.closed == idle[:32]  # 479 // 8 is more than 32
    assert worker.free == 512 - 481 + 32


def test_the_last_idle_connections_go_one_by_one_and_then_slots_run_out() -> None:
    machine = Machine(slots=16)
    worker = machine.worker
    for _ in range(15):
        assert worker.take_slot()
    idle = connection(0)
    worker.idle[idle] = None  # one of the fifteen rests
    assert worker.take_slot()
    assert machine.closed == [idle]
    assert worker.take_slot()
    assert not worker.take_slot()


def test_the_worker_of_a_connection_is_drawn_evenly() -> None:
    counts = [0, 0, 0]
    for client in range(3000):
        u = draws.uniform(draws.stream(1, "crowd", client), Purpose.WORKER, 0)
        counts[draws.integer(3, u)] += 1
    assert sum((n - 1000) ** 2 / 1000 for n in counts) < 13.8  # chi-square, 2 degrees, 0.001
