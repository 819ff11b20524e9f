"""Where a configuration listens, and where its copy on loopback listens instead."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

from simkit.errors import InputError
from simkit.policy.source import Source

__all__ = ["Endpoint", "Listen", "free_ports", "has_ipv6", "read_listen"]

_RANGE = re.compile(r"(\d+)-(\d+)")
_LOOPBACK = {4: "127.0.0.1", 6: "::1"}


@dataclass(frozen=True, slots=True, order=True)
class Listen:
    """An address and port as configured; ``host`` is ``*`` for every address of the family."""

    family: int
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect: a loopback address and port; ``listen`` is what it stands for."""

    host: str
    port: int
    listen: Listen
    tls: bool = False
    http2: bool = False


def read_listen(text: str, source: Source) -> tuple[Listen, ...]:
    """What the first argument of a `listen` names; nothing for a unix socket.

    A range of ports gives one `Listen` each. Raises InputError for what is neither.
    """
    if text.startswith("unix:"):
        return ()
    host, port = _split(text)
    first, last = _ports(port, source)
    if host.startswith("["):
        name = host[1:-1]
        return tuple(Listen(6, "*" if name == "::" else name, p) for p in range(first, last + 1))
    name = "*" if host in ("", "*", "0.0.0.0") else host
    return tuple(Listen(4, name, p) for p in range(first, last + 1))


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, _, rest = text.partition("]")
        return host + "]", rest.removeprefix(":") or "80"
    if re.fullmatch(r"\d+(-\d+)?", text):
        return "", text
    host, _, port = text.partition(":")
    return host, port or "80"


def _ports(text: str, source: Source) -> tuple[int, int]:
    span = _RANGE.fullmatch(text)
    first, last = (span[1], span[2]) if span else (text, text)
    if not (first.isascii() and first.isdigit()) or not 1 <= int(first) <= int(last) <= 65535:
        raise InputError(f'invalid port in "{text}"', file=source.file, line=source.line)
    return int(first), int(last)


def has_ipv6() -> bool:
    """Whether this machine has the IPv6 loopback address."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def free_ports(listens: list[Listen]) -> dict[Listen, Endpoint]:
    """A free loopback port for each; they may be taken by others until they are used."""
    held: list[socket.socket] = []
    found: dict[Listen, Endpoint] = {}
    try:
        for listen in listens:
            host = _LOOPBACK[listen.family]
            kind = socket.AF_INET6 if listen.family == 6 else socket.AF_INET
            held.append(socket.socket(kind, socket.SOCK_STREAM))
            held[-1].bind((host, 0))
            found[listen] = Endpoint(host, held[-1].getsockname()[1], listen)
    finally:
        for one in held:
            one.close()
    return found
