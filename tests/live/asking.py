"""Requests written in a configuration, as lines that begin with ``#>``.

    #> GET /path?query HTTP/1.0 :81 @192.0.2.1 x2 | Header: value | Another: value

A method and a target, then in any order: a version, a port (80), the client's address, how often
(each on a connection of its own), ``+N`` bytes of a body, ``unread`` where the server will not
have read it, ``six`` for IPv6, ``tls`` or ``sni=NAME``, ``!fault``, ``-Host`` and ``-Agent`` to
leave those out. ``{a*9}`` is repeated nine times. Host is site.example unless given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from simkit.wire import Address, Fault, Shape, Version, address

__all__ = ["Ask", "read_ask", "read_asks"]

_REPEATED = re.compile(r"\{(.)\*(\d+)\}")
_FAULTS = {
    "line": Fault.BAD_REQUEST_LINE,
    "method": Fault.BAD_METHOD,
    "header": Fault.BAD_HEADER,
    "host": Fault.BAD_HOST,
    "tls": Fault.TLS_ON_PLAIN,
    "encoding": Fault.UNKNOWN_TRANSFER_ENCODING,
    "version": Fault.UNKNOWN_VERSION,
}
_DEFAULTS = {"Host": "site.example", "User-Agent": "Mozilla/5.0 (X11)"}


@dataclass(frozen=True)
class Ask:
    """A request: its shape, who sends it (None: whoever connects), how often; as written."""

    text: str
    shape: Shape
    address: Address | None = None
    times: int = 1
    six: bool = False


@dataclass
class _Words:
    ask: Ask
    left_out: set[str] = field(default_factory=set)

    def take(self, word: str) -> None:
        """One word after the target."""
        shape = self.ask.shape
        first, rest = word[0], word[1:]
        match first:
            case "H":
                shape = replace(shape, version=Version(word))
            case ":":
                shape = replace(shape, port=int(rest))
            case "+":
                shape = replace(shape, body_bytes=int(rest))
            case "!":
                shape = replace(shape, fault=_FAULTS[rest])
            case "-":
                self.left_out.add({"Agent": "User-Agent"}.get(rest, rest))
            case "@":
                self.ask = replace(self.ask, address=address(rest))
            case "x":
                self.ask = replace(self.ask, times=int(rest))
            case _:
                shape = self._flag(word, shape)
        self.ask = replace(self.ask, shape=shape)

    def _flag(self, word: str, shape: Shape) -> Shape:
        if word == "six":
            self.ask = replace(self.ask, six=True)
            return shape
        if word == "unread":
            return replace(shape, body_unread=True)
        if word == "tls":
            return replace(shape, tls=True)
        name, equals, value = word.partition("=")
        assert (name, equals) == ("sni", "="), f"what is {word!r}?"
        return replace(shape, tls=True, sni=value)


def read_asks(path: Path) -> list[Ask]:
    """The requests of a configuration, in their order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [read_ask(line[2:].strip()) for line in lines if line.startswith("#>")]


def read_ask(text: str) -> Ask:
    """One request, as it stands after the mark."""
    full = _REPEATED.sub(lambda m: m[1] * int(m[2]), text)
    top, *lines = full.split(" | ")
    method, target, *words = top.split()
    given = tuple((n.strip(), v.strip()) for n, _, v in (line.partition(":") for line in lines))
    reading = _Words(Ask(text, Shape(method, target)))
    for word in words:
        reading.take(word)
    known = {name.lower() for name, _ in given} | {name.lower() for name in reading.left_out}
    usual = tuple((n, v) for n, v in _DEFAULTS.items() if n.lower() not in known)
    return replace(reading.ask, shape=replace(reading.ask.shape, headers=usual + given))
