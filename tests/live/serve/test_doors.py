"""`simkit serve` as curl, raw sockets and TLS clients meet it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from simkit.live import Connection, Ending, Endpoint, Listen, Tls
from tests.live.serve.running import (
    CONFIGS,
    FILES,
    Served,
    ask,
    backend,
    free_ports,
    lay_files,
    serving,
)

EMPTY_REPLY, RESET, TLS_FAILED = 52, 56, 35
UNRECOGNIZED_NAME = 112  # RFC 6066, section 3
KEEP = "GET {} HTTP/1.1\r\nHost: site.example\r\n\r\n"


def configuration(back: int = 9) -> str:
    text = (CONFIGS / "doors.conf").read_text(encoding="utf-8")
    return text.replace("127.0.0.1:8900", f"127.0.0.1:{back}")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("doors")
    lay_files(folder)
    with backend() as back, serving(configuration(back), folder, "--make-certificates") as running:
        yield running


def curl(
    served: Served, path: str, *words: str, port: int = 8001, out: str | Path = os.devnull
) -> tuple[int, str]:
    """The exit status, and the status of the answer with the size of its body."""
    scheme = "https" if port == 8443 else "http"
    done = subprocess.run(
        ["curl", "-sk", "-o", str(out), "-w", "%{http_code} %{size_download}\n", *words,
         f"{scheme}://127.0.0.1:{served.ports[port]}{path}"],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    return done.returncode, done.stdout.strip()


def closing(path: str) -> bytes:
    return KEEP.format(path).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").encode()


def raw(served: Served, path: str, count: int = 1) -> list[bytes]:
    """The statuses of so many requests sent at once."""
    sent = KEEP.format(path).encode() * (count - 1) + closing(path)
    data = ask(served.ports[8001], sent).data
    return [part[:3] for part in data.split(b"HTTP/1.1 ")[1:]]


def tls(served: Served, name: str | None) -> Connection:
    port = served.ports[8443]
    return Connection(Endpoint("127.0.0.1", port, Listen(4, "*", port)), tls=Tls(name))


def test_it_says_what_it_is(served: Served) -> None:
    assert "no production server" in served.said
    assert f"http://127.0.0.1:{served.ports[8001]}/ stands for port 8001" in served.said
    assert "(HTTP/1.1 only)" in served.said


def test_silence_and_reset(served: Served) -> None:
    assert curl(served, "/drop") == (EMPTY_REPLY, "000 0")
    assert curl(served, "/reset") == (RESET, "000 0")
    assert served.log(lines=2)[-2:] == [
        "444 - - - GET /drop HTTP/1.1",
        "444 - - - GET /reset HTTP/1.1",
    ]


@pytest.mark.parametrize("name", ["/a.css", "/big.bin", "/index.html"])
def test_a_file_comes_whole(served: Served, name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, said = curl(served, name, out=out)
    assert (status, said) == (0, f"200 {len(FILES['html' + name])}")
    assert out.read_bytes() == FILES["html" + name]


def test_a_connection_is_kept(served: Served) -> None:
    urls = f"http://127.0.0.1:{served.ports[8001]}"
    done = subprocess.run(
        ["curl", "-s", "-w", "%{num_connects}\n", f"{urls}/a.css", f"{urls}/none", f"{urls}/a.css"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [line[-1] for line in done.stdout.splitlines() if line[-1:].isdigit()] == ["1", "0", "0"]


def test_200_then_444_on_one_connection(served: Served) -> None:
    sent = KEEP.format("/a.css") + KEEP.format("/drop") + KEEP.format("/a.css")
    seen = ask(served.ports[8001], sent.encode())
    assert (seen.data.count(b"HTTP/1.1"), seen.ending) == (1, "FIN")
    assert seen.data.startswith(b"HTTP/1.1 200")


def test_a_444_with_an_unread_body_is_a_reset(served: Served) -> None:
    sent = "POST /drop HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" + "x" * 20_000
    assert ask(served.ports[8001], sent.encode()).ending == "RST"


def test_ipv6(served: Served) -> None:
    with socket.create_connection(("::1", served.ports[8001]), 5) as sock:
        sock.sendall(KEEP.format("/a.css").encode())
        assert sock.recv(99).startswith(b"HTTP/1.1 200 OK")


def test_a_body_in_chunks_reaches_the_upstream_whole(served: Served) -> None:
    status, said = curl(served, "/one", "-H", "Transfer-Encoding: chunked", "-d", "some words")
    assert (status, said.split()[0]) == (0, "200")


def test_twelve_at_once_with_a_burst_of_five_pass_six(served: Served) -> None:
    assert raw(served, "/burst", 12) == [b"200"] * 6 + [b"503"] * 6
    said = [line for line in served.log("error.log") if "limiting requests" in line]
    assert re.search(r"excess: (5\.9|6\.0)", said[0])
    assert (
        'by zone "burst", client: 127.0.0.1, server: site.example, request: "GET /burst' in said[0]
    )


def test_delays_are_waited_out(served: Served) -> None:
    begun = monotonic()
    assert raw(served, "/delayed", 4) == [b"200"] * 4
    assert monotonic() - begun > 0.25


def test_a_client_that_leaves_while_it_waits_is_logged_as_499(served: Served) -> None:
    sent = KEEP.format("/delayed").encode()
    with socket.create_connection(("127.0.0.1", served.ports[8001]), 5) as one:
        one.sendall(sent * 4)
        sleep(0.05)
    until = monotonic() + 5
    while not any(line.startswith("499") for line in served.log()) and monotonic() < until:
        sleep(0.02)
    assert "499 DELAYED - - GET /delayed HTTP/1.1" in served.log()


def test_tls_by_name(served: Served) -> None:
    for name, body in (("one.example", b"<p>home</p>\n"), ("two.example", b"two")):
        with tls(served, name) as connection:
            assert name.encode() in connection.certificate
            connection.send(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
            answer = connection.answer()
            assert answer is not None
            assert (answer.status, answer.body) == (200, body)
            assert connection.watch() is Ending.FIN
    assert "200 - TLSv1.3 two.example GET / HTTP/1.1" in served.log()


@pytest.mark.parametrize("name", [None, "other.example"])
def test_a_refused_handshake_is_an_alert(served: Served, name: str | None) -> None:
    with tls(served, name) as connection:
        assert (connection.alert, connection.certificate) == (UNRECOGNIZED_NAME, b"")
    if name is None:
        assert curl(served, "/", port=8443)[0] == TLS_FAILED


def test_a_444_over_tls_ends_without_a_word(served: Served) -> None:
    with tls(served, "one.example") as connection:
        connection.send(b"GET /drop HTTP/1.1\r\nHost: one.example\r\n\r\n")
        assert (connection.watch(), connection.received) == (Ending.FIN, b"")


def test_plain_http_on_the_tls_port_gets_a_page(served: Served) -> None:
    seen = ask(served.ports[8443], b"GET / HTTP/1.1\r\nHost: one.example\r\n\r\n")
    assert seen.data.startswith(b"HTTP/1.1 400 Bad Request")
    assert b"plain HTTP request was sent to HTTPS port" in seen.data


@pytest.mark.parametrize("path", ["/alias../outside.txt", "/by-argument?path=../outside.txt",
                                  "/%2e%2e/outside.txt", "/..%2foutside.txt"])  # fmt: skip
def test_nothing_outside_a_folder_is_served(served: Served, path: str) -> None:
    seen = ask(served.ports[8001], closing(path))
    assert seen.data[9:12] in (b"400", b"404")
    assert b"outside" not in seen.data


def test_redirects_lead_to_where_the_port_really_is(served: Served) -> None:
    data = ask(served.ports[8001], closing("/sub")).data
    assert f"Location: http://site.example:{served.ports[8001]}/sub/\r\n".encode() in data


def test_an_idle_connection_makes_room_for_a_new_one(served: Served) -> None:
    """Eight slots: nine connections, of which the eight before it are idle."""
    held = [socket.create_connection(("127.0.0.1", served.ports[8001]), 5) for _ in range(8)]
    try:
        for one in held:
            one.sendall(KEEP.format("/a.css").encode())
            assert one.recv(9999).startswith(b"HTTP/1.1 200")
        assert raw(served, "/a.css") == [b"200"]
        while held[0].recv(9999):
            pass
    finally:
        for one in held:
            one.close()


def ending(served: Served, path: str) -> str:
    """How a connection ended; the reset may come before connecting is through."""
    try:
        return ask(served.ports[8001], KEEP.format(path).encode()).ending
    except ConnectionResetError:
        return "RST"


def test_a_full_server_resets_who_comes_next(served: Served) -> None:
    """Eight connections have sent part of a header: none of them can be closed for another."""
    held = [socket.create_connection(("127.0.0.1", served.ports[8001]), 5) for _ in range(8)]
    try:
        for one in held:
            one.sendall(b"GET / HTTP/1.1\r\n")
        sleep(0.1)
        assert ending(served, "/a.css") == "RST"
    finally:
        for one in held:
            one.close()
    until = monotonic() + 5
    while ending(served, "/a.css") == "RST" and monotonic() < until:
        sleep(0.02)
    assert raw(served, "/a.css") == [b"200"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly(tmp_path: Path, number: int) -> None:
    text = "pid server.pid; events {} http { server { listen 8001; return 200; } }"
    with serving(text, tmp_path) as running:
        pid = int((tmp_path / "server.pid").read_text())
        assert pid == running.process.pid
        with socket.create_connection(("127.0.0.1", running.ports[8001]), 5) as held:
            held.sendall(KEEP.format("/").encode())
            assert held.recv(99).startswith(b"HTTP/1.1 200")
            os.kill(pid, number)
            assert running.process.wait(10) == 0
            while held.recv(99):
                pass
    assert not (tmp_path / "server.pid").exists()


def test_logs_are_opened_anew_on_sigusr1(tmp_path: Path) -> None:
    text = "events {} http { access_log access.log; server { listen 8001; return 200; } }"
    with serving(text, tmp_path) as running:
        ask(running.ports[8001], KEEP.format("/1").encode(), finish=True)
        running.log()
        (tmp_path / "access.log").rename(tmp_path / "old.log")
        running.process.send_signal(signal.SIGUSR1)
        sleep(0.2)
        ask(running.ports[8001], KEEP.format("/2").encode(), finish=True)
        assert '"GET /2 HTTP/1.1" 200' in running.log()[0]


def test_without_directives_logs_go_to_the_terminal(tmp_path: Path) -> None:
    with serving("events {} http { server { listen 8001; deny all; } }", tmp_path) as running:
        ask(running.ports[8001], KEEP.format("/x").encode(), finish=True)
        assert '"GET /x HTTP/1.1" 403 153 "-" "-"' in running.log("stdout.txt")[0]
        assert "access forbidden by rule" in running.said


def test_global_directives_and_echo(tmp_path: Path) -> None:
    text = "events {} http { access_log no/such/folder.log; server { listen 8001; return 200; } }"
    with serving(
        text, tmp_path, "-g", "pid mine.pid; error_log errors.log notice;", "--echo"
    ) as running:
        ask(running.ports[8001], KEEP.format("/x").encode(), finish=True)
        assert '"GET /x HTTP/1.1" 200' in running.log("stdout.txt")[0]
        assert not (tmp_path / "mine.pid").exists()
    text = text.replace("no/such/folder.log", "off")
    with serving(text, tmp_path, "-g", "pid mine.pid; error_log errors.log notice;") as running:
        assert int((tmp_path / "mine.pid").read_text()) == running.process.pid
        assert "simkit serves" in running.log("errors.log")[0]


def test_a_port_that_is_taken_is_said_with_its_line(tmp_path: Path) -> None:
    from tests.cli.commands import simkit

    [port] = free_ports(1)
    with socket.create_server(("127.0.0.1", port)):
        (tmp_path / "a.conf").write_text(
            f"events {{}}\nhttp {{\nserver {{\nlisten {port};\n}}\n}}\n"
        )
        done = simkit("serve", tmp_path / "a.conf", "--prefix", tmp_path)
    assert done.returncode == 2
    assert (
        f"a.conf:4: cannot listen on 127.0.0.1 port {port}: Address already in use" in done.stderr
    )
    assert f"--port {port}=NUMBER" in done.stderr
