"""Lines against a format: columns of text from those that fit, a reason for each that does not.

Everything works on whole blocks in polars, whose regular expressions cannot be made slow by a
hostile line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simkit.accesslog.escapes import decoded
from simkit.accesslog.lines import MAX_LINE_BYTES, Block
from simkit.accesslog.log_format import LogFormat

if TYPE_CHECKING:
    import polars as pl

_HOW = _GOES_ON, _ENDS_AFTER, _ENDS_IN = 0, 1, 2

__all__ = ["LINE", "REASON", "TEXT", "TIME", "Parsed", "Parser", "fitting"]

LINE, TEXT, TIME, REASON = "line number", "line text", "time in ms", "reason"

_TIMES: dict[str, str] = {
    "msec": "",
    "time_iso8601": "%Y-%m-%dT%H:%M:%S%:z",
    "time_local": "%d/%b/%Y:%H:%M:%S %z",
}
"""Variables that tell the time, the best first, and how each is written."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A block, read. ``accepted`` has the columns `LINE`, `TIME` (null without a time in the
    format) and one of text for each variable; ``rejected`` has `LINE`, `TEXT` and `REASON`.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame


class Parser:
    """Reads blocks of lines by one format."""

    def __init__(self, log_format: LogFormat) -> None:
        self.log_format = log_format
        self.time = next((t for t in _TIMES if t in log_format.variables), None)
        self._strict = log_format.pattern()
        self._tolerant = log_format.pattern(tolerant=True)

    def parse(self, block: Block) -> Parsed:
        """The lines of a block, each in exactly one of the two tables."""
        import polars as pl

        lines = _lines(block)
        usable = lines.filter(pl.col(TEXT).str.len_bytes() <= MAX_LINE_BYTES)
        found, left = self._matched(usable, self._strict)
        if len(left) and self._tolerant != self._strict:
            more, left = self._matched(left, self._tolerant)
            found = pl.concat([found, more]).sort(LINE)
        found, untimed = self._timed(found)
        reasons = [
            lines.join(usable, on=LINE, how="anti").with_columns(_reason(_too_long())),
            left.with_columns(self._misfits(left[TEXT])),
            untimed,
        ]
        return Parsed(found.drop(TEXT), pl.concat(reasons).sort(LINE))

    def _matched(self, lines: pl.DataFrame, pattern: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        names = self.log_format.variables
        groups = lines[TEXT].str.extract_groups(pattern).struct.unnest()
        first = {name: i for i, name in reversed(list(enumerate(names)))}
        columns = [groups.to_series(i).alias(name) for name, i in first.items()]
        fits = groups.to_series(0).is_not_null()
        return lines.with_columns(columns).filter(fits), lines.filter(~fits)

    def _timed(self, found: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows with their time; apart from them those whose time does not exist."""
        import polars as pl

        if self.time is None:
            nothing = found.head(0).select(LINE, TEXT).with_columns(_reason(""))
            return found.with_columns(pl.lit(None, pl.Int64).alias(TIME)), nothing
        found = found.with_columns(_milliseconds(found[self.time], self.time).alias(TIME))
        wrong = found.filter(pl.col(TIME).is_null()).select(LINE, TEXT)
        reason = f"${self.time} is a time that does not exist"
        return found.filter(pl.col(TIME).is_not_null()), wrong.with_columns(_reason(reason))

    def _misfits(self, text: pl.Series) -> pl.Series:
        """Why each line does not fit: where in the format it ends, or goes another way."""
        import polars as pl

        if text.is_empty():
            return text.alias(REASON)
        parts = len(self.log_format.parts)
        fitting_parts = pl.zeros(len(text), dtype=pl.Int64, eager=True)
        end = (text == "").cast(pl.Int64)
        for count in range(1, parts + 1):
            pattern = self.log_format.pattern(tolerant=True, parts=count)
            fits = text.str.contains(pattern)
            fitting_parts += fits.cast(pl.Int64)
            here = text.str.contains(f"{pattern}$").cast(pl.Int64)
            within = text.str.contains(f"{pattern}{self._begun(count)}$").cast(pl.Int64)
            end = end * (~fits).cast(pl.Int64) + fits.cast(pl.Int64) * (here + within)
        words = [_misfit(self.log_format, n, how) for n in range(parts + 1) for how in _HOW]
        return pl.Series(words).gather(fitting_parts * len(_HOW) + end).alias(REASON)

    def _begun(self, index: int) -> str:
        """The beginnings of a text that a cut can leave of it; nothing if the part is no text."""
        parts = self.log_format.parts
        if index >= len(parts) or parts[index].variable:
            return ""
        text = parts[index].text
        return f"(?:{'|'.join(re.escape(text[:n]) for n in range(len(text)))})"


def fitting(block: Block, log_format: LogFormat) -> int:
    """How many lines of a block fit a format."""
    lines = _lines(block)[TEXT]
    return int(lines.str.contains(log_format.pattern(tolerant=True)).sum())


def _lines(block: Block) -> pl.DataFrame:
    import polars as pl

    text = pl.Series(TEXT, decoded(block.data).split("\n"), dtype=pl.String)
    if b"\r" in block.data:
        text = text.str.strip_suffix("\r")
    return (
        text.to_frame()
        .with_row_index(LINE, offset=0)
        .with_columns(pl.col(LINE).cast(pl.Int64) + block.first)
    )


def _misfit(log_format: LogFormat, fitting_parts: int, how: int) -> str:
    """The reason for a line of which so many parts fit, and that ends or goes on there."""
    parts = log_format.parts
    if fitting_parts == len(parts):
        return f"the line goes on after {parts[-1]}"
    if how != _GOES_ON and fitting_parts == 0:
        return "the line is empty"
    if how == _ENDS_AFTER:
        return f"the line ends after {parts[fitting_parts - 1]}"
    if how == _ENDS_IN:
        last = parts[fitting_parts - 1]
        if last.variable:
            return f"the line ends in {last}"
        return f"the line ends before {parts[fitting_parts]}"
    missing = parts[fitting_parts]
    if missing.variable:
        return f"{missing} does not fit"
    before = f"after {parts[fitting_parts - 1]}" if fitting_parts else "at the beginning"
    return f"{missing.text!r} is missing {before}"


def _too_long() -> str:
    return f"the line is longer than {MAX_LINE_BYTES} bytes"


def _reason(text: str) -> pl.Expr:
    import polars as pl

    return pl.lit(text).alias(REASON)


def _milliseconds(text: pl.Series, variable: str) -> pl.Series:
    """Milliseconds since 1970; null where there is no such time."""
    import polars as pl

    if variable == "msec":
        return text.str.replace(".", "", literal=True).cast(pl.Int64, strict=False)
    times = text.str.to_datetime(_TIMES[variable], time_unit="ms", strict=False)
    return times.dt.epoch("ms")
