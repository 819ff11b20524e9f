"""The records of the compiled engine: what each thing is made of, in memory.

The names are those of the SimPy engine's classes; what they mean is said there. A slot is the
number of a record in its pool, -1 none. Times are nanoseconds, `NEVER` the time of what has not
happened.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from simkit.engine.run import REQUESTS, WISHES
from simkit.host.costs import Cause

__all__ = [
    "ACTION",
    "ANSWER_TOTALS",
    "ATTEMPT",
    "BOUND",
    "CLIENT",
    "CLIENT_TOTALS",
    "COHORT",
    "CONNECTION",
    "DECISION",
    "EVENT",
    "LANE",
    "NODE",
    "PAGE",
    "POOLS",
    "REQUEST_ROW",
    "SIGHT",
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
    "State",
    "Then",
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
    NOTHING = 9


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
    HEADER_TIMER = 4
    KEEPALIVE_TIMER = 5
    PATIENCE = 6


def _record(**fields: str) -> np.dtype[np.void]:
    return np.dtype(list(fields.items()), align=True)


# What runs change

CLIENT = _record(
    key="u8",
    start_ns="i8",  # the start that it waits for, or has come to
    pace="f8",
    binds="i8",  # where its row of `bind` begins
    scratch="i8",
    start="i4",  # how many starts came before
    cohort="i4",
    address="i4",
    wishes="i4",
    serials="i4",
    pauses="i4",
    opened="i4",
    idle="i4",  # connections that are free, the one freed last first
    trunk="i4",
    oldest="i4",  # attempts that nothing is known of yet, in order
    newest="i4",
    left="i1",
    timer_set="i1",
)

CONNECTION = _record(
    place="i8",
    ready_ns="i8",
    opened_ns="i8",
    closed_ns="i8",
    deadline_ns="i8",
    timer_ns="i8",
    client="i4",
    cohort="i4",
    busy="i4",
    served="i4",
    syns="i4",
    worker="i4",
    waiting="i4",  # attempts that wait for it to stand: the first
    last_waiting="i4",
    held="i4",
    older="i4",  # in the worker's list of idle ones
    newer="i4",
    next="i4",  # in the client's list, or in that of free slots
    holders="i4",
    last="i1",
    hung_up="i1",
    greeted="i1",  # its hello came before it was accepted
    resting="i1",  # it is in the worker's list
)

ATTEMPT = _record(
    place="i8",
    sent_ns="i8",
    deadline_ns="i8",
    resume_ns="i8",
    delay_ns="i8",
    bytes_sent="i8",
    bind="i8",
    client="i4",
    connection="i4",
    wish="i4",
    task="i4",
    bound="i4",
    wish_number="i4",
    item="i4",
    number="i4",
    status="i4",
    decision="i4",
    price="i4",  # the decision that is to be answered
    node="i4",
    occupied="i4",  # the node that holds places of `limit_conn`
    sight="i4",
    older="i4",
    newer="i4",
    next_waiting="i4",
    next_job="i4",  # or in the list of free slots
    holders="i4",
    job="i1",
    holds="i1",  # its header never ends
    fresh="i1",
    reached="i1",
    over="i1",
    parked="i1",
    upstream="i1",
    answered="i1",
    reused="i1",
    recorded="i1",
)

WISH = _record(
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

LANE = _record(time_ns="i8", key="i8", head="i8", tail="i8", mask="i8", first="i8")
"""``time_ns`` and ``key`` are those of its next event. ``head`` and ``tail`` only grow; where they
are in the ring is what ``mask`` leaves of them."""

CLIENT_TOTALS = _record(requests="i8", refused="i8", wishes="i8", served="i8", open="i8")

ANSWER_TOTALS = _record(requests="i8", bytes="i8", delay_ns="i8", latency_ns="i8")
"""One for each decision (three before the first: none at all, by the status that is logged all the
same), cohort and kind of sight."""

# What stays as it is

COHORT = _record(
    half_rtt_ns="i8",
    patience_ns="i8",
    header_timeout_ns="i8",
    keepalive_timeout_ns="i8",
    most_age_ns="i8",
    most_requests="i8",
    begin_ns="i8",
    end_ns="i8",
    line_every_ns="i8",
    open_gap_ns="i8",
    every_ns="f8",
    flaw_share="f8",
    pages_mean="f8",
    think_mean_s="f8",
    think_cap_s="f8",
    until_s="f8",
    port="i4",
    asks="i4",  # where its asks begin in `asks`: calls, or words
    ask_count="i4",
    lanes="i4",  # connections or threads
    resources="i4",  # the most that a page has
    first_page="i4",
    page_count="i4",
    program="i1",
    arrivals="i1",
    keeps="i1",
    http2="i1",
    tls="i1",
    listens="i1",
    resets="i1",
    in_turn="i1",
    flawed="i1",
)

PAGE = _record(ask="i4", first="i4", count="i4")
"""A page of a visitor: its document and where its resources begin in `resources`."""

NODE = _record(
    kind="i4", decision="i4", first="i4", uses="i4", count="i4", passed="i4", delayed="i4",
    dry_run="i4",
)  # fmt: skip
"""``first`` counts within the entries of a bound, ``uses`` in their table."""

USE = _record(burst="i8", delay="i8", rate="i8", zone="i8", rejected="i4")

BOUND = _record(entries="i8", root="i4", shape="i4")

DECISION = _record(
    most_requests="i8", most_age_ns="i8",
    fresh_ns="i8", kept_ns="i8", back_ns="i8", tls_ns="i8", bytes_sent="i8", cause="i4",
    status="i4", rule="i4", sight="i4", closing="i4", fail_500="i4", fail_504="i4",
    fail_500_http2="i4", fail_504_http2="i4", refused="i1", proxied="i1", tls="i1", kept="i1",
)  # fmt: skip

SIGHT = _record(
    retry_after_s="f8", actions="i8", status="i4", kind="i1", kept="i1", asks_retry="i1"
)
"""``actions`` is where the actions of all cohorts on it begin, two for each cohort: one for
methods that are idempotent, one for others."""

ACTION = _record(
    jitter="f8", slow_down="f8", delays="i8", delay_count="i4", resend_at_once="i4",
    resend_reused="i4", documents_only="i1", honour_retry_after="i1", only_with_header="i1",
    leave="i1",
)  # fmt: skip

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
    "rings": EVENT,
    "lanes": LANE,
    "winners": np.dtype("i4"),
    "totals": CLIENT_TOTALS,
    "answers": ANSWER_TOTALS,
    "cohorts": COHORT,
    "pages": PAGE,
    "nodes": NODE,
    "uses": USE,
    "bounds": BOUND,
    "decisions": DECISION,
    "sights": SIGHT,
    "actions": ACTION,
    "request_rows": REQUEST_ROW,
    "wish_rows": WISH_ROW,
    "zones": np.dtype("i8"),
    "entries": np.dtype("i8"),
    "bound_entries": np.dtype("i8"),
    "delays": np.dtype("f8"),
    "bind": np.dtype("i4"),
    "asks": np.dtype("i4"),
    "resources": np.dtype("i4"),
    "scratch": np.dtype("i4"),
    "ports": np.dtype("i8"),
    "upstream_ns": np.dtype("i8"),
    "cpu_ns": np.dtype("i8"),
    "cooling": np.dtype("i8"),
}
"""Every pool and the type of its records."""

_COUNTERS = (
    "accepts", "handshakes", "bytes_out", "slots", "peak_slots", "connections_open",
    "peak_connections", "connection_ns", "refused_connections", "syn_retransmits",
    "header_timeouts", "reused_slots", "client_timeouts", "gateway_timeouts",
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
    wake_up="i8",  # where its price is in `cooling`
    handshake="i8",
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
