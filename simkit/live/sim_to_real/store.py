"""What has been measured so far, on disk line by line, so that an interrupted trial goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from simkit.errors import InputError
from simkit.study.sweep.store import write_whole

__all__ = ["Store"]

_NAME = "measured.jsonl"


class Store:
    """Lines of JSON in a folder, each under a key. Without a folder they are kept in memory.

    The first line says what is measured (``about``). Raises InputError where the folder holds what
    was measured of something else, which is not thrown away unasked, or is no such file.
    """

    def __init__(self, folder: Path | None, about: Mapping[str, Any]) -> None:
        self._file = None if folder is None else folder / _NAME
        self._known: dict[str, Any] = {}
        head = json.dumps({"about": about}, sort_keys=True)
        if self._file is None:
            return
        lines = self._file.read_text("utf-8").splitlines() if self._file.exists() else []
        if lines and lines[0] != head:
            raise InputError(
                "holds what was measured under other conditions",
                file=self._file,
                line=1,
                hint="another --out, or remove the file to measure anew",
            )
        self._known = dict(_read(self._file, lines))
        text = "".join(f"{line}\n" for line in (head, *self._lines()))
        write_whole(self._file, text.encode())

    def _lines(self) -> list[str]:
        return [json.dumps({"key": key, "value": value}) for key, value in self._known.items()]

    def get(self, key: str) -> Any:
        """What stands under a key, or None."""
        return self._known.get(key)

    def put(self, key: str, value: Any) -> None:
        """Write a line."""
        self._known[key] = value
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "value": value}) + "\n")


def _read(file: Path, lines: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """What the lines after the first say; the last may have been cut off while it was written."""
    for number, line in enumerate(lines[1:], 2):
        try:
            found = json.loads(line)
            yield found["key"], found["value"]
        except (ValueError, TypeError, KeyError):
            if number < len(lines):
                hint = "remove the line to measure it again"
                raise InputError("is no measurement", file=file, line=number, hint=hint) from None
