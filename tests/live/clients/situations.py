"""What a program is put into: an answer, a method, and a connection that is new or had served."""

from __future__ import annotations

from dataclasses import dataclass

from simkit.live import LiveNginx

__all__ = ["PAGE", "SITUATIONS", "Job", "Situation"]

PAGE = "/page"


@dataclass(frozen=True, slots=True)
class Situation:
    """A target of clients.conf; ``used``: a page has come over the connection before."""

    path: str
    port: int = 80
    method: str = "GET"
    used: bool = False

    @property
    def tls(self) -> bool:
        return self.port == 443

    @property
    def targets(self) -> tuple[str, ...]:
        """What is asked for, one after the other."""
        return (PAGE, self.path) if self.used else (self.path,)


_GET = {
    "444": Situation("/dropped"),
    "reset": Situation("/dropped", port=81),
    "403": Situation("/403"),
    "429": Situation("/429"),
    "429-told": Situation("/told/429"),
    "500": Situation("/500"),
    "502": Situation("/502"),
    "503": Situation("/503"),
    "503-told": Situation("/told/503"),
    "504": Situation("/504"),
}

SITUATIONS = {
    **_GET,
    "444-used": Situation("/dropped", used=True),
    "reset-used": Situation("/dropped", port=81, used=True),
    "stream": Situation("/dropped", port=443),
    "stream-used": Situation("/dropped", port=443, used=True),
    "444-post": Situation("/dropped", method="POST"),
    "444-post-used": Situation("/dropped", method="POST", used=True),
    "reset-post-used": Situation("/dropped", port=81, method="POST", used=True),
    "429-post": Situation("/429", method="POST"),
    "429-post-told": Situation("/told/429", method="POST"),
    "503-post": Situation("/503", method="POST"),
}
"""By name. ``told``: the answer carries Retry-After: 1."""


@dataclass(frozen=True, slots=True)
class Job:
    """A wish for a program to have: the last of the URLs, over the connection of those before."""

    program: str
    name: str
    urls: tuple[str, ...]

    @classmethod
    def of(cls, program: str, name: str, nginx: LiveNginx) -> Job:
        """The job of a program in a situation of that name."""
        found = SITUATIONS[name]
        end = nginx.endpoint(found.port)
        site = f"{'https' if found.tls else 'http'}://{end.host}:{end.port}"
        query = f"?id=1&by={program}.{name}"
        return cls(program, name, tuple(f"{site}{target}{query}" for target in found.targets))

    @property
    def situation(self) -> Situation:
        return SITUATIONS[self.name]

    @property
    def method(self) -> str:
        return self.situation.method

    @property
    def mark(self) -> str:
        """How the target that matters ends in nginx's log."""
        return f"{self.situation.path}?id=1&by={self.program}.{self.name} HTTP/"
