"""What nginx's error log says about a trace, read back."""

from __future__ import annotations

from simkit.live.clocks import ENDED, TAKEN_UP
from simkit.live.timed.capture import Ended, TakenUp, noted

AT = "2026/01/02 03:04:05 [notice] 12#12:"
WHO = 'client: 192.0.2.1, server: site.example, request: "GET / HTTP/1.1", host: "site.example"'


def begun(connection: int, turn: int, wall: str, time: str) -> str:
    """The line for a request that is taken up."""
    values = f"{connection} {turn} {wall} {time}"
    return f'{AT} *{connection} "{TAKEN_UP}" does not match "{values}", {WHO}'


def test_beginnings_and_ends_are_in_the_order_of_the_log() -> None:
    lines = [
        begun(5, 1, "1700000000.001", "0.000"),
        begun(6, 1, "1700000000.002", "0.001"),
        f"{ENDED} 6 1 1700000000.002",
        f"{ENDED} 5 1 1700000000.103",
        begun(5, 2, "1700000000.110", "0.110"),
    ]
    assert noted("\n".join(lines)) == [
        TakenUp(5, 1, 1_700_000_000_001, 0),
        TakenUp(6, 1, 1_700_000_000_002, 1),
        Ended(6, 1, 1_700_000_000_002),
        Ended(5, 1, 1_700_000_000_103),
        TakenUp(5, 2, 1_700_000_000_110, 110),
    ]


def test_a_redirect_inside_nginx_is_no_second_request() -> None:
    line = begun(5, 1, "1700000000.001", "0.000")
    assert len(noted(f"{line}\n{line}\n")) == 1


def test_the_excess_belongs_to_the_request_that_is_under_way() -> None:
    lines = [
        begun(5, 1, "1700000000.001", "0.000"),
        begun(6, 1, "1700000000.001", "0.000"),
        f'{AT} *5 delaying request, excess: 0.984, by zone "one", {WHO}',
        f'{AT} *6 limiting requests, dry run, excess: 12.005 by zone "one", {WHO}',
        begun(6, 2, "1700000000.003", "0.002"),
        f'{AT} *6 limiting requests, excess: 5.500 by zone "one", {WHO}',
    ]
    found = noted("\n".join(lines))
    assert [one.excess for one in found if isinstance(one, TakenUp)] == [984, 12005, 5500]


def test_other_lines_are_passed_over() -> None:
    lines = (
        f'{AT} *5 "^/a" does not match "5 1 1700000000.001 0.000", {WHO}',
        f'{AT} *5 "{TAKEN_UP}" does not match "6 1 1700000000.001 0.000", {WHO}',
        f'{AT} *7 limiting requests, excess: 5.500 by zone "one", {WHO}',
        f"{AT} {ENDED} 6 1 1700000000.002",
    )
    assert noted("\n".join(lines)) == []
