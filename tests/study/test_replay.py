from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simkit.accesslog import COMMON, Kind, read_log
from simkit.errors import InputError
from simkit.policy import load_policy
from simkit.study.replay import replay
from simkit.study.replay_report import LimitReport, ReplayReport
from simkit.study.replay_requests import ORDINARY_BROWSER
from simkit.study.tally import Range, Share
from tests.accesslog.live import OWN, lines, nginx, send
from tests.accesslog.shared import shared_log
from tests.study.logs import BROWSER, EXACT, line, policy_file, trace

ROOT = Path(__file__).parents[2]
RECOMMENDED = ROOT / "data" / "policies" / "recommended.conf"
NO_AGENT = 'if ($http_user_agent = "") { return 444; }'


def put(
    folder: Path, texts: list[str], server: str, http: str = "", listen: str = "80"
) -> ReplayReport:
    """A log in combined format to a policy with one server."""
    return replay(trace(folder, texts), load_policy(policy_file(folder, server, http, listen)))


def only(report: ReplayReport) -> LimitReport:
    (limit,) = report.limits
    return limit


# -- real logs ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def blog() -> ReplayReport:
    return replay(shared_log("semicomplete-2015-05.log.gz"), load_policy(RECOMMENDED))


def test_a_blog_is_read_to_its_cut_line(blog: ReplayReport) -> None:
    found = blog.to_json()
    assert (found["lines"], found["accepted"]) == (10_000, 9_999)
    assert found["rejected"] == [{"line": 8899, "reason": "the line ends in $http_user_agent"}]


def test_the_rule_that_refuses_clients_without_an_agent_is_named(blog: ReplayReport) -> None:
    (rule,) = blog.rules
    text = RECOMMENDED.read_text().split("\n")
    assert (rule.status, rule.tally.share) == (444, Share(190, 48))
    assert rule.tally.kinds == {Kind.NO_AGENT: Share(190, 48)}
    assert rule.rule.decisive.file == str(RECOMMENDED)
    assert text[rule.rule.decisive.line - 1].strip() == '"" 1;'
    assert text[rule.rule.source.line - 1].strip() == "return 444;"
    assert rule.tally.served_then == 152
    assert rule.tally.recorded == {"2xx": 102, "3xx": 50, "4xx": 38}
    assert blog.refused == Share(190, 48)


def test_a_doctored_clock_cannot_serve_for_limits(blog: ReplayReport) -> None:
    assert not blog.clock.usable
    limit = only(blog)
    assert (limit.numbers, limit.directive, limit.status) == (None, "limit_req", 429)
    assert limit.reason.startswith(
        "the log's clock cannot serve for limits: time runs back in 4,755"
    )
    assert blog.members == 0
    text = json.dumps(blog.to_json()["limits"])
    assert '"judged": false' in text


def test_unless_somebody_insists(blog: ReplayReport) -> None:
    log = shared_log("semicomplete-2015-05.log.gz")
    report = replay(log, load_policy(RECOMMENDED), trust_clock=True, members=1)
    assert only(report).numbers is not None
    assert report.clock.reason.startswith("trusted as asked for (time runs back")


def test_nasa_has_a_range_for_a_limit(tmp_path: Path) -> None:
    policy = policy_file(
        tmp_path,
        "limit_req zone=z burst=2 nodelay;",
        "limit_req_zone $binary_remote_addr zone=z:1m rate=2r/s;",
        "80,[::]:80",
    )
    report = replay(shared_log("nasa-1995-08-01.log.gz"), load_policy(policy))
    numbers = only(report).numbers
    assert report.clock.usable
    assert report.members == 20
    assert numbers is not None
    assert numbers.requests.low < numbers.requests.median < numbers.requests.high
    assert set(numbers.manners) == {"spread", "bursts"}
    assert numbers.manners["bursts"].median > numbers.manners["spread"].median
    words = " ".join(report.assumptions)
    assert "no bound" in words
    assert "Nobody answers back" in words
    assert "161 clients are names" in words
    assert "allow, deny, geo" in words
    assert "an ordinary browser was taken" in words


def test_nasa_under_the_recommended_policy() -> None:
    report = replay(shared_log("nasa-1995-08-01.log.gz"), load_policy(RECOMMENDED))
    numbers = only(report).numbers
    assert numbers is not None
    # 10 requests a second and 20 more at once: nobody of 1995 came near it.
    assert numbers.requests == Range(0, 0, 0)
    assert only(report).consulted.requests == report.accepted - 7
    # HTTP/0.9 names no Host, so it meets the server for everything unknown.
    (rule,) = report.rules
    assert rule.tally.share.requests == 7
    assert any("HTTP/0.9" in text for text in report.assumptions)


def test_a_scan_is_told_by_its_agent() -> None:
    report = replay(shared_log("w3af-scan-2016-12-22.log.gz"), load_policy(RECOMMENDED))
    assert report.clock.usable
    (rule,) = report.rules
    assert "w3af" in rule.rule.decisive.text
    assert rule.tally.kinds == {Kind.SCANNER: Share(3864, 1)}


# -- rules ----------------------------------------------------------------------------------------


def test_requests_clients_and_kinds_are_counted(tmp_path: Path) -> None:
    texts = [
        *[line(i, http_user_agent=None) for i in range(3)],
        line(4, http_user_agent=None, remote_addr="2001:db8::1", status="404"),
        line(5, http_user_agent="sqlmap/1.8"),
        line(6, http_user_agent="curl/8.5.0"),
        line(7),
        "nonsense",
    ]
    report = put(
        tmp_path, texts, f"{NO_AGENT}\nlocation = / {{ deny 192.0.2.0/24; }}", "", "80,[::]:80"
    )
    first, second = report.rules
    assert (first.status, second.status) == (444, 403)
    assert first.tally.share == Share(4, 2)
    assert first.tally.recorded == {"2xx": 3, "4xx": 1}
    assert first.tally.served_then == 3
    assert second.tally.share == Share(3, 1)
    assert second.tally.kinds == {
        Kind.BROWSER: Share(1, 1),
        Kind.SCANNER: Share(1, 1),
        Kind.HTTP_LIBRARY: Share(1, 1),
    }
    assert report.refused == Share(7, 2)
    assert (report.lines, report.accepted, len(report.rejected)) == (8, 7, 1)
    assert report.kinds[Kind.NO_AGENT] == Share(4, 2)


def test_an_empty_agent_is_no_agent_for_a_map(tmp_path: Path) -> None:
    report = put(tmp_path, [line(http_user_agent=""), line(http_user_agent=None)], NO_AGENT)
    assert report.refused.requests == 2


def test_what_a_rule_answers_without_refusing_is_no_refusal(tmp_path: Path) -> None:
    report = put(tmp_path, [line()], "return 301 https://shop.example/;")
    assert (report.rules, report.refused) == ((), Share(0, 0))


def test_garbage_is_refused_by_nginx_itself(tmp_path: Path) -> None:
    report = put(tmp_path, [line(request="\x16\x03\x01"), line(request="get / HTTP/1.1")], "")
    assert sum(rule.tally.share.requests for rule in report.rules) == 2
    assert {rule.status for rule in report.rules} == {400}


def test_a_connection_without_a_request_is_not_judged(tmp_path: Path) -> None:
    report = put(tmp_path, [line(request="", status="400"), line(request="-", status="408")], "")
    assert (report.accepted, report.unjudged, report.rules) == (2, 2, ())
    assert any("sent no request" in text for text in report.assumptions)


# -- what the log does not say --------------------------------------------------------------------


def test_the_host_is_the_sites_unless_told_otherwise(tmp_path: Path) -> None:
    policy = load_policy(RECOMMENDED)
    log = trace(tmp_path, [line()])
    assert replay(log, policy).refused.requests == 0
    assert any("shop.example" in text for text in replay(log, policy).assumptions)
    stranger = replay(log, policy, host="192.0.2.99")
    assert stranger.refused.requests == 1
    assert any("192.0.2.99" in text for text in stranger.assumptions)


def test_a_host_in_the_log_counts(tmp_path: Path) -> None:
    texts = [line(log_format=EXACT, http_host=host) for host in ("shop.example", "x", None)]
    log = trace(tmp_path, texts, EXACT)
    policy = load_policy(RECOMMENDED)
    report = replay(log, policy)
    # A Host of someone else: 444. HTTP/1.1 without one: nginx's own 400.
    assert {r.status: r.tally.share.requests for r in report.rules} == {444: 1, 400: 1}
    assert replay(log, policy, host="shop.example").refused.requests == 0


def test_port_and_tls_are_taken_from_the_log_or_the_policy(tmp_path: Path) -> None:
    server = "if ($scheme = http) { return 403; }\nif ($server_port = 8080) { return 405; }"
    path = policy_file(tmp_path, server, "", "8080,8443 ssl")
    text = path.read_text().replace("root html;", "ssl_certificate c; ssl_certificate_key k;")
    path.write_text(text)
    policy = load_policy(path)
    combined = trace(tmp_path, [line(), line(request="GET / HTTP/2.0")])
    assert [r.tally.share.requests for r in replay(combined, policy).rules] == [1]
    assert replay(combined, policy, port=8443).refused.requests == 0
    ports = [("8080", "http"), ("8443", "https"), ("9999", "http")]
    log = trace(
        tmp_path, [line(log_format=EXACT, server_port=p, scheme=s) for p, s in ports], EXACT
    )
    report = replay(log, policy)
    assert report.refused.requests == 1
    assert any("1 requests came where the policy does not listen" in t for t in report.assumptions)


def test_a_port_where_nobody_listens_is_an_error(tmp_path: Path) -> None:
    policy = load_policy(policy_file(tmp_path, "", "", "8080"))
    with pytest.raises(InputError, match=r"does not listen on port 80 \(it listens on 8080\)"):
        replay(trace(tmp_path, [line()]), policy, port=80)


def test_an_unknown_agent_is_not_an_empty_one(tmp_path: Path) -> None:
    log = trace(tmp_path, [line(log_format=COMMON)], COMMON)
    policy = load_policy(policy_file(tmp_path, NO_AGENT))
    report = replay(log, policy)
    assert report.refused.requests == 0
    assert set(report.kinds) == {Kind.UNKNOWN}
    shown = policy_file(tmp_path, f'if ($http_user_agent = "{ORDINARY_BROWSER}") {{ return 403; }}')
    assert replay(log, load_policy(shown)).refused.requests == 1


def test_names_get_addresses_of_their_own(tmp_path: Path) -> None:
    zone = "limit_req_zone $binary_remote_addr zone=z:1m rate=1r/s;"
    texts = [line(0, remote_addr=who) for who in ("a.example", "b.example", "c.example")] * 2
    for listen in ("80", "80,[::]:80"):
        report = put(tmp_path, texts, "limit_req zone=z;", zone, listen)
        numbers = only(report).numbers
        assert numbers is not None
        assert (numbers.requests, numbers.clients) == (Range(3, 3, 3), Range(3, 3, 3))


def test_bytes_that_are_no_text_are_matched_as_bytes(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(line(http_user_agent="caf").encode().replace(b'caf"', b'caf\xe9"') + b"\n")
    policy = load_policy(
        policy_file(tmp_path, r'if ($http_user_agent ~ "[\x80-\xff]") { return 403; }')
    )
    assert replay(path, policy).refused.requests == 1


# -- limits ---------------------------------------------------------------------------------------

ZONE = "limit_req_zone $binary_remote_addr zone=z:1m rate=10r/s;"


def test_exact_times_need_no_ensemble(tmp_path: Path) -> None:
    # Ten a second, one every 50 ms: every second one is too early.
    texts = [line(1 + 0.05 * i, EXACT) for i in range(20)]
    policy = load_policy(policy_file(tmp_path, "limit_req zone=z;", ZONE))
    report = replay(trace(tmp_path, texts, EXACT), policy)
    numbers = only(report).numbers
    assert numbers is not None
    assert (report.members, numbers.requests) == (1, Range(10, 10, 10))
    assert numbers.manners == {"exact": Range(10, 10, 10)}
    assert not any("no bound" in text for text in report.assumptions)
    # Logged at the end: those that took long began, and were counted, in another order.
    slow = [line(1 + 0.05 * i, EXACT, request_time=f"{0.05 * (i % 2):.3f}") for i in range(20)]
    late = only(replay(trace(tmp_path, slow, EXACT), policy)).numbers
    assert late is not None
    assert late.requests == Range(10, 10, 10)


def test_who_is_refused_by_a_limit(tmp_path: Path) -> None:
    texts = [line(1, EXACT, status="404") for _ in range(3)]
    texts += [line(1, EXACT, remote_addr="192.0.2.2", http_user_agent="curl/8.5.0")] * 5
    policy = load_policy(policy_file(tmp_path, "limit_req zone=z burst=1 nodelay;", ZONE))
    numbers = only(replay(trace(tmp_path, texts, EXACT), policy)).numbers
    assert numbers is not None
    assert (numbers.requests.median, numbers.clients.median) == (4, 2)
    assert numbers.served_then.median == 3
    assert {kind: found.median for kind, found in numbers.kinds.items()} == {
        Kind.BROWSER: 1,
        Kind.HTTP_LIBRARY: 3,
    }


def test_rules_come_before_limits_where_nginx_has_them_before(tmp_path: Path) -> None:
    texts = [line(1, EXACT, http_user_agent=None)] * 5 + [line(1, EXACT)] * 5
    server = f"{NO_AGENT}\nlimit_req zone=z;\nlocation = /x {{ deny all; }}"
    report = replay(trace(tmp_path, texts, EXACT), load_policy(policy_file(tmp_path, server, ZONE)))
    assert report.refused.requests == 5
    assert only(report).consulted.requests == 5
    assert "Rules are counted as if no limit had refused before them." in report.assumptions


def test_limit_conn_needs_durations(tmp_path: Path) -> None:
    zone = "limit_conn_zone $binary_remote_addr zone=c:1m;"
    limit = only(put(tmp_path, [line()] * 3, "limit_conn c 1;", zone))
    assert limit.numbers is None
    assert "$request_time" in limit.reason
    texts = [line(1, EXACT, request_time="0.500")] * 3
    policy = load_policy(policy_file(tmp_path, "limit_conn c 1;", zone))
    found = only(replay(trace(tmp_path, texts, EXACT), policy))
    assert found.numbers is not None
    assert (found.directive, found.status, found.numbers.requests.median) == ("limit_conn", 503, 2)


def test_a_dry_run_is_marked(tmp_path: Path) -> None:
    policy = policy_file(tmp_path, "limit_req zone=z; limit_req_dry_run on;", ZONE)
    limit = only(replay(trace(tmp_path, [line(1, EXACT)] * 3, EXACT), load_policy(policy)))
    assert limit.numbers is not None
    assert (limit.dry_run, limit.numbers.requests.median) == (True, 2)


def test_a_full_zone_is_a_warning(tmp_path: Path) -> None:
    texts = [line(i // 1000, EXACT, remote_addr=f"10.0.{i // 250}.{i % 250}") for i in range(1000)]
    small = "limit_req_zone $binary_remote_addr zone=z:32k rate=10r/s;"
    policy = load_policy(policy_file(tmp_path, "limit_req zone=z;", small))
    report = replay(trace(tmp_path, texts, EXACT), policy)
    assert any("entries were forced out" in text for text in report.warnings)


def test_without_a_time_limits_are_not_judged(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text('192.0.2.1 "GET / HTTP/1.1"\n')
    policy = load_policy(policy_file(tmp_path, "limit_req zone=z;", ZONE))
    limit = only(replay(read_log(path, '$remote_addr "$request"'), policy, trust_clock=True))
    assert limit.numbers is None
    assert "has no time" in limit.reason


def test_no_members_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 members"):
        replay(trace(tmp_path, [line()]), load_policy(RECOMMENDED), members=0)


def test_a_larger_ensemble_holds_the_smaller_one(tmp_path: Path) -> None:
    policy = load_policy(policy_file(tmp_path, "limit_req zone=z;", ZONE))
    log = trace(tmp_path, [line(i // 9) for i in range(90)])
    found = [only(replay(log, policy, members=n)).numbers for n in (1, 2, 20)]
    assert [set(n.manners) if n else None for n in found] == [
        {"spread"},
        {"spread", "bursts"},
        {"spread", "bursts"},
    ]
    lows = [n.requests.low for n in found if n]
    highs = [n.requests.high for n in found if n]
    assert lows == sorted(lows, reverse=True)
    assert highs == sorted(highs)
    assert lows[2] < highs[2]


def test_a_format_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text('192.0.2.1 "GET / HTTP/1.1"\n')
    policy = load_policy(policy_file(tmp_path, "return 403;"))
    assert replay(path, policy, log_format='$remote_addr "$request"').refused.requests == 1


# -- the report -----------------------------------------------------------------------------------


def test_addresses_and_queries_are_private(tmp_path: Path) -> None:
    texts = [
        line(request="GET /a?secret=1 HTTP/1.1", http_user_agent=None, remote_addr=who)
        for who in ("192.0.2.77", "2001:db8:1:2::77", "pc7.dep.example.org")
    ]
    report = put(tmp_path, [*texts, "192.0.2.77 secret"], NO_AGENT, "", "80,[::]:80")
    shown = json.dumps(report.to_json()).replace(str(tmp_path), "")
    assert "secret" not in shown
    assert "77" not in shown
    assert "pc7" not in shown
    examples = report.to_json()["rules"][0]["examples"]  # type: ignore[index]
    assert [e["client"] for e in examples] == ["192.0.2.0/24", "2001:db8:1::/48", "*.example.org"]
    assert examples[0]["target"] == "/a?…"
    full = json.dumps(report.to_json(full=True))
    assert "192.0.2.77" in full
    assert "secret=1" in full
    assert "192.0.2.77 secret" in full


def test_json_has_what_is_documented(blog: ReplayReport) -> None:
    found = blog.to_json()
    assert json.loads(json.dumps(found)) == found
    assert set(found) == {
        *("policy", "log", "log_format", "lines", "accepted", "rejected", "rejected_by_reason"),
        *("clock", "kinds", "refused", "unjudged", "damage", "rules", "limits", "assumptions"),
        *("warnings", "seed", "members"),
    }
    rules = found["rules"]
    assert isinstance(rules, list)
    rule = rules[0]
    assert set(rule) == {
        *("file", "line", "text", "directive", "because", "phase", "status", "requests"),
        *("clients", "kinds", "recorded", "served_then", "examples"),
    }
    assert rule["directive"]["text"] == "return 444"
    assert rule["kinds"] == {"no agent": {"requests": 190, "clients": 48}}


def test_damage_is_reported(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(f"{line()}\n".encode() * 5000)[:-9])
    report = replay(path, load_policy(RECOMMENDED))
    assert report.damage is not None
    assert report.to_json()["damage"] == report.damage


PROGRAM = """
import json, sys
from simkit.policy import load_policy
from simkit.study.replay import replay
report = replay(sys.argv[1], load_policy(sys.argv[2]), seed=3, members=4)
print(json.dumps(report.to_json()))
"""


def test_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    policy = policy_file(
        tmp_path,
        "limit_req zone=z burst=1;",
        "limit_req_zone $binary_remote_addr zone=z:1m rate=2r/s;",
    )
    log = shared_log("nasa-1995-08-01.log.gz")
    command = [sys.executable, "-c", PROGRAM, str(log), str(policy)]
    said = [
        subprocess.run(
            command,
            capture_output=True,
            check=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    report = replay(log, load_policy(policy), seed=3, members=4)
    assert json.dumps(report.to_json()) == said[0].decode().strip()


# -- beside a live nginx --------------------------------------------------------------------------


def test_a_live_nginx_and_a_replay_of_its_log_agree(tmp_path: Path) -> None:
    """The time that nginx logs differs from its limit's clock by a millisecond now and then."""
    server = (
        f"{NO_AGENT}\nlocation / {{ limit_req zone=z burst=5 nodelay; root /nonexistent; }}\n"
        "location /admin/ { deny all; }"
    )
    http = "limit_req_zone $binary_remote_addr zone=z:1m rate=2r/s;"
    ask = b"GET %s HTTP/1.1\r\nHost: shop.example\r\n%sConnection: close\r\n\r\n"
    agent = b"User-Agent: " + BROWSER.encode() + b"\r\n"
    requests = [ask % (b"/", agent)] * 300
    requests += (
        [ask % (b"/admin/x", agent)] * 7 + [ask % (b"/", b"")] * 11 + [b"\x16\x03\x01\r\n"] * 3
    )
    with nginx(tmp_path, http=http, server=server) as port:
        send(port, requests)
        log = read_log(lines(tmp_path / "own.log", len(requests)), OWN)
        policy = load_policy(policy_file(tmp_path, server, http, str(port)))
    report = replay(log, policy)
    assert {r.status: r.tally.share.requests for r in report.rules} == {444: 11, 403: 7, 400: 3}
    numbers = only(report).numbers
    assert numbers is not None
    refused = int((log.status == 503).sum())
    assert 200 < refused < 300
    assert abs(numbers.requests.median - refused) <= 2
