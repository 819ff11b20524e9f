"""How a connection ends, when it does."""

from __future__ import annotations

__all__ = ["Over"]


class Over(Exception):  # noqa: N818 (it is no error)
    """The connection ends.

    ``reset``: with an RST. ``quiet``: TLS is not told first. ``linger``: what the client still
    sends is read away, or the kernel would tear up the answer.
    """

    def __init__(self, *, reset: bool = False, quiet: bool = False, linger: bool = False) -> None:
        super().__init__()
        self.reset = reset
        self.quiet = quiet
        self.linger = linger
