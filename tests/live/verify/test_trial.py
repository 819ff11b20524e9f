"""Cases of every manner on a live nginx, and the same in the simulation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simkit.live import LiveNginx
from simkit.live.verify import Case, Manner, Request, Result, Trial
from simkit.live.verify.site import TrialSite, UpstreamPages, files_for
from simkit.live.verify.trial import RATE
from simkit.policy import load_policy
from simkit.policy.reader import read
from simkit.wire import address

MADE = Path(__file__).parent / "made.conf"
HOST, AGENT = "Host: made.example", "User-Agent: test"


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    files = files_for(read(MADE))
    with LiveNginx(MADE, site=UpstreamPages(), files=files, rate=RATE) as nginx:
        yield Trial(load_policy(MADE), TrialSite(nginx.folder, MADE.parent), nginx)


def asking(line: str, *headers: str, body_bytes: int = 0) -> Request:
    return Request((line, HOST, AGENT, *headers), body_bytes)


def play(trial: Trial, *requests: Request, who: str, manner: Manner = Manner.KEPT) -> list[Result]:
    case = Case(1, requests, 8080, address=address(who), manner=manner)
    return agreed(trial.play(case))


def agreed(results: Iterator[Result]) -> list[Result]:
    found = list(results)
    assert not [str(d) for r in found for d in r.differences]
    return found


def test_files_application_and_refusals(trial: Trial) -> None:
    lines = ("GET /a.txt", "GET /sub/", "GET /sub", "GET /none", "GET /admin/", "GET /dyn/missing",
             "POST /x/12.php", "GET /x/x.php", "PURGE /dyn/x", "HEAD /often")  # fmt: skip
    found = [
        play(trial, asking(f"{line} HTTP/1.1"), who=f"198.18.1.{n}")[0].actual.logged
        for n, line in enumerate(lines)
    ]
    assert found == [200, 200, 301, 404, 403, 404, 200, 404, 200, 200]


def test_the_configured_port_is_what_the_rules_see(trial: Trial) -> None:
    [seen] = play(trial, asking("GET /a.txt HTTP/1.1"), who="198.18.2.1")
    assert ("x-where", "here 8080") in seen.actual.headers


def test_one_after_the_other_until_one_is_not_kept(trial: Trial) -> None:
    one, last = asking("GET /a.txt HTTP/1.1"), asking("GET /a.txt HTTP/1.1", "Connection: close")
    assert [r.actual.kept for r in play(trial, one, last, one, who="198.18.3.1")] == [True, False]


def test_in_one_piece_until_one_is_silent(trial: Trial) -> None:
    one, bot = asking("GET /a.txt HTTP/1.1"), Request(("GET / HTTP/1.1", HOST))
    found = play(trial, one, one, bot, one, who="198.18.4.1", manner=Manner.PIPELINED)
    assert [r.actual.kind for r in found] == ["HTTP", "HTTP", "EMPTY"]
    assert [r.actual.logged for r in found] == [200, 200, 444]


def test_too_many_for_a_limit(trial: Trial) -> None:
    requests = (asking("GET /often HTTP/1.1"),) * 5
    found = play(trial, *requests, who="198.18.5.1", manner=Manner.APART)
    assert [r.actual.limit_req for r in found] == ["PASSED"] * 3 + ["REJECTED"] * 2
    assert [r.actual.logged for r in found] == [200] * 3 + [503] * 2


def test_who_is_delayed_for_long_is_seen_to_wait(trial: Trial) -> None:
    one = asking("GET /slowly HTTP/1.1")
    assert [r.actual.limit_req for r in play(trial, one, who="198.18.6.1")] == ["PASSED"]
    [waiting] = play(trial, one, who="198.18.6.1")
    assert (waiting.actual.kind, waiting.actual.logged) == ("NO_ANSWER", 499)
    assert waiting.actual.limit_req == "DELAYED"


def test_connections_that_wait_for_their_bodies_are_counted_at_once(trial: Trial) -> None:
    one = asking("POST /held HTTP/1.1", "Content-Length: 5", body_bytes=5)
    found = play(trial, one, one, one, who="198.18.7.1", manner=Manner.HELD)
    said = {r.index: (r.actual.logged, r.actual.limit_conn) for r in found}
    assert said == {0: (200, "PASSED"), 1: (200, "PASSED"), 2: (429, "REJECTED")}
    [after] = play(trial, one, who="198.18.7.1")
    assert after.actual.limit_conn == "PASSED"


def test_a_client_over_ipv6_and_one_that_names_no_address(trial: Trial) -> None:
    who = address("2001:db8:bad::7")
    case = Case(1, (asking("GET /a.txt HTTP/1.1"),), 8080, ipv6=True, address=who)
    [far] = agreed(trial.play(case))
    assert (far.client, far.actual.logged) == (who, 403)
    [here] = agreed(trial.play(Case(1, (asking("GET /a.txt HTTP/1.1"),), 8080)))
    assert str(here.client) == "127.0.0.1"


def test_a_body_that_is_left_unread_turns_silence_into_a_reset(trial: Trial) -> None:
    big = Request(("POST / HTTP/1.1", HOST, "Content-Length: 20000"), 20_000)
    small = Request(("POST / HTTP/1.1", HOST, "Content-Length: 20"), 20)
    assert [r.actual.kind for r in play(trial, big, who="198.18.8.1")] == ["RESET"]
    assert [r.actual.kind for r in play(trial, small, who="198.18.8.2")] == ["EMPTY"]
