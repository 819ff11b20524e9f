"""Passwords in forms that only the C library knows, such as bcrypt: it is asked, as nginx asks."""

from __future__ import annotations

import ctypes
import ctypes.util
import hmac
from collections.abc import Callable
from functools import lru_cache

from simkit.policy.patterns import to_bytes

__all__ = ["fits"]

Crypt = Callable[[bytes, bytes], bytes | None]


@lru_cache(maxsize=1)
def _crypt() -> Crypt | None:
    """crypt(3), or None on a machine without it."""
    name = ctypes.util.find_library("crypt")
    if name is None:
        return None
    function = ctypes.CDLL(name).crypt
    function.restype = ctypes.c_char_p
    function.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
    return function


def fits(password: str, stored: str) -> bool | None:
    """Whether a password fits what is stored; None on a machine without crypt(3)."""
    crypt, wanted = _crypt(), to_bytes(stored)
    if crypt is None:
        return None
    if "\0" in password + stored:
        return False
    found = crypt(to_bytes(password), wanted)
    return found is not None and hmac.compare_digest(found, wanted)
