"""Writing the logs that the configuration names: whole lines, at once, at the end of the file."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from simkit.errors import InputError
from simkit.live.serve.record import Record, is_known, is_served, text, value
from simkit.live.serve.wiring import LEVELS, AccessLog, ErrorLog, Wiring, scopes
from simkit.policy.model import Http
from simkit.policy.scope import Scope
from simkit.policy.source import Source
from simkit.policy.syntax import bad

__all__ = ["AccessLogs", "Files", "Journal"]

_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}


@dataclass
class Files:
    """Log files by path, each opened once."""

    _open: dict[Path, int] = field(default_factory=dict)

    def check(self, path: Path, source: Source | None) -> None:
        """Open a file, or raise InputError that names the line of the configuration."""
        try:
            self._descriptor(path)
        except OSError as error:
            where = {} if source is None else {"file": source.file, "line": source.line}
            raise InputError(
                f"cannot write {path}: {error.strerror}",
                **where,  # type: ignore[arg-type]
                hint="make the folder, choose another --prefix, or send logs to the terminal "
                "with --echo",
            ) from None

    def write(self, path: Path, line: str) -> None:
        """Append a line; its end is added. What cannot be written is lost, as under nginx."""
        data = line.encode("utf-8", "surrogateescape") + b"\n"
        try:
            os.write(self._descriptor(path), data)
        except OSError as error:
            print(f"simkit: cannot write {path}: {error.strerror}", file=sys.stderr)

    def _descriptor(self, path: Path) -> int:
        if str(path) in _STREAMS:
            return _STREAMS[str(path)]
        if path not in self._open:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
            opened = os.open(path, flags, 0o644)
            if stat.S_ISREG(os.fstat(opened).st_mode):
                os.set_blocking(opened, True)
            self._open[path] = opened
        return self._open[path]

    def close(self) -> None:
        """Close them all; whatever is written next opens its file again."""
        for opened in self._open.values():
            os.close(opened)
        self._open.clear()


class Journal:
    """The error logs."""

    def __init__(self, wiring: Wiring, files: Files) -> None:
        self._wiring = wiring
        self._files = files
        self._by_scope: dict[int, tuple[ErrorLog, ...]] = {}

    def check(self) -> None:
        """Open every file. Raises InputError where one cannot be written."""
        for scope in (None, *scopes(self._wiring.policy)):
            for log in self._logs(scope):
                self._files.check(self._wiring.path(log.path), log.source)

    def say(self, level: str, text: str, *, scope: Scope | None = None, serial: int = 0) -> None:
        """Write a line where the level is logged; ``serial`` numbers the connection."""
        rank = LEVELS.index(level)
        now = datetime.now(UTC).astimezone().strftime("%Y/%m/%d %H:%M:%S")
        process = os.getpid()
        about = f"*{serial} " if serial else ""
        for log in self._logs(scope):
            if rank >= log.level:
                line = f"{now} [{level}] {process}#{process}: {about}{text}"
                self._files.write(self._wiring.path(log.path), line)

    def _logs(self, scope: Scope | None) -> tuple[ErrorLog, ...]:
        key = id(scope)
        if key not in self._by_scope:
            self._by_scope[key] = self._wiring.error_logs(scope)
        return self._by_scope[key]


class AccessLogs:
    """The access logs."""

    def __init__(self, wiring: Wiring, files: Files, http: Http) -> None:
        self._wiring = wiring
        self._files = files
        self._http = http
        self._by_scope: dict[int, tuple[AccessLog, ...]] = {}
        self.missing: tuple[str, ...] = ()
        """Variables that formats name and that are logged as a dash."""

    def check(self) -> None:
        """Open every file and read every format. Raises InputError for what cannot be used."""
        missing: set[str] = set()
        for scope in scopes(self._wiring.policy):
            for log in self._logs(scope):
                if log.path.constant is not None:
                    self._files.check(self._wiring.path(log.path.constant), log.source)
                missing |= set(self._unknown(log))
        self.missing = tuple(sorted(missing))

    def _unknown(self, log: AccessLog) -> list[str]:
        for name in log.format.variables:
            if not is_known(name.lower(), self._http):
                source = log.source or Source("", 0, "")
                raise bad(source, f'unknown "{name}" variable in log_format "{log.format.name}"')
        return [n for n in log.format.variables if not is_served(n.lower(), self._http)]

    def write(self, record: Record) -> None:
        """Write the lines about a request."""
        if record.ending is not None:
            scope = record.ending.location.scope
        else:
            scope = self._http.servers[0].base.scope
        for log in self._logs(scope):
            if log.condition is None or text(log.condition, record) not in ("", "0"):
                names = log.format.variables
                line = log.format.line({n: value(n.lower(), record) for n in names})
                self._files.write(self._wiring.path(text(log.path, record)), line)

    def _logs(self, scope: Scope) -> tuple[AccessLog, ...]:
        key = id(scope)
        if key not in self._by_scope:
            self._by_scope[key] = self._wiring.access_logs(scope)
        return self._by_scope[key]
