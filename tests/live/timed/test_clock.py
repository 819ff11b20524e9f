"""nginx's clock from what can be captured of it, where the clock is made up and so is known."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from simkit.live.timed.clock import Seen, clock_ms, clock_offset_ns

MS = 1_000_000
DAY_NS = 86_400 * 1000 * MS


def seen(read_ns: int, accepted_ns: int, offset_ns: int, *, connection: int = 1) -> Seen:
    """A request at which nginx read its clocks at that moment, the client just around it."""
    return Seen(
        connection,
        wall_ms=(read_ns + offset_ns) // MS,
        connection_ms=read_ns // MS - accepted_ns // MS,
        sent_ns=read_ns - 20_000,
        answered_ns=read_ns + 30_000,
    )


def test_on_one_connection_differences_are_exact_whatever_else_is_known() -> None:
    reads = [DAY_NS + n * 777_777 for n in range(100)]
    blind = [
        replace(seen(r, DAY_NS, 123_456_789), sent_ns=0, answered_ns=2 * DAY_NS) for r in reads
    ]
    found, _ = clock_ms(blind, 123_456_789)
    true_ms = [r // MS for r in reads]
    assert [at - found[0] for at in found] == [at - true_ms[0] for at in true_ms]


@given(
    st.lists(st.integers(0, 3 * MS), min_size=1, max_size=30),
    st.integers(0, 10**18),
    st.integers(1, 5),
)
def test_what_is_not_doubtful_is_exact(gaps: list[int], offset_ns: int, lines: int) -> None:
    reads, now = [], DAY_NS
    for gap in gaps:
        now += gap
        reads.append(now)
    rows = [seen(r, DAY_NS, offset_ns, connection=n % lines) for n, r in enumerate(reads)]
    found, doubtful = clock_ms(rows, offset_ns)
    wrong = [abs(at - r // MS) for at, r in zip(found, reads, strict=True) if at != r // MS]
    assert len(wrong) <= doubtful
    assert all(by == 1 for by in wrong)


def test_the_wall_clock_alone_leaves_two_milliseconds() -> None:
    one = replace(seen(DAY_NS + 600_000, DAY_NS, 500_000), sent_ns=0, answered_ns=2 * DAY_NS)
    [_], doubtful = clock_ms([one], 500_000)
    assert doubtful == 1


def test_a_later_answer_settles_an_earlier_request() -> None:
    # The client was late in reading the first answer; the second says when it must have been.
    offset_ns = 500_000
    first = seen(DAY_NS + 900_000, DAY_NS, offset_ns)
    late = replace(first, answered_ns=DAY_NS + 1_500_000)
    second = seen(DAY_NS + 950_000, DAY_NS, offset_ns, connection=2)
    assert clock_ms([late], offset_ns)[1] == 1
    assert clock_ms([late, second], offset_ns) == ([DAY_NS // MS] * 2, 0)


def test_the_clocks_of_this_machine_are_as_far_apart_twice() -> None:
    assert abs(clock_offset_ns() - clock_offset_ns()) < 1000 * MS
