"""Finished cells on disk: one Parquet file for each, written as a whole or not at all.

A file is written beside its place, brought to the disk and then renamed, so whatever ends the
process leaves whole files and perhaps one that `Store.opened` clears away. Equal results give
equal bytes: a file holds no time and nothing of the machine but the versions of what made it.

A table has one row for each number of the run (`simkit.study.sweep.table`), none of a cell that
failed. The footer has two entries beside it: ``outcome``, what is kept of the run as JSON, and
``simkit``::

    {"format": 1, "strategy": str, "point": JSON text, "replication": int, "seed": int,
     "engine": str, "inputs": {name: SHA-256}, "versions": {name: str},
     "status": "done"}                                             # or
     "status": "failed", "error": str, "where": "file:line"}
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simkit import __version__
from simkit.errors import InputError
from simkit.study.compare import groups_of
from simkit.study.outcome import Outcome
from simkit.study.sweep.cells import Cell, Failure, Result
from simkit.study.sweep.table import frame_of, outcome_of, rows_of, text_of

if TYPE_CHECKING:
    import polars as pl

FORMAT = 1
_HEADER, _OUTCOME = "simkit", "outcome"
_HALF_WRITTEN = ".writing"

__all__ = ["Found", "Store", "parquet_bytes", "write_whole"]


@dataclass(frozen=True, slots=True)
class Found:
    """What the store has of a cell: a result, or what is different from when it was written."""

    result: Result | None = None
    changed: tuple[str, ...] = ()


class Store:
    """The cells below a folder, which is made when the first is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Nobody else runs a study in this folder meanwhile. Raises InputError where one does."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with _locked(self.folder / ".lock", self.folder):
            for path in self.folder.rglob(f"*{_HALF_WRITTEN}"):
                path.unlink()
            yield

    def file(self, cell: Cell) -> Path:
        """Where a cell is kept: by strategy and point, then by replication."""
        place = f"{cell.strategy}\n{cell.point}".encode()
        slug = re.sub(r"[^A-Za-z0-9_.-]", "_", cell.strategy)
        group = f"{slug}-{hashlib.sha256(place).hexdigest()[:12]}"
        return self.folder / "cells" / group / f"{cell.replication:05d}.parquet"

    def look(self, cell: Cell) -> Found:
        """What is there of a cell. What cannot be read is as good as not there."""
        import polars as pl

        file = self.file(cell)
        if not file.is_file():
            return Found()
        try:
            footer = pl.read_parquet_metadata(file)
            changed = _changed(json.loads(footer[_HEADER]), cell)
            return Found(None, changed) if changed else Found(_result(footer))
        except (pl.exceptions.PolarsError, OSError, ValueError, KeyError, TypeError):
            return Found(None, ("file",))

    def keep(self, cell: Cell, result: Result) -> None:
        """Write a result; when this returns it is on the disk."""
        if isinstance(result.found, Failure) and result.found.passes:
            return
        write_whole(self.file(cell), _content(cell, result.found))


def _content(cell: Cell, found: Outcome | Failure) -> bytes:
    parameters = json.loads(cell.point)
    header: dict[str, object] = {"format": FORMAT, **cell.header, "versions": versions()}
    if isinstance(found, Failure):
        header |= {"status": "failed", "error": found.error, "where": found.where}
        return parquet_bytes(frame_of((), [parameters]), {_HEADER: _text(header)})
    header["status"] = "done"
    rows = rows_of(found, parameters, groups_of(cell.task.scenario.value))
    about = {_OUTCOME: text_of(found), _HEADER: _text(header)}
    return parquet_bytes(frame_of(rows, [parameters]), about)


def _text(header: dict[str, object]) -> str:
    return json.dumps(header, sort_keys=True, ensure_ascii=True)


def _changed(header: dict[str, Any], cell: Cell) -> tuple[str, ...]:
    """The names of what is not as it was when the cell was run."""
    if header["format"] != FORMAT:
        return ("format",)
    now = cell.header
    names = [name for name in ("seed", "engine") if header[name] != now[name]]
    marks = header["inputs"]
    return (*names, *(name for name, mark in cell.inputs.items() if marks.get(name) != mark))


def _result(footer: Mapping[str, str]) -> Result:
    header = json.loads(footer[_HEADER])
    if header["status"] == "failed":
        return Result(Failure(header["error"], header["where"]))
    return Result(outcome_of(footer[_OUTCOME]))


@cache
def versions() -> dict[str, str]:
    """The versions of what has a part in the numbers and in how they are written."""
    from importlib.metadata import version

    libraries = {name: version(name) for name in ("numpy", "polars")}
    return {"simkit": __version__, "python": platform.python_version(), **libraries}


def parquet_bytes(frame: pl.DataFrame, about: dict[str, str] | None = None) -> bytes:
    """A table as Parquet, the same bytes for the same table."""
    into = io.BytesIO()
    frame.write_parquet(into, compression="zstd", compression_level=3, metadata=about or {})
    return into.getvalue()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is whole whenever it can be seen, and stays when the machine stops."""
    _make_folder(path.parent)
    beside = path.with_name(path.name + _HALF_WRITTEN)
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync_folder(path.parent)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """Bring a renaming to the disk, where the system has a way to."""
    if os.name != "posix":
        return
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


@contextmanager
def _locked(file: Path, folder: Path) -> Iterator[None]:
    """Hold a lock that the system lets go when this process ends, however it does."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    with file.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                "a study is running in this folder", file=folder, hint="another one is free"
            ) from None
        yield
