"""TLS of a client over a socket that others read and write, so that FIN and RST stay visible."""

from __future__ import annotations

import contextlib
import ssl
from functools import cache

__all__ = ["RefusedError", "Secret"]

_CHUNK = 1 << 16
HTTP_2 = "h2"


class RefusedError(Exception):
    """The server refused the handshake, with an alert."""


@cache
def _context(*, http2: bool) -> ssl.SSLContext:
    """TLS that looks at no certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if http2:
        made.set_alpn_protocols([HTTP_2, "http/1.1"])
    return made


class Secret:
    """The client's end of a TLS connection: bytes for the wire in, bytes for the wire out."""

    __slots__ = ("_incoming", "_outgoing", "_tls", "stands")

    def __init__(
        self, name: str | None, *, http2: bool, session: ssl.SSLSession | None = None
    ) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _context(http2=http2).wrap_bio(
            self._incoming, self._outgoing, server_hostname=name, session=session
        )
        self.stands = False
        """Whether the handshake is over, for this side."""

    def shake(self, raw: bytes = b"") -> bool:
        """Go on with the handshake, after these bytes from the server: whether it is over.

        Raises RefusedError.
        """
        self._incoming.write(raw)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise RefusedError(error.reason or "") from None
        self.stands = True
        return True

    @property
    def session(self) -> ssl.SSLSession | None:
        """What a further connection can resume: there from the server's first word on."""
        return self._tls.session

    @property
    def resumed(self) -> bool:
        """Whether the handshake took up an earlier session."""
        return bool(self._tls.session_reused)

    def to_send(self, data: bytes = b"") -> bytes:
        """What is to go out: what TLS itself has to say, then this."""
        if data:
            self._tls.write(data)
        return self._outgoing.read()

    def opened(self, raw: bytes = b"") -> bytes:
        """What the server said by these bytes and those that came with the handshake."""
        self._incoming.write(raw)
        parts: list[bytes] = []
        with contextlib.suppress(ssl.SSLError):
            while part := self._tls.read(_CHUNK):
                parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)
