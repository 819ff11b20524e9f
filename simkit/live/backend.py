"""A small application server for the policy under trial to pass requests on to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Protocol, Self

__all__ = ["Backend", "Found", "Pages", "Passed", "SamePage"]


class Found(Protocol):
    """What a site has under a path."""

    @property
    def status(self) -> int:
        """The status that it is answered with."""

    @property
    def body_bytes(self) -> int:
        """The length of its body."""


class Pages(Protocol):
    """A site: a path in, a page or None out."""

    def find(self, path: str) -> Found | None:
        """What lies under the path; None: nothing does."""


@dataclass(frozen=True, slots=True)
class SamePage:
    """A site that has the same page everywhere."""

    status: int = 200
    body_bytes: int = 1000

    def find(self, path: str) -> Found | None:  # noqa: ARG002
        """The page itself."""
        return self


@dataclass(frozen=True, slots=True)
class Passed:
    """A request that reached the backend."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a burst that overflows the queue would wait a second


class Backend:
    """Answers on a free loopback port with what a site has; 404 where it has nothing.

    ``requests`` lists what arrived, in order. Use it in a ``with`` statement.
    """

    def __init__(self, site: Pages) -> None:
        self.requests: list[Passed] = []
        self._server = _Server(("127.0.0.1", 0), _handler(site, self.requests))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(site: Pages, seen: list[Passed]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            seen.append(Passed(self.command, self.path, tuple(self.headers.items())))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            page = site.find(self.path)
            status, size = (404, 0) if page is None else (page.status, page.body_bytes)
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(size))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(b"x" * size)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing: nginx keeps the log."""

        def __getattr__(self, name: str) -> Callable[[], None]:
            """Whatever the method is, it is answered alike."""
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

    return Handler
