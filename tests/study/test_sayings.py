"""What curl says, held against curl itself; what a browser says, against what was measured."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from simkit.live import LiveNginx
from simkit.policy import load_policy
from simkit.policy.watch import follow
from simkit.study.sayings import browser_again, browser_says, browser_sends, curl_says
from simkit.wire import Fault, Shape, Sight, SightKind, Version, address

CONF = Path(__file__).parent / "sayings.conf"
CLIENT = address("192.0.2.1")
BROWSER = (("Host", "site.example"), ("User-Agent", "Mozilla/5.0 (X11)"))
GET = Shape(headers=BROWSER)

CASES = {
    "444 over HTTP/1.1": (80, "http", "/", ()),
    "444 with reset": (81, "http", "/", ()),
    "444 over TLS": (443, "https", "/", ("--http1.1",)),
    "444 over TLS with reset": (445, "https", "/", ("--http1.1",)),
    "444 over HTTP/2": (444, "https", "/", ("--http2",)),
    "a refused handshake": (446, "https", "/", ()),
    "TLS to a plain port, an error page": (80, "https", "/", ()),
    "TLS to a plain port, 444": (82, "https", "/", ()),
    "TLS to a plain port, a reset": (81, "https", "/", ()),
    "plain HTTP to a TLS port": (443, "http", "/", ()),
    "a page": (82, "http", "/", ()),
    "a refusal": (82, "http", "/no", ()),
}


@pytest.fixture(scope="module")
def nginx() -> Iterator[LiveNginx]:
    with LiveNginx(CONF) as running:
        yield running


def curl(*words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("curl")
    if program is None:
        pytest.fail("curl is not on the PATH")
    quiet = ("-sSk", "-o", "/dev/null", "--max-time", "10", "--noproxy", "*")
    return subprocess.run([program, *quiet, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("case", CASES)
def test_curl_says_what_it_is_said_to_say(case: str, nginx: LiveNginx) -> None:
    port, scheme, path, options = CASES[case]
    end = nginx.endpoint(port)
    done = curl(*options, f"{scheme}://{end.host}:{end.port}{path}")
    tls = scheme == "https"
    fault = Fault.TLS_ON_PLAIN if tls and not end.tls else Fault.NONE
    version = Version.HTTP_2 if "--http2" in options else Version.HTTP_1_1
    shape = Shape(target=path, headers=BROWSER, port=port, fault=fault, version=version,
                  tls=tls and end.tls)  # fmt: skip
    said = curl_says(follow(load_policy(CONF), shape, CLIENT).decision.sight, shape)
    assert done.returncode == said.exit
    if said.exit:
        assert said.message in done.stderr
        assert str(said) == f"({said.exit}) {said.message}"
        assert said.short.startswith(f"{said.exit} ")
    else:
        assert done.stderr == ""


def test_curl_cannot_connect() -> None:
    said = curl_says(Sight(SightKind.REFUSED), GET)
    done = curl("http://127.0.0.1:1/")
    assert (done.returncode, said.exit) == (7, 7)
    assert said.message in done.stderr


def test_curl_runs_out_of_time() -> None:
    assert curl_says(Sight(SightKind.NO_ANSWER), GET).exit == 28


@pytest.mark.parametrize(
    ("kind", "error", "again"),
    [
        (SightKind.EMPTY, "net::ERR_EMPTY_RESPONSE", "15 requests in 96 s"),
        (SightKind.RESET, "net::ERR_CONNECTION_RESET", "11 requests in 42 s"),
        (SightKind.STREAM_RESET, "net::ERR_HTTP2_PROTOCOL_ERROR", "4 requests in 42 s"),
        (SightKind.REFUSED, "net::ERR_CONNECTION_REFUSED", None),
        (SightKind.TLS_ALERT, "net::ERR_SSL_UNRECOGNIZED_NAME_ALERT", None),
        (SightKind.NO_ANSWER, "net::ERR_CONNECTION_TIMED_OUT", None),
    ],
)
def test_a_browser_names_the_error(kind: SightKind, error: str, again: str | None) -> None:
    sight = Sight(kind)
    assert browser_says(sight, GET) == error
    assert re.fullmatch(r"net::ERR_[A-Z0-9_]+", error)
    told = browser_again(sight, GET)
    assert (told is None) is (again is None)
    assert again is None or again in (told or "")


def test_every_way_to_end_has_its_words() -> None:
    for kind in SightKind:
        for shape in (GET, Shape(fault=Fault.TLS_ON_PLAIN)):
            sight = Sight(kind, 403 if kind is SightKind.HTTP else 0, body_bytes=9)
            assert curl_says(sight, shape).message
            assert browser_says(sight, shape)


def test_a_browser_shows_pages_and_follows_redirects() -> None:
    assert browser_says(Sight(SightKind.HTTP, 200, body_bytes=5), GET) == "shows the page"
    shown = browser_says(Sight(SightKind.HTTP, 403, body_bytes=5), GET)
    assert shown == "shows the 403 page (Forbidden)"
    moved = Sight(SightKind.HTTP, 301, (("location", "https://x/"),), 5)
    assert browser_says(moved, GET) == "goes on to https://x/"
    empty = Sight(SightKind.HTTP, 403)
    assert browser_says(empty, GET) == "net::ERR_HTTP_RESPONSE_CODE_FAILURE"


def test_a_browser_loads_again_only_what_it_got_with_get() -> None:
    post = Shape(method="POST", headers=BROWSER)
    assert browser_again(Sight(SightKind.EMPTY), post) is None
    assert browser_again(Sight(SightKind.HTTP, 429), GET) is None


@pytest.mark.parametrize(
    "shape",
    [
        Shape(),
        Shape(headers=(("Host", "a"), *BROWSER)),
        Shape(headers=BROWSER, version=Version.HTTP_1_0),
        Shape(headers=BROWSER, method="TRACE"),
        Shape(headers=BROWSER, fault=Fault.BAD_METHOD),
        Shape(headers=(("Host", "a"), ("User-Agent", "curl/8"))),
        Shape(headers=(*BROWSER, ("Transfer-Encoding", "gzip"))),
    ],
)
def test_what_no_browser_sends(shape: Shape) -> None:
    assert not browser_sends(shape)
    assert browser_again(Sight(SightKind.EMPTY), shape) is None


def test_what_a_browser_sends() -> None:
    assert browser_sends(GET)
    assert browser_sends(Shape(headers=BROWSER, version=Version.HTTP_2))
    assert browser_sends(Shape(fault=Fault.TLS_ON_PLAIN))
