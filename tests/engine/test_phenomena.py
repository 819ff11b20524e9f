"""What is known to happen happens: slots held open, zones that forget, silence behind a CDN,
retries that multiply, limits that are walked around. Small crowds run on both engines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simkit.engine import Run, simulate
from simkit.policy import Policy
from simkit.strategy import load_strategy
from simkit.traffic import Scenario
from simkit.wire import SightKind
from tests.engine.crowds import caller, cohort, column, policy, run, world
from tests.traffic.files import written

SHARED = '["192.0.2.9"]'


# Slowloris


def slow(connections: int, open_per_s: float, **keys: Any) -> str:
    return cohort(
        "slow", connections=connections, open_per_s=open_per_s, line_every_s=3, tls=False, **keys
    )


def held(found: Run) -> float:
    """Connections that are open in the mean, after the first fifth of the window."""
    after = found.series["time_ns"].astype(np.int64) > found.window_ns // 5
    return float(found.series["connections"][after].mean())


@pytest.mark.parametrize(
    ("connections", "open_per_s", "timeout_s", "slots", "expected"),
    [
        (200, 50, 20, 1000, 200),  # as many as the attacker wants
        (1000, 20, 10, 5000, 200),  # as many as it can reopen before they time out
        (1000, 200, 60, 300, 300),  # as many as there are slots
    ],
)
def test_slowloris_holds_the_least_of_connections_reopening_and_slots(
    tmp_path: Path,
    connections: int,
    open_per_s: float,
    timeout_s: int,
    slots: int,
    expected: int,
) -> None:
    under = policy(tmp_path, http=f"client_header_timeout {timeout_s}s;", slots=slots)
    scenario = world(tmp_path, slow(connections, open_per_s), length_s=120, rtt_ms=1)
    found = simulate(scenario, under, engine="compiled")
    assert expected == min(connections, open_per_s * timeout_s, slots)
    assert held(found) == pytest.approx(expected, rel=0.02)


def test_a_slow_body_is_not_cut_off_while_pieces_come_in_time(tmp_path: Path) -> None:
    under = policy(
        tmp_path, http="client_body_timeout 5s;", location="proxy_pass http://127.0.0.1:9;"
    )
    bodies = slow(20, 50, what='"body"')
    patient = world(tmp_path, bodies, length_s=60, rtt_ms=1)
    assert held(run(patient, under)) == pytest.approx(20, rel=0.02)
    lazy = world(tmp_path, bodies.replace("line_every_s = 3", "line_every_s = 9"), length_s=60)
    found = run(lazy, under)
    assert found.load["body_timeouts"] >= 20 * 60 / 5 * 0.8
    assert set(column(found, "status")) <= {408, 0}
    assert set(column(found, "sight")) <= {SightKind.EMPTY, SightKind.NO_ANSWER}


@pytest.mark.parametrize(
    ("heeds", "lingers_s"),
    [(True, 0.0), (False, 30.0)],
)
def test_a_refused_body_is_read_for_a_while_lest_the_answer_be_lost(
    tmp_path: Path, heeds: bool, lingers_s: float
) -> None:
    """lingering_time, 30 s, as long as pieces come within lingering_timeout, 5 s."""
    one = slow(1, 1, what='"body"', heeds=heeds, reactions='{ "403" = { leave = true } }')
    found = run(world(tmp_path, one, length_s=60, rtt_ms=0), policy(tmp_path, server="return 403;"))
    assert found.load["connection_s"] == pytest.approx(lingers_s, abs=0.01)
    assert column(found, "seen_status") == [403]
    assert column(found, "latency_ns")[0] == pytest.approx(lingers_s * 1e9, abs=1e7)


def test_a_dropped_body_is_not_lingered_over(tmp_path: Path) -> None:
    one = slow(1, 1, what='"body"', heeds=False, reactions="{ network = { leave = true } }")
    found = run(world(tmp_path, one, length_s=60, rtt_ms=0), policy(tmp_path, server="return 444;"))
    assert found.load["connection_s"] == pytest.approx(0, abs=0.01)
    assert column(found, "sight")[0] in (SightKind.EMPTY, SightKind.RESET)


# Zones that forget


def test_a_million_addresses_drive_the_others_out_of_a_small_zone(tmp_path: Path) -> None:
    """A zone of 1 MB holds 8,095 addresses, 0.4 s of this flood: who asks less often is forgotten.

    A refusal counts as being seen, so whoever asks more often than that is remembered.
    """
    greedy = cohort(
        "flood",
        "greedy",
        addresses=SHARED,
        arrivals='{ kind = "periodic", every_s = 2 }',
    )
    botnet = cohort(
        "flood",
        "botnet",
        count=1_000_000,
        addresses='["10.0.0.0/8"]',
        arrivals='{ kind = "periodic", every_s = 50, from_s = 5, until_s = 55 }',
    )
    limit = {
        "http": "limit_req_zone $binary_remote_addr zone=z:1m rate=1r/m; limit_req_status 429;",
        "server": "limit_req zone=z nodelay;",
        "slots": 20_000,
    }
    under = policy(tmp_path, **limit)  # type: ignore[arg-type]
    alone = simulate(world(tmp_path, greedy, length_s=60), under, engine="compiled")
    crowded = simulate(
        world(tmp_path, greedy, botnet, length_s=60), under, engine="compiled", record="totals"
    )
    assert int(alone.clients["refused"][0]) >= 28
    assert int(crowded.clients["refused"][0]) <= 5  # before the flood, and after it
    assert not alone.warnings
    assert alone.load["zone_evictions"] == 0
    # Each of the million takes a place, and after the first 8,095 each drives another out.
    sent = int(crowded.clients["requests"].sum())
    assert crowded.load["zone_evictions"] == pytest.approx(sent - 8095, rel=0.01)
    assert any("limits forgot those clients" in text for text in crowded.warnings)


# Fronts


CDN = 'policy = "test.conf"\n[cdn]\naddresses = ["192.0.2.128/29"]\nedges = 1\n'


def behind(folder: Path, scenario: Scenario, under: Policy) -> Run:
    """A run behind a CDN with one edge, on both engines."""
    del under  # it is written where the strategy finds it
    strategy = load_strategy(written(folder, CDN, "cdn.toml"))
    found = simulate(scenario, strategy, engine="simpy")
    other = simulate(scenario, strategy, engine="compiled")
    assert np.array_equal(found.requests["seen_status"], other.requests["seen_status"])
    return found


def test_silence_on_a_shared_edge_is_a_520_for_everyone_behind_it(tmp_path: Path) -> None:
    greedy = cohort(
        "flood", "greedy", count=5, arrivals='{ kind = "periodic", every_s = 0.1, from_s = 5 }'
    )
    people = '["198.19.0.0/24"]'
    modest = caller(
        "modest", count=20, addresses=people, arrivals='{ kind = "periodic", every_s = 10 }'
    )
    crowd = world(tmp_path, greedy, modest)
    limit = "limit_req_zone $binary_remote_addr zone=z:1m rate=10r/s; limit_req_status 444;"
    trusts = "set_real_ip_from 192.0.2.128/29; real_ip_header X-Forwarded-For;"
    limited = "limit_req zone=z burst=5 nodelay;"

    def modest_ones(found: Run) -> list[int]:
        late = np.array(column(found, "sent_ns", "modest")) > 10 * 10**9
        statuses = np.array(column(found, "seen_status", "modest"))[late]
        return [int(status) for status in statuses]

    shared = behind(tmp_path, crowd, policy(tmp_path, http=limit, server=limited))
    own = behind(tmp_path, crowd, policy(tmp_path, http=limit + trusts, server=limited))
    dropped = modest_ones(shared)
    assert dropped.count(520) / len(dropped) > 0.6
    assert set(dropped) == {200, 520}
    assert set(modest_ones(own)) == {200}
    refused = shared.requests["refused"]
    assert set(shared.requests["status"][refused].tolist()) == {444}
    assert set(shared.requests["sight"][refused].tolist()) == {SightKind.HTTP}


@pytest.mark.parametrize("what", ['"header"', '"body"'])
def test_what_never_ends_stays_at_the_edge(tmp_path: Path, what: str) -> None:
    crowd = world(tmp_path, slow(20, 50, what=what), length_s=30)
    found = behind(tmp_path, crowd, policy(tmp_path))
    assert len(found.requests["client"]) == 20
    assert found.load["accepts"] == 0
    assert set(column(found, "status")) == {0}


def test_a_cdn_keeps_files_and_shows_pages_of_its_own(tmp_path: Path) -> None:
    files = caller(
        "files",
        count=10,
        calls='[{ path = "/a.css" }]',
        arrivals='{ kind = "periodic", every_s = 5, from_s = 1 }',
    )
    odd = caller("odd", flaw='{ headers = [["Host", "x"]] }')
    found = behind(tmp_path, world(tmp_path, files, odd), policy(tmp_path))
    logged = np.array(column(found, "status", "files"))
    assert (logged == 200).sum() == 1  # once for all, by the one edge
    assert set(column(found, "seen_status", "files")) == {200}
    assert column(found, "seen_status", "odd") == [400]
    assert column(found, "status", "odd") == [0]
    assert str(found.rules[0].decisive).endswith("cdn.toml:2")


@pytest.mark.parametrize(
    ("verb", "sight", "within_s"),
    [("drop", SightKind.NO_ANSWER, 30), ("reject", SightKind.REFUSED, 0.02)],
)
def test_what_a_firewall_stops_never_reaches_nginx(
    tmp_path: Path, verb: str, sight: SightKind, within_s: float
) -> None:
    text = f'policy = "test.conf"\n[firewall]\n{verb} = [\n  "198.18.0.0/31",\n]\n'
    policy(tmp_path)
    strategy = load_strategy(written(tmp_path, text, "firewall.toml"))
    crowd = world(tmp_path, caller(count=3, tls=True))  # .1 is stopped, .2 and .3 are not
    found = run(crowd, strategy)  # type: ignore[arg-type]
    assert column(found, "sight") == [sight, SightKind.HTTP, SightKind.HTTP]
    assert column(found, "refused") == [True, False, False]
    assert column(found, "latency_ns")[0] == pytest.approx(within_s * 1e9)
    assert found.load["accepts"] == 2
    assert str(found.rules[0].decisive).endswith("firewall.toml:4")


def test_connections_over_a_firewalls_rate_come_later_or_not_at_all(tmp_path: Path) -> None:
    text = 'policy = "test.conf"\n[firewall]\nrate = { per_s = 1, burst = 2 }\n'
    policy(tmp_path)
    strategy = load_strategy(written(tmp_path, text, "firewall.toml"))
    crowd = world(tmp_path, caller(count=6, addresses=SHARED, patience_s=3.9))
    found = run(crowd, strategy)  # type: ignore[arg-type]
    # Two at once; SYNs are sent again after 1 s and after 3 s, and one a second gets through.
    seconds = [round(ns / 1e9) for ns in column(found, "latency_ns")]
    assert sorted(seconds) == [0, 0, 1, 3, 3, 4]
    assert sorted(column(found, "sight")) == [SightKind.NO_ANSWER, *[SightKind.HTTP] * 5]
    assert sum(column(found, "refused")) == 1


# Retries that multiply


def attempts_per_wish(folder: Path, client: str, server: str, **keys: object) -> float:
    own = caller(client=f'"{client}"', count=20, arrivals='{ kind = "uniform", until_s = 5 }')
    if client in ("chromium", "firefox"):
        own = cohort(
            "visitor",
            client=f'"{client}"',
            pages='["/plain"]',
            pages_mean=1,
            count=20,
            arrivals='{ kind = "uniform", until_s = 5 }',
        )
    found = run(world(folder, own, length_s=40, **keys), policy(folder, server=server))  # type: ignore[arg-type]
    return len(found.requests["sent_ns"]) / len(found.wishes["wish"])


TOLD = "add_header Retry-After 1 always; return 429;"


@pytest.mark.parametrize(
    ("client", "server", "least"),
    [
        ("chromium", "return 444;", 9.0),
        ("firefox", "return 444;", 10.0),
        ("urllib3", "return 444;", 4.0),
        ("urllib3", TOLD, 4.0),
        ("urllib3-codes", "return 429;", 4.0),
        ("scrapy", "return 429;", 3.0),
        ("botocore", "return 429;", 3.0),
        ("wget", "return 444;", 5.0),
        ("okhttp", "add_header Retry-After 0 always; return 503;", 2.0),
    ],
)
def test_these_answers_are_asked_for_again_and_again(
    tmp_path: Path, client: str, server: str, least: float
) -> None:
    assert attempts_per_wish(tmp_path, client, server) >= least


@pytest.mark.parametrize(
    ("client", "server"),
    [
        *((client, "return 403;") for client in ("chromium", "firefox", "urllib3", "scrapy", "go")),
        *((client, "return 429;") for client in ("chromium", "firefox", "urllib3", "go", "wget")),
        ("chromium", TOLD),
        ("curl", "return 444;"),
        ("requests", TOLD),
        ("okhttp", "add_header Retry-After 5 always; return 503;"),
    ],
)
def test_these_are_taken_as_they_come_whatever_folklore_says(
    tmp_path: Path, client: str, server: str
) -> None:
    assert attempts_per_wish(tmp_path, client, server) == 1.0


def test_a_crowd_that_retries_multiplies_the_load_on_the_server(tmp_path: Path) -> None:
    """The same wishes, refused by silence or by a 403: connections, and work for the worker."""
    people = cohort(
        "visitor",
        client='"chromium"',
        count=100,
        pages='["/plain"]',
        pages_mean=1,
        arrivals='{ kind = "uniform", until_s = 20 }',
    )
    crowd = world(tmp_path, people, length_s=60, accept=30, new=40, kept=10)
    silent = run(crowd, policy(tmp_path, server="return 444;"))
    forbidden = run(crowd, policy(tmp_path, server="return 403;"))
    assert len(silent.wishes["wish"]) == len(forbidden.wishes["wish"]) == 100
    assert silent.load["accepts"] >= 10 * forbidden.load["accepts"]
    assert silent.load["cpu_s"] >= 10 * forbidden.load["cpu_s"]


# Limits that are walked around


@pytest.mark.parametrize(
    ("key", "network", "walked_around"),
    [
        ("$binary_remote_addr", '["2001:db8:66::/64"]', True),
        ("$net", '["2001:db8:66::/64"]', False),
        ("$binary_remote_addr", '["192.0.2.9"]', False),
    ],
)
def test_a_limit_by_address_means_nothing_to_who_has_a_whole_network(
    tmp_path: Path, key: str, network: str, walked_around: bool
) -> None:
    """nginx sees each address of a /64 by itself; a map to the /64 is what it takes."""
    scan = cohort(
        "scanner",
        words=str([f"w{n}" for n in range(150)]),
        examines=False,
        threads=2,
        rate_per_s=50,
        identities=1 if "192" in network else 150,
        rotates='"wish"',
        addresses=network,
    )
    http = (
        'map $remote_addr $net { default $remote_addr; "~^(?<half>[0-9a-f]+:[0-9a-f]+:[0-9a-f]+:)" '
        f"$half; }} limit_req_zone {key} zone=z:1m rate=5r/s; limit_req_status 429;"
    )
    server = "listen [::]:80 default_server; limit_req zone=z burst=5 nodelay;"
    found = run(world(tmp_path, scan), policy(tmp_path, http=http, server=server))
    refused = sum(column(found, "refused")) / 150
    assert refused == 0 if walked_around else refused > 0.8
