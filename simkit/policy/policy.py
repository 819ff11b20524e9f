"""A policy: an nginx configuration, read, and ready to be planned with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from simkit.policy.answers import version_note
from simkit.policy.build import build
from simkit.policy.files import said_version
from simkit.policy.model import ConnectionSettings, Http, Server
from simkit.policy.reader import first_comment
from simkit.policy.servers import Group, groups, overlooked

__all__ = ["Policy", "load_policy"]


@dataclass(frozen=True, eq=False)
class Policy:
    """An nginx configuration as read from ``path``.

    ``about`` is the comment that the file begins with; ``warnings`` names what is not simulated.
    A policy can be sent to another process, which reads the file again.
    """

    http: Http
    about: str
    allow_unsupported: bool = False

    def __reduce__(self) -> tuple[object, ...]:
        return (load_policy, (self.path, self.allow_unsupported))

    @property
    def path(self) -> Path:
        """The file."""
        return self.http.path

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What could matter and is not simulated, each with file and line."""
        return (*self.http.warnings, *overlooked(self.http.servers))

    @property
    def worker_processes(self) -> int | None:
        """The number of workers; None for ``auto``."""
        return self.http.worker_processes

    @property
    def worker_connections(self) -> int:
        """Connections that one worker can hold."""
        return self.http.worker_connections

    @cached_property
    def groups(self) -> dict[tuple[int, bool], Group]:
        """The servers by port and family (True: IPv6)."""
        return groups(self.http.servers)

    @cached_property
    def site_name(self) -> str:
        """The host name that the site most likely goes by: the first real server name."""
        for server in self._by_weight():
            for name in server.names:
                if "." in name and not name.startswith(("~", "*", ".")) and not name.endswith("*"):
                    return name
        return "localhost"

    @cached_property
    def site_port(self) -> tuple[int, bool]:
        """Port and TLS of the site: its first plain port, else its first port."""
        named = [s for s in self._by_weight() if self.site_name in s.names] or self._by_weight()
        listens = sorted(named[0].listens, key=lambda listen: listen.tls)
        return listens[0].port, listens[0].tls

    def settings_for(self, port: int) -> ConnectionSettings:
        """What happens to connections on a port before a Host is known: the default server's.

        Raises KeyError where nobody listens.
        """
        group = self.groups.get((port, False)) or self.groups[(port, True)]
        listen = group.listen
        return replace(group.servers[0].settings, tls=listen.tls, http2=listen.http2)

    def _by_weight(self) -> list[Server]:
        """Servers that are not a default server first: a catch-all is not the site."""
        return sorted(self.http.servers, key=lambda s: any(x.default for x in s.listens))


def load_policy(path: Path | str, allow_unsupported: bool = False) -> Policy:
    """Read an nginx.conf, includes and all.

    Raises InputError with file and line where something is wrong, or could change an answer and
    is not simulated. With ``allow_unsupported`` the latter becomes a warning of the policy.
    """
    file = Path(path)
    http = build(file, allow_unsupported=allow_unsupported)
    note = version_note(said_version(file))
    if note is not None:
        http = replace(http, warnings=(*http.warnings, f"{file}: {note}"))
    policy = Policy(http, first_comment(file), allow_unsupported)
    _ = policy.groups  # checks the servers that share an address and port
    return policy
