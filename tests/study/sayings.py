"""Requests whose ends are told apart, for whoever holds a client's words against the client."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from simkit.live import Endpoint
from simkit.policy import load_policy
from simkit.policy.watch import follow
from simkit.wire import Fault, Shape, Sight, Version, address

CONF = Path(__file__).parent / "sayings.conf"
CLIENT = address("192.0.2.1")
BROWSER = (("Host", "site.example"), ("User-Agent", "Mozilla/5.0 (X11)"))


class Case(NamedTuple):
    """Where a client asks, by the ports of `CONF`."""

    port: int
    scheme: str = "http"
    path: str = "/"
    http2: bool = False

    def url(self, end: Endpoint, host: str | None = None) -> str:
        """The address to give to a client."""
        return f"{self.scheme}://{host or end.host}:{end.port}{self.path}"

    def simulated(self) -> tuple[Sight, Shape]:
        """What the simulation shows to a browser that asks, and its request."""
        policy = load_policy(CONF)
        speaks_tls = policy.settings_for(self.port).tls
        asks_tls = self.scheme == "https"
        shape = Shape(
            target=self.path,
            headers=BROWSER,
            port=self.port,
            tls=asks_tls and speaks_tls,
            fault=Fault.TLS_ON_PLAIN if asks_tls and not speaks_tls else Fault.NONE,
            version=Version.HTTP_2 if self.http2 else Version.HTTP_1_1,
        )
        return follow(policy, shape, CLIENT).decision.sight, shape


CASES = {
    "444 over HTTP/1.1": Case(80),
    "444 with reset": Case(81),
    "444 over TLS": Case(443, "https"),
    "444 over TLS with reset": Case(445, "https"),
    "444 over HTTP/2": Case(444, "https", http2=True),
    "a refused handshake": Case(446, "https"),
    "TLS to a plain port, an error page": Case(80, "https"),
    "TLS to a plain port, 444": Case(82, "https"),
    "TLS to a plain port, a reset": Case(81, "https"),
    "plain HTTP to a TLS port": Case(443),
    "a page": Case(82),
    "403": Case(82, path="/no"),
    "408": Case(82, path="/late"),
    "429": Case(82, path="/busy"),
    "429 over HTTP/2": Case(447, "https", "/busy", http2=True),
    "503": Case(82, path="/down"),
    "a code without a page": Case(82, path="/teapot"),
    "a redirect": Case(82, path="/moved"),
}
