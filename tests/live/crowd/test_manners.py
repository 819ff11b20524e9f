"""Clients that are no visitors, against a live nginx and in simulation: the same comes of them.

They want no more than a connection, hold one with a body that never ends, or resume TLS.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from simkit.engine import simulate
from simkit.engine.run import Run
from simkit.live.crowd import Lived, live
from simkit.live.crowd.loopback import Loopback
from simkit.live.sim_to_real.outcomes import counted
from simkit.policy import Policy, load_policy
from simkit.traffic import Scenario
from tests.engine.crowds import caller, cohort, world
from tests.traffic.files import written

CONF = """
worker_processes 1;
events {}
http {
    client_body_timeout 700ms;
    lingering_timeout 500ms;
    server {
        listen 80 default_server;
        listen 443 ssl default_server;
        ssl_certificate x.crt;
        ssl_certificate_key x.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_timeout 2s;
        location / { root html; }
        location /app { proxy_pass http://127.0.0.1:9; }
        location /never { return 403; }
        location /drop { return 444; }
    }
}
"""
ANEW: dict[str, object] = {
    "tls": True,
    "keeps_connections": False,
    "arrivals": '{ kind = "periodic", every_s = 0.3, from_s = 0.05 }',
    "calls": '[{ path = "/a.css" }]',
}


def slow_body(name: str, path: str, line_every_s: float, **keys: object) -> str:
    """Who sends a body byte by byte, from a network of its own."""
    call = f'{{ path = "{path}", method = "POST", body_bytes = 1000 }}'
    usual = {"what": '"body"', "connections": 3, "open_per_s": 10}
    return cohort("slow", name, call=call, line_every_s=line_every_s, **(usual | keys))


CROWD = (
    cohort("probe", "connects", goes='"connect"', count=20, arrivals='{ kind = "uniform" }'),
    cohort(
        "probe",
        "shakes hands",
        goes='"handshake"',
        tls=True,
        count=20,
        arrivals='{ kind = "uniform" }',
    ),
    caller("resumes", resumes=True, **ANEW),
    caller("resumes nothing", **ANEW),
    slow_body("too slow", "/app", 2.0),
    slow_body("heeds", "/never", 0.2),
    slow_body("heeds not", "/never", 0.7, heeds=False),
    slow_body("is dropped", "/drop", 0.2),
)
SEEN = {
    "connects": "connected",
    "shakes hands": "connected",
    "resumes": "200",
    "resumes nothing": "200",
    "too slow": "empty",
    "heeds": "403",
    "heeds not": "403",
    "is dropped": "empty",
}
"""What most of each cohort's requests come to."""


class Both:
    """The crowd in both worlds."""

    def __init__(self, folder: Path) -> None:
        loopback = Loopback()
        self.scenario: Scenario = loopback.scenario(world(folder, *CROWD, length_s=4, rtt_ms=0.1))
        given = load_policy(written(folder, CONF, "manners.conf"))
        policy: Policy = loopback.policy(given, folder / "moved", "ecdsa")
        self.lived: Lived = live(self.scenario, policy)
        self.simulated: Run = simulate(self.scenario, policy, engine="simpy")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    return Both(tmp_path_factory.mktemp("manners"))


@pytest.mark.parametrize("name", SEEN)
def test_it_ends_alike(both: Both, name: str) -> None:
    one, other = counted(both.lived.run)[name], counted(both.simulated)[name]
    assert one.sights.most_common(1)[0][0] == SEEN[name]
    assert set(one.sights) == set(other.sights)
    for sight, count in one.sights.items():
        assert count == pytest.approx(other.sights[sight], abs=max(2, 0.1 * one.requests))


def test_who_resumes_shakes_hands_once(both: Both) -> None:
    """A ticket holds for less than the run: its client takes newer ones."""
    loads = both.lived.run.load, both.simulated.load
    shaken = [load["handshakes"] for load in loads]
    resumed = [load["resumptions"] for load in loads]
    assert shaken[0] == pytest.approx(shaken[1], abs=1)
    assert resumed[0] == pytest.approx(resumed[1], abs=1)
    assert resumed[0] >= 10
