"""The same configuration under `simkit serve` and under nginx, to be asked the same things."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic, sleep

from simkit.live import find_nginx

ROOT = Path(__file__).resolve().parents[3]
CONFIGS = Path(__file__).parent / "configs"
CHANGED_S = 1_700_000_000
_LISTENS = re.compile(r"simkit: (https?)://(\S+):(\d+)/(?: stands for port (\d+))?")
_START_S = 30.0

FILES: dict[str, bytes] = {
    "html/index.html": b"<p>home</p>\n",
    "html/a.css": b"a{}\n",
    "html/missing.html": b"<p>missing</p>",
    "html/sub/index.html": b"<p>sub</p>",
    "html/b.png": b"png" * 1000,
    "html/empty/nothing": b"",
    "html/indexed/index.html": b"indexed",
    "html/tried/dir/index.html": b"tried",
    "html/a b.html": b"a space",
    "html/big.bin": bytes(range(256)) * 2000,
    "other/index.html": b"other",
    "other/o.txt": b"o",
    "outside.txt": b"outside",
    "users": b"# who may come in\nplain:{PLAIN}word\n"
    b"apache:$apr1$9pzMkOoc$5aG7ZCX.2.SJ3PgrD26Kz1\nsix:$6$abc$"
    b"h0WGH4/I8IdlM69Bz7wZDswimcjInN1TRlVS7XN5Zwo8TRIp5WP8qGqOMOv2N6veu/q1FmQhB423sWORb8/Sh1\n",
}


def lay_files(folder: Path, files: Mapping[str, bytes] = FILES) -> None:
    """Lay files into a folder, all changed at the same time."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (CHANGED_S, CHANGED_S))


def free_ports(count: int) -> list[int]:
    """Ports of loopback that are free now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


class Served:
    """A running `simkit serve`; ``ports`` maps configured ports to real ones."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.ports: dict[int, int] = {}

    @property
    def said(self) -> str:
        """What it has said so far on standard error."""
        return (self.folder / "stderr.txt").read_text(encoding="utf-8")

    def wait(self) -> None:
        """Wait until it listens; AssertionError with its words where it does not."""
        until = monotonic() + _START_S
        while "stop with" not in self.said:
            assert self.process.poll() is None, self.said
            assert monotonic() < until, self.said
            sleep(0.01)
        for found in _LISTENS.finditer(self.said):
            self.ports[int(found[4] or found[3])] = int(found[3])

    def log(self, name: str = "access.log", lines: int = 1, timeout_s: float = 5.0) -> list[str]:
        """The lines of a log, once there are so many."""
        until = monotonic() + timeout_s
        while True:
            path = self.folder / name
            text = path.read_bytes().decode() if path.exists() else ""
            found = text.splitlines()
            if len(found) >= lines or monotonic() > until:
                return found
            sleep(0.01)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(10)


@contextmanager
def serving(configuration: str | Path, folder: Path, *words: str) -> Iterator[Served]:
    """`simkit serve` in a folder, which is its prefix, each port moved to a free one.

    Text is written into the folder as ``nginx.conf`` first.
    """
    path = Path(configuration) if isinstance(configuration, Path) else folder / "nginx.conf"
    if isinstance(configuration, str):
        path.write_text(configuration, encoding="utf-8")
    ports = sorted(set(re.findall(r"listen\s+(?:\S+:)?(\d+)", path.read_text(encoding="utf-8"))))
    moved = [f"--port={port}=0" for port in ports]
    with (folder / "stdout.txt").open("wb") as stdout, (folder / "stderr.txt").open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", "from simkit.cli import main; main()", "serve", str(path),
             *moved, "--prefix", str(folder), *words],
            cwd=ROOT,
            stdout=stdout,
            stderr=stderr,
        )  # fmt: skip
    served = Served(process, folder)
    try:
        served.wait()
        yield served
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(10)


@dataclass(frozen=True)
class Seen:
    """What came back: every byte, and how the connection ended (``FIN``, ``RST``, ``OPEN``)."""

    data: bytes
    ending: str


def ask(port: int, *pieces: bytes, finish: bool = False, timeout_s: float = 4.0) -> Seen:
    """Send the pieces on a new connection, a moment apart, and read to its end."""
    with socket.create_connection(("127.0.0.1", port), timeout_s) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b""
        try:
            for number, piece in enumerate(pieces):
                sleep(0.05 if number else 0)
                sock.sendall(piece)
            if finish:
                sock.shutdown(socket.SHUT_WR)
            while part := sock.recv(1 << 16):
                data += part
        except TimeoutError:
            return Seen(data, "OPEN")
        except ConnectionError:
            return Seen(data, "RST")
        return Seen(data, "FIN")


class Backend(BaseHTTPRequestHandler):
    """Says what it was asked, in a few ways."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Answer any method."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        heard = "".join(f"{n}: {v}\n" for n, v in self.headers.items())
        said = f"{self.command} {self.path} {self.request_version}\n{heard}".encode() + body
        self._begin()
        if "chunked" in self.path and self.request_version == "HTTP/1.1":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5\r\nhello\r\n0\r\n\r\n")
        elif "endless" in self.path:
            self.send_header("Connection", "close")
            self.close_connection = True
            self.end_headers()
            self.wfile.write(said)
        else:
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else said)

    def _begin(self) -> None:
        if "moved" in self.path:
            self.send_response(302, "Found Elsewhere")
            self.send_header("Location", "http://behind/other/x")
        else:
            self.send_response(404 if "missing" in self.path else 200)
        self.send_header("X-Back", "1")
        self.send_header("Content-Type", "text/plain")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


for _method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
    setattr(Backend, f"do_{_method}", Backend.answer)


@contextmanager
def backend() -> Iterator[int]:
    """A running `Backend`; its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Side:
    """One of the two: its folder, and its real port for each configured one."""

    folder: Path
    ports: dict[int, int]

    def ask(self, port: int, *pieces: bytes, finish: bool = False) -> Seen:
        """Ask; ports and the time in the answer are those of the configuration."""
        seen = ask(self.ports[port], *pieces, finish=finish)
        data = re.sub(rb"Date: [^\r]*", b"Date: now", seen.data)
        return Seen(self.plain(data), seen.ending)

    def plain(self, data: bytes) -> bytes:
        """The data with configured ports in place of real ones, and no folder."""
        for configured, real in self.ports.items():
            data = data.replace(b":%d" % real, b":%d" % configured)
        return data.replace(bytes(self.folder), b"PREFIX")

    def log(self, lines: int) -> list[bytes]:
        """The log, once it has so many lines; it is empty afterwards."""
        path = self.folder / "access.log"
        until = monotonic() + 5.0
        while (data := path.read_bytes()).count(b"\n") < lines and monotonic() < until:
            sleep(0.005)
        os.truncate(path, 0)
        return self.plain(data).splitlines()


@contextmanager
def both(name: str, folder: Path) -> Iterator[tuple[Side, Side]]:
    """nginx and `simkit serve` with the same configuration, files and backend."""
    text = (CONFIGS / name).read_text(encoding="utf-8")
    listens = sorted({int(port) for port in re.findall(r"listen (\d+)", text)})
    with ExitStack() as stack:
        back = stack.enter_context(backend())
        *real, nobody = free_ports(len(listens) + 1)
        text = text.replace("127.0.0.1:8900", f"127.0.0.1:{back}")
        text = text.replace("127.0.0.1:8901", f"127.0.0.1:{nobody}")
        for side in ("nginx", "simkit"):
            lay_files(folder / side)
        ports = dict(zip(listens, real, strict=True))
        nginx = stack.enter_context(_nginx(text, folder / "nginx", ports))
        served = stack.enter_context(serving(text, folder / "simkit"))
        yield nginx, Side(folder / "simkit", served.ports)


@contextmanager
def _nginx(text: str, folder: Path, ports: dict[int, int]) -> Iterator[Side]:
    temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    lines = "".join(f"{name}_temp_path {folder}/{name};\n" for name in temporary)
    text = text.replace("http {\n", "http {\n" + lines, 1)
    for configured, real in ports.items():
        text = re.sub(rf"(listen (?:\S+:)?){configured}\b", rf"\g<1>{real}", text)
    if os.geteuid() == 0:
        text = "user root;\n" + text
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [find_nginx(), "-e", "stderr", "-p", f"{folder}/", "-c", "nginx.conf",
         "-g", "daemon off; master_process off;"],
        cwd=folder,
    )  # fmt: skip
    try:
        until = monotonic() + _START_S
        while not (folder / "server.pid").exists():
            assert process.poll() is None
            assert monotonic() < until
            sleep(0.01)
        yield Side(folder, ports)
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)
