"""From the rows of a Trace to requests that a policy can judge, and what had to be assumed.

A log says less than a request did. What it lacks is taken from the caller, or from the policy:
the Host is the site's name, the port the site's own, an agent that the format lacks an ordinary
browser's. `Requests.assumptions` says each in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simkit.accesslog import PSEUDO_IPV4, ClientBook, RequestLine, Trace
from simkit.errors import InputError, printable
from simkit.policy import Policy
from simkit.wire import Address, Shape, Version

__all__ = ["ORDINARY_BROWSER", "Entry", "Requests", "find_entry"]

ORDINARY_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
"""The agent that is taken where the format has none."""

_HOST, _AGENT = "Host", "User-Agent"

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Entry:
    """Where requests come in unless the log says otherwise: the Host and the ports.

    ``host`` None: as the log has it. ``https`` is where requests over TLS and over HTTP/2 come
    in, if anywhere.
    """

    host: str | None
    site: str
    port: int
    tls: bool
    https: int | None


def find_entry(policy: Policy, host: str | None = None, port: int | None = None) -> Entry:
    """The entry that the caller wants, or that the policy suggests.

    Raises InputError where the policy does not listen on the port.
    """
    ports = sorted({p for p, _ in policy.groups})
    if port is not None and port not in ports:
        listening = ", ".join(map(str, ports))
        raise InputError(
            f"the policy does not listen on port {port}",
            file=policy.path,
            hint=f"it listens on {listening}",
        )
    chosen = policy.site_port[0] if port is None else port
    tls = policy.settings_for(chosen).tls
    https = chosen if tls else next((p for p in ports if policy.settings_for(p).tls), None)
    return Entry(host, policy.site_name, chosen, tls, https)


class Requests:
    """The requests of a trace, each distinct one made once.

    Row i of the trace was ``shapes[shape[i]]``, sent by ``addresses[client]``; ``rows`` are those
    where a request came at all. ``pair`` numbers the distinct pairs of shape and client, and
    ``first[pair]`` is a row that has it.
    """

    def __init__(self, trace: Trace, policy: Policy, entry: Entry) -> None:
        self.trace = trace
        self.entry = entry
        self._ipv6 = any(ipv6 for _, ipv6 in policy.groups)
        came = np.array([request.came for request in trace.request.values], dtype=bool)
        self.rows: Codes = np.flatnonzero(came[trace.request.codes]) if len(trace) else _none()
        self.shape, firsts = _numbered(self._columns())
        self.shapes = tuple(self._shape(row) for row in firsts.tolist())
        self.addresses = self._addresses()
        self.pair, self.first = _numbered([self.shape, trace.client.codes])

    def _columns(self) -> list[npt.NDArray[np.integer]]:
        trace = self.trace
        optional = (trace.tls, trace.port, trace.sni)
        columns = [trace.request.codes, *(c.codes for c in trace.headers.values())]
        return [*columns, *(c.codes for c in optional if c is not None)]

    def _addresses(self) -> tuple[Address, ...]:
        clients = self.trace.client.values
        if self._ipv6:
            return tuple(client.address for client in clients)
        book = ClientBook(PSEUDO_IPV4)
        return tuple(book.stand_in(c.text) if c.named else c.address for c in clients)

    def _shape(self, row: int) -> Shape:
        request = self.trace.request[row]
        host = self._host(row)
        port, tls = self._port(row, request)
        sni = None if self.trace.sni is None else self.trace.sni[row]
        return Shape(
            method=request.method,
            target=request.target,
            version=request.version,
            headers=self._headers(row, request, host),
            port=port,
            tls=tls,
            sni=(sni or host or self.entry.site) if tls else None,
            fault=request.fault,
        )

    def _host(self, row: int) -> str | None:
        if self.entry.host is not None:
            return self.entry.host
        return self.entry.site if self.trace.host is None else self.trace.host[row]

    def _headers(
        self, row: int, request: RequestLine, host: str | None
    ) -> tuple[tuple[str, str], ...]:
        if request.version is Version.HTTP_0_9:
            return ()
        logged = {name: column[row] for name, column in self.trace.headers.items()}
        found = {_HOST: host, _AGENT: ORDINARY_BROWSER} | logged | {_HOST: host}
        return tuple((name, value) for name, value in found.items() if value is not None)

    def _port(self, row: int, request: RequestLine) -> tuple[int, bool]:
        port = None if self.trace.port is None else self.trace.port[row]
        tls = None if self.trace.tls is None else self.trace.tls[row]
        if tls is None:
            spoken = request.version is Version.HTTP_2 and self.entry.https is not None
            tls = spoken or self.entry.tls if port is None else port == self.entry.https
        if port is None:
            port = self.entry.https if tls and self.entry.https is not None else self.entry.port
        return port, tls

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the log does not say and what was taken, in sentences."""
        return tuple(self._assumed())

    def _assumed(self) -> Iterator[str]:
        trace, entry = self.trace, self.entry
        if entry.host is not None:
            yield f"Host: {printable(entry.host)} in every request, as asked for."
        elif trace.host is None:
            yield f"The log has no Host: {printable(entry.site)}, the site's name, was taken."
        if trace.agent is None:
            yield "The log has no user agents: an ordinary browser was taken for everyone."
        if trace.tls is None and trace.port is None:
            way = "TLS" if entry.tls else "plain"
            yield f"The log has no port: {entry.port} ({way}) was taken."
        yield from self._assumed_of_clients()
        yield from self._assumed_of_versions()
        yield "Bodies and headers that the log lacks were taken as absent and well-formed."

    def _assumed_of_clients(self) -> Iterator[str]:
        named = self.trace.named_clients
        if named:
            yield (
                f"{named:,} clients are names: each got an address of its own for the limits, "
                "and rules on addresses (allow, deny, geo) could not be judged for them."
            )

    def _assumed_of_versions(self) -> Iterator[str]:
        versions = [request.version for request in self.trace.request.values]
        if Version.HTTP_0_9 in versions:
            yield "Requests over HTTP/0.9 have no headers, so they name no Host and no agent."
        http3 = sum(request.http3 for request in self.trace.request.values)
        if http3:
            yield "Requests over HTTP/3 were judged as if they had come over HTTP/2."


def _none() -> Codes:
    return np.empty(0, dtype=np.int64)


def _numbered(columns: Sequence[npt.NDArray[np.integer]]) -> tuple[Codes, Codes]:
    """A number for each distinct row of some columns, and the first row that has it."""
    code = np.zeros(len(columns[0]), dtype=np.int64)
    first = _none()
    for column in columns:
        # Renumbered after each column, the product stays far below 2**63.
        wide = code * (int(column.max(initial=0)) + 1) + column
        _, first, code = np.unique(wide, return_index=True, return_inverse=True)
    return code, first
