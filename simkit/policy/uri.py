"""Request targets and host names as nginx reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)(.*)", re.DOTALL)
_BAD_HOST_CHARACTER = re.compile(r"[\x00-\x20\x7f/]")

__all__ = ["Target", "normal_path", "parse_target", "valid_host"]


@dataclass(frozen=True, slots=True)
class Target:
    """A request target, read: normal path, query (None: no question mark), host if absolute."""

    path: str
    query: str | None
    host: str | None = None


def parse_target(text: str, *, merge_slashes: bool = True) -> Target | None:
    """The target as nginx understands it, or None where nginx answers 400.

    Percent signs are decoded, ``.`` and ``..`` resolved and, unless told otherwise, slashes
    merged; a path that climbs above the root, a broken escape or a NUL is an error.
    """
    absolute = _ABSOLUTE.fullmatch(text)
    host, rest = (absolute[1], absolute[2]) if absolute else (None, text)
    if host is not None and not rest.startswith("/"):
        rest = "/" + rest
    if not rest.startswith("/"):
        return None
    raw, mark, query = rest.partition("?")
    if "#" in raw:
        raw, mark, query = raw.partition("#")[0], "", ""
    path = normal_path(raw, merge_slashes=merge_slashes)
    if path is None:
        return None
    return Target(path, query.partition("#")[0] if mark else None, host)


def normal_path(raw: str, *, merge_slashes: bool = True) -> str | None:
    """The decoded and resolved path, or None where nginx calls it invalid."""
    decoded = _percent_decoded(raw)
    if decoded is None or "\0" in decoded:
        return None
    kept: list[str] = []
    parts = decoded.split("/")[1:]
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        if part == "..":
            if not kept:
                return None
            kept.pop()
        elif part != "." and (part or last or not merge_slashes):
            kept.append(part)
        if last and part in (".", ".."):
            kept.append("")
    return "/" + "/".join(kept)


def _percent_decoded(raw: str) -> str | None:
    if "%" not in raw:
        return raw
    data, out, position = raw.encode("utf-8", "surrogateescape"), bytearray(), 0
    while position < len(data):
        if data[position] != ord("%"):
            out.append(data[position])
            position += 1
            continue
        digits = data[position + 1 : position + 3]
        if not re.fullmatch(rb"[0-9A-Fa-f]{2}", digits):
            return None
        out.append(int(digits, 16))
        position += 3
    return out.decode("utf-8", "surrogateescape")


def valid_host(text: str) -> str | None:
    """The host of a Host header in lower case without port and final dot; None if invalid."""
    if not text or _BAD_HOST_CHARACTER.search(text) or ".." in text:
        return None
    end = text.find("]") + 1 if text.startswith("[") else text.find(":")
    if text.startswith("[") and end == 0:
        return None
    name = text if end < 0 else text[:end]
    name = name.removesuffix(".")
    return name.lower() or None
