"""Configurations as they are found: served, or stopped by what is said with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import simkit
from tests.live.serve.running import ask, lay_files, serving

STOPS = {
    "auth_request /auth;": '"auth_request" is not simulated',
    "proxy_cache zone;": '"proxy_cache" is not simulated',
    "access_by_lua_block { if ngx.var.x then return ngx.exit(444) end }": '"access_by_lua_block"',
    "content_by_lua_file site.lua;": '"content_by_lua_file" is not simulated',
    "if ($geoip2_country = XX) { return 444; }": 'unknown "geoip2_country" variable',
    "modsecurity on;": '"modsecurity" is not simulated',
    "include gone.conf;": "gone.conf",
    "access_log gone/access.log;": "gone/access.log: No such file or directory",
    "access_log logs.txt pretty;": 'unknown log format "pretty"',
    "error_log gone/error.log;": "gone/error.log: No such file or directory",
}
GET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def configuration(folder: Path, inner: str, top: str = "") -> Path:
    path = folder / "nginx.conf"
    path.write_text(f"{top}events {{}}\nhttp {{\nserver {{\nlisten 8001;\n{inner}\n}}\n}}\n")
    return path


@pytest.mark.parametrize(("line", "what"), STOPS.items(), ids=STOPS.keys())
def test_what_stops_it_is_said_with_its_line(tmp_path: Path, line: str, what: str) -> None:
    path = configuration(tmp_path, line)
    done = simkit("serve", path, "--prefix", tmp_path, "--port", "8001=0")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"nginx.conf:{5}: " in done.stderr
    assert what in done.stderr


def test_a_certificate_that_is_not_there(tmp_path: Path) -> None:
    text = "ssl_certificate tls/a.crt;\nssl_certificate_key tls/a.key;"
    path = configuration(tmp_path, text)
    path.write_text(path.read_text().replace("8001;", "8001 ssl;"))
    done = simkit("serve", path, "--prefix", tmp_path, "--port", "8001=0")
    assert done.returncode == 2
    assert "nginx.conf:5: " in done.stderr
    assert "tls/a.crt is not there" in done.stderr
    assert "--make-certificates" in done.stderr


def test_a_pid_file_of_a_process_that_runs_is_left_alone(tmp_path: Path) -> None:
    path = configuration(tmp_path, "", top="pid other.pid;\n")
    (tmp_path / "other.pid").write_text("1\n")
    done = simkit("serve", path, "--prefix", tmp_path, "--port", "8001=0")
    assert done.returncode == 2
    assert "nginx.conf:1: " in done.stderr
    assert "belongs to process 1" in done.stderr
    assert (tmp_path / "other.pid").read_text() == "1\n"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--port", "80"], "cannot be read"),
        (["--port", "81=8081"], "a port that nothing listens on"),
        (["--host", "example.com"], "is no address"),
        (["-g", "http {}"], "cannot be given with -g"),
        (["-g", "nonsense on;"], "cannot be given with -g"),
        (["-g", "pid"], "-g:1"),
        (["--prefix", "/no/such/folder"], "no such folder"),
    ],
)
def test_a_wrong_option_is_one_clear_error(tmp_path: Path, words: list[str], what: str) -> None:
    done = simkit("serve", configuration(tmp_path, ""), "--prefix", tmp_path, *words)
    assert done.returncode == 2
    assert what in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_dozens_of_includes(tmp_path: Path) -> None:
    lay_files(tmp_path)
    for n in range(60):
        (tmp_path / f"part-{n:02}.conf").write_text(f"location = /{n} {{ return 200 '{n}'; }}\n")
    text = "events {} http { server {\nlisten 8001;\ninclude part-*.conf;\n} }"
    with serving(text, tmp_path) as running:
        for n in (0, 31, 59):
            seen = ask(running.ports[8001], GET.replace(b"/ ", b"/%d " % n))
            assert seen.data.endswith(b"\r\n\r\n%d" % n)


def test_a_dump_is_served_as_one_file(tmp_path: Path) -> None:
    lay_files(tmp_path)
    text = """# configuration file /etc/nginx/nginx.conf:
events {}
http {
    include mime.types;
    include conf.d/*.conf;
}

# configuration file /etc/nginx/mime.types:
types { text/css css; }

# configuration file /etc/nginx/conf.d/site.conf:
server {
    listen 8001;
    root html;
}
"""
    with serving(text, tmp_path) as running:
        seen = ask(running.ports[8001], GET.replace(b"/ ", b"/a.css "))
        assert b"Content-Type: text/css\r\n" in seen.data
        assert seen.data.endswith(b"a{}\n")


def test_what_is_not_served_is_said_at_the_start(tmp_path: Path) -> None:
    text = """events {} http {
gzip on;
server {
listen 8001;
access_log syslog:server=127.0.0.1;
location / { fastcgi_pass 127.0.0.1:9; }
location = /cached { proxy_cache zone; return 200; }
} }"""
    with serving(text, tmp_path, "--allow-unsupported") as running:
        for words in ("2: gzip", "5: access_log", "6: fastcgi_pass", "7: proxy_cache"):
            assert f"nginx.conf:{words}" in running.said
        assert ask(running.ports[8001], GET).data.startswith(b"HTTP/1.1 502 Bad Gateway")


@pytest.mark.parametrize("name", ["silent", "hardened", "reset", "polite", "open"])
def test_shipped_policies_are_served(tmp_path: Path, name: str) -> None:
    from simkit.shipped import shipped_files

    (tmp_path / "logs").mkdir()
    path = shipped_files("policies")[name]
    with serving(path, tmp_path, "--make-certificates") as running:
        sent = GET.replace(b"Host: a", b"Host: shop.example\r\nUser-Agent: gobuster/3")
        seen = ask(running.ports[80], sent)
    expected = {"silent": "FIN", "hardened": "FIN", "reset": "RST"}
    if name in expected:
        assert (seen.data, seen.ending) == (b"", expected[name])
    else:
        assert seen.data[9:12] == (b"403" if name == "polite" else b"502")
