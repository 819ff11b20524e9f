"""What the load generator says, and how it reads what nginx answers."""

from __future__ import annotations

import contextlib
import socket
import ssl

from simkit.errors import InputError
from simkit.live.http1 import next_answer

__all__ = ["client_hello", "one_answer", "request", "tls_context", "until_closed"]

_CHUNK = 1 << 18


def request(path: str, *, kept: bool) -> bytes:
    """A request as a client sends it that has little to say."""
    closing = "" if kept else "Connection: close\r\n"
    return f"GET {path} HTTP/1.1\r\nHost: calibrate\r\nUser-Agent: simkit\r\n{closing}\r\n".encode()


def tls_context() -> ssl.SSLContext:
    """TLS 1.3 that looks at no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def client_hello() -> bytes:
    """The first bytes of a client that wants TLS 1.3."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = tls_context().wrap_bio(incoming, outgoing, server_hostname="calibrate")
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def one_answer(connection: socket.socket) -> bytes:
    """The next answer to its end, which its own header says: a limit may give another than meant.

    Raises InputError where the connection ends before.
    """
    data = b""
    while (found := next_answer(data, head=False, ended=False)) is None:
        part = connection.recv(_CHUNK)
        if not part:
            raise InputError(f"nginx closed after {data[:60]!r}")
        data += part
    return data[: found[0].wire_bytes]


def until_closed(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    data = b""
    while part := connection.recv(_CHUNK):
        data += part
    return data
