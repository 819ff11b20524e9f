"""nginx's `log_format`: one description, for reading lines and for writing them.

A format is text and variables in turn. To read, it becomes a regular expression (Rust's dialect,
whose work is linear in the length of the line): a known variable has its own pattern, one between
quotes runs to the closing quote, any other to the character that follows it in the format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from simkit.accesslog.escapes import Escape, escaped
from simkit.errors import InputError

__all__ = ["COMBINED", "COMMON", "FORMATS", "LogFormat", "Part", "find_format"]

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|([A-Za-z_]\w*))")
_DIRECTIVE = re.compile(
    r"""\s*log_format\s+(?P<name>[^\s;'"]+)(?:\s+escape=(?P<escape>\w+))?(?P<text>.*?);?\s*""",
    re.DOTALL,
)
_WORD = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s'"]+))""", re.DOTALL)
_CLOCK = "[0-9]{2}:[0-9]{2}:[0-9]{2}"
_NUMBER = "(?:[0-9]{1,18}|-)"

_PATTERNS: dict[str, str] = {
    "time_local": f"[0-9]{{2}}/[A-Z][a-z]{{2}}/[0-9]{{4}}:{_CLOCK} [+-][0-9]{{4}}",
    "time_iso8601": f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{_CLOCK}[+-][0-9]{{2}}:[0-9]{{2}}",
    "msec": r"[0-9]{1,12}\.[0-9]{3}",
    "request_time": r"(?:[0-9]{1,9}\.[0-9]{3}|-)",
    "status": "[0-9]{3}",
    "body_bytes_sent": _NUMBER,
    "bytes_sent": _NUMBER,
    "request_length": _NUMBER,
    "remote_port": _NUMBER,
    "server_port": _NUMBER,
    "connection": _NUMBER,
    "connection_requests": _NUMBER,
}
"""What a known variable looks like; ``-`` where the server had no value."""

_ADDRESSES = frozenset({"remote_addr", "realip_remote_addr", "server_addr"})


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a format: literal text, or (``variable``) the name of a variable."""

    text: str
    variable: bool

    def __str__(self) -> str:
        return f"${self.text}" if self.variable else self.text


@dataclass(frozen=True, slots=True)
class LogFormat:
    """A `log_format`: its name, its text as nginx has it, and how values are escaped."""

    name: str
    text: str
    escape: Escape = Escape.DEFAULT

    @classmethod
    def parse(cls, text: str, name: str = "custom") -> LogFormat:
        """A format from its text, or from a whole ``log_format name '…' '…';`` directive.

        Raises InputError where the text names no variable or an unknown ``escape=``.
        """
        directive = _DIRECTIVE.fullmatch(text)
        if directive is None:
            return cls(name, text)._checked()
        return cls(
            directive["name"], _joined(directive["text"]), _escape(directive["escape"])
        )._checked()

    def _checked(self) -> LogFormat:
        if "\n" in self.text or not self.variables:
            raise InputError(
                f"log format {self.text!r} cannot be read",
                hint="give the text of nginx's log_format on one line, such as "
                "'$remote_addr [$time_local] \"$request\" $status'",
            )
        return self

    @property
    def parts(self) -> tuple[Part, ...]:
        """Text and variables in turn."""
        return _parts(self.text)

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables in the order of the line; the groups of `pattern` are theirs."""
        return tuple(p.text for p in self.parts if p.variable)

    @property
    def ends_open(self) -> bool:
        """Whether a line ends in a value, so that a cut within it cannot be seen."""
        return self.parts[-1].variable

    def pattern(self, *, tolerant: bool = False, parts: int | None = None) -> str:
        """The regular expression of a line, one group for each variable.

        ``tolerant`` lets a value contain the character that should end it (a user's name with a
        space in it), which is slower. With ``parts`` only so many parts, open at the end.
        """
        wanted = self.parts[:parts]
        missing = self.escape is not Escape.DEFAULT
        body = "".join(_piece(self.parts, i, tolerant, missing) for i in range(len(wanted)))
        return f"^{body}" if parts is not None else f"^{body}$"

    def line(self, values: Mapping[str, str | None]) -> str:
        """A line of the log, without its end, as nginx writes it. None: there was no value."""
        missing = "-" if self.escape is Escape.DEFAULT else ""
        return "".join(_written(part, values, missing, self.escape) for part in self.parts)


COMBINED = LogFormat(
    "combined",
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent"',
)
"""nginx's and Apache's combined format."""

COMMON = LogFormat(
    "common", '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent'
)
"""The common log format of NCSA httpd: combined without referer and agent."""

FORMATS: dict[str, LogFormat] = {f.name: f for f in (COMBINED, COMMON)}
"""The formats that have a name here."""


def find_format(wanted: str | LogFormat) -> LogFormat:
    """A format by its name (``combined``, ``common``) or from its text."""
    if isinstance(wanted, LogFormat):
        return wanted
    return FORMATS.get(wanted) or LogFormat.parse(wanted)


def _escape(text: str | None) -> Escape:
    try:
        return Escape(text or "default")
    except ValueError:
        raise InputError(
            f"log format has escape={text}", hint="nginx knows default, json and none"
        ) from None


def _joined(text: str) -> str:
    """The quoted strings of a directive, joined as nginx joins them."""
    pieces = (m[1] or m[2] or m[3] or "" for m in _WORD.finditer(text))
    return "".join(re.sub(r"\\(['\"\\])", r"\1", piece) for piece in pieces)


@lru_cache(maxsize=64)
def _parts(text: str) -> tuple[Part, ...]:
    return tuple(_split(text))


def _split(text: str) -> Iterator[Part]:
    end = 0
    for found in _VARIABLE.finditer(text):
        if found.start() > end:
            yield Part(text[end : found.start()], variable=False)
        yield Part(found[1] or found[2], variable=True)
        end = found.end()
    if end < len(text):
        yield Part(text[end:], variable=False)


def _piece(parts: tuple[Part, ...], index: int, tolerant: bool, missing: bool) -> str:
    """One part as a regular expression; ``missing``: nothing stands where there was no value."""
    part = parts[index]
    if not part.variable:
        return re.escape(part.text)
    before = "" if index == 0 or parts[index - 1].variable else parts[index - 1].text
    if index + 1 == len(parts):
        return f"({_last_value(part.text)}{'|' if missing else ''})"
    follows = parts[index + 1]
    after = "" if follows.variable else follows.text
    return f"({_value(part.text, before[-1:], after[:1], tolerant)}{'|' if missing else ''})"


def _last_value(name: str) -> str:
    return "[!-~]+" if name in _ADDRESSES else _PATTERNS.get(name, ".*")


def _value(name: str, before: str, after: str, tolerant: bool) -> str:
    if name in _PATTERNS:
        return _PATTERNS[name]
    # A quoted value ends at its quote, tolerant or not: nginx never writes a bare one within.
    if after and after == before and after in "\"'":
        return rf"(?:[^{after}\\]|\\.)*"
    if name in _ADDRESSES:
        return "[!-~]+?" if tolerant or not after else f"[!-~&&[^{re.escape(after)}]]+"
    return ".*?" if tolerant or not after else f"[^{re.escape(after)}]*"


def _written(part: Part, values: Mapping[str, str | None], missing: str, escape: Escape) -> str:
    if not part.variable:
        return part.text
    value = values.get(part.text)
    return missing if value is None else escaped(value, escape)
