"""TLS as configured: which certificate goes with which name, and which handshakes are refused."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from simkit.errors import InputError
from simkit.live.certificates import make_certificate
from simkit.live.serve.wiring import Wiring
from simkit.policy.model import Server
from simkit.policy.reader import Directive
from simkit.policy.scope import Scope
from simkit.policy.servers import Group
from simkit.policy.source import Source
from simkit.policy.syntax import bad

__all__ = ["Certificates", "Doors", "certificate_pairs"]

_VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
_OLDEST, _NEWEST = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

Pair = tuple[Path, Path]
Accepts = Callable[[str | None], bool]


@dataclass(frozen=True, slots=True)
class Doors:
    """How a port shakes hands, and the names that clients asked for in doing so (SNI)."""

    context: ssl.SSLContext
    names: WeakKeyDictionary[ssl.SSLObject, str]

    def name_of(self, tls: ssl.SSLObject) -> str | None:
        """The name that a client asked for, or None."""
        return self.names.get(tls) or None


class Certificates:
    """The TLS contexts of the servers of one configuration.

    ``made`` is a folder for self-signed certificates in place of ones that are not there; None:
    what is not there is an InputError with file and line.
    """

    def __init__(self, wiring: Wiring, made: Path | None) -> None:
        self._wiring = wiring
        self._made = made
        self._contexts: dict[Server, ssl.SSLContext] = {}

    def doors(self, group: Group, accepts: Accepts) -> Doors:
        """How a port shakes hands: the certificate goes by the name that is asked for.

        ``accepts`` says whether the policy shakes hands with a client that asks for a name.
        """
        for server in group.servers:
            self._of_server(server)
        names: WeakKeyDictionary[ssl.SSLObject, str] = WeakKeyDictionary()

        def choose(tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
            names[tls] = name or ""
            if not accepts(name):
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            server = group.servers[group.find_indicated(name).position]
            tls.context = self._contexts[server]
            return None

        context = _context(group.servers[0])
        # Which certificate is shown is decided by name; without any, OpenSSL refuses too early.
        for server in group.servers:
            if not server.reject_handshake:
                for pair in self._pairs(server):
                    _load(context, pair, _scope(server).last("ssl_certificate"))
                break
        context.sni_callback = choose
        return Doors(context, names)

    def _of_server(self, server: Server) -> None:
        if server in self._contexts:
            return
        context = self._contexts[server] = _context(server)
        for pair in self._pairs(server):
            _load(context, pair, _scope(server).last("ssl_certificate"))

    def _pairs(self, server: Server) -> list[Pair]:
        """The certificates of a server, each with its key."""
        if server.reject_handshake:
            return []
        found = certificate_pairs(_scope(server))
        if not found and self._made is None:
            raise bad(
                server.source,
                'no "ssl_certificate" is defined for a server that listens with ssl',
                "name one, or let --make-certificates make it",
            )
        if not found:
            return [self._make(server, "none")]
        return [self._pair(server, certificate, key) for certificate, key in found]

    def _pair(self, server: Server, certificate: Directive, key: Directive) -> Pair:
        files = (self._file(certificate), self._file(key))
        if None not in files:
            return files  # type: ignore[return-value]
        if self._made is None:
            missing = certificate if files[0] is None else key
            raise bad(
                missing.source,
                f"{self._wiring.beside(missing.args[0])} is not there",
                "put it there, or let --make-certificates make one",
            )
        return self._make(server, certificate.args[0])

    def _file(self, directive: Directive) -> Path | None:
        text = directive.args[0]
        if "$" in text or text.startswith(("data:", "engine:")):
            return None
        path = self._wiring.beside(text)
        return path if path.exists() else None

    def _make(self, server: Server, stem: str) -> Pair:
        assert self._made is not None
        name = "".join(c if c.isalnum() else "-" for c in f"{server.name}-{stem}")[-100:]
        pair = self._made / f"{name}.crt", self._made / f"{name}.key"
        if not pair[0].exists():
            make_certificate(*pair, tuple(n for n in server.names if not n.startswith("~")))
        return pair


def _scope(server: Server) -> Scope:
    return server.base.scope


def certificate_pairs(scope: Scope) -> list[tuple[Directive, Directive]]:
    """The `ssl_certificate`s in force, each with its key. InputError where they do not match."""
    certificates = scope.nearest("ssl_certificate")
    keys = scope.nearest("ssl_certificate_key")
    if len(certificates) > len(keys):
        where: Source = certificates[len(keys)].source
        raise bad(where, 'no "ssl_certificate_key" is defined for this certificate')
    return list(zip(certificates, keys, strict=False))


def _load(context: ssl.SSLContext, pair: Pair, directive: Directive | None) -> None:
    try:
        context.load_cert_chain(*pair)
    except (OSError, ssl.SSLError) as error:
        where = None if directive is None else directive.source
        raise InputError(
            f"cannot load the certificate {pair[0]}: {error}",
            file=None if where is None else where.file,
            line=None if where is None else where.line,
        ) from None


def _context(server: Server) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    said = _scope(server).last("ssl_protocols")
    names = ("TLSv1.2", "TLSv1.3") if said is None else said.args
    known = sorted(_VERSIONS[name] for name in names if name in _VERSIONS)
    context.minimum_version = max(known[0], _OLDEST) if known else _OLDEST
    context.maximum_version = max(known[-1], _OLDEST) if known else _NEWEST
    return context
