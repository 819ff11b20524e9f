"""The parts of the server that need no socket: deciding, files, headers, logs, upstreams."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from random import Random

import pytest

from simkit.errors import InputError
from simkit.live.serve.complaints import about
from simkit.live.serve.deciding import Decider
from simkit.live.serve.disk import Disk
from simkit.live.serve.proxy import in_turn, servers_of
from simkit.live.serve.reading import Limits, RequestReader
from simkit.live.serve.record import Peer, Record
from simkit.live.serve.respond import Head, remapped
from simkit.live.serve.server import Options, Server
from simkit.live.serve.wiring import Wiring, global_directives
from simkit.policy import Page, load_policy
from simkit.policy.model import Root
from simkit.policy.site import Files, Item, Kind
from simkit.policy.source import Source
from simkit.policy.values import Template
from simkit.wire import Shape, SightKind, address
from tests.live.serve.hostile import make
from tests.live.serve.running import CONFIGS, lay_files
from tests.policy.making import load_http

ME = address("127.0.0.1")
HOST = (("Host", "site.example"),)


def of_size(size_bytes: int) -> Item:
    return Item(Kind.FILE, Page(body_bytes=size_bytes))


def below(path: str, replaces: str) -> str:
    return Root(Template((), Source("", 0, "")), replaces).below(path)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    lay_files(tmp_path)
    (tmp_path / "html/link.css").symlink_to("a.css")
    (tmp_path / "html/out").symlink_to("../outside.txt")
    os.mkfifo(tmp_path / "html/pipe")
    return Disk(tmp_path)


LOOKS = {
    "/a.css": of_size(4),
    "/link.css": of_size(4),
    "/out": of_size(7),
    "/sub": Item(Kind.FOLDER),
    "/sub/": Item(Kind.FOLDER),
    "/a.css/": Item(Kind.ABSENT),
    "/none": Item(Kind.ABSENT),
    "/pipe": Item(Kind.ABSENT),
    "/../outside.txt": Item(Kind.ABSENT),
    "/sub/../../outside.txt": Item(Kind.ABSENT),
    "/sub/../a.css": of_size(4),
    "/a\0b": Item(Kind.ABSENT),
    "/" + "n" * 300: Item(Kind.ABSENT),
}


@pytest.mark.parametrize(("path", "found"), LOOKS.items(), ids=map(repr, LOOKS))
def test_what_lies_on_the_disk(disk: Disk, path: str, found: Item) -> None:
    assert disk.look("html", path) == found
    assert disk.look("html/", path) == found
    opened = disk.open("html", path)
    assert (opened is not None) == (found.kind is Kind.FILE)
    if opened is not None:
        assert opened.size_bytes == found.size_bytes
        os.close(opened.descriptor)


def test_an_alias_without_a_slash_leads_nowhere_else(disk: Disk) -> None:
    assert disk.look("other/", below("/leakyo.txt", "/leaky")) == of_size(1)
    assert disk.look("other/", below("/leaky../outside.txt", "/leaky")) == Item(Kind.ABSENT)
    assert disk.look("other", below("/leaky-backup", "/leaky")) == Item(Kind.ABSENT)


def test_a_disk_is_asked_as_files(disk: Disk) -> None:
    assert isinstance(disk, Files)


def test_a_file_that_came_later_is_found(tmp_path: Path) -> None:
    policy = load_http(tmp_path, "server { listen 80; root html; }")
    decider = Decider(policy, Disk(tmp_path))

    def status(path: str) -> int:
        turn = decider.begin(Shape(target=path, headers=HOST), ME)
        decider.release(turn)
        return turn.decision.status

    assert status("/new.txt") == 404
    (tmp_path / "html").mkdir()
    (tmp_path / "html/new.txt").write_text("new")
    assert status("/new.txt") == 200
    (tmp_path / "html/new.txt").unlink()
    assert status("/new.txt") == 404


def test_hostile_requests_are_decided(tmp_path: Path) -> None:
    lay_files(tmp_path)
    decider = Decider(load_policy(CONFIGS / "site.conf"), Disk(tmp_path))
    rng = Random(11)
    for _ in range(2000):
        reader = RequestReader(lambda _: Limits(), port=rng.choice((8001, 8002)))
        reader.feed(make(rng, long=True))
        request = reader.next()
        if request is not None:
            turn = decider.begin(request.shape, ME)
            while turn.step.decision is None:
                decider.resume(turn)
            assert turn.decision.sight.kind is not SightKind.REFUSED
            assert turn.ending is not None
            decider.release(turn)


def test_keys_that_no_zone_keeps_are_forgotten(tmp_path: Path) -> None:
    """A zone of 32 KB holds few keys, and so do the numbers behind it, whoever asks."""
    policy = load_http(
        tmp_path,
        "limit_req_zone $arg_key zone=a:32k rate=1r/s;"
        "server { listen 80; root html; limit_req zone=a burst=1; }",
    )
    decider = Decider(policy, Disk(tmp_path), spare_keys=300)
    most = 0
    for n in range(3000):
        decider.release(decider.begin(Shape(target=f"/?key={n}", headers=HOST), ME))
        most = max(most, decider.key_count)
    assert most < 1000
    first = decider.begin(Shape(target="/?key=same", headers=HOST), ME)
    second = decider.begin(Shape(target="/?key=same", headers=HOST), ME)
    third = decider.begin(Shape(target="/?key=same", headers=HOST), ME)
    assert [t.step.status for t in (first, second, third)] == ["PASSED", "DELAYED", "REJECTED"]


REDIRECTS = {
    "http://a.example/x": "http://a.example:8080/x",
    "http://a.example:80/x": "http://a.example:8080/x",
    "https://a.example/x": "https://a.example:8443/x",
    "http://other.example/x": "http://other.example/x",
    "http://a.example:81/x": "http://a.example:81/x",
    "/x": "/x",
}


@pytest.mark.parametrize(("url", "moved"), REDIRECTS.items())
def test_own_redirects_follow_a_moved_port(url: str, moved: str) -> None:
    head = Head(301, first=(("Location", url),), extra=(("X", url),))
    found = remapped(head, "a.example", {80: 8080, 443: 8443})
    assert (found.first, found.extra) == ((("Location", moved),), (("X", url),))


def test_servers_of_a_group_take_turns(tmp_path: Path) -> None:
    policy = load_http(
        tmp_path,
        "upstream u { server a:1 weight=2; server b:2; server c backup; server d down; }"
        "server { listen 80; }",
    )
    [block] = Wiring(policy, tmp_path).http_scope.here("upstream")
    servers = list(servers_of(block))
    firsts = [next(in_turn(servers)).host for _ in range(6)]
    assert firsts == ["a", "b", "a", "a", "b", "a"]
    assert [s.host for s in in_turn(servers)][-1] == "c"


def test_global_directives_are_read_as_in_the_main_context() -> None:
    found = global_directives("pid /x/y.pid; error_log stderr warn;")
    assert [(d.name, d.args) for d in found] == [
        ("pid", ("/x/y.pid",)),
        ("error_log", ("stderr", "warn")),
    ]
    with pytest.raises(InputError, match="-g:1"):
        global_directives("pid")


def test_the_nearest_log_counts(tmp_path: Path) -> None:
    policy = load_http(
        tmp_path,
        "log_format short '$status'; access_log a.log short;"
        "server { listen 80; location /off { access_log off; }"
        " location /two { access_log b.log; access_log c.log short if=$arg_x; } }",
    )
    wiring = Wiring(policy, tmp_path)
    [server] = policy.http.servers
    places = {loc.path: loc.scope for loc in server.locations.every()}
    logs = {name: wiring.access_logs(scope) for name, scope in places.items()}
    assert logs["/off"] == ()
    assert [(log.path.constant, log.format.name) for log in logs["/two"]] == [
        ("b.log", "combined"), ("c.log", "short"),
    ]  # fmt: skip
    assert [log.path.constant for log in wiring.access_logs(server.base.scope)] == ["a.log"]


def test_a_port_for_root_is_said_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    policy = load_http(tmp_path, "server { listen 80; }")
    server = Server(Wiring(policy, tmp_path), Options())
    with pytest.raises(InputError, match=r"made.conf:3: .* try --port 80=8080"), server:
        pass


def test_an_error_log_line_cannot_be_forged(tmp_path: Path) -> None:
    policy = load_http(tmp_path, "server { listen 80; deny all; }")
    decider = Decider(policy, Disk(tmp_path))
    reader = RequestReader(lambda _: Limits())
    reader.feed(b"GET /\xff\xfe HTTP/1.1\r\nHost: a\x1b]0;b\x07\r\n\r\n")
    request = reader.next()
    assert request is not None
    record = Record(policy.http, Peer(ME, 1, "127.0.0.1", 80, 1), request, 1, 0.0)
    turn = decider.begin(request.shape, ME)
    record.ending = turn.ending
    line = about("said", record)
    assert line.isprintable()
    assert "GET /" in line
