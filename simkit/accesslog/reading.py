"""`read_log`: from a file to a Trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from simkit.accesslog.clients import ClientBook
from simkit.accesslog.escapes import Escape, unescaped
from simkit.accesslog.lines import Block, LineSource
from simkit.accesslog.log_format import COMBINED, FORMATS, LogFormat, find_format
from simkit.accesslog.parsing import LINE, REASON, TEXT, TIME, Parser, fitting
from simkit.accesslog.request_line import RequestLine, parse_request_line
from simkit.accesslog.trace import Column, Rejections, Trace
from simkit.errors import InputError, printable

if TYPE_CHECKING:
    import polars as pl

__all__ = ["read_log"]

T = TypeVar("T")
N = TypeVar("N", bound=np.generic)

_EXCERPT = 120
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REQUEST = "request"
_REQUEST_PARTS = {"request_method": "GET", "request_uri": "", "server_protocol": "HTTP/1.1"}
"""What a request is made of where the format has no $request, and what is taken if it lacks one."""

_NUMBERS = {"status": 0, "body_bytes_sent": 0, "bytes_sent": 0, "request_time": -1}
"""Variables that are numbers, and what a missing one counts as."""

_TLS = ("https", "scheme", "ssl_protocol")
_HOSTS = ("http_host", "host", "server_name")
_OTHERS = ("remote_addr", "server_port", "ssl_server_name")
_NO_NAMES = ("", "_")


def read_log(path: str | Path, log_format: str | LogFormat | None = None) -> Trace:
    """Read an access log, plain or gzipped.

    ``log_format`` is ``combined``, ``common`` or the text of nginx's `log_format`; None finds out
    which of the two named ones fits. Malformed lines are counted and kept apart, damage of the
    file is reported in the Trace. Memory grows with the distinct texts and some 30 bytes for each
    line, not with the size of the file.

    Raises InputError where the file cannot be read or is empty, where the format lacks what a
    request needs, and where neither named format fits.
    """
    source = LineSource(path)
    blocks = source.blocks()
    first = next(blocks, None)
    if first is None:
        raise InputError("the log is empty", file=source.path)
    chosen = _detected(first, source.path) if log_format is None else find_format(log_format)
    _check(chosen)
    gathered = _Gathered(Parser(chosen))
    gathered.add(first)
    for block in blocks:
        gathered.add(block)
    return gathered.trace(source)


def _detected(block: Block, path: Path) -> LogFormat:
    counts = {f.name: fitting(block, f) for f in FORMATS.values()}
    best = max(counts, key=lambda name: (counts[name], name == COMBINED.name))
    if not counts[best]:
        raise InputError(
            f"no line fits {' or '.join(counts)} format",
            file=path,
            line=block.first,
            hint="give the text of the server's log_format",
        )
    return FORMATS[best]


def _check(log_format: LogFormat) -> None:
    names = set(log_format.variables)
    if "remote_addr" not in names:
        raise InputError(
            f"log format {log_format.name} has no $remote_addr", hint="a request needs a client"
        )
    if "request" not in names and not {"request_uri", "uri"} & names:
        raise InputError(
            f"log format {log_format.name} has no $request",
            hint="$request, or $request_method and $request_uri, say what was asked for",
        )


@dataclass(slots=True)
class _Coding:
    """A column of text that grows: codes by block, and the distinct texts in order."""

    book: dict[str, int] = field(default_factory=dict)
    codes: list[npt.NDArray[np.int32]] = field(default_factory=list)

    def add(self, text: pl.Series) -> None:
        import polars as pl

        distinct = text.unique(maintain_order=True)
        numbers = [self.book.setdefault(t, len(self.book)) for t in distinct.to_list()]
        coded = text.replace_strict(distinct, numbers, return_dtype=pl.Int32)
        self.codes.append(coded.to_numpy())

    def column(self, read: Callable[[str], T]) -> Column[T]:
        """The column with every distinct text read once."""
        return Column(_joined(self.codes, np.int32), tuple(map(read, self.book)))


class _Gathered:
    """Everything read so far, as columns that grow by block."""

    def __init__(self, parser: Parser) -> None:
        self.parser = parser
        self.names = parser.log_format.variables
        self.lines = 0
        self.texts = {name: _Coding() for name in _texts(self.names)}
        self.numbers: dict[str, list[npt.NDArray[np.int64]]] = {
            name: [] for name in (LINE, TIME, *_numbers(self.names))
        }
        self.rejected_lines: list[npt.NDArray[np.int64]] = []
        self.reasons = _Coding()
        self.excerpts: list[str] = []

    def add(self, block: Block) -> None:
        """Read a block."""
        parsed = self.parser.parse(block)
        self.lines += len(parsed.accepted) + len(parsed.rejected)
        for name, coding in self.texts.items():
            coding.add(_text(parsed.accepted, name))
        for name, parts in self.numbers.items():
            parts.append(_number(parsed.accepted[name], name))
        self.rejected_lines.append(parsed.rejected[LINE].to_numpy())
        self.reasons.add(parsed.rejected[REASON])
        room = Rejections.EXCERPTS - len(self.excerpts)
        self.excerpts += map(_excerpt, parsed.rejected[TEXT].head(room))

    def trace(self, source: LineSource) -> Trace:
        """All that was read."""
        times = None if self.parser.time is None else self._number(TIME)
        earliest = int(times.min()) if times is not None and len(times) else 0
        sent = next((n for n in ("body_bytes_sent", "bytes_sent") if n in self.numbers), None)
        rows = len(self._number(LINE))
        return Trace(
            source=str(source.path),
            log_format=self.parser.log_format,
            lines=self.lines,
            line=self._number(LINE),
            time_ms=None if times is None else times - earliest,
            start=None if times is None else _EPOCH + timedelta(milliseconds=earliest),
            resolution_ms=_resolution_ms(self.parser.time),
            duration_ms=self._number("request_time") if "request_time" in self.numbers else None,
            client=self.texts["remote_addr"].column(ClientBook().client),
            request=self._request(),
            headers=self._headers(),
            tls=self._first(_TLS, _is_tls),
            port=self._first(("server_port",), _port),
            sni=self._first(("ssl_server_name",), self._value),
            status=self._number("status", 0, rows).astype(np.int16),
            bytes=self._number(sent, -1, rows),
            counts_headers=sent == "bytes_sent",
            rejected=self._rejections(),
            damage=source.damage,
            notes=tuple(_notes(self.parser.log_format, source)),
        )

    def _number(self, name: str | None, missing: int = 0, rows: int = 0) -> npt.NDArray[np.int64]:
        if name not in self.numbers:
            return np.full(rows, missing, dtype=np.int64)
        return _joined(self.numbers[name], np.int64)

    def _value(self, text: str) -> str | None:
        """The value that the log's text stands for; None: there was none."""
        escape = self.parser.log_format.escape
        if text == "-" or (text == "" and escape is not Escape.DEFAULT):
            return None
        return unescaped(text, escape)

    def _request(self) -> Column[RequestLine]:
        escape = self.parser.log_format.escape
        return self.texts[_REQUEST].column(lambda t: parse_request_line(unescaped(t, escape)))

    def _headers(self) -> dict[str, Column[str | None]]:
        headers = {
            _header_name(name): self.texts[name].column(self._value)
            for name in self.texts
            if name.startswith("http_")
        }
        host = self._first(_HOSTS, lambda t: None if t in _NO_NAMES else self._value(t))
        return headers if host is None else headers | {"Host": host}

    def _first(self, names: Iterable[str], read: Callable[[str], T]) -> Column[T] | None:
        """The column of the first variable that the format has."""
        name = next((n for n in names if n in self.texts), None)
        return None if name is None else self.texts[name].column(read)

    def _rejections(self) -> Rejections:
        reason = self.reasons.column(str)
        return Rejections(_joined(self.rejected_lines, np.int64), reason, tuple(self.excerpts))


def _joined(parts: list[npt.NDArray[Any]], kind: type[N]) -> npt.NDArray[N]:
    return np.concatenate(parts).astype(kind, copy=False) if parts else np.empty(0, dtype=kind)


def _texts(names: Iterable[str]) -> list[str]:
    """The columns of text that a Trace is made from."""
    wanted = (*_OTHERS, *_TLS, *_HOSTS)
    return [_REQUEST, *dict.fromkeys(n for n in names if n in wanted or n.startswith("http_"))]


def _numbers(names: Iterable[str]) -> list[str]:
    return [name for name in _NUMBERS if name in names]


def _text(accepted: pl.DataFrame, name: str) -> pl.Series:
    import polars as pl

    if name in accepted.columns:
        return accepted[name]
    uri = "request_uri" if "request_uri" in accepted.columns else "uri"
    parts = [
        pl.col(uri)
        if part == "request_uri"
        else pl.col(part)
        if part in accepted.columns
        else pl.lit(default)
        for part, default in _REQUEST_PARTS.items()
    ]
    return accepted.select(pl.concat_str(parts, separator=" ").alias(name))[name]


def _number(values: pl.Series, name: str) -> npt.NDArray[np.int64]:
    import polars as pl

    if values.dtype == pl.String:
        # $request_time has three decimals, so without its point it is in milliseconds.
        values = values.str.replace(".", "", literal=True).cast(pl.Int64, strict=False)
    return values.fill_null(_NUMBERS.get(name, 0)).to_numpy()


def _header_name(variable: str) -> str:
    return variable.removeprefix("http_").replace("_", "-").title()


def _is_tls(text: str) -> bool | None:
    """From $https, $scheme or $ssl_protocol."""
    return text not in ("", "-", "http")


def _port(text: str) -> int | None:
    return int(text) if text.isdecimal() and 0 < int(text) < 1 << 16 else None


def _resolution_ms(variable: str | None) -> int | None:
    return None if variable is None else 1 if variable == "msec" else 1000


def _excerpt(text: str) -> str:
    shown = printable(text[:_EXCERPT])
    return shown if len(text) <= _EXCERPT else f"{shown}…"


def _notes(log_format: LogFormat, source: LineSource) -> Iterator[str]:
    if source.unfinished and log_format.ends_open:
        yield (
            "the last line has no line end: a cut in its last value, "
            f"{log_format.parts[-1]}, cannot be seen"
        )
