"""What kind of client a user agent says it is.

An agent is a claim. It is looked up in the list of the crawler-user-agents project, then in words
that the list has no pattern for, then in ua-parser's list of browsers. Every distinct agent is
looked up once.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

__all__ = ["Kind", "kind_of"]

_LOOKED_AT = 512
"""Characters of an agent that are looked at: patterns meet hostile text."""


class Kind(StrEnum):
    """A kind of client, by what its agent says."""

    NO_AGENT = "no agent"
    BROWSER = "browser"
    FEED_READER = "feed reader"
    SEARCH_CRAWLER = "search crawler"
    OTHER_BOT = "other bot"
    SCANNER = "scanner"
    HTTP_LIBRARY = "HTTP library"
    MONITORING = "monitoring"
    UNKNOWN = "unknown"


_TAGS: tuple[tuple[str, Kind], ...] = (
    ("scanner", Kind.SCANNER),
    ("search-engine", Kind.SEARCH_CRAWLER),
    ("feed-reader", Kind.FEED_READER),
    ("monitoring", Kind.MONITORING),
    ("http-library", Kind.HTTP_LIBRARY),
)
"""Tags of the list, what counts first if there are several; all others are other bots."""

_WORDS: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(words, re.IGNORECASE))
    for kind, words in (
        (
            Kind.SCANNER,
            (
                r"\b(?:sqlmap|nikto|nmap|masscan|zgrab|zmap|gobuster|feroxbuster|dirbuster|dirb|ffuf|"
                r"fuzz faster u fool|wfuzz|nuclei|w3af|wpscan|nessus|openvas|acunetix|netsparker|"
                r"skipfish|arachni|whatweb|wafw00f|hydra|havij|jorgee|morfeus)\b"
            ),
        ),
        (
            Kind.FEED_READER,
            (
                r"\bfeed|feed(?:parser|fetcher|reader|burner)|\brss|\batom\b|aggregator|\bpodcast|"
                r"\d+ (?:readers|subscribers)|\b(?:liferea|reeder|newsify|akregator|newsblur|"
                r"inoreader|netnewswire|vienna|miniflux|rawdog|planet)\b"
            ),
        ),
        (
            Kind.MONITORING,
            r"uptime|monitor|health.?check|pingdom|nagios|icinga|check_http|zabbix|statuscake",
        ),
        (Kind.OTHER_BOT, r"bot\b|bot/|crawler|spider|\brobot|\bfavicon\b|link.?(?:check|valid)"),
        (
            Kind.HTTP_LIBRARY,
            (
                r"\b(?:curl|libcurl|wget|libfetch|lwp|urllib\d?|requests|httpx|aiohttp|scrapy|"
                r"http_request2?|httpclient|okhttp|go-http-client|java|ruby|perl|python|php|guzzle\w*|"
                r"axios|node-fetch|undici|dalvik|winhttp|libsoup|postman\w*|insomnia|k6|"
                r"apachebench|wrk|hey|siege|jmeter)(?:[/ _-]|$)"
            ),
        ),
    )
)
"""What the list has no pattern for, as words."""

_PLAIN_BROWSER = re.compile(
    r"Mozilla/[45]\.0 \([^()]*\)(?: AppleWebKit/[0-9.+]+ \(KHTML, like Gecko\)| Gecko/[0-9]+)"
    r"(?: (?:Chrome|Firefox|Version|Safari|Mobile|Edg|OPR|Iceweasel)/[0-9A-Za-z.]+| Mobile)+"
)
"""Agents in a browser's usual form, which ua-parser need not be asked about."""


@lru_cache(maxsize=65536)
def kind_of(agent: str | None) -> Kind:
    """The kind of client that sends this agent; None or an empty one is `Kind.NO_AGENT`."""
    if not agent:
        return Kind.NO_AGENT
    text = agent[:_LOOKED_AT]
    return _listed(text) or _worded(text) or _browser(text)


def _listed(text: str) -> Kind | None:
    if not _crawler().search(text):
        return None
    tags = {tag for pattern, entry in _entries() if pattern.search(text) for tag in entry}
    return next((kind for tag, kind in _TAGS if tag in tags), Kind.OTHER_BOT)


def _worded(text: str) -> Kind | None:
    return next((kind for kind, words in _WORDS if words.search(text)), None)


def _browser(text: str) -> Kind:
    if _PLAIN_BROWSER.fullmatch(text):
        return Kind.BROWSER
    import ua_parser

    return Kind.UNKNOWN if ua_parser.parse_user_agent(text) is None else Kind.BROWSER


@lru_cache(maxsize=1)
def _entries() -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA

    return tuple(
        (re.compile(entry["pattern"]), tuple(entry.get("tags", ())))
        for entry in CRAWLER_USER_AGENTS_DATA
    )


@lru_cache(maxsize=1)
def _crawler() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern.pattern})" for pattern, _ in _entries()))
