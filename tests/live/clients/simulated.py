"""What simkit simulates for one client with one wish, under the configuration that nginx runs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from simkit.engine import simulate
from simkit.policy import Policy, load_policy
from simkit.traffic.part import NS_PER_S
from tests.engine.crowds import caller, world
from tests.live.clients.situations import PAGE, SITUATIONS
from tests.live.raw import CONFIGS

__all__ = ["requests_s"]

_EVERY_S = 400


@cache
def _policy() -> Policy:
    return load_policy(CONFIGS / "clients.conf")


def requests_s(folder: Path, client: str, name: str) -> list[float]:
    """When the wish is on the wire, in seconds since its first request.

    The page that comes before it on a connection that is to have served is a wish of its own.
    """
    situation = SITUATIONS[name]
    calls = ", ".join(
        f'{{ path = "{target}", method = "{"GET" if target == PAGE else situation.method}" }}'
        for target in situation.targets
    )
    wanted = len(situation.targets) - 1
    one = caller(
        client=f'"{client}"',
        calls=f"[{calls}]",
        port=situation.port,
        tls=situation.tls,
        protocol='"HTTP/2.0"' if situation.tls else '"HTTP/1.1"',
        # Kept connections are closed after 75 s, so the wish comes soon after the page.
        arrivals='{ kind = "periodic", every_s = 30 }',
    )
    scenario = world(folder, one, length_s=_EVERY_S, rtt_ms=0)
    found = simulate(scenario, _policy(), engine="simpy").requests
    sent = [
        ns
        for ns, wish in zip(found["sent_ns"].tolist(), found["wish"].tolist(), strict=True)
        if wish == wanted
    ]
    return [(ns - sent[0]) / NS_PER_S for ns in sent]
