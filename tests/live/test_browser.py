"""What a live Chromium makes of a live nginx's ways to end a request, and how often it asks again.

Claims of the reference page go by their numbers in its table.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import pytest

from simkit.live import AccessLog, LiveNginx, Record
from simkit.study.sayings import browser_again, browser_says, browser_sends
from simkit.traffic.catalogue import CLIENTS
from simkit.wire import Shape, Sight, SightKind
from tests.live.browser import Browser, Page, open_browser
from tests.live.raw import CONFIGS
from tests.study.sayings import BROWSER, CASES, CONF

HOST = "site.example"
REFUSED = "nobody listens"
DROPPED = ("444 over HTTP/1.1", "444 with reset", "444 over TLS", "444 over HTTP/2", "408")
CODES = ("403", "429", "429 over HTTP/2", "503", "a code without a page")
# After 1 and 5 s; the next is half a minute later.
DELAYS_S = CLIENTS["chromium"]["network"].retry_after_s[:2]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as running:
        yield running


@pytest.fixture(scope="module")
def endings() -> Iterator[LiveNginx]:
    """Every way to end a request that `simkit explain` has words for."""
    with LiveNginx(CONF) as running:
        yield running


class Late:
    """A site that finds every request late."""

    status, body_bytes = 408, 10

    def find(self, path: str) -> Late:
        return self


@pytest.fixture(scope="module")
def nginx() -> Iterator[LiveNginx]:
    with LiveNginx(CONFIGS / "browser.conf", site=Late()) as running:
        yield running


@pytest.fixture(scope="module")
def pages(browser: Browser, endings: LiveNginx) -> Mapping[str, Page]:
    """A window for each case; what is asked for in it ends with ``?`` and the case's number."""
    urls = {
        name: f"{case.url(endings.endpoint(case.port), HOST)}?{number}"
        for number, (name, case) in enumerate(CASES.items())
    }
    urls[REFUSED] = f"http://{HOST}:{unused_port()}/"
    return {name: browser.open(url) for name, url in urls.items()}


def unused_port() -> int:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        return int(nobody.getsockname()[1])


def simulated(name: str) -> tuple[Sight, Shape]:
    if name == REFUSED:
        return Sight(SightKind.REFUSED), Shape(headers=BROWSER)
    return CASES[name].simulated()


def hits(nginx: LiveNginx, ending: str) -> list[Record]:
    """The requests so far whose target ends so, as they came."""
    log = AccessLog(nginx.folder / "access.log")
    return [r for r in log.take_all(1 << 30, timeout_s=0) if f"{ending} HTTP/" in r.request]


def logged(browser: Browser, nginx: LiveNginx, *endings: str) -> list[list[Record]]:
    """The requests of each target, one at least: an answer is read before its line is written."""
    browser.wait(lambda: all(hits(nginx, ending) for ending in endings))
    return [hits(nginx, ending) for ending in endings]


def at_once(records: Sequence[Record]) -> list[list[Record]]:
    """Requests in the order of time, parted where nothing came for as long as a reload waits."""
    found: list[list[Record]] = []
    for record in records:
        if not found or record.logged_s - found[-1][-1].logged_s > DELAYS_S[0] - 0.01:
            found.append([])
        found[-1].append(record)
    return found


@pytest.mark.parametrize("name", [*CASES, REFUSED])
def test_3_chromium_shows_what_explain_and_probe_say(name: str, pages: Mapping[str, Page]) -> None:
    sight, shape = simulated(name)
    said, page = browser_says(sight, shape), pages[name]
    assert browser_sends(shape)
    if said.startswith("net::"):
        assert page.error == said
    elif said.startswith("goes on to "):
        assert said == f"goes on to {page.went_on_to}"
    else:
        assert (page.error, page.status, page.went_on_to) == ("", sight.status, "")
        words = "the page" if sight.status == 200 else f"the {sight.status} page"
        assert said.startswith(f"shows {words}")


def test_3_a_444_is_an_empty_response_unless_it_is_a_reset_or_a_stream(
    pages: Mapping[str, Page],
) -> None:
    names = ("444 over HTTP/1.1", "444 with reset", "444 over HTTP/2", "a refused handshake")
    assert [pages[name].error for name in names] == [
        "net::ERR_EMPTY_RESPONSE",
        "net::ERR_CONNECTION_RESET",
        "net::ERR_HTTP2_PROTOCOL_ERROR",
        "net::ERR_SSL_UNRECOGNIZED_NAME_ALERT",
    ]


def test_19_network_errors_are_loaded_again_and_codes_are_not(
    pages: Mapping[str, Page], browser: Browser
) -> None:
    again = {name for name in pages if browser_again(*simulated(name))}
    assert {*DROPPED, REFUSED, "a refused handshake", "408"} <= again
    assert again.isdisjoint(CODES)
    browser.wait(lambda: all(len(pages[name].loads) > 1 for name in again))
    once = pages.keys() - again - {"a redirect"}  # which led to nobody
    assert {name for name in once if len(pages[name].loads) > 1} == set()


@pytest.mark.parametrize("name", DROPPED)
def test_19_a_dropped_page_is_loaded_again_when_the_catalogue_says(
    name: str, pages: Mapping[str, Page], browser: Browser, endings: LiveNginx
) -> None:
    """Each load is several requests at once, but one where a stream is reset."""

    def loads() -> list[list[Record]]:
        return at_once(hits(endings, f"?{list(CASES).index(name)}"))

    def is_seen() -> bool:
        found = loads()
        again = CASES[name].http2 or sum(map(len, found)) > len(found)
        return again and len(found) > len(DELAYS_S)

    assert pages[name].error
    browser.wait(is_seen)
    found = loads()
    waited_s = [after[0].logged_s - before[0].logged_s for before, after in pairwise(found)]
    assert all(w >= d - 0.01 for w, d in zip(waited_s, DELAYS_S, strict=False)), waited_s
    assert {r.bytes_sent for load in found for r in load} == {0}
    assert not CASES[name].http2 or {len(load) for load in found} == {1}


@pytest.mark.parametrize("name", CODES)
def test_19_what_is_refused_with_a_code_is_one_request(
    name: str, pages: Mapping[str, Page], browser: Browser, endings: LiveNginx
) -> None:
    assert pages[name].error in ("", "net::ERR_HTTP_RESPONSE_CODE_FAILURE")
    [[record]] = logged(browser, endings, f"?{list(CASES).index(name)}")
    assert record.status == CASES[name].simulated()[0].status


@pytest.mark.parametrize("port", [80, 81])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_19_what_ends_a_connection_that_had_served_is_sent_again(
    browser: Browser, nginx: LiveNginx, port: int, method: str
) -> None:
    """At once, on another connection, and whatever the method."""
    page = browser.open(f"http://{HOST}:{nginx.endpoint(port).port}/page")
    assert page.status == 200
    target = f"/drop-{method}-{port}"
    assert page.fetch(target, method) == "failed"
    first, *more = hits(nginx, target)
    assert first.number > 1
    assert more
    assert len({r.connection for r in (first, *more)}) == 1 + len(more)


def test_19_a_form_that_met_a_444_is_not_loaded_again(browser: Browser, nginx: LiveNginx) -> None:
    site = f"http://{HOST}:{nginx.endpoint(80).port}"
    browser.open(f"{site}/page").submit("/form")
    browser.wait(lambda: bool(hits(nginx, "/form")))
    asked = browser.open(f"{site}/link")
    before = hits(nginx, "/form")
    browser.wait(lambda: len(asked.loads) > 1)
    assert hits(nginx, "/form") == before
    assert {r.request for r in before} == {"POST /form HTTP/1.1"}


def test_444_over_http2_leaves_the_connection_to_the_next_request(
    browser: Browser, nginx: LiveNginx
) -> None:
    page = browser.open(f"https://{HOST}:{nginx.endpoint(443).port}/page")
    assert page.status == 200
    said = [page.fetch(target) for target in ("/stream-1", "/forbidden", "/stream-2", "/busy")]
    assert said == ["failed", "403", "failed", "429"]
    found = logged(browser, nginx, "/stream-1", "/forbidden", "/stream-2", "/busy")
    assert [[r.status for r in one] for one in found] == [[444], [403], [444], [429]]
    assert len({r.connection for [r] in found}) == 1


def test_a_code_is_asked_for_once_and_408_again_where_the_connection_had_served(
    browser: Browser, nginx: LiveNginx
) -> None:
    page = browser.open(f"http://{HOST}:{nginx.endpoint(80).port}/page")
    assert [page.fetch(target) for target in ("/forbidden?1", "/busy?1")] == ["403", "429"]
    assert list(map(len, logged(browser, nginx, "/forbidden?1", "/busy?1"))) == [1, 1]
    assert page.fetch("/late?1") == "408"
    [[first, *more]] = logged(browser, nginx, "/late?1")
    assert (first.status, first.number > 1) == (408, True)
    assert {r.status for r in more} == {408}
