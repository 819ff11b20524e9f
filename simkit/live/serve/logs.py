"""Writing the logs that the configuration names: whole lines, at once, at the end of the file."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from simkit.errors import InputError
from simkit.live.serve.wiring import LEVELS, ErrorLog, Wiring
from simkit.policy.plan import Source
from simkit.policy.scope import Scope

__all__ = ["Files", "Journal"]

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
