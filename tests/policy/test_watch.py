"""Watching a walk: it decides as the planner does, and says what looked at the request."""

from __future__ import annotations

from pathlib import Path

import pytest

from simkit.policy import Gate, Page, Phase, Planner, Policy, load_policy
from simkit.policy.walk import Walk
from simkit.policy.watch import Note, Trail, Watched, branches, follow
from simkit.shipped import shipped_files
from simkit.wire import Address, Shape, address
from tests.live.asking import read_asks
from tests.policy.making import Load

CONFIGS = sorted((Path(__file__).parent / "configs").glob("*.conf"))
CLIENT = address("192.0.2.1")
PAGES = {"/": Page(200, 5000), "/a.txt": Page(200, 7), "/api/items": Page(200, 300)}
OUTER = ("_ask_limits", "_key_words", "_note", "_note_realip", "_tell", "_verdicts")
"""What only a watched walk has; all its other methods have to be those of a walk."""


class Site:
    """A few pages."""

    def find(self, path: str) -> Page | None:
        return PAGES.get(path)


def request(target: str = "/", *headers: tuple[str, str], **more: object) -> Shape:
    named = (("Host", "site.example"), *headers)
    return Shape(target=target, headers=named, **more)  # type: ignore[arg-type]


def notes(trail: Trail, phase: Phase) -> list[Note]:
    return [note for note in trail.notes if note.phase is phase]


def words(trail: Trail) -> list[str]:
    """Line, what looked, what came of it: of everything that stands on a line."""
    return [f"{n.source.line} {n.text}: {n.verdict}" for n in trail.notes if n.source is not None]


def test_it_decides_as_the_planner_does_and_limits_lead_to_the_same_endings() -> None:
    """Every request of every small configuration: at most one answer for each ending."""
    sure = 0
    for path in CONFIGS:
        read = load_policy(path)
        for ask in read_asks(path):
            who = ask.address or (address("2001:db8::1") if ask.six else CLIENT)
            assert_same(read, ask.shape, who)
            sure += 1
    assert sure > 300


def assert_same(read: Policy, shape: Shape, who: Address) -> None:
    planner = Planner(read, Site())
    leaves = planner.plan(shape, who).leaves()
    ways = list(branches(read, shape, who, site=Site()))
    step = Gate(planner).admit(planner.bind(shape, who), 0)
    assert step.decision == ways[0].decision, (read.path, shape)
    assert {way.decision for way in ways} <= set(leaves), (read.path, shape)


@pytest.mark.parametrize("name", ["silent", "polite", "uniform"])
def test_it_decides_as_the_planner_does_for_shipped_policies(name: str) -> None:
    read = load_policy(shipped_files("policies")[name])
    for target in ("/", "/admin/", "/static/x.css"):
        for host in ("shop.example", "other"):
            shape = Shape(target=target, headers=(("Host", host), ("User-Agent", "x")))
            assert_same(read, shape, address("203.0.113.9"))
            assert_same(read, shape, CLIENT)


def test_what_it_watches_is_there_to_be_watched() -> None:
    """A method of the walk that changed its name would be watched no more."""
    own = {name for name in vars(Watched) if name.startswith("_") and not name.startswith("__")}
    inherited = {name for kind in Walk.__mro__ for name in vars(kind)}
    assert own - set(OUTER) <= inherited


def test_the_way_names_every_line_in_order(load: Load) -> None:
    read = load(
        """
        map $http_user_agent $bad {
            default 0;
            ~*zgrab 1;
        }
        limit_req_zone $binary_remote_addr zone=a:1m rate=10r/s;
        server {
            listen 80;
            server_name site.example;
            set $mark "x$arg_n";
            if ($bad) { return 403; }
            location / {
                limit_req zone=a burst=5 nodelay;
                deny 198.51.100.0/24;
                proxy_pass http://127.0.0.1:1;
            }
        }
        """
    )
    trail = follow(read, request("/?n=1", ("User-Agent", "Mozilla")), CLIENT)
    said = words(trail)
    found = [note.phase for note in trail.notes]
    assert found == [
        Phase.HANDSHAKE,
        Phase.PARSE,
        Phase.SERVER_REWRITE,
        Phase.SERVER_REWRITE,
        Phase.FIND_CONFIG,
        Phase.PREACCESS,
        Phase.ACCESS,
        Phase.CONTENT,
    ]
    assert any('$mark is "x1"' in line for line in said)
    assert any('does not hold: $bad is "0"' in line for line in said)
    assert any("key 0xc0000201 (192.0.2.1)" in line for line in said)
    assert any("deny 198.51.100.0/24: does not fit 192.0.2.1: allowed" in line for line in said)
    assert any("passed on to the upstream" in line for line in said)
    [condition] = [note for note in trail.notes if note.text == "if ($bad)"]
    assert [source.text for source in condition.because] == ["default 0"]


def test_an_if_that_holds_names_the_entry_that_made_it_hold(load: Load) -> None:
    read = load(
        """
        geo $blocked { default 0; 203.0.113.0/24 1; }
        server { listen 80; if ($blocked) { return 444; } }
        """
    )
    trail = follow(read, request(), address("203.0.113.5"))
    condition, ends = notes(trail, Phase.SERVER_REWRITE)
    assert condition.verdict == 'holds: $blocked is "1"'
    assert [source.text for source in condition.because] == ["203.0.113.0/24 1"]
    assert (ends.text, ends.verdict) == ("return 444", "ends the request here")


@pytest.mark.parametrize(
    ("host", "how"),
    [
        ("exact.example", 'by the exact name "exact.example"'),
        ("a.wild.example", 'by the wildcard "*.wild.example"'),
        ("mail.anything", 'by the wildcard "mail.*"'),
        ("n7.example", r'by the regular expression "~^n[0-9]+\.example$"'),
        ("nobody.example", "the default server of this port"),
    ],
)
def test_the_server_is_named_with_how_it_was_found(load: Load, host: str, how: str) -> None:
    read = load(
        r"""
        server { listen 80 default_server; server_name first; }
        server { listen 80; server_name exact.example *.wild.example; }
        server { listen 80; server_name mail.*; }
        server { listen 80; server_name ~^n[0-9]+\.example$; }
        """
    )
    [chosen] = notes(follow(read, Shape(headers=(("Host", host),)), CLIENT), Phase.PARSE)
    assert chosen.verdict.endswith(how)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/exact", "location = /exact: exactly this path"),
        (
            "/fixed/x.php",
            "location ^~ /fixed/: the longest prefix; regular expressions are not tried",
        ),
        ("/x.php", r"location ~ \.php$: the first regular expression that matches"),
        ("/other", "location /: the longest prefix; no regular expression matches"),
        ("/long/", "location /long/: the longest prefix; no regular expression matches"),
    ],
)
def test_the_location_is_named_with_why_it_was_chosen(load: Load, path: str, why: str) -> None:
    read = load(
        r"""
        server {
            listen 80;
            location / { } location /long/ { } location = /exact { } location ^~ /fixed/ { }
            location ~ \.php$ { }
        }
        """
    )
    [found] = notes(follow(read, request(path), CLIENT), Phase.FIND_CONFIG)
    assert found.verdict == why


def test_without_a_location_the_server_itself_is_named(load: Load) -> None:
    [found] = notes(follow(load("server { listen 80; }"), request(), CLIENT), Phase.FIND_CONFIG)
    assert found.verdict == "no location fits: what the server itself says holds"


def test_limits_say_rate_burst_key_and_outcome_on_every_way(load: Load) -> None:
    read = load(
        """
        limit_req_zone $binary_remote_addr zone=a:1m rate=10r/s;
        limit_req_zone $http_x_key zone=b:1m rate=30r/m;
        limit_conn_zone $server_name zone=c:1m;
        server {
            listen 80; server_name site.example;
            limit_req zone=a burst=5 nodelay; limit_req zone=b burst=3 delay=1;
            limit_conn c 7; limit_req_status 429;
        }
        """
    )
    passed, over_a, over_b, over_c = branches(read, request("/", ("X-Key", "k\x1b")), CLIENT)
    first, second, third = notes(passed, Phase.PREACCESS)
    assert "10 requests/s, burst 5, no delay, key 0xc0000201 (192.0.2.1)" in first.text
    assert 'one request in 2 s, burst 3, delayed beyond 1, key "k\x1b"' in second.text
    assert 'at most 7 at a time, key "site.example"' in third.text
    assert [note.verdict for note in (first, second, third)] == ["within the limit"] * 3
    verdicts = [
        [n.verdict for n in notes(way, Phase.PREACCESS)] for way in (over_a, over_b, over_c)
    ]
    rejects = "over the limit: rejects with 429"
    assert verdicts[0] == [rejects, "not asked any more"]
    assert verdicts[1] == ["within the limit", rejects]
    assert verdicts[2] == [
        "within the limit",
        "within the limit",
        "over the limit: rejects with 503",
    ]
    assert [way.decision.status for way in (passed, over_a, over_b, over_c)] == [200, 429, 429, 503]
    rejected = [way.rejected_by for way in (over_a, over_b, over_c)]
    assert [use.source.text.split()[0] for use in rejected if use] == ["limit_req"] * 2 + [
        "limit_conn"
    ]


def test_a_limit_with_an_empty_key_is_skipped_and_rejects_nobody(load: Load) -> None:
    read = load(
        """
        limit_req_zone $http_x_key zone=b:1m rate=1r/s;
        server { listen 80; limit_req zone=b; }
        """
    )
    [way] = branches(read, request(), CLIENT)
    [note] = notes(way, Phase.PREACCESS)
    assert note.verdict == "skipped: its key is empty or too long"


def test_a_dry_run_is_told_and_changes_nothing(load: Load) -> None:
    read = load(
        """
        limit_req_zone $binary_remote_addr zone=b:1m rate=1r/s;
        server { listen 80; limit_req zone=b; limit_req_dry_run on; }
        """
    )
    passed, over = branches(read, request(), CLIENT)
    assert "a dry run" in notes(over, Phase.PREACCESS)[0].verdict
    assert over.decision == passed.decision


def test_an_error_page_and_where_it_leads_are_told(load: Load) -> None:
    read = load(
        """
        server {
            listen 80;
            error_page 403 =444 /drop;
            location / { deny all; }
            location = /drop { internal; return 444; }
        }
        """
    )
    trail = follow(read, request(), CLIENT)
    texts = [(note.text, note.verdict) for note in trail.notes]
    assert ("deny all", "denies 192.0.2.1") in texts
    assert ("error_page 403 =444 /drop", "takes over the 403") in texts
    assert ('"/drop"', "goes on there, from the server's own rules on") in texts
    assert texts[-1] == ("return 444", "ends the request here")
    assert trail.decision.status == 444


def test_parse_errors_handshakes_and_closed_ports_are_told(load: Load) -> None:
    read = load(
        """
        server { listen 80; listen 443 ssl; ssl_reject_handshake on; }
        """
    )
    missing = follow(read, Shape(), CLIENT)
    assert 'client sent HTTP/1.1 request without "Host" header' in missing.notes[-1].text
    assert missing.notes[-1].verdict == "nginx itself answers 400"
    refused = follow(read, request(port=443, tls=True, sni="x"), CLIENT)
    assert refused.notes[-1].verdict == "refuses the handshake: unrecognized_name"
    closed = follow(read, request(port=81), CLIENT)
    assert [note.verdict for note in closed.notes] == ["refused: nobody listens there"]


def test_rewrites_named_locations_tries_and_breaks_are_told(load: Load) -> None:
    read = load(
        """
        server {
            listen 80;
            location /old/ { rewrite ^/no/ /x; rewrite ^/old/(.*)$ /new/$1 last; }
            location /new/ { try_files $uri @app; }
            location @app { proxy_pass http://127.0.0.1:1; }
            location /stop/ { break; return 403; }
        }
        """
    )
    said = words(follow(read, request("/old/a"), CLIENT, site=Site()))
    assert any('does not match "/old/a"' in line for line in said)
    assert any('"/old/a" becomes "/new/a"' in line for line in said)
    assert any('try_files "/new/a": is not there' in line for line in said)
    assert any("location @app: goes on there" in line for line in said)
    stopped = follow(read, request("/stop/"), CLIENT)
    assert ("break", "the rest of the block is left out") in [
        (n.text, n.verdict) for n in stopped.notes
    ]


def test_the_address_behind_a_proxy_is_told(load: Load) -> None:
    read = load(
        """
        set_real_ip_from 192.0.2.0/24;
        real_ip_header X-Forwarded-For;
        server { listen 80; allow 203.0.113.9; deny all; }
        """
    )
    trail = follow(read, request("/", ("X-Forwarded-For", "203.0.113.9")), CLIENT)
    [note] = notes(trail, Phase.POST_READ)
    assert note.verdict == "the client counts as 203.0.113.9"
    [rule] = notes(trail, Phase.ACCESS)
    assert rule.verdict == "allows 203.0.113.9"
    [note] = notes(follow(read, request(), CLIENT), Phase.POST_READ)
    assert (note.text, note.verdict) == ("no X-Forwarded-For", "the client stays 192.0.2.1")


def test_notes_are_values(load: Load) -> None:
    read = load("server { listen 80; }")
    assert follow(read, request(), CLIENT).notes == follow(read, request(), CLIENT).notes


def test_the_only_server_is_chosen_whatever_the_host(load: Load) -> None:
    read = load("server { listen 80; server_name site.example; }")
    [chosen] = notes(follow(read, request(), CLIENT), Phase.PARSE)
    assert chosen.verdict == "server site.example: the only server of this port"
