r"""Access logs, written: the inverse of reading them.

An `Entry` is what a server knows of a request when it logs it. A `Writer` makes lines of entries by
a `log_format`, byte for byte as nginx does: ``$request_time`` and ``$msec`` with milliseconds, a
dash where there was no value, everything from a client escaped (``ngx_http_log_escape``).

What a client sent that could not be read as a request line stands in the log as it came. A `Shape`
does not keep those bytes, so an example of the same fault stands for them: one that this package's
own reader, like nginx, refuses for the same reason.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from pathlib import Path

from simkit.accesslog.escapes import Escape, escaped
from simkit.accesslog.log_format import COMBINED, LogFormat
from simkit.errors import InputError
from simkit.wire import Fault, Shape, Version

__all__ = ["Entry", "Writer", "unwritable", "write_log"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_PLAIN = re.compile(r"[ !#-\[\]-~]*")  # nothing that any escape= touches
_NO_TEXT = re.compile("([\udc80-\udcff]+)")
_FAULTY_LINES = {
    Fault.BAD_REQUEST_LINE: "GET / NONSENSE",
    Fault.BAD_METHOD: "g{t / HTTP/1.1",
    Fault.TLS_ON_PLAIN: "\x16\x03\x01\x00\udcc8\x01\x00\x00\udcc4\x03\x03",
}
"""What stands in a log for a request whose line cannot be read."""

_JOINTS = {"cookie": "; ", "x_forwarded_for": ", "}
_BEFORE_HEADERS = frozenset({*_FAULTY_LINES, Fault.UNKNOWN_VERSION, Fault.URI_TOO_LONG})
"""Faults at which nginx stops before it has read a header."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A request when it is logged.

    ``address`` is the client's, ``peer`` that of the connection where realip tells them apart.
    ``ended_ms`` is when it ended, in milliseconds since 1970; ``duration_ms`` from its first byte
    until then. ``body_bytes`` were sent of a body, ``sent_bytes`` of header and body.
    ``server_name`` is that of the server where the request named no host. ``limit_req_status`` and
    ``limit_conn_status`` are None where no such limit was asked.
    """

    shape: Shape
    address: str
    status: int
    ended_ms: int
    duration_ms: int = 0
    body_bytes: int = 0
    sent_bytes: int = 0
    server_name: str = ""
    peer: str | None = None
    limit_req_status: str | None = None
    limit_conn_status: str | None = None


def _request_line(shape: Shape) -> str:
    faulty = _FAULTY_LINES.get(shape.fault)
    if faulty is not None:
        return faulty
    if shape.version is Version.HTTP_0_9:
        return f"{shape.method} {shape.target}"
    version = "HTTP/9.0" if shape.fault is Fault.UNKNOWN_VERSION else shape.version.value
    return f"{shape.method} {shape.target} {version}"


def _of_line(read: Callable[[Shape], str]) -> Callable[[Shape], str | None]:
    return lambda shape: None if shape.fault in _FAULTY_LINES else read(shape)


def _host(shape: Shape) -> str | None:
    """The Host as nginx takes it: in small letters and without a port."""
    sent = _header(shape, "host")
    return None if sent is None else re.sub(r":[0-9]*$", "", sent).lower()


def _header(shape: Shape, variable: str) -> str | None:
    """What ``$http_…`` says, by the rest of the variable's name: the first such header.

    Of the two that nginx 1.22 joins where they are repeated, all.
    """
    if shape.version is Version.HTTP_0_9 or shape.fault in _BEFORE_HEADERS:
        return None
    named = [v.strip(" ") for n, v in shape.headers if n.lower().replace("-", "_") == variable]
    if not named:
        return None
    return _JOINTS[variable].join(named) if variable in _JOINTS else named[0]


def _user(shape: Shape) -> str | None:
    """The user of basic authentication (ngx_http_auth_basic_user)."""
    scheme, _, coded = (_header(shape, "authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, _ = base64.b64decode(coded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return user.decode("utf-8", "surrogateescape") if colon and user else None


_OF_SHAPE: dict[str, Callable[[Shape], str | None]] = {
    "request": _request_line,
    "request_method": _of_line(lambda s: s.method),
    "request_uri": _of_line(lambda s: s.target),
    "server_protocol": _of_line(lambda s: s.version.value),
    "scheme": lambda s: "https" if s.tls else "http",
    "https": lambda s: "on" if s.tls else "",
    "server_port": lambda s: str(s.port),
    "ssl_server_name": lambda s: s.sni,
    "remote_user": _user,
}
"""Variables that the request alone gives a value to; ``http_…`` beside them."""

_OF_ENTRY: dict[str, Callable[[Entry], str | None]] = {
    "remote_addr": lambda e: e.address,
    "realip_remote_addr": lambda e: e.peer or e.address,
    "status": lambda e: f"{e.status:03d}",
    "body_bytes_sent": lambda e: str(e.body_bytes),
    "bytes_sent": lambda e: str(e.sent_bytes),
    "request_time": lambda e: _seconds(e.duration_ms),
    "msec": lambda e: _seconds(e.ended_ms),
    "limit_req_status": lambda e: e.limit_req_status,
    "limit_conn_status": lambda e: e.limit_conn_status,
    "host": lambda e: _host(e.shape) or e.server_name,
}
_TIMES = ("time_local", "time_iso8601")


def unwritable(log_format: LogFormat) -> tuple[str, ...]:
    """The variables of a format that an `Entry` gives no value to, each once."""
    known = {*_OF_SHAPE, *_OF_ENTRY, *_TIMES}
    names = (v for v in log_format.variables if v not in known and not v.startswith("http_"))
    return tuple(dict.fromkeys(names))


class Writer:
    """Makes lines of one format; ``zone`` is the server's time zone.

    Raises InputError for a format with variables that `Entry` gives no value to.
    """

    def __init__(self, log_format: LogFormat = COMBINED, zone: tzinfo = UTC) -> None:
        missing = unwritable(log_format)
        if missing:
            names = ", ".join(f"${name}" for name in missing)
            raise InputError(f"log format {log_format.name} cannot be written: it has {names}")
        self.log_format = log_format
        self._zone = zone
        self._time_of = lru_cache(maxsize=8)(self._times)
        self._text_of = lru_cache(maxsize=1 << 16)(self._text)

    def line(self, entry: Entry) -> bytes:
        """The line about a request, with its end."""
        return b"".join((*self._pieces(entry), b"\n"))

    def _pieces(self, entry: Entry) -> Iterator[bytes]:
        for part in self.log_format.parts:
            name = part.text
            if not part.variable:
                yield name.encode("utf-8", "surrogateescape")
            elif name in _TIMES:
                yield self._time_of(entry.ended_ms // 1000)[_TIMES.index(name)]
            elif name in _OF_ENTRY:
                yield self._value(_OF_ENTRY[name](entry))
            else:
                yield self._text_of(name, entry.shape)

    def _text(self, name: str, shape: Shape) -> bytes:
        read = _OF_SHAPE.get(name)
        header = name.removeprefix("http_")
        return self._value(_header(shape, header) if read is None else read(shape))

    def _value(self, value: str | None) -> bytes:
        escape = self.log_format.escape
        if value is None:
            return b"-" if escape is Escape.DEFAULT else b""
        if _PLAIN.fullmatch(value):
            return value.encode("ascii")
        if escape is Escape.DEFAULT:
            return escaped(value).encode("ascii")
        # Bytes that are no text stay as they are, as in nginx.
        pieces = enumerate(_NO_TEXT.split(value))
        shown = (piece if n % 2 else escaped(piece, escape) for n, piece in pieces)
        return "".join(shown).encode("utf-8", "surrogateescape")

    def _times(self, second: int) -> tuple[bytes, bytes]:
        at = (_EPOCH + timedelta(seconds=second)).astimezone(self._zone)
        local = f"{at:%d}/{_MONTHS[at.month - 1]}/{at:%Y:%H:%M:%S %z}"
        return local.encode(), at.isoformat(timespec="seconds").encode()


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"


def write_log(
    entries: Iterable[Entry],
    path: Path,
    log_format: LogFormat = COMBINED,
    zone: tzinfo = UTC,
) -> int:
    """Write a log of entries in their order; how many lines it has.

    The file is there as a whole or not at all, unless the path is a link or no ordinary file
    (``/dev/stdout``): what it leads to is written to as it is. Raises InputError as `Writer`, and
    where the file cannot be written.
    """
    writer = Writer(log_format, zone)
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            return _write(map(writer.line, entries), path)
        beside = path.with_name(f"{path.name}.writing")
        try:
            lines = _write(map(writer.line, entries), beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot write the log: {reason}", file=path) from None
    return lines


def _write(lines: Iterable[bytes], path: Path) -> int:
    count = 0
    with path.open("wb") as file:
        for line in lines:
            file.write(line)
            count += 1
        file.flush()
        if path.is_file():
            os.fsync(file.fileno())
    return count
