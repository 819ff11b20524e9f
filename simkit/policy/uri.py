"""Request targets and host names as nginx reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HOST = r"(?:\[[0-9A-Za-z:._~!$&'()*+,;=-]*\]|[0-9A-Za-z.-]*)"
_ABSOLUTE = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*://({_HOST})(?::[0-9]*)?((?:[/?].*)?)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_BAD_HOST_CHARACTER = re.compile(r"[\x00-\x20\x7f/]")
_HEX = re.compile(rb"[0-9A-Fa-f]{2}")
_IN_ARGUMENTS = re.compile(rb"[\x00-\x20\"#%&+;<>?\\^`{|}\x7f-\xff]")
_IN_REDIRECT = re.compile(rb"%(?:([0-9A-Fa-f]{2})|[0-9A-Fa-f]?(.?))|\?", re.DOTALL)

__all__ = [
    "Target",
    "ascii_lower",
    "escaped_arguments",
    "escaped_path",
    "extension",
    "normal_path",
    "parse_target",
    "unescaped_redirect",
    "valid_host",
]


def ascii_lower(text: str) -> str:
    """The text with A to Z in lower case and nothing else changed: nginx knows bytes only."""
    if text.isascii():
        return text.lower()
    return text.encode("utf-8", "surrogateescape").lower().decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Target:
    """A request target, read.

    ``path`` is normal, ``query`` None without a question mark, ``host`` None unless the target is
    absolute. ``sent`` is what `$request_uri` says. ``quoted`` tells of a percent or plus sign in
    the path as sent, for then nginx escapes what a rewrite copies from it.
    """

    path: str
    query: str | None
    host: str | None = None
    sent: str = "/"
    quoted: bool = False


def parse_target(text: str, *, merge_slashes: bool = True) -> Target | None:
    """The target as nginx understands it, or None where nginx answers 400.

    Percent signs are decoded, ``.`` and ``..`` resolved and, unless told otherwise, slashes
    merged; a path that climbs above the root, a broken escape or a control character is an error.
    """
    if _CONTROL.search(text):
        return None
    absolute = None if text.startswith("/") else _ABSOLUTE.fullmatch(text)
    if absolute is None and not text.startswith("/"):
        return None
    host, sent = (None, text) if absolute is None else (absolute[1], absolute[2] or "/")
    raw, mark, query = sent.partition("?")
    if "#" in raw:
        raw, mark, query = raw.partition("#")[0], "", ""
    path = normal_path(raw or "/", merge_slashes=merge_slashes)
    if path is None:
        return None
    quoted = "%" in raw or "+" in raw
    return Target(path, query.partition("#")[0] if mark else None, host, sent, quoted)


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
    first, *rest = raw.encode("utf-8", "surrogateescape").split(b"%")
    if any(not _HEX.match(part) for part in rest):
        return None
    decoded = first + b"".join(bytes([int(part[:2], 16)]) + part[2:] for part in rest)
    return decoded.decode("utf-8", "surrogateescape")


def valid_host(text: str) -> str | None:
    """The host of a Host header in lower case without port and final dot; None if invalid."""
    if _BAD_HOST_CHARACTER.search(text) or ".." in text:
        return None
    if text.startswith("["):
        end = text.find("]") + 1 or len(text)
    else:
        end = text.find(":") if ":" in text else len(text)
    if end and text.rfind(".") == end - 1:  # a dot in the port keeps the one before it
        end -= 1
    return ascii_lower(text[:end]) or None


def extension(path: str) -> str:
    """The letters after the last dot of the last part, in lower case; a leading dot is none."""
    name = path.rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    return ascii_lower(ending) if dot and stem else ""


def escaped_arguments(text: str) -> str:
    """A value as nginx copies it into a query: what would end or change one is escaped."""
    return _escaped(text, _IN_ARGUMENTS)


_IN_PATH = re.compile(rb"[\x00-\x20\"#%<>?\\^`{|}\x7f-\xff]")


def escaped_path(text: str) -> str:
    """A path as nginx writes it into a redirect of its own."""
    return _escaped(text, _IN_PATH)


def _escaped(text: str, unsafe: re.Pattern[bytes]) -> str:
    raw = text.encode("utf-8", "surrogateescape")
    return unsafe.sub(lambda found: b"%%%02X" % found[0][0], raw).decode()


def unescaped_redirect(text: str) -> str:
    """The path of a redirect by `rewrite`: plain printable characters lose their escapes.

    Whatever follows a question mark stays as it is.
    """
    raw = text.encode("utf-8", "surrogateescape")
    done, end = bytearray(), 0
    for found in _IN_REDIRECT.finditer(raw):
        done += raw[end : found.start()]
        end = found.end()
        code = int(found[1], 16) if found[1] else -1
        if found[0] == b"?" or code == ord("?"):
            return (done + b"?" + raw[end:]).decode("utf-8", "surrogateescape")
        if found[1] is None:
            done += _after_broken_escape(found[0])
        else:
            done += bytes([code]) if ord("%") < code < 0x7F else found[0]
    return (done + raw[end:]).decode("utf-8", "surrogateescape")


def _after_broken_escape(text: bytes) -> bytes:
    """What nginx keeps of a percent sign without two digits: a wrong first digit, no second."""
    return text[1:] if len(text) == 2 and not _HEX.match(text[1:] + b"0") else b""
