from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.accesslog import Kind, kind_of, read_log
from tests.accesslog.shared import shared_log

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/128.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        (None, Kind.NO_AGENT),
        ("", Kind.NO_AGENT),
        (CHROME, Kind.BROWSER),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", Kind.BROWSER),
        ("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)", Kind.BROWSER),
        ("Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/34.1244; U; en)", Kind.BROWSER),
        ("Lynx/2.8.7rel.2 libwww-FM/2.14 SSL-MM/1.4.1 OpenSSL/1.0.1f", Kind.BROWSER),
        (CHROME + " (compatible; Googlebot/2.1)", Kind.SEARCH_CRAWLER),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
         Kind.SEARCH_CRAWLER),
        ("UniversalFeedParser/4.2-pre-314-svn +http://feedparser.org/", Kind.FEED_READER),
        ("Tiny Tiny RSS/1.11 (http://tt-rss.org/)", Kind.FEED_READER),
        ("Feedbin - 1 subscribers", Kind.FEED_READER),
        ("Mozilla/5.0 (compatible; AhrefsBot/5.0; +http://ahrefs.com/robot/)", Kind.OTHER_BOT),
        ("Mozilla/5.0 (compatible; GPTBot/1.1; +https://openai.com/gptbot)", Kind.OTHER_BOT),
        ("MyOwnBot/1.0", Kind.OTHER_BOT),
        ("curl/8.5.0", Kind.HTTP_LIBRARY),
        ("python-requests/2.32.3", Kind.HTTP_LIBRARY),
        ("Go-http-client/1.1", Kind.HTTP_LIBRARY),
        ("okhttp/4.12.0", Kind.HTTP_LIBRARY),
        ("Ruby", Kind.HTTP_LIBRARY),
        ("w3af.org", Kind.SCANNER),
        ("sqlmap/1.8#stable (https://sqlmap.org)", Kind.SCANNER),
        ("Fuzz Faster U Fool v1.1.0", Kind.SCANNER),
        ("Mozilla/5.0 zgrab/0.x", Kind.SCANNER),
        ("gobuster/3.5", Kind.SCANNER),
        ("Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)",
         Kind.SCANNER),
        ("check_http/v2.3.3 (monitoring-plugins 2.3.3)", Kind.MONITORING),
        ("Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
         Kind.MONITORING),
        ("&as_qdr=all", Kind.UNKNOWN),
        ("something of mine", Kind.UNKNOWN),
    ],
)  # fmt: skip
def test_kinds(agent: str | None, kind: Kind) -> None:
    assert kind_of(agent) is kind


@given(st.text(max_size=100))
def test_every_agent_has_a_kind(agent: str) -> None:
    assert isinstance(kind_of(agent), Kind)


@pytest.mark.parametrize(
    "agent", ["a" * 10**6, "Mozilla/5.0 (" * 10**5, "(" * 10**6, "\udcff" * 99]
)
def test_hostile_agents_take_no_time(agent: str) -> None:
    assert kind_of(agent) in (Kind.UNKNOWN, Kind.BROWSER)


def test_a_real_log() -> None:
    trace = read_log(shared_log("semicomplete-2015-05.log.gz"))
    assert trace.agent is not None
    kinds = [kind_of(agent) for agent in trace.agent.values]
    counts = Counter(kinds[code] for code in trace.agent.codes.tolist())
    assert counts[Kind.NO_AGENT] == 190
    assert counts[Kind.BROWSER] > 6500
    assert counts[Kind.FEED_READER] > 800
    assert counts[Kind.SEARCH_CRAWLER] > 1000
    assert counts[Kind.UNKNOWN] < 300
