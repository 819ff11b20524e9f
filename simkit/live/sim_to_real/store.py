"""What has been measured so far, on disk line by line, so that an interrupted trial goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["Store"]

_NAME = "measured.jsonl"


class Store:
    """Lines of JSON in a folder, each under a key. Without a folder they are kept in memory.

    The first line says what is measured (``about``): after a change of that everything is measured
    anew.
    """

    def __init__(self, folder: Path | None, about: Mapping[str, Any]) -> None:
        self._file = None if folder is None else folder / _NAME
        self._known: dict[str, Any] = {}
        head = json.dumps({"about": about}, sort_keys=True)
        if self._file is None:
            return
        lines = self._file.read_text("utf-8").splitlines() if self._file.exists() else []
        if lines[:1] == [head]:
            self._known = dict(map(_read, _whole(lines[1:])))
        self._file.write_text("".join(f"{line}\n" for line in (head, *self._lines())), "utf-8")

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


def _read(line: str) -> tuple[str, Any]:
    found = json.loads(line)
    return found["key"], found["value"]


def _whole(lines: list[str]) -> list[str]:
    """The lines without one that was cut off in the middle of being written."""
    return [line for line in lines if line.endswith("}")]
