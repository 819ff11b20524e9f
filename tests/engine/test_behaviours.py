"""What clients do: the measured hits of facts about real ones, and the rules of each kind."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from simkit.engine import Behaviour, Client, fulfil
from simkit.errors import InputError
from simkit.wire import SightKind
from tests.engine.crowds import S, caller, cohort, column, policy, run, world

POST = '[{ path = "/plain", method = "POST", body_bytes = 10 }]'
RETRY_AFTER = "add_header Retry-After 3 always; return 429;"
PAGE: dict[str, Any] = {"pages": '["/"]', "pages_mean": 1, "client": '"chromium"'}


def hits(folder: Path, server: str, clients: str, within_s: float = 98) -> int:
    found = run(world(folder, clients, length_s=within_s), policy(folder, server=server))
    return len(column(found, "status"))


@pytest.mark.parametrize(
    ("server", "version", "within_s", "expected"),
    [
        ("return 444;", "HTTP/1.1", 97.5, 15),  # measured: 10 to 15 hits in 98 s
        ("return 444;", "HTTP/2.0", 42, 4),  # measured: 4 in 42 s
        ("return 403;", "HTTP/1.1", 98, 1),
        ("return 429;", "HTTP/1.1", 98, 1),
        (RETRY_AFTER, "HTTP/1.1", 98, 1),
    ],
)
def test_chromium_hits_as_often_as_measured(
    tmp_path: Path, server: str, version: str, within_s: float, expected: int
) -> None:
    tab = cohort("visitor", protocol=f'"{version}"', tls=True, **PAGE)
    assert hits(tmp_path, server, tab, within_s) == expected


def test_chromium_reloads_documents_and_only_resends_resources(tmp_path: Path) -> None:
    tab = cohort("visitor", tls=True, **PAGE)
    under = policy(tmp_path, server="if ($uri = /a.css) { return 444; }")
    found = run(world(tmp_path, tab, length_s=98), under)
    rows = list(zip(column(found, "item"), column(found, "attempt"), strict=True))
    assert sorted(rows) == [(0, 0), (1, 0), (1, 1), (2, 0), (3, 0)]
    assert found.wishes["served"].tolist() == [False]
    assert found.wishes["attempts"].tolist() == [5]
    assert found.wishes["refusals"].tolist() == [2]


@pytest.mark.parametrize(
    ("client", "server", "calls", "expected"),
    [
        ("urllib3", "return 444;", None, 4),
        ("urllib3", "return 444;", POST, 1),
        ("urllib3", "return 429;", None, 1),
        ("urllib3", RETRY_AFTER, None, 4),
        ("urllib3", "return 403;", None, 1),
        ("aiohttp", "return 444;", None, 2),
        ("aiohttp", "return 429;", None, 1),
        ("wget-tries-3", "return 444;", None, 3),
        ("wget", "return 429;", None, 1),
        ("scrapy", "return 444;", None, 3),
        ("scrapy", "return 429;", None, 3),
        ("scrapy", "return 403;", None, 1),
        ("once", "return 444;", None, 1),
        ("go", "return 444;", None, 1),
        ("botocore", "return 444;", None, 3),
        ("botocore", "return 403;", None, 1),
    ],
)
def test_programs_hit_as_often_as_measured(
    tmp_path: Path, client: str, server: str, calls: str | None, expected: int
) -> None:
    keys = {"client": f'"{client}"'} | ({} if calls is None else {"calls": calls})
    assert hits(tmp_path, server, caller(**keys)) == expected


def test_retry_after_is_waited_for(tmp_path: Path) -> None:
    found = run(world(tmp_path, caller(client='"urllib3"')), policy(tmp_path, server=RETRY_AFTER))
    ends = [
        a + b for a, b in zip(column(found, "sent_ns"), column(found, "latency_ns"), strict=True)
    ]
    waits = [sent - end for end, sent in zip(ends, column(found, "sent_ns")[1:], strict=False)]
    assert waits == [3 * S] * 3


def test_go_resends_only_where_the_connection_had_served(tmp_path: Path) -> None:
    """Two calls: the first is served and its connection kept, the second meets silence."""
    calls = '[{ path = "/plain" }, { path = "/a.css" }]'
    twice = caller(client='"go"', calls=calls, arrivals='{ kind = "periodic", every_s = 30 }')
    under = policy(tmp_path, server="if ($uri = /a.css) { return 444; }")
    found = run(world(tmp_path, twice), under)
    assert column(found, "reused") == [0, 1, 0]
    assert column(found, "status") == [200, 444, 444]


def test_a_crawler_slows_down_when_it_is_refused(tmp_path: Path) -> None:
    crawler = caller(client='"googlebot"', arrivals='{ kind = "periodic", every_s = 2 }')
    found = run(world(tmp_path, crawler), policy(tmp_path, server="return 429;"))
    gaps = [after - before for before, after in pairwise(column(found, "sent_ns"))]
    assert gaps == [2 * S << n for n in range(1, len(gaps) + 1)]
    assert len(gaps) >= 3


SCAN: dict[str, Any] = {"words": '["a", "plain", "b"]', "endings": '["", ".php"]', "threads": 2}


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("", 2 + 6),
        ("return 444;", 1),  # measured: gobuster quits after 1
        ("return 403;", 2),  # and after 2 where absent paths cannot be told from others
        ("return 429;", 2),
    ],
)
def test_a_scanner_gives_up_where_it_cannot_tell_anything(
    tmp_path: Path, server: str, expected: int
) -> None:
    assert hits(tmp_path, server, cohort("scanner", **SCAN)) == expected


def test_a_scanner_asks_for_every_word_once(tmp_path: Path) -> None:
    found = run(world(tmp_path, cohort("scanner", **SCAN)), policy(tmp_path))
    targets = [found.shapes[n].target for n in column(found, "shape")]
    assert targets[0] == "/"
    assert sorted(targets[2:]) == ["/a", "/a.php", "/b", "/b.php", "/plain", "/plain.php"]
    assert column(found, "seen_status").count(200) == 2


def test_a_flood_does_not_wait(tmp_path: Path) -> None:
    bots = cohort(
        "flood",
        count=3,
        honest=False,
        arrivals='{ kind = "periodic", every_s = 0.1, from_s = 10, until_s = 12 }',
    )
    found = run(world(tmp_path, bots, new=2 * S // 1000, rtt_ms=0), policy(tmp_path))
    assert len(column(found, "sent_ns")) == 60
    assert min(column(found, "sent_ns")) >= 10 * S
    assert max(column(found, "sent_ns")) < 12 * S
    assert found.load["accepts"] > 1


def test_a_probe_asks_once_and_never_again(tmp_path: Path) -> None:
    probes = cohort("probe", count=20, host='"address"', arrivals='{ kind = "uniform" }')
    found = run(world(tmp_path, probes), policy(tmp_path))
    assert sorted(column(found, "client")) == list(range(20))
    assert {dict(s.headers)["Host"] for s in found.shapes} == {"192.0.2.80"}


def test_pages_are_thought_about_and_not_loaded_twice(tmp_path: Path) -> None:
    people = cohort("visitor", pages='["/"]', pages_mean=8, think_mean_s=5, think_cap_s=7, count=30)
    found = run(world(tmp_path, people, length_s=300), policy(tmp_path))
    first = found.wishes["wish"] == 0
    assert set(found.wishes["attempts"][first].tolist()) == {4}
    assert set(found.wishes["attempts"][~first].tolist()) == {1}  # the rest is in the cache
    pauses = [
        after - before
        for (client, before), (same, after) in pairwise(
            sorted(zip(found.wishes["client"], found.wishes["start_ns"], strict=True))
        )
        if client == same
    ]
    assert 7 * S < max(pauses) < 7.2 * S
    assert len(pauses) > 100


def test_a_flaw_is_on_the_share_of_wishes_that_the_scenario_says(tmp_path: Path) -> None:
    broken = caller(
        count=10,
        flaw='{ share = 0.3, headers = [["Host", "shop.example"]] }',
        arrivals='{ kind = "periodic", every_s = 1 }',
    )
    found = run(world(tmp_path, broken), policy(tmp_path))
    status = column(found, "status")
    assert set(status) == {200, 400}
    share = status.count(400) / len(status)
    assert abs(share - 0.3) < 3.5 * (0.3 * 0.7 / len(status)) ** 0.5


# Behaviours in Python


def patient(me: Client) -> Behaviour:
    """Ask, wait twice as long after each silence, and give up after three attempts."""
    wish = me.begin()
    for pause_s in (1, 2, 4):
        sight = yield wish.ask("/plain")
        if sight.kind is SightKind.HTTP:
            break
        yield me.sleep(pause_s)
    wish.end()


def test_a_behaviour_of_ones_own_takes_a_few_lines(tmp_path: Path) -> None:
    found = run(
        world(tmp_path, cohort("custom", count=2)),
        policy(tmp_path, server="return 444;"),
        behaviours={"clients": patient},
    )
    assert column(found, "attempt") == [0, 0, 1, 1, 2, 2]
    assert found.wishes["attempts"].tolist() == [3, 3]
    assert found.wishes["served"].tolist() == [False, False]


def test_a_behaviour_may_use_the_reactions_of_its_cohort(tmp_path: Path) -> None:
    def borrowed(me: Client) -> Behaviour:
        wish = me.begin()
        yield from fulfil(wish, "/plain")
        wish.end()

    found = run(
        world(tmp_path, caller(client='"wget-tries-3"')),
        policy(tmp_path, server="return 444;"),
        behaviours={"clients": borrowed},
    )
    assert found.wishes["attempts"].tolist() == [3]


def test_lanes_run_side_by_side_and_are_waited_for(tmp_path: Path) -> None:
    ends: list[float] = []

    def lane(me: Client, pause_s: float) -> Behaviour:
        yield me.sleep(pause_s)
        ends.append(me.now_s)

    def behaviour(me: Client) -> Behaviour:
        yield me.together([lane(me, 3), lane(me, 1), lane(me, 2)])
        ends.append(me.now_s)
        yield me.together([])
        ends.append(me.now_s)

    run(world(tmp_path, cohort("custom")), policy(tmp_path), behaviours={"clients": behaviour})
    assert ends == [1.0, 2.0, 3.0, 3.0, 3.0]


def test_an_error_in_a_behaviour_is_not_swallowed(tmp_path: Path) -> None:
    def broken(me: Client) -> Behaviour:
        yield me.sleep(1)
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        run(world(tmp_path, cohort("custom")), policy(tmp_path), behaviours={"clients": broken})


def test_a_behaviour_for_nobody_and_a_custom_cohort_without_one_are_refused(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError, match="no cohort"):
        run(world(tmp_path, caller()), policy(tmp_path), behaviours={"nobody": patient})
    with pytest.raises(InputError, match="custom"):
        run(world(tmp_path, cohort("custom")), policy(tmp_path))
