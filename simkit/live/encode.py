"""A request as bytes: what a client with that shape puts on the wire."""

from __future__ import annotations

from simkit.wire import Address, Fault, Shape, Version

__all__ = ["ADDRESS_HEADER", "encode"]

ADDRESS_HEADER = "X-Simkit-Address"
"""The header by which a client on loopback says which address it stands for."""

# A ClientHello cut short: a handshake record of TLS 1.0 that holds the message type and a length.
_CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(194)
_WHOLE_REQUESTS = {
    Fault.BAD_REQUEST_LINE: b"GET / NONSENSE\r\n\r\n",
    Fault.BAD_METHOD: b"g{t / HTTP/1.1\r\n\r\n",
    Fault.TLS_ON_PLAIN: _CLIENT_HELLO,
}
_EXTRA_LINES = {
    Fault.BAD_HEADER: b"Bad\x00Name: 1\r\n",
    Fault.UNKNOWN_TRANSFER_ENCODING: b"Transfer-Encoding: gzip\r\n",
}


def encode(shape: Shape, address: Address | None = None) -> bytes:
    """The request in HTTP/0.9, 1.0 or 1.1, with as much of a body as it announces.

    With an address the client says that it stands for it. ValueError for HTTP/2, which is not
    text.
    """
    if shape.version is Version.HTTP_2:
        raise ValueError("HTTP/2 requests are made by simkit.live.http2")
    if shape.fault in _WHOLE_REQUESTS:
        return _WHOLE_REQUESTS[shape.fault]
    if shape.version is Version.HTTP_0_9:
        return f"{shape.method} {shape.target}\r\n".encode("utf-8", "surrogateescape")
    top = _line(shape) + "".join(f"{n}: {v}\r\n" for n, v in _headers(shape, address))
    extra = _EXTRA_LINES.get(shape.fault, b"")
    return top.encode("utf-8", "surrogateescape") + extra + b"\r\n" + b"x" * shape.body_bytes


def _line(shape: Shape) -> str:
    version = "HTTP/3.0" if shape.fault is Fault.UNKNOWN_VERSION else shape.version
    return f"{shape.method} {shape.target} {version}\r\n"


def _headers(shape: Shape, address: Address | None) -> list[tuple[str, str]]:
    headers = list(shape.headers)
    if shape.fault is Fault.BAD_HOST:
        headers = [(n, v) for n, v in headers if n.lower() != "host"] + [("Host", "a/b")]
    if shape.body_bytes and shape.header("Content-Length") is None:
        headers.append(("Content-Length", str(shape.body_bytes)))
    if address is not None:
        headers.append((ADDRESS_HEADER, str(address)))
    return headers
