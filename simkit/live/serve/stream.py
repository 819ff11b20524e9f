"""One accepted connection as bytes: read as much as asked for, write, and end it exactly.

What a policy is about shows on the wire: a FIN or an RST, a TLS alert or none. So the socket is
kept bare, and TLS is worked on in memory. Never more is read than asked for: what stays in the
kernel when a connection is closed turns its FIN into an RST, as under nginx.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct

__all__ = ["Plain", "Secured", "Stream"]

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time
_RECORD_HEAD = 5
_PIECE = 1 << 16


class Stream:
    """A connection; `Plain` and `Secured` say how its bytes are read and written."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.loop = asyncio.get_running_loop()
        self.sent_bytes = 0
        self.ended = False
        """Whether the client has closed its half."""

    async def read(self, most: int) -> bytes:
        """Up to so many bytes; none where the client has closed its half. OSError for a reset."""
        raise NotImplementedError

    async def read_raw(self, most: int) -> bytes:
        """Up to so many bytes as they come, to be thrown away."""
        return await self.loop.sock_recv(self.socket, most)

    async def write(self, data: bytes) -> None:
        """Send; OSError where the client is gone. ``sent_bytes`` counts what was sent."""
        raise NotImplementedError

    async def farewell(self) -> None:
        """Say that nothing more will be sent (TLS: close_notify)."""

    async def finish(self) -> None:
        """Close the server's half: a FIN, while the client may still be heard."""
        with contextlib.suppress(OSError):
            await self.farewell()
            self.socket.shutdown(socket.SHUT_WR)

    def close(self, *, reset: bool = False) -> None:
        """Let go of the connection: with an RST, or with a FIN unless bytes lie unread."""
        with contextlib.suppress(OSError):
            if reset:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.socket.close()

    @property
    def has_unread(self) -> bool:
        """Whether bytes of the client wait to be read."""
        try:
            return bool(self.socket.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    async def peek(self) -> bytes:
        """The first byte that comes, left where it is; none where the client has closed."""
        await readable(self.socket)
        return self.socket.recv(1, socket.MSG_PEEK)

    async def gone(self) -> None:
        """Wait until the client is seen to leave, or to send more (then wait for ever)."""
        await readable(self.socket)
        try:
            left = not self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            left = False
        except OSError:
            left = True
        if not left:
            await self.loop.create_future()


class Plain(Stream):
    """A connection without TLS."""

    async def read(self, most: int) -> bytes:
        """Up to so many bytes; none where the client has closed its half."""
        data = await self.loop.sock_recv(self.socket, most)
        self.ended = self.ended or not data
        return data

    async def write(self, data: bytes) -> None:
        """Send."""
        view = memoryview(data)
        for start in range(0, len(data), _PIECE):
            piece = view[start : start + _PIECE]
            await self.loop.sock_sendall(self.socket, piece)
            self.sent_bytes += len(piece)


class Secured(Stream):
    """A connection with TLS, read record by record as OpenSSL does without reading ahead."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        super().__init__(sock)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._record = bytearray()

    async def shake_hands(self) -> None:
        """The handshake; ssl.SSLError where it fails, after the alert was sent."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fetch()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    await self._flush()
                raise
            else:
                await self._flush()
                return

    async def read(self, most: int) -> bytes:
        """Up to so many bytes of the application; none after the end of them."""
        while not self.ended:
            try:
                data = self.tls.read(most)
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fetch()
            except ssl.SSLError as error:
                self.ended = True
                if not isinstance(error, ssl.SSLZeroReturnError | ssl.SSLEOFError):
                    raise ConnectionAbortedError(str(error)) from error
            else:
                self.ended = not data
                return data
        return b""

    async def write(self, data: bytes) -> None:
        """Send."""
        view = memoryview(data)
        for start in range(0, len(data), _PIECE):
            piece = view[start : start + _PIECE]
            try:
                self.tls.write(piece)
            except ssl.SSLError as error:
                raise ConnectionAbortedError(str(error)) from error
            await self._flush()
            self.sent_bytes += len(piece)

    async def farewell(self) -> None:
        """Send close_notify."""
        with contextlib.suppress(ssl.SSLError):
            self.tls.unwrap()
        await self._flush()

    @property
    def has_unread(self) -> bool:
        """Whether bytes of the client wait to be read."""
        return self.tls.pending() > 0 or super().has_unread

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            await self.loop.sock_sendall(self.socket, data)

    async def _fetch(self) -> None:
        """Read on to the end of the current record, or as far as there are bytes."""
        wanted = _RECORD_HEAD - len(self._record)
        if wanted <= 0:
            wanted += int.from_bytes(self._record[3:5], "big")
        raw = await self.loop.sock_recv(self.socket, max(wanted, 1))
        if not raw:
            self._incoming.write_eof()
            return
        self._record += raw
        self._incoming.write(raw)
        if len(self._record) >= _RECORD_HEAD + int.from_bytes(self._record[3:5], "big"):
            self._record.clear()


async def readable(sock: socket.socket) -> None:
    """Wait until bytes, or the end of them, can be read."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(sock.fileno(), wake)
    try:
        await ready
    finally:
        loop.remove_reader(sock.fileno())
