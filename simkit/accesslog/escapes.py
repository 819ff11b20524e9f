r"""How a server writes hostile bytes into its log, and how they are had back.

nginx writes a double quote, a backslash, control characters and every byte above 126 as ``\xHH``
(``ngx_http_log_escape``); with ``escape=json`` it writes as JSON does; Apache adds ``\"``, ``\\``
and C's letters (``ap_escape_logitem``). Undone, a value is text whose undecodable bytes are
surrogates (PEP 383), as rules match it; `visible` shows such bytes as nginx writes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

__all__ = ["Escape", "decoded", "escaped", "unescaped", "visible"]

_SHOWN = {0xDC00 + byte: f"\\x{byte:02X}" for byte in range(0x80, 0x100)}
_LETTERS = {
    b'"': b'"',
    b"\\": b"\\",
    b"/": b"/",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
}
_DEFAULT = re.compile(rb'\\(?:x([0-9A-Fa-f]{2})|(["\\bfnrtv]))')
_JSON = re.compile(rb'\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|(["\\/bfnrt]))')
_JSON_LETTERS = {v[0]: b"\\" + k for k, v in _LETTERS.items() if k not in b"/v"}


class Escape(StrEnum):
    """The ``escape=`` of a `log_format`."""

    DEFAULT = "default"
    JSON = "json"
    NONE = "none"


def decoded(raw: bytes) -> str:
    r"""Bytes of a log as text; a byte that is not UTF-8 stands as ``\xHH``."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape").translate(_SHOWN)


def visible(text: str) -> str:
    r"""A value with its undecodable bytes shown as ``\xHH``; the rest stays."""
    return text if text.isascii() else text.translate(_SHOWN)


def unescaped(text: str, escape: Escape = Escape.DEFAULT) -> str:
    """The value as it was before the server escaped it. What is no escape stays as it is."""
    if escape is Escape.NONE or "\\" not in text:
        return text
    pattern, undo = (_JSON, _undo_json) if escape is Escape.JSON else (_DEFAULT, _undo_default)
    raw = pattern.sub(undo, text.encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")


def _undo_default(found: re.Match[bytes]) -> bytes:
    return bytes((int(found[1], 16),)) if found[1] else _LETTERS[found[2]]


def _undo_json(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes((int(found[1], 16),))
    if found[2]:
        return chr(int(found[2], 16)).encode("utf-8", "surrogatepass")
    return _LETTERS[found[3]]


def escaped(text: str, escape: Escape = Escape.DEFAULT) -> str:
    """The value as nginx writes it between quotes; `unescaped` undoes it."""
    raw = text.encode("utf-8", "surrogateescape")
    if escape is Escape.NONE:
        return decoded(raw)
    write: Callable[[int], bytes] = _write_json if escape is Escape.JSON else _write_default
    return decoded(b"".join(map(write, raw)))


def _write_default(byte: int) -> bytes:
    plain = 0x20 <= byte <= 0x7E and byte not in b'"\\'
    return bytes((byte,)) if plain else b"\\x%02X" % byte


def _write_json(byte: int) -> bytes:
    if byte in _JSON_LETTERS:
        return _JSON_LETTERS[byte]
    return bytes((byte,)) if byte >= 0x20 else b"\\u%04X" % byte
