"""What curl says, held against curl itself; what a browser says is held against one in
tests/live/test_browser.py.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from simkit.live import LiveNginx
from simkit.study.sayings import browser_again, browser_says, browser_sends, curl_says
from simkit.wire import Fault, Shape, Sight, SightKind, Version
from tests.study.sayings import BROWSER, CASES, CONF, Case

GET = Shape(headers=BROWSER)


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


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_curl_says_what_it_is_said_to_say(case: Case, nginx: LiveNginx) -> None:
    version = "--http2" if case.http2 else "--http1.1"
    done = curl(version, case.url(nginx.endpoint(case.port)))
    said = curl_says(*case.simulated())
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
    ("kind", "error", "counted"),
    [
        (SightKind.EMPTY, "net::ERR_EMPTY_RESPONSE", " (10 to 15 requests in 96 s)"),
        (SightKind.RESET, "net::ERR_CONNECTION_RESET", " (8 to 11 requests in 42 s)"),
        (SightKind.STREAM_RESET, "net::ERR_HTTP2_PROTOCOL_ERROR",
         " (4 requests in 42 s)"),
        (SightKind.REFUSED, "net::ERR_CONNECTION_REFUSED", ""),
        (SightKind.TLS_ALERT, "net::ERR_SSL_UNRECOGNIZED_NAME_ALERT", ""),
        (SightKind.NO_ANSWER, "net::ERR_CONNECTION_TIMED_OUT", ""),
    ],
)  # fmt: skip
def test_a_browser_names_the_error_and_loads_again(
    kind: SightKind, error: str, counted: str
) -> None:
    assert browser_says(Sight(kind), GET) == error
    delays = "after 1, 5, 30 s, 1, 5, 10, 30 min"
    assert browser_again(Sight(kind), GET) == delays + counted


def test_a_browser_that_was_answered_in_plain_words_does_not_try_tls_again() -> None:
    tls = Shape(fault=Fault.TLS_ON_PLAIN)
    assert browser_again(Sight(SightKind.HTTP, 400, body_bytes=9), tls) is None
    again = browser_again(Sight(SightKind.RESET), tls)
    assert again is not None
    assert "requests" not in again  # what the log shows are no requests


def test_every_way_to_end_has_its_words() -> None:
    for kind in set(SightKind) - {SightKind.CONNECTED}:  # which is none: nothing was asked for
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
