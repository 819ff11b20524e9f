"""The copy of a configuration that is tried: nothing that decides is changed on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.errors import InputError
from simkit.live import LiveNginx, check, exchange
from simkit.live.listening import Listen, has_ipv6, read_listen
from simkit.live.written import directive, write
from simkit.policy.reader import Directive, read
from simkit.policy.source import Source
from tests.live.raw import CONFIGS, get

HERE = Source("here.conf", 1, "")


@pytest.fixture(scope="module")
def quoting() -> Iterator[LiveNginx]:
    with LiveNginx(CONFIGS / "quoting.conf") as running:
        yield running


@pytest.mark.parametrize(
    ("target", "host", "word", "body"),
    [
        ("/double", "ab.example", "", b'a "quoted" word'),
        ("/single", "ab.example", "", b'a "quoted" word, it\'s'),
        ("/escapes", "ab.example", "", b"tab\there\nnew line\\done"),
        ("/unquoted", "ab.example", "", b'un"quo\\ted'),
        ("/lines", "ab.example", "", b"first\nsecond"),
        ("/braces", "ab.example", "", b"{ab};#"),
        ("/hash", "ab.example", "", b"#hash"),
        ("/empty", "ab.example", "", b""),
        ("/with%20space", "ab.example", "", b"space"),
        ("/n12.php", "ab.example", "", b"php"),
        ("/mapped", "plain.example", "", b"none"),
        ("/mapped", "plain.example", "aa", b"twice"),
        ("/mapped", "plain.example", 'B.7 "q"', b"quoted"),
        ("/mapped", "plain.example", "#1", b"hash"),
        ("/mapped", "plain.example", "semi;colon", b"semi"),
        ("/mapped", "plain.example", "\\back", b"back"),
        ("/if", "plain.example", "a)", b"closed"),
        ("/if", "plain.example", "x y", b"spaced"),
        ("/if", "plain.example", "U", b"bare"),
        ("/if", "plain.example", "z", b"none"),
    ],
)
def test_words_survive(quoting: LiveNginx, target: str, host: str, word: str, body: bytes) -> None:
    payload = get(target, host=host, headers=(("X-Word", word),) if word else ())
    [answer] = exchange(quoting.endpoint(80), payload).answers
    assert (answer.status, answer.body) == (200, body)


# Anything that the reader can give: an escape never stands alone at the end of a word.
words = st.lists(
    st.one_of(
        st.sampled_from(list("ab;{}#\"' $()~\n\t")),
        st.sampled_from([r"\\", r"\"", r"\n", r"\d", "${a}"]),
    ),
    max_size=6,
).map("".join)


@given(st.lists(words, min_size=1, max_size=4), st.booleans())
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, args: list[str], block: bool
) -> None:
    inner = (directive("b", *args),) if block else None
    path = tmp_path_factory.mktemp("written") / "nginx.conf"
    path.write_text(write([directive("a", *args, block=inner)]).text)
    [found] = read(path)

    assert [meant(a) for a in found.args] == [meant(a) for a in args]
    assert [[meant(a) for a in d.args] for d in found.block or ()] == (
        [[meant(a) for a in args]] if block else []
    )


def meant(word: str) -> str:
    """The value that nginx makes of a word: in quotes, a quote has to be escaped."""
    return re.sub(r"\\([\\\"'])", r"\1", word)


def test_each_line_remembers_its_place() -> None:
    inner = Directive("return", ("200", "two\nlines"), Source("a.conf", 7, ""))
    written = write([Directive("server", (), Source("a.conf", 5, ""), (inner,)), directive("x")])
    places = [written.source(n) for n in range(1, 6)]
    assert [p.line if p else None for p in places] == [5, 7, 7, 5, None]
    assert written.source(0) is None
    assert written.source(9) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", [Listen(4, "*", 80)]),
        ("*:81", [Listen(4, "*", 81)]),
        ("0.0.0.0:81", [Listen(4, "*", 81)]),
        ("192.0.2.1", [Listen(4, "192.0.2.1", 80)]),
        ("192.0.2.1:8080", [Listen(4, "192.0.2.1", 8080)]),
        ("localhost:90", [Listen(4, "localhost", 90)]),
        ("[::]:80", [Listen(6, "*", 80)]),
        ("[2001:db8::1]", [Listen(6, "2001:db8::1", 80)]),
        ("8000-8002", [Listen(4, "*", 8000), Listen(4, "*", 8001), Listen(4, "*", 8002)]),
        ("unix:/run/a.sock", []),
    ],
)
def test_listen_is_read(text: str, expected: list[Listen]) -> None:
    assert list(read_listen(text, HERE)) == expected


@pytest.mark.parametrize("text", ["0", "70000", "[::]:x", "a:b", "9-8"])
def test_a_port_that_is_none_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match=r"here\.conf:1: invalid port"):
        read_listen(text, HERE)


def started(tmp_path: Path, text: str) -> LiveNginx:
    path = tmp_path / "nginx.conf"
    path.write_text(text)
    return LiveNginx(path)


def test_what_nginx_refuses_is_an_error_at_the_line_of_the_original(tmp_path: Path) -> None:
    text = "events {}\nhttp {\n  server {\n    listen 80;\n    error_page 200 /x;\n  }\n}\n"
    with (
        pytest.raises(
            InputError, match=r'nginx\.conf:5: .*value "200" must be between 300 and 599'
        ),
        started(tmp_path, text),
    ):
        pass


def test_a_configuration_without_a_server_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no server"), started(tmp_path, "events {}\nhttp {}\n"):
        pass


def test_nginx_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda *args, **more: None)
    with pytest.raises(InputError, match="nginx is not on the PATH"):
        started(tmp_path, "events {}\nhttp { server { return 444; } }\n")
    with pytest.raises(InputError, match="nginx is not on the PATH"):
        check(tmp_path / "nginx.conf", tmp_path)


def test_addresses_and_ports_stay_apart(tmp_path: Path) -> None:
    text = """
    events {}
    http {
        server { listen 80 default_server; return 201; }
        server { listen 127.0.0.1:80; return 202; }
        server { listen [::]:90 ipv6only=off; return 203; }
        server { return 204; server_name other; listen 80; }
    }
    """
    with started(tmp_path, text) as nginx:

        def status(name: str, port: int, **more: int | str) -> int:
            payload = get(host=name)
            return exchange(nginx.endpoint(port, **more), payload).sight.status  # type: ignore[arg-type]

        assert status("any", 80) == 201
        assert status("other", 80) == 204
        assert status("any", 80, host="127.0.0.1") == 202
        assert status("any", 90, family=4) == 203
        if has_ipv6():
            assert status("any", 90, family=6) == 203
        with pytest.raises(InputError, match="nothing listens on port 99"):
            nginx.endpoint(99)
        [own] = [e for e in nginx.trial.endpoints if e.listen.host == "127.0.0.1"]
        assert own.host == "127.0.0.1"


def test_requests_are_passed_to_the_backend_wherever_they_were_passed(tmp_path: Path) -> None:
    text = """
    events {}
    http {
        upstream many { server 192.0.2.1:80 weight=2; server unix:/nowhere; }
        server {
            listen 80;
            location /one { proxy_pass http://192.0.2.9:81; }
            location /two { proxy_pass https://many/behind; }
            location /three { root /srv/site; }
        }
    }
    """
    path = tmp_path / "nginx.conf"
    path.write_text(text)
    with LiveNginx(path, files={"/srv/site/three/a.txt": b"laid"}) as nginx:
        payload = get("/one/x") + get("/two/y") + get("/three/a.txt")
        seen = exchange(nginx.endpoint(80), payload, heads=(False,) * 3)
        assert [a.status for a in seen.answers] == [200] * 3
        assert seen.answers[2].body == b"laid"
        assert [p.target for p in nginx.backend.requests] == ["/one/x", "/behind/y"]
