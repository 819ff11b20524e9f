"""The shapes of a run's requests, each made once and known by its number."""

from __future__ import annotations

from simkit.traffic import CohortBase, SiteSpec
from simkit.wire import Fault, Shape, Version

__all__ = ["Dialect", "Shapes"]


class Shapes:
    """Numbers for shapes, in the order in which they are first asked for."""

    __slots__ = ("_numbers", "known")

    def __init__(self) -> None:
        self._numbers: dict[Shape, int] = {}
        self.known: list[Shape] = []

    def number(self, shape: Shape) -> int:
        """The number of a shape."""
        number = self._numbers.get(shape)
        if number is None:
            number = self._numbers[shape] = len(self.known)
            self.known.append(shape)
        return number


class Dialect:
    """How the clients of a cohort that send one agent put their requests.

    ``version`` is what the server speaks with them, which may be less than they would like.
    """

    __slots__ = ("_agent", "_cohort", "_known", "_shapes", "_site", "version")

    def __init__(
        self, cohort: CohortBase, agent: str, site: SiteSpec, version: Version, shapes: Shapes
    ) -> None:
        self._cohort = cohort
        self._agent = agent
        self._site = site
        self._shapes = shapes
        self._known: dict[tuple[str, str, int, bool], int] = {}
        self.version = version

    def number(self, method: str, target: str, body_bytes: int, flawed: bool) -> int:
        """The number of the shape of such a request."""
        key = (method, target, body_bytes, flawed)
        number = self._known.get(key)
        if number is None:
            number = self._known[key] = self._shapes.number(self.shape(*key))
        return number

    def shape(self, method: str, target: str, body_bytes: int, flawed: bool) -> Shape:
        """Such a request as rules see it; ``flawed``: with the flaw of its cohort."""
        cohort = self._cohort
        flaw = cohort.flaw if flawed else None
        host = self._host()
        return Shape(
            method=method,
            target=target,
            version=self.version,
            headers=self._headers(host) + (() if flaw is None else flaw.headers),
            port=cohort.wire_port,
            tls=cohort.tls,
            sni=host if cohort.tls and host and host != self._site.address else None,
            body_bytes=body_bytes,
            fault=Fault.NONE if flaw is None else flaw.fault,
        )

    def _headers(self, host: str | None) -> tuple[tuple[str, str], ...]:
        named = () if host is None else (("Host", host),)
        agent = (("User-Agent", self._agent),) if self._agent else ()
        return (*named, *agent, *self._cohort.headers)

    def _host(self) -> str | None:
        named = {"site": self._site.host, "address": self._site.address, "none": None}
        return named.get(self._cohort.host, self._cohort.host)
