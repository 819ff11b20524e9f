"""Of a header block of HTTP/2 (RFC 7541) what matters to clients here: the status and Retry-After.

nginx refers to entries of the static table alone, so no table has to be kept. It writes numbers of
few digits as they are; a longer Retry-After comes in Huffman's code, of which the digits are known
here.
"""

from __future__ import annotations

__all__ = ["read_block"]

_STATUS = 8
_RETRY_AFTER = 53
# Appendix A: entries 8 to 14 are statuses.
_STATUSES = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}
# Appendix B: 0 to 2 take five bits, 3 to 9 six.
_DIGITS = {f"{code:05b}": str(code) for code in range(3)} | {
    f"{0b011001 + place:06b}": str(3 + place) for place in range(7)
}


def read_block(block: bytes) -> tuple[int, str]:
    """The status (0 where there is none), and Retry-After (empty where there is none)."""
    status, retry_after, at = 0, "", 0
    while at < len(block):
        first = block[at]
        if first & 0x80:
            index, at = _integer(block, at, 7)
            status = _STATUSES.get(index, status)
        elif first & 0xE0 == 0x20:  # the size of a table that is not used
            _, at = _integer(block, at, 5)
        else:
            index, at = _integer(block, at, 6 if first & 0x40 else 4)
            name = b""
            if index == 0:
                name, at = _string(block, at)
            value, at = _string(block, at)
            if index == _STATUS:
                status = int(value)
            elif index == _RETRY_AFTER or name.lower() == b"retry-after":
                retry_after = value.decode("latin-1")
    return status, retry_after


def _integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    """A number with a prefix of so many bits (section 5.1), and where it ends."""
    most = (1 << bits) - 1
    value = block[at] & most
    at += 1
    if value < most:
        return value, at
    shift = 0
    while True:
        value += (block[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not block[at - 1] & 0x80:
            return value, at


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    coded = bool(block[at] & 0x80)
    size, at = _integer(block, at, 7)
    raw = block[at : at + size]
    return (_digits(raw) if coded else raw), at + size


def _digits(raw: bytes) -> bytes:
    """What Huffman's code says as long as it speaks of digits; empty where it does not."""
    bits = "".join(f"{byte:08b}" for byte in raw)
    found, at = "", 0
    while len(bits) - at >= 8 or "0" in bits[at:]:  # what is left over is ones
        for size in (5, 6):
            digit = _DIGITS.get(bits[at : at + size])
            if digit is not None:
                found, at = found + digit, at + size
                break
        else:
            return b""
    return found.encode()
