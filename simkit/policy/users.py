"""Files of users for `auth_basic`, and whether a password is the right one.

As ngx_http_auth_basic_module.c does it: a file that is not there gives a 403, one that cannot be
read a 500, and only to who gives credentials at all; everybody else is asked for them by a 401.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from hashlib import md5, sha1
from pathlib import Path

from simkit.policy.crypt import fits
from simkit.policy.patterns import to_bytes

_ROUNDS = 1000
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ORDER = ((0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5))
_APR1 = "$apr1$"
_LONGEST_SALT = 8
_PASSED, _UNAUTHORIZED, _FORBIDDEN, _BROKEN = 200, 401, 403, 500

Users = Mapping[str, str] | int

__all__ = ["Users", "is_right", "read_users", "verdict"]


def read_users(path: Path) -> Users:
    """What is stored for each user, where the first line counts; or a status.

    403: the file is not there. 500: it cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return _FORBIDDEN
    except (OSError, ValueError):
        return _BROKEN
    found: dict[str, str] = {}
    for line in text.split("\n"):
        user, colon, rest = line.partition(":")
        if colon and not line.startswith(("#", "\r")):
            found.setdefault(user, rest.partition(":")[0].partition("\r")[0])
    return found


def verdict(user: str, password: str, users: Users) -> int:
    """200 for the right credentials, else the status that nginx answers; no user: none given.

    A password that this machine cannot check counts as right.
    """
    if not user:
        return _UNAUTHORIZED
    if isinstance(users, int):
        return users
    stored = users.get(user)
    right = stored is not None and is_right(password, stored) is not False
    return _PASSED if right else _UNAUTHORIZED


def is_right(password: str, stored: str) -> bool | None:
    """Whether a password fits what is stored; None where it takes crypt(3) and there is none."""
    plain = to_bytes(password)
    if stored.startswith("{PLAIN}"):
        return to_bytes(stored.removeprefix("{PLAIN}")) == plain
    if stored.startswith(("{SHA}", "{SSHA}")):
        return _fits_sha(plain, stored.partition("}")[2])
    if stored.startswith(_APR1):
        salt = stored.removeprefix(_APR1).partition("$")[0]
        return apr1(plain, salt) == stored
    return fits(password, stored)


def _fits_sha(plain: bytes, encoded: str) -> bool:
    try:
        raw = b64decode(encoded)
    except (Base64Error, ValueError):
        return False
    return sha1(plain + raw[20:], usedforsecurity=False).digest() == raw[:20]


def apr1(plain: bytes, salt: str) -> str:
    """Apache's variant of the MD5 crypt by Poul-Henning Kamp."""
    short = salt[:_LONGEST_SALT].encode("utf-8", "surrogateescape")
    inner = _digest(plain + short + plain)
    data = plain + _APR1.encode() + short + (inner * (len(plain) // 16 + 1))[: len(plain)]
    left = len(plain)
    while left:
        data += b"\0" if left & 1 else plain[:1]
        left >>= 1
    final = _digest(data)
    for i in range(_ROUNDS):
        first, last = (plain, final) if i & 1 else (final, plain)
        middle = (short if i % 3 else b"") + (plain if i % 7 else b"")
        final = _digest(first + middle + last)
    words = [final[a] << 16 | final[b] << 8 | final[c] for a, b, c in _ORDER]
    text = "".join(_to64(word, 4) for word in words) + _to64(final[11], 2)
    return f"{_APR1}{salt[:_LONGEST_SALT]}${text}"


def _digest(data: bytes) -> bytes:
    return md5(data, usedforsecurity=False).digest()


def _to64(word: int, count: int) -> str:
    return "".join(_ALPHABET[word >> 6 * i & 63] for i in range(count))
