"""Frames of HTTP/2 (RFC 9113, section 4), and header fields that need no memory of others."""

from __future__ import annotations

from enum import IntEnum, IntFlag

__all__ = ["PREFACE", "Flag", "FrameKind", "frame", "literal"]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client says first."""


class FrameKind(IntEnum):
    """Kinds of frames (section 6)."""

    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8


class Flag(IntFlag):
    """Flags of frames; what they mean hangs on the kind."""

    END_STREAM = 1
    ACK = 1
    END_HEADERS = 4


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame on a stream."""
    size = len(payload).to_bytes(3, "big")
    return size + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def literal(name: str, value: str) -> bytes:
    """A field never indexed, with both strings as they are (RFC 7541, section 6.2.3)."""
    return b"\x10" + _string(name.encode()) + _string(value.encode())


def _string(raw: bytes) -> bytes:
    if len(raw) < 127:
        return bytes((len(raw),)) + raw
    rest, digits = len(raw) - 127, [127]
    while rest >= 128:
        digits.append(rest % 128 + 128)
        rest //= 128
    return bytes((*digits, rest)) + raw
