"""A configuration made fit to be tried on loopback, with its decisions left as they are.

What changes: where it listens, where it writes, whom it passes requests to, which certificates it
shows, and what it logs. What decides an answer stays, word for word.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from simkit.errors import InputError
from simkit.live import access, clocks
from simkit.live.certificates import make_certificate
from simkit.live.encode import ADDRESS_HEADER
from simkit.live.listening import Endpoint, Listen, free_ports, has_ipv6, read_listen
from simkit.live.written import Written, directive, write
from simkit.policy.reader import Directive, read

__all__ = ["Trial", "prepare"]

_DROPPED = frozenset(
    """access_log error_log log_format pid user daemon master_process working_directory lock_file
    worker_processes worker_cpu_affinity worker_rlimit_nofile worker_rlimit_core ssl_engine
    client_body_temp_path proxy_temp_path fastcgi_temp_path uwsgi_temp_path scgi_temp_path
    stream mail""".split()
)
_INPUT_FILES = frozenset(
    """ssl_client_certificate ssl_trusted_certificate ssl_dhparam ssl_password_file ssl_crl
    ssl_session_ticket_key auth_basic_user_file""".split()
)
_TEMP_PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_REAL_IP = frozenset(("set_real_ip_from", "real_ip_header"))
_PASS = re.compile(r"(https?)://([^/$]+)(.*)", re.DOTALL)
_PASS_BY_NAME = re.compile(r"https?://\$")
_OTHER_PASSES = frozenset("fastcgi_pass uwsgi_pass scgi_pass grpc_pass memcached_pass".split())
_SERVER_PORT = re.compile(r"(\$\{?)server_port\b")
_PORT = "simkit_server_port"


@dataclass(frozen=True, slots=True)
class Trial:
    """A configuration ready to be tried: its file, its text, and where it will listen.

    ``by_header`` says that clients may name their address in the header `ADDRESS_HEADER`.
    """

    file: Path
    written: Written
    endpoints: tuple[Endpoint, ...]
    by_header: bool


def prepare(
    path: Path,
    folder: Path,
    *,
    backend_port: int,
    workers: int,
    level: str,
    rate: str | None = None,
    timed: bool = False,
) -> Trial:
    """Write a copy of the configuration into the folder, fit to be tried there.

    ``rate`` takes the place of every rate of a `limit_req_zone`; with ``timed`` connections last,
    and the error log has a line for each request as it is taken up (`simkit.live.clocks`). Raises
    InputError for a configuration that cannot be read or has no server.
    """
    tree = tuple(map(_with_configured_port, read(path)))
    rewriting = _Rewriting(path.resolve().parent, folder, backend_port, rate, timed)
    rewriting.survey(tree)
    written = write(rewriting.main(tree, workers, level))
    file = folder / "nginx.conf"
    file.write_text(written.text, encoding="utf-8", errors="surrogateescape")
    return Trial(file, written, tuple(rewriting.endpoints.values()), rewriting.by_header)


@dataclass(slots=True)
class _Rewriting:
    """The state of one rewriting: what was found in the configuration and what was made."""

    home: Path
    folder: Path
    backend_port: int
    rate: str | None = None
    timed: bool = False
    endpoints: dict[Listen, Endpoint] = field(default_factory=dict)
    upstreams: set[str] = field(default_factory=set)
    names: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    certificates: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    by_header: bool = True

    def survey(self, tree: Iterable[Directive]) -> None:
        """Find upstreams, addresses to listen on, names for certificates, and use of realip."""
        tree = tuple(tree)
        found: dict[Listen, set[str]] = {}
        for item in _walk(tree):
            if item.name == "upstream":
                self.upstreams.update(item.args)
            self.by_header = self.by_header and item.name not in _REAL_IP
        for server in _servers(tree):
            for certificate, key in _pairs(server):
                names = self.names.setdefault((certificate.args[0], key.args[0]), set())
                names.update(name for d in server.named("server_name") for name in d.args)
            for listen, words in _listens(server):
                found.setdefault(listen, set()).update(words)
        usable = [one for one in found if one.family == 4 or has_ipv6()]
        for listen, end in free_ports(usable).items():
            flags = found[listen]
            self.endpoints[listen] = replace(end, tls="ssl" in flags, http2="http2" in flags)

    def main(self, tree: Iterable[Directive], workers: int, level: str) -> list[Directive]:
        """The main context of the copy."""
        own = [
            directive("daemon", "off"),
            directive("worker_processes", str(workers)),
            directive("pid", "nginx.pid"),
            directive("error_log", "error.log", level),
        ]
        if os.geteuid() == 0:
            # nginx started by root would serve as a user who may not read the folder.
            own.append(directive("user", pwd.getpwuid(0).pw_name))
        return own + [self._top(item) for item in tree if item.name not in _DROPPED]

    def _top(self, item: Directive) -> Directive:
        return self._http(item) if item.name == "http" else item

    def _http(self, http: Directive) -> Directive:
        own = [directive("log_format", "simkit", *access.FORMAT)]
        own.append(directive("access_log", "access.log", "simkit"))
        own.append(self._ports())
        own += clocks.CLOCK_MAPS
        own += clocks.ORDER_SETTINGS if self.timed else ()
        own += [directive(f"{name}_temp_path", f"temp/{name}") for name in _TEMP_PATHS]
        if self.by_header:
            own += [directive("set_real_ip_from", net) for net in ("127.0.0.0/8", "::1")]
            own.append(directive("real_ip_header", ADDRESS_HEADER))
        return replace(http, block=(*own, *self._block(http)))

    def _ports(self) -> Directive:
        """What `$server_port` would say: the configured port, not the free one in its place."""
        pairs = {end.port: listen.port for listen, end in self.endpoints.items()}
        lines = (directive(str(port), str(configured)) for port, configured in pairs.items())
        return directive("map", "$server_port", f"${_PORT}", block=tuple(lines))

    def _block(self, parent: Directive) -> Iterator[Directive]:
        for certificate, key in _pairs(parent):
            files = self._pair(certificate.args[0], key.args[0])
            yield replace(certificate, args=(files[0],))
            yield replace(key, args=(files[1],))
        for item in parent.block or ():
            if item.name in _DROPPED or item.name in ("ssl_certificate", "ssl_certificate_key"):
                continue
            if self.timed and item.name in clocks.ORDER_DROPS:
                continue
            if item.name == "server" and parent.name == "http":
                yield self._server(item)
            else:
                yield self._inner(item, parent)

    def _inner(self, item: Directive, parent: Directive) -> Directive:
        if item.name in _OTHER_PASSES:
            return replace(item, name="proxy_pass", args=(f"http://127.0.0.1:{self.backend_port}",))
        if item.args:
            item = replace(item, args=self._arguments(item, parent))
        opaque = item.name in ("map", "geo", "types", "split_clients")
        if item.block is None or opaque:
            return item
        return replace(item, block=tuple(self._block(item)))

    def _arguments(self, item: Directive, parent: Directive) -> tuple[str, ...]:
        first, *rest = item.args
        if item.name == "server" and parent.name == "upstream":
            first = f"127.0.0.1:{self.backend_port}"
        elif item.name == "proxy_pass":
            first = self._passed(first)
        elif item.name in ("root", "alias"):
            first = self._under(first)
        elif item.name in _INPUT_FILES:
            first = str(self.home / first)
        elif item.name == "proxy_cache_path":
            first = "temp/cache"
        elif item.name == "limit_req_zone" and self.rate is not None:
            rest = [f"rate={self.rate}" if word.startswith("rate=") else word for word in rest]
        return (first, *rest)

    def _server(self, server: Directive) -> Directive:
        listens = [one for item in server.named("listen") for one in self._listen(item)]
        if not any(True for _ in server.named("listen")):
            listens = [directive("listen", self._where(Listen(4, "*", 80)))]
        if not listens:
            raise InputError(
                "this server listens only where this machine cannot",
                file=server.source.file,
                line=server.source.line,
            )
        rules = clocks.CLOCK_RULES + (clocks.ORDER_RULES if self.timed else ())
        rest = (item for item in self._block(server) if item.name != "listen")
        return replace(server, block=(*listens, *rules, *rest))

    def _listen(self, item: Directive) -> Iterator[Directive]:
        words = tuple(word for word in item.args[1:] if not word.startswith("ipv6only="))
        for listen in _listen_and_its_twin(item):
            if listen in self.endpoints:
                yield replace(item, args=(self._where(listen), *words))

    def _where(self, listen: Listen) -> str:
        end = self.endpoints[listen]
        return f"[{end.host}]:{end.port}" if listen.family == 6 else f"{end.host}:{end.port}"

    def _passed(self, target: str) -> str:
        if _PASS_BY_NAME.match(target):
            return f"http://127.0.0.1:{self.backend_port}"
        found = _PASS.fullmatch(target)
        if found is None:
            return target
        known = found[2] in self.upstreams
        return f"http://{found[2] if known else f'127.0.0.1:{self.backend_port}'}{found[3]}"

    def _under(self, path: str) -> str:
        """An absolute path as one under the folder; the site's files may be laid there."""
        return f"{self.folder}/files{path}" if path.startswith("/") else path

    def _pair(self, certificate: str, key: str) -> tuple[str, str]:
        """The configured pair where both files are there, else one made for the trial."""
        if "$" in certificate + key:
            return certificate, key
        given = self.home / certificate, self.home / key
        if all(file.exists() for file in given):
            return str(given[0]), str(given[1])
        if (certificate, key) not in self.certificates:
            stem = self.folder / "tls" / str(len(self.certificates))
            made = stem.with_suffix(".crt"), stem.with_suffix(".key")
            make_certificate(*made, tuple(sorted(self.names.get((certificate, key), ()))))
            self.certificates[certificate, key] = str(made[0]), str(made[1])
        return self.certificates[certificate, key]


def _with_configured_port(item: Directive) -> Directive:
    """A directive that asks for `$server_port`, asking for the configured one."""
    args = tuple(_SERVER_PORT.sub(rf"\1{_PORT}", word) for word in item.args)
    block = None if item.block is None else tuple(map(_with_configured_port, item.block))
    return replace(item, args=args, block=block)


def _walk(tree: Iterable[Directive]) -> Iterator[Directive]:
    for item in tree:
        yield item
        yield from _walk(item.block or ())


def _servers(tree: Iterable[Directive]) -> list[Directive]:
    found = [s for http in tree if http.name == "http" for s in http.named("server")]
    if not found:
        raise InputError("the configuration has no server", hint="http { server { … } }")
    return found


def _listens(server: Directive) -> Iterator[tuple[Listen, tuple[str, ...]]]:
    items = list(server.named("listen"))
    if not items:
        yield Listen(4, "*", 80), ()
    old_style = ("ssl",) if any(d.args == ("on",) for d in server.named("ssl")) else ()
    for item in items:
        for listen in _listen_and_its_twin(item):
            yield listen, (*item.args[1:], *old_style)


def _listen_and_its_twin(item: Directive) -> Iterator[Listen]:
    """What a `listen` names; ``[::]`` with ``ipv6only=off`` takes IPv4 as well."""
    for listen in read_listen(item.args[0], item.source):
        yield listen
        if listen.family == 6 and listen.host == "*" and "ipv6only=off" in item.args:
            yield replace(listen, family=4)


def _pairs(parent: Directive) -> Iterator[tuple[Directive, Directive]]:
    """The certificates of a block, each with its key."""
    certificates = [d for d in parent.named("ssl_certificate") if d.args]
    keys = [d for d in parent.named("ssl_certificate_key") if d.args]
    return zip(certificates, keys, strict=False)
