"""`expires`: how long an answer may be kept, as ngx_http_headers_filter_module.c says it."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate

from simkit.errors import InputError
from simkit.policy.source import Source
from simkit.policy.syntax import NS_PER_S, bad, time_ns

_FAR = ("Thu, 31 Dec 2037 23:55:55 GMT", 315_360_000)
_EPOCH_S = 1

__all__ = ["Lasting", "lasting", "read_lasting"]


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long: ``seconds`` from now, or since 1970 (``fixed``: then it has passed)."""

    seconds: int
    fixed: bool = False

    def headers(self, now_s: float) -> tuple[tuple[str, str], ...]:
        """What is added to an answer at a time."""
        if self.fixed and self.seconds == _EPOCH_S:
            return ("Expires", formatdate(_EPOCH_S, usegmt=True)), ("Cache-Control", "no-cache")
        if self.fixed:
            return ("Expires", _FAR[0]), ("Cache-Control", f"max-age={_FAR[1]}")
        cache = f"max-age={self.seconds}" if self.seconds >= 0 else "no-cache"
        return ("Expires", formatdate(now_s + self.seconds, usegmt=True)), ("Cache-Control", cache)


def read_lasting(text: str, source: Source) -> Lasting | None:
    """What a value says; None for ``off``. Raises InputError for what nginx does not take."""
    if text == "off":
        return None
    if text in ("epoch", "max"):
        return Lasting(_EPOCH_S if text == "epoch" else _FAR[1], fixed=True)
    if text.startswith("@"):
        raise bad(source, f'"{source.text}" is not simulated', "its max-age depends on the clock")
    seconds = time_ns(text[1:] if text[:1] in ("+", "-") else text, source) // NS_PER_S
    return Lasting(-seconds if text.startswith("-") else seconds)


def lasting(text: str, source: Source) -> Lasting | None:
    """The same for the value of a variable, which nginx passes over where it is wrong."""
    try:
        return read_lasting(text, source)
    except InputError:
        return None
