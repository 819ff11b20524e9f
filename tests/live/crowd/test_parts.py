"""Small parts of the live crowd, each by itself."""

from __future__ import annotations

import socket
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from simkit.engine import simulate
from simkit.engine.run import Columns
from simkit.errors import InputError
from simkit.live.access import Record
from simkit.live.crowd.answers import Seen
from simkit.live.crowd.log import join
from simkit.live.crowd.places import Places
from simkit.live.crowd.seen import Leaves, sight_of
from simkit.policy import Planner, load_policy
from simkit.policy.planner import Bound
from simkit.wire import Shape, Sight, SightKind, address
from tests.engine.crowds import caller, world
from tests.live.crowd.making import Asked

CONF = """
events {}
http {
    limit_req_zone $binary_remote_addr zone=z:1m rate=1r/s;
    server {
        listen 80;
        location / { root html; limit_req zone=z; limit_req_status 429; }
        location /drop { return 444; }
    }
}
"""


@pytest.fixture
def planner(tmp_path: Path) -> Planner:
    file = tmp_path / "small.conf"
    file.write_text(CONF)
    return Planner(load_policy(file))


def bound(planner: Planner, target: str) -> Bound:
    shape = Shape(target=target, headers=(("Host", "x"),))
    return planner.bind(shape, address("127.0.0.1"))


def test_the_leaf_that_looks_so_tells_what_was_decided(planner: Planner) -> None:
    leaves = Leaves()
    page = Asked(bound(planner, "/"))
    refused = leaves.find(page, Sight(SightKind.HTTP, 429))
    assert refused is not None
    assert refused.refused
    assert refused.rule is not None
    assert refused.rule.directive == "limit_req"
    served = leaves.find(page, Sight(SightKind.HTTP, 200, body_bytes=7, kept=True))
    assert served is not None
    assert not served.refused
    assert leaves.find(page, Sight(SightKind.EMPTY)) is None
    silent = leaves.find(Asked(bound(planner, "/drop")), Sight(SightKind.EMPTY))
    assert silent is not None
    assert silent.status == 444


def test_an_answer_is_seen_as_simulated_clients_see_it() -> None:
    sight = sight_of(Seen(429, 169, "2", keeps=True))
    assert (sight.kind, sight.status, sight.kept) == (SightKind.HTTP, 429, True)
    assert sight.header("retry-after") == "2"
    assert sight_of(Seen(200, 5, "", keeps=False)).headers == ()


def test_ports_of_an_address_are_used_once(monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places()
    found: Counter[tuple[str, int]] = Counter()
    for number in range(20):
        home = f"127.0.9.{1 + number % 2}"
        with socket.socket() as made:
            port = places.bind(made, home)
            assert made.getsockname() == (home, port)
            found[home, port] += 1
    assert set(found.values()) == {1}


def test_a_port_that_somebody_has_is_passed_over() -> None:
    with socket.socket() as taken, socket.socket() as made:
        taken.bind(("127.0.9.9", 1024))
        taken.listen()
        assert Places().bind(made, "127.0.9.9") > 1024


def test_an_address_of_others_is_an_error() -> None:
    with socket.socket() as made, pytest.raises(InputError, match="cannot be connected from"):
        Places().bind(made, "192.0.2.1")


def record(port: int, number: int, status: int) -> Record:
    return Record(
        port=port,
        address="127.0.0.1",
        connection=1,
        number=number,
        status=status,
        bytes_sent=7,
        body_bytes_sent=0,
        limit_req="",
        limit_conn="",
        logged_s=0.0,
        request_s=0.0,
        rewrite_s=0.0,
        connection_s=0.0,
        server_name="",
        request="",
    )


def test_log_lines_find_their_rows(planner: Planner) -> None:
    """Two requests on a connection, a third that was never logged, and a stranger's line."""
    columns: Columns = {
        name: np.array(cells)
        for name, cells in {
            "client": [4, 4, 4],
            "wish": [0, 1, 2],
            "item": [0, 0, 0],
            "attempt": [0, 0, 0],
            "status": [200, 200, 0],
            "bytes": [1, 1, 0],
        }.items()
    }
    decided = Leaves().find(Asked(bound(planner, "/")), Sight(SightKind.HTTP, 200))
    going = [Asked.going(4, wish, decided, port=5000, number=wish + 1) for wish in range(3)]
    log = [record(5000, 2, 499), record(5000, 1, 200), record(6000, 1, 200)]
    found = join(columns, going, log)
    assert (found.found, found.missing, found.unknown, found.other_status) == (2, 1, 1, 1)
    assert columns["status"].tolist() == [200, 499, 0]
    assert columns["bytes"].tolist() == [7, 7, 0]


def test_a_simulated_run_is_counted_as_a_live_one(tmp_path: Path) -> None:
    """Both are Runs: here one that needs no nginx."""
    from simkit.live.sim_to_real.outcomes import added, counted
    from tests.engine.crowds import policy

    run = simulate(
        world(tmp_path, caller(arrivals='{ kind = "periodic", every_s = 10 }')), policy(tmp_path)
    )
    ((name, count),) = counted(run).items()
    requests = len(run.requests["client"])
    assert count.requests == requests > 1
    assert count.sights == {"200": requests}
    assert count.shares() == {"served": 1.0, "refused": 0.0, "saw 200": 1.0}
    assert count.attempts_per_wish == 1
    twice = added([{name: count}, {name: count}])[name]
    assert (twice.requests, twice.wishes) == (2 * requests, 2 * count.wishes)
    assert twice.sights == {"200": 2 * requests}
