"""A live nginx that writes access logs in formats of our own."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    log_format own '$remote_addr [$time_iso8601] "$request" $status $body_bytes_sent '
                   '"$http_user_agent" "$http_host" $msec $request_time $server_port '
                   '"$limit_req_status"';
    log_format own_json escape=json
        '{{"from":"$remote_addr","at":"$time_local","request":"$request","status":$status,'
        '"agent":"$http_user_agent","referer":"$http_referer"}}';
    access_log {folder}/combined.log combined;
    access_log {folder}/own.log own;
    access_log {folder}/json.log own_json;
{http}
    server {{
        listen 127.0.0.1:{port};
        server_name shop.example;
{server}
    }}
}}
"""
OWN_JSON = (
    "log_format own_json escape=json "
    """'{"from":"$remote_addr","at":"$time_local","request":"$request","status":$status,'"""
    """'"agent":"$http_user_agent","referer":"$http_referer"}';"""
)
OWN = (
    '$remote_addr [$time_iso8601] "$request" $status $body_bytes_sent "$http_user_agent" '
    '"$http_host" $msec $request_time $server_port "$limit_req_status"'
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def nginx(folder: Path, *, http: str = "", server: str = "return 204;") -> Iterator[int]:
    """Run nginx in a folder; gives the port."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    assert program, "this test needs nginx"
    port = free_port()
    path = folder / "nginx.conf"
    path.write_text(CONFIG.format(folder=folder, port=port, http=http, server=server))
    command = [program, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as running:
        try:
            _wait(lambda: _listens(port))
            yield port
        finally:
            running.terminate()


def send(port: int, requests: Sequence[bytes]) -> list[bytes]:
    """Each request on a connection of its own; the answers, to their end."""
    answers = []
    for request in requests:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            answers.append(b"".join(iter(lambda: client.recv(65536), b"")))
    return answers


def lines(path: Path, count: int) -> Path:
    """The log, once it has so many lines."""
    _wait(lambda: path.is_file() and path.read_bytes().count(b"\n") >= count)
    return path


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _wait(done: object) -> None:
    assert callable(done)
    end = monotonic() + 10
    while not done():
        assert monotonic() < end, "nginx did not get so far"
        sleep(0.01)
