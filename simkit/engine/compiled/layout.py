"""The records of the compiled engine: what each thing is made of, in memory.

The names are those of the SimPy engine's classes; what they mean is said there. A slot is the
number of a record in its pool, -1 none. Times are nanoseconds, `NEVER` the time of what has not
happened.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from simkit.engine.run import REQUESTS, WISHES
from simkit.host import NEVER
from simkit.host.costs import Cause

__all__ = [
    "ACTION",
    "ANSWER_TOTALS",
    "ATTEMPT",
    "BUCKET",
    "CHUNK",
    "CLIENT",
    "COHORT",
    "CONNECTION",
    "DECISION",
    "EVENT",
    "LANE",
    "LINE",
    "NODE",
    "PAGE",
    "PAGE_BITS",
    "PLACE",
    "POOLS",
    "QUEUE",
    "REQUEST_ROW",
    "ROOT_BITS",
    "SIGHT",
    "STOP",
    "TASK",
    "USE",
    "WISH",
    "WISH_ROW",
    "WORKER",
    "WORLD",
    "Ending",
    "Job",
    "Lane",
    "NodeKind",
    "Program",
    "Queue",
    "State",
    "Then",
    "unmet",
]


class Job(IntEnum):
    """What a worker begins: see `simkit.host.connections` and `simkit.host.server`."""

    ACCEPT = 0
    SERVE = 1
    READ_LINE = 2
    RESUME = 3
    FETCH = 4
    HELLO = 5


class Then(IntEnum):
    """What happens when the worker has done its work."""

    TURN_AWAY = 0
    CLOSE = 1
    REFUSE_HANDSHAKE = 2
    SHAKEN = 3
    RESET = 4
    AWAIT_LINE = 5
    PUT_OFF = 6
    PASS_ON = 7
    ANSWER = 8
    HOLD_BODY = 9
    NOTHING = 10


class NodeKind(IntEnum):
    """The kinds of `simkit.policy.plan.Node`."""

    ANSWER = 0
    CONSULT = 1
    OCCUPY = 2


class Program(IntEnum):
    """What a task does: a behaviour, or a lane of one."""

    VISITOR = 0
    CALLER = 1
    PROBE = 2
    SCANNER = 3
    FLOOD = 4
    SLOW = 5
    LOAD_LANE = 6
    SCAN_LANE = 7
    HOLD_LANE = 8


class State(IntEnum):
    """What a task waits for."""

    START = 0
    ATTEMPT = 1
    BACKOFF = 2
    THINK = 3
    LANES = 4
    TURN = 5


class Ending(IntEnum):
    """Why the compiled loop has come back to Python."""

    MARK = 0
    ROOM = 1
    BOUND = 2
    TIME_SLICE = 3


class Lane(IntEnum):
    """Lanes of events, one of each for every cohort."""

    CONNECT = 0
    REQUEST = 1
    SIGHT = 2
    HANG_UP = 3


class Queue(IntEnum):
    """Queues for deadlines, one of each for every cohort."""

    PATIENCE = 0
    HEADER = 1
    KEEPALIVE = 2
    CLOSED = 3
    BODY = 4
    LINGER = 5


LINE = 64
"""Bytes of a line of the processor's cache: what is fetched from memory at once."""


def _record(**fields: str) -> np.dtype[np.void]:
    return np.dtype(list(fields.items()), align=True)


def _lines(**fields: str) -> np.dtype[np.void]:
    """A record that takes whole lines, so that no other one lies in them."""
    plain: Any = _record(**fields)
    whole: Any = {
        "names": list(fields),
        "formats": list(fields.values()),
        "offsets": [plain.fields[name][1] for name in fields],
        "itemsize": -(-plain.itemsize // LINE) * LINE,
    }
    return np.dtype(whole, align=True)


# What runs change

CLIENT = _lines(
    # What a request needs of its client
    key="u8",
    start_ns="i8",  # the start that it waits for, or has come to
    pace="f8",
    binds="i4",  # where its row of `bind` begins, as it is now
    start="i4",  # how many starts came before
    wishes="i4",
    serials="i4",
    pauses="i4",
    opened="i4",
    idle="i4",  # connections that are free, the one freed last first; in HTTP/2 the trunk
    idle_serial="i4",  # that of the first of them, which may be another connection by now
    cohort="i2",
    left="i1",
    # What is needed less often
    ticket_ns="i8",  # when it got its last TLS ticket
    line_ns="i8",  # when its downlink is free
    scratch="i4",  # where its room in `scratch` begins: what its task needs, then its stops
    identity="i4",
    agent="i4",
    met="i4",  # the edge that it has a connection to
    refused="i4",  # sums, where there are no rows
    served="i4",
    open="i4",
)

CONNECTION = _lines(
    place="i8",
    ready_ns="i8",
    closed_ns="i8",
    opened_ns="i8",
    busy="i4",
    served="i4",
    holders="i4",
    waiting="i4",  # attempts that wait for it to stand: the first
    last_waiting="i4",
    cohort="i2",
    worker="i2",
    syns="i1",
    last="i1",
    hung_up="i1",
    greeted="i1",  # its hello came before it was accepted
    resting="i1",  # it is in the worker's list
    free="i1",  # it is in the client's list
    queued="i1",
    queue="i1",  # a Queue
    resumed="i1",  # its handshake takes up an earlier TLS session
    # What is needed less often
    deadline_ns="i8",
    linger_ns="i8",  # until when nginx lingers at the most
    held="i4",
    older="i4",  # in the worker's list of idle ones
    newer="i4",
    earlier="i4",  # in the queue for its deadline
    later="i4",
    previous="i4",  # in the client's list
    next="i4",  # there, or in the list of free slots
    blocked="i4",  # what a firewall does to its SYNs: a decision
    carried="i4",  # exchanges of which the client has not seen the end
    peer="i4",  # the number of the address that it comes from, where that counts
)

ATTEMPT = _lines(
    place="i8",
    sent_ns="i8",
    connection="i4",
    bound="i4",
    wish="i4",
    task="i4",  # what waits for it; of an edge's own attempt: the visitor's, for which it is made
    price="i4",  # the decision that is to be answered, or has been
    sight="i4",
    holders="i4",
    answered="i1",
    logged="i1",  # the decision has been carried out
    fresh="i1",
    reached="i1",
    over="i1",
    parked="i1",
    upstream="i1",
    job="i1",
    hold="i1",  # a Hold: its request never ends
    reused="i1",
    recorded="i1",
    queued="i1",
    at_edge="i1",  # it was sent to an edge
    own="i1",  # it is an edge's own
    again="i1",  # the edge has asked the server once more for it
    # What is needed less often
    deadline_ns="i8",
    resume_ns="i8",
    delay_ns="i8",
    bind="i4",
    wish_number="i4",
    node="i4",
    occupied="i4",  # the node that holds places of `limit_conn`
    earlier="i4",  # among those that may cost the client its patience
    later="i4",
    next_waiting="i4",
    next_job="i4",  # or in the list of free slots
    item="i2",
    number="i2",
    status="i2",
)

WISH = _lines(
    start_ns="i8",
    client="i4",
    number="i4",
    session="i4",
    attempts="i4",
    refusals="i4",
    rule="i4",
    failed="i4",
    under_way="i4",
    next="i4",
    single="i1",
    open="i1",
)

TASK = _record(
    turn_ns="i8",  # SLOW: the next turn that is free
    client="i4",
    parent="i4",
    wish="i4",
    ask="i4",
    item="i4",
    tries="i4",
    delayed="i4",
    at_once="i4",
    running="i4",  # lanes that have not ended
    cursor="i4",  # what its lanes take next
    count="i4",  # VISITOR: pages of the session, then resources of the page; SCANNER: words
    number="i4",  # VISITOR: the page of the session; SCANNER: the step of the examination
    pages="i4",
    page="i4",  # VISITOR: where the page stands in `pages`
    scratch="i8",  # VISITOR: where its resources are noted
    next="i4",
    program="i1",
    state="i1",
    failed="i1",
)

WORKER = _record(
    finish_ns="i8",
    asleep_since_ns="i8",
    shook_hands_ns="i8",
    waking_ns="i8",
    wake_ups="i8",
    then="i4",
    subject="i4",
    first="i4",  # attempts whose jobs wait
    last="i4",
    free="i4",
    reuse_at="i4",
    idle="i4",
    oldest="i4",
    newest="i4",
)

EVENT = _record(time_ns="i8", key="i8", subject="i8")

BUCKET = _record(newest="i4", fill="i4", count="i4")
"""Events of a span of time, in any order: ``newest`` is the chunk that is being filled, ``fill``
how many stand in it, ``count`` how many in all."""
CHUNK = 16
"""Events of a chunk; those of chunk ``n`` stand from ``n * CHUNK`` on."""

LANE = _record(time_ns="i8", key="i8", head="i8", tail="i8", mask="i8", first="i8")
"""``time_ns`` and ``key`` are those of its next event. ``head`` and ``tail`` only grow; where they
are in the ring is what ``mask`` leaves of them."""

QUEUE = _record(alarm_ns="i8", alarm_key="i8", first="i4", last="i4")
"""``alarm_ns`` and ``alarm_key`` are those of the event that is on the agenda for it."""

ANSWER_TOTALS = _record(requests="i8", bytes="i8", delay_ns="i8", latency_ns="i8")
"""One for each decision (three before the first: none at all, by the status that is logged all the
same), cohort and kind of sight."""

# What stays as it is

COHORT = _record(
    half_rtt_ns="i8",
    patience_ns="i8",
    header_timeout_ns="i8",
    body_timeout_ns="i8",
    linger_timeout_ns="i8",
    linger_time_ns="i8",
    keepalive_timeout_ns="i8",
    resumption_ns="i8",
    most_age_ns="i8",
    most_requests="i8",
    begin_ns="i8",
    end_ns="i8",
    pulse_ns="i8",
    pause_ns="i8",
    line_every_ns="i8",
    gap_ns="i8",  # between turns of a scanner, or of a slow client that opens connections
    every_ns="f8",
    flaw_share="f8",
    pages_mean="f8",
    think_mean_s="f8",
    think_cap_s="f8",
    ns_per_byte="f8",  # of a client's downlink
    port="i4",
    asks="i4",  # where its asks begin in `asks`: calls, or words
    ask_count="i4",
    lanes="i4",  # connections or threads
    resources="i4",  # the most that a page has
    first_page="i4",
    page_count="i4",
    block="i4",  # where its cells begin in `bind`
    width="i4",  # cells of `bind` for each agent of each address
    agents="i4",
    identities="i4",
    first_place="i4",  # where its addresses begin in `places`
    first_stop="i4",
    stop_count="i4",
    stop_room="i4",  # where in a client's scratch its stops are counted
    gateway="i4",  # which of an edge's gateways asks the server for it
    reach="i1",
    hold="i1",
    heeds="i1",
    rotates="i1",
    program="i1",
    arrivals="i1",
    keeps="i1",
    resumes="i1",
    http2="i1",
    tls="i1",  # of its connections to the server
    asks_tls="i1",  # of its requests
    listens="i1",
    resets="i1",
    in_turn="i1",
    flawed="i1",
    examines="i1",
    has_edge="i1",  # it meets a CDN in front of the server
)

PLACE = _record(address="i4", edge="i4")
"""An address that a client may have: its number, and the edge that it falls to."""

STOP = _record(share="f8", count="i4", after="i4", of="i1", in_a_row="i1")
"""A rule for leaving; ``count`` is 0 where it is by ``share``."""

PAGE = _record(ask="i4", first="i4", count="i4")
"""A page of a visitor: its document and where its resources begin in `resources`."""

NODE = _record(
    kind="i4", decision="i4", first="i4", uses="i4", count="i4", passed="i4", delayed="i4",
    dry_run="i4",
)  # fmt: skip
"""``first`` counts within the entries of a bound, ``uses`` in their table."""

USE = _record(burst="i8", delay="i8", rate="i8", zone="i8", rejected="i4")

DECISION = _record(
    most_requests="i8", most_age_ns="i8",
    fresh_ns="i8", kept_ns="i8", back_ns="i8", tls_ns="i8", bytes_sent="i8", cause="i4",
    status="i4", rule="i4", sight="i4", closing="i4", fail_500="i4", fail_502="i4", fail_504="i4",
    fail_500_http2="i4", fail_502_http2="i4", fail_504_http2="i4", refused="i1", proxied="i1",
    tls="i1", kept="i1", silent="i1", in_front="i1",
)  # fmt: skip

SIGHT = _record(
    retry_after_s="f8", actions="i8", status="i4", through="i4", kind="i1", kept="i1",
    asks_retry="i1", fine="i1", came="i1",
)  # fmt: skip
"""``actions`` is where the actions of all cohorts on it begin, for each cohort one for each class
of methods. ``through`` is what it looks like through the CDN."""

ACTION = _record(
    jitter="f8", shorten="f8", longest_retry_s="f8", slow_down="f8", speed_up="f8",
    delays="i8", stops="i8", delay_count="i4",
    resend_at_once="i4", resend_reused="i4", documents_only="i1", honour_retry_after="i1",
    only_with_header="i1", zero_is_none="i1", leave="i1", changes_agent="i1", changes_address="i1",
)  # fmt: skip
"""``stops`` has a bit for each rule of the cohort that counts the sight."""

# What is written

REQUEST_ROW = _record(**REQUESTS)
WISH_ROW = _record(**WISHES)

# The world: addresses of pools, and everything there is one of

POOLS: dict[str, np.dtype[np.generic]] = {
    "clients": CLIENT,
    "connections": CONNECTION,
    "attempts": ATTEMPT,
    "wishes": WISH,
    "tasks": TASK,
    "workers": WORKER,
    "events": EVENT,
    "buckets": BUCKET,
    "chunks": EVENT,
    "chunk_links": np.dtype("i4"),
    "rings": EVENT,
    "lanes": LANE,
    "queues": QUEUE,
    "winners": np.dtype("i4"),
    "answers": ANSWER_TOTALS,
    "cohorts": COHORT,
    "places": PLACE,
    "stops": STOP,
    "pages": PAGE,
    "nodes": NODE,
    "uses": USE,
    "bounds": np.dtype("i8"),  # of each plan: a HEAD, then the entries of its limits
    "decisions": DECISION,
    "sights": SIGHT,
    "actions": ACTION,
    "request_rows": REQUEST_ROW,
    "wish_rows": WISH_ROW,
    "zones": np.dtype("i8"),
    "entries": np.dtype("i8"),
    "delays": np.dtype("f8"),
    "bind": np.dtype("i4"),
    "asks": np.dtype("i4"),
    "resources": np.dtype("i4"),
    "scratch": np.dtype("i4"),
    "ports": np.dtype("i8"),
    "upstream_ns": np.dtype("i8"),
    "begins_ns": np.dtype("i8"),  # a ring: when the requests that wait will be begun
    "verdicts": np.dtype("i4"),  # of the firewall by number of the address: a decision, or none
    "due_ns": np.dtype("i8"),  # of its rate, likewise
    "cached_until_ns": np.dtype("i8"),  # of the edges' caches: for each edge and page
    "cached_sights": np.dtype("i4"),
    "cpu_ns": np.dtype("i8"),
    "cooling": np.dtype("i8"),
}
"""Every pool and the type of its records."""

ROOT_BITS, PAGE_BITS = 22, 18
"""The head of a bound: from the right the node at which its plan begins, the number of its page in
the caches of edges and one more (0: none), and the number of its shape."""

_COUNTERS = (
    "accepts", "handshakes", "resumptions", "blocked_connections", "bytes_out", "slots",
    "peak_slots", "connections_open", "peak_connections", "connection_ns", "refused_connections",
    "syn_retransmits", "header_timeouts", "body_timeouts", "reused_slots", "client_timeouts",
    "gateway_timeouts", "bad_gateways",
    "upstream_requests", "upstream_busy_ns", "upstream_wait_ns",
)  # fmt: skip
_SPARE = ("connections", "attempts", "wishes", "tasks")

WORLD = _record(
    now_ns="i8",
    stop_ns="i8",
    clock_offset_ns="i8",
    happened="i8",
    lane_count="i8",
    full_lane="i8",  # one that has no room left, or -1
    event_count="i8",
    event_room="i8",
    opened="i8",  # buckets before this one are in the heap
    opened_ns="i8",  # where it begins
    bucket_count="i8",
    bucket_shift="i8",  # a bucket is as long as two to that power, in nanoseconds
    looks_ahead="i8",
    chunks_free="i8",
    chunks_spare="i8",
    request_count="i8",
    request_room="i8",
    wish_count="i8",
    wish_room="i8",
    wanted="i8",  # Ending.BOUND: the attempt whose plan is not known
    margin="i8",
    client_count="i8",
    cohort_count="i8",
    worker_count="i8",
    backlog="i8",
    upstream_count="i8",
    upstream_timeout_ns="i8",
    upstream_fails="f8",
    queue_room="i8",  # requests that may wait for the upstream; -1: any number
    queue_head="i8",
    queue_tail="i8",
    uplink_ns_per_byte="f8",
    uplink_ns="i8",  # when the uplink is free
    firewall="i8",  # whether there is one
    rate_gap_ns="i8",  # of the firewall; 0: none
    rate_ahead_ns="i8",
    rate_over="i8",  # a decision
    first_gateway="i8",  # a client
    gateway_ports="i8",  # gateways of each edge
    edge_half_ns="i8",
    edges_try_again="i8",
    edges_keep_ns="i8",
    page_count="i8",  # pages that caches may keep
    wake_up="i8",  # where its price is in `cooling`
    handshake="i8",
    resumed="i8",
    refused_handshake="i8",
    accept_ns="i8",
    read_ns="i8",
    delay_ns="i8",
    service="i8",
    mean_ns="f8",
    median_ns="f8",
    sigma="f8",
    records="i8",
    **{f"{name}_free": "i8" for name in _SPARE},  # the first free slot
    **{f"{name}_spare": "i8" for name in _SPARE},  # how many are free
    **dict.fromkeys(_COUNTERS, "i8"),
    **dict.fromkeys(POOLS, "i8"),
)
CAUSES = len(Cause)


def unmet(records: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Records of clients that have not met the server, or anybody else."""
    records["pace"] = 1.0
    records["ticket_ns"] = NEVER
    records["idle"] = records["met"] = -1
    return records
