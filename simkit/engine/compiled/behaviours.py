"""`simkit.engine.behaviours` for compiled code: generators turned into tasks with a state.

A task is what is a process there: a behaviour, or a lane of one. What it waits for is its `State`;
`wakes` and `seen` take it on. Only a flood has none, for it waits for nothing but its next start.
"""

from __future__ import annotations

from typing import Any

from simkit.draws import Purpose
from simkit.engine.compiled.chances import exponential, geometric, integer, uniform
from simkit.engine.compiled.clients import (
    action_at,
    begin,
    change,
    end,
    has_done_with,
    send,
    starts_as_somebody_else,
    wake,
)
from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.layout import PAGE, Program, State
from simkit.engine.compiled.memory import floats_at, record_at, small_ints_at
from simkit.engine.compiled.pools import (
    NONE,
    attempt_at,
    client_at,
    cohort_at,
    drop_task,
    sight_at,
    take_task,
    task_at,
    wish_at,
)
from simkit.engine.compiled.starts import first_start, next_start
from simkit.traffic.arrivals import LONGEST_NS
from simkit.traffic.part import NS_PER_S
from simkit.traffic.reactions import SLOWEST
from simkit.wire import SightKind

_CHOICE, _LENGTH = int(Purpose.CHOICE), int(Purpose.LENGTH)
_THINK, _BACKOFF_DRAW = int(Purpose.THINK), int(Purpose.BACKOFF)
_NOT_FOUND = 404
HTTP = int(SightKind.HTTP)

_VISITOR, _CALLER = int(Program.VISITOR), int(Program.CALLER)
_SCANNER, _FLOOD, _SLOW = int(Program.SCANNER), int(Program.FLOOD), int(Program.SLOW)
_LOAD_LANE, _SCAN_LANE = int(Program.LOAD_LANE), int(Program.SCAN_LANE)
_HOLD_LANE = int(Program.HOLD_LANE)
_START, _ATTEMPT, _BACKOFF = int(State.START), int(State.ATTEMPT), int(State.BACKOFF)
_THINKING, _LANES, _TURN = int(State.THINK), int(State.LANES), int(State.TURN)

FRONT, ABSENT, FIRST_WORD = 0, 1, 2
"""What a scanner asks for, by number: the front page, what cannot exist, its words."""

# Every client


@compiled
def set_out(w: Any, slot: int) -> None:
    """A client begins."""
    client = client_at(w, slot)
    cohort = cohort_at(w, client.cohort)
    if not first_start(client, cohort):
        return
    if cohort.program == _FLOOD:
        wake(w, slot, client.start_ns, -1 - slot)
        return
    task = take_task(w, slot, cohort.program, NONE)
    task_at(w, task).scratch = client.scratch
    _pause(w, task, _START, client.start_ns)


@compiled
def _pause(w: Any, slot: int, state: int, time_ns: int) -> None:
    """The task waits until that time."""
    task = task_at(w, slot)
    task.state = state
    wake(w, task.client, time_ns, slot)


@compiled
def _start_again(w: Any, slot: int) -> None:
    """The task waits for its client's next start, or ends."""
    task = task_at(w, slot)
    client = client_at(w, task.client)
    if next_start(client, cohort_at(w, client.cohort), w.now_ns):
        starts_as_somebody_else(w, task.client)
        _pause(w, slot, _START, client.start_ns)
    else:
        drop_task(w, slot)


@compiled
def _go_on_unless_left(w: Any, slot: int) -> None:
    if client_at(w, task_at(w, slot).client).left:
        drop_task(w, slot)
    else:
        _start_again(w, slot)


# Floods


@compiled
def flood(w: Any, slot: int) -> None:
    """One more request that waits for no answer."""
    client = client_at(w, slot)
    if client.left:
        return
    cohort = cohort_at(w, client.cohort)
    wish = begin(w, slot, 1)
    ask = 0 if cohort.ask_count == 1 else _choice(w, wish, cohort.ask_count)
    send(w, NONE, wish, ask, 0, 0, 0)
    if next_start(client, cohort, 0):
        starts_as_somebody_else(w, slot)
        wake(w, slot, client.start_ns, -1 - slot)


@compiled
def _choice(w: Any, wish_slot: int, count: int) -> int:
    wish = wish_at(w, wish_slot)
    return integer(count, uniform(client_at(w, wish.client).key, _CHOICE, wish.number, 0))


# A part of a wish, until it comes or the reactions have nothing more to say


@compiled
def _fulfil(w: Any, slot: int, wish: int, ask: int, item: int) -> None:
    task = task_at(w, slot)
    task.wish, task.ask, task.item = wish, ask, item
    task.tries = task.delayed = task.at_once = 0
    task.failed = 0
    _try(w, slot)


@compiled
def _try(w: Any, slot: int) -> None:
    task = task_at(w, slot)
    task.state = _ATTEMPT
    number = task.tries
    task.tries = number + 1
    send(w, slot, task.wish, task.ask, task.item, number, 0)


@compiled
def seen(w: Any, slot: int, attempt: int) -> None:
    """The task sees the end of its attempt."""
    task = task_at(w, slot)
    if task.program == _HOLD_LANE:
        _held(w, slot, attempt)
        return
    a = attempt_at(w, attempt)
    client = client_at(w, task.client)
    sight = sight_at(w, a.sight)
    methods = small_ints_at(w.asks)[_first_ask(w, client) + task.ask]
    action = _react(w, task.client, sight, methods)
    if sight.fine or not _tries_again(w, slot, a, sight, action):
        has_done_with(w, task.client, a)
        _fulfilled(w, slot, attempt, sight.fine != 0)


@compiled
def _first_ask(w: Any, client: Any) -> int:
    return int(cohort_at(w, client.cohort).asks)


@compiled
def _react(w: Any, client_slot: int, sight: Any, methods: int) -> Any:
    """What the cohort's reactions say to a sight; as far as it does not wait, it is done."""
    client = client_at(w, client_slot)
    action = action_at(w, client, sight, methods)
    client.pace = min(max(1.0, client.pace * action.slow_down / action.speed_up), SLOWEST)
    client.left = client.left or action.leave
    if action.changes_agent or action.changes_address:
        change(w, client_slot, action.changes_agent, action.changes_address)
    return action


@compiled
def _tries_again(w: Any, slot: int, a: Any, sight: Any, action: Any) -> bool:
    """Whether the reactions have the task try again, now or later."""
    task = task_at(w, slot)
    spare = task.at_once < action.resend_at_once and not (action.documents_only and task.item)
    if spare or (a.reused and task.at_once < action.resend_reused):
        task.at_once += 1
        _try(w, slot)
        return True
    client = client_at(w, task.client)
    delay_s = _delay_s(w, task, a, client, sight, action)
    if delay_s < 0 or client.left:
        return False
    task.delayed += 1
    task.at_once = 0
    _pause(w, slot, _BACKOFF, w.now_ns + int(delay_s * NS_PER_S))
    return True


@compiled
def _delay_s(w: Any, task: Any, a: Any, client: Any, sight: Any, action: Any) -> float:
    """The seconds before the next try; negative: there is none."""
    if task.delayed >= action.delay_count or (action.documents_only and task.item):
        return -1.0
    asked = sight.asks_retry and not (action.zero_is_none and sight.retry_after_s == 0.0)
    if not asked and action.only_with_header:
        return -1.0
    if asked and action.longest_retry_s >= 0.0 and sight.retry_after_s > action.longest_retry_s:
        return -1.0
    if asked and action.honour_retry_after:
        return float(sight.retry_after_s)
    delay_s = floats_at(w.delays)[action.delays + task.delayed]
    if action.jitter == 0.0 and action.shorten == 0.0:
        return delay_s
    u = uniform(client.key, _BACKOFF_DRAW, a.wish_number, a.item << 16 | a.number)
    return delay_s * (1.0 + action.jitter * u - action.shorten * u)


@compiled
def _fulfilled(w: Any, slot: int, attempt: int, fine: bool) -> None:
    program = task_at(w, slot).program
    if program == _VISITOR:
        _document_came(w, slot, fine)
    elif program == _LOAD_LANE:
        _resource_came(w, slot, fine)
    elif program == _SCAN_LANE:
        end(w, task_at(w, slot).wish, 0)
        _scan_next(w, slot)
    elif program == _SCANNER:
        _examined(w, slot, attempt)
    else:
        end(w, task_at(w, slot).wish, 0)
        if program == _CALLER:
            _go_on_unless_left(w, slot)
        else:
            _start_again(w, slot)


# What a task does when a pause is over


@compiled
def wakes(w: Any, slot: int) -> None:
    """The pause of a task is over."""
    task = task_at(w, slot)
    state = task.state
    if state == _START:
        _starts(w, slot)
    elif state == _BACKOFF:
        _try(w, slot)
    elif state == _THINKING:
        _begin_page(w, slot)
    elif state == _TURN:
        _takes_turn(w, slot)
    elif task.program == _VISITOR:
        _page_is_over(w, slot)
    elif task.program == _SCANNER:
        _go_on_unless_left(w, slot)
    else:
        _start_again(w, slot)


@compiled
def _takes_turn(w: Any, slot: int) -> None:
    lane = task_at(w, slot)
    if lane.program == _HOLD_LANE:
        _open_and_hold(w, slot)
    else:
        _fulfil(w, slot, begin(w, lane.client, 0), lane.ask, 0)


@compiled
def _turn_ns(w: Any, task: Any, gap_ns: int, pace: float) -> int:
    """`simkit.engine.behaviours.Pacer`, which the task is: the time of its next turn."""
    turn_ns = max(w.now_ns, task.turn_ns)
    task.turn_ns = turn_ns + int(min(gap_ns * pace, LONGEST_NS))
    return turn_ns


@compiled
def _starts(w: Any, slot: int) -> None:
    task = task_at(w, slot)
    if task.program == _VISITOR:
        _begin_session(w, slot)
    elif task.program == _SCANNER:
        if cohort_at(w, client_at(w, task.client).cohort).examines:
            task.number = FRONT
            _fulfil(w, slot, begin(w, task.client, 0), FRONT, 0)
        else:
            _scan_all(w, slot)
    elif task.program == _SLOW:
        _start_lanes(w, slot, _HOLD_LANE, cohort_at(w, client_at(w, task.client).cohort).lanes)
    else:
        _call(w, slot)


@compiled
def _call(w: Any, slot: int) -> None:
    """A caller, or a probe."""
    task = task_at(w, slot)
    client = client_at(w, task.client)
    cohort = cohort_at(w, client.cohort)
    wish = begin(w, task.client, 0)
    count = cohort.ask_count
    ask = client.start % count if cohort.in_turn else _choice(w, wish, count)
    _fulfil(w, slot, wish, ask, 0)


# Lanes: tasks of a task


@compiled
def _start_lanes(w: Any, slot: int, program: int, count: int) -> None:
    task = task_at(w, slot)
    task.state = _LANES
    task.running = count
    if count == 0:
        wake(w, task.client, w.now_ns, slot)
    for _ in range(count):
        lane = take_task(w, task.client, program, slot)
        task_at(w, lane).wish = task.wish
        if program == _LOAD_LANE:
            _load_next(w, lane)
        elif program == _SCAN_LANE:
            _scan_next(w, lane)
        else:
            _hold_next(w, lane)


@compiled
def _lane_ends(w: Any, slot: int) -> None:
    parent_slot = task_at(w, slot).parent
    parent = task_at(w, parent_slot)
    parent.running -= 1
    if parent.running == 0:
        wake(w, parent.client, w.now_ns, parent_slot)
    drop_task(w, slot)


# Visitors. In a visitor's scratch stand the items that the page still needs, and a bit for each
# ask that the session has loaded.


@compiled
def _begin_session(w: Any, slot: int) -> None:
    task = task_at(w, slot)
    client = client_at(w, task.client)
    cohort = cohort_at(w, client.cohort)
    task.pages = geometric(cohort.pages_mean, uniform(client.key, _LENGTH, client.start, 0))
    task.number = 0
    scratch = small_ints_at(w.scratch)
    first = task.scratch + cohort.resources
    for word in range((cohort.ask_count + 31) // 32):
        scratch[first + word] = 0
    _begin_page(w, slot)


@compiled
def _page(w: Any, task: Any) -> Any:
    return record_at(w.pages, task.page, PAGE)


@compiled
def _begin_page(w: Any, slot: int) -> None:
    task = task_at(w, slot)
    cohort = cohort_at(w, client_at(w, task.client).cohort)
    wish = begin(w, task.client, 0)
    chosen = 0 if task.number == 0 else _choice(w, wish, cohort.page_count)
    task.page = cohort.first_page + chosen
    _fulfil(w, slot, wish, _page(w, task).ask, 0)


@compiled
def _document_came(w: Any, slot: int, fine: bool) -> None:
    if not fine:
        _page_is_over(w, slot)
        return
    task = task_at(w, slot)
    cohort = cohort_at(w, client_at(w, task.client).cohort)
    page = _page(w, task)
    resources, scratch = small_ints_at(w.resources), small_ints_at(w.scratch)
    loaded = task.scratch + cohort.resources
    task.cursor = task.count = 0
    for i in range(page.count):
        ask = resources[page.first + i]
        if not scratch[loaded + ask // 32] >> (ask % 32) & 1:
            scratch[task.scratch + task.count] = i + 1
            task.count += 1
    lanes = task.count if cohort.http2 else min(cohort.lanes, task.count)
    _start_lanes(w, slot, _LOAD_LANE, lanes)


@compiled
def _load_next(w: Any, slot: int) -> None:
    lane = task_at(w, slot)
    page_task = task_at(w, lane.parent)
    if page_task.cursor >= page_task.count:
        _lane_ends(w, slot)
        return
    item = small_ints_at(w.scratch)[page_task.scratch + page_task.cursor]
    page_task.cursor += 1
    ask = small_ints_at(w.resources)[_page(w, page_task).first + item - 1]
    _fulfil(w, slot, page_task.wish, ask, item)


@compiled
def _resource_came(w: Any, slot: int, fine: bool) -> None:
    lane = task_at(w, slot)
    if fine:
        page_task = task_at(w, lane.parent)
        cohort = cohort_at(w, client_at(w, lane.client).cohort)
        scratch = small_ints_at(w.scratch)
        scratch[page_task.scratch + cohort.resources + lane.ask // 32] |= 1 << (lane.ask % 32)
    _load_next(w, slot)


@compiled
def _page_is_over(w: Any, slot: int) -> None:
    task = task_at(w, slot)
    client = client_at(w, task.client)
    number = wish_at(w, task.wish).number
    end(w, task.wish, 0)
    if client.left or task.number == task.pages - 1:
        _go_on_unless_left(w, slot)
        return
    cohort = cohort_at(w, client.cohort)
    think_s = exponential(cohort.think_mean_s, uniform(client.key, _THINK, number, 0))
    task.number += 1
    think_ns = int(min(think_s, cohort.think_cap_s) * NS_PER_S)
    _pause(w, slot, _THINKING, w.now_ns + think_ns)


# Scanners


@compiled
def _examined(w: Any, slot: int, attempt: int) -> None:
    """Whether something answers, and tells what exists from what does not."""
    task = task_at(w, slot)
    sight = sight_at(w, attempt_at(w, attempt).sight)
    end(w, task.wish, 0)
    if task.number == FRONT and sight.kind == HTTP:
        task.number = ABSENT
        _fulfil(w, slot, begin(w, task.client, 0), ABSENT, 0)
    elif task.number == ABSENT and sight.kind == HTTP and sight.status == _NOT_FOUND:
        _scan_all(w, slot)
    else:
        _go_on_unless_left(w, slot)


@compiled
def _scan_all(w: Any, slot: int) -> None:
    task = task_at(w, slot)
    cohort = cohort_at(w, client_at(w, task.client).cohort)
    task.cursor, task.count = 0, cohort.ask_count - FIRST_WORD
    _start_lanes(w, slot, _SCAN_LANE, cohort.lanes)


@compiled
def _scan_next(w: Any, slot: int) -> None:
    lane = task_at(w, slot)
    scanner = task_at(w, lane.parent)
    client = client_at(w, lane.client)
    if scanner.cursor >= scanner.count or client.left:
        _lane_ends(w, slot)
        return
    word = FIRST_WORD + scanner.cursor
    scanner.cursor += 1
    gap_ns = cohort_at(w, client.cohort).gap_ns
    if gap_ns:
        lane.ask = word
        _pause(w, slot, _TURN, _turn_ns(w, scanner, gap_ns, client.pace))
    else:
        _fulfil(w, slot, begin(w, lane.client, 0), word, 0)


# Slow clients


@compiled
def _hold_next(w: Any, slot: int) -> None:
    lane = task_at(w, slot)
    client = client_at(w, lane.client)
    cohort = cohort_at(w, client.cohort)
    if w.now_ns >= cohort.end_ns or client.left:
        _lane_ends(w, slot)
        return
    _pause(w, slot, _TURN, _turn_ns(w, task_at(w, lane.parent), cohort.gap_ns, 1.0))


@compiled
def _open_and_hold(w: Any, slot: int) -> None:
    lane = task_at(w, slot)
    lane.state = _ATTEMPT
    lane.failed = 0
    lane.wish = begin(w, lane.client, 0)
    lane.ask = 0
    send(w, slot, lane.wish, 0, 0, 0, cohort_at(w, client_at(w, lane.client).cohort).hold)


@compiled
def _held(w: Any, slot: int, attempt: int) -> None:
    lane = task_at(w, slot)
    end(w, lane.wish, 0)
    client = client_at(w, lane.client)
    methods = small_ints_at(w.asks)[_first_ask(w, client)]
    _react(w, lane.client, sight_at(w, attempt_at(w, attempt).sight), methods)
    _hold_next(w, slot)
