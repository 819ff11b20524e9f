"""The reference page's own snippets, as a new user would try them: explained, probed, judged.

Their answers are held against a live nginx with the other small configurations.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simkit.errors import InputError
from simkit.policy import Policy, Source, load_policy
from simkit.policy.watch import Trail
from simkit.study.explain import explain
from simkit.study.findings import findings
from simkit.study.probe import probe
from simkit.wire import address
from tests.live.asking import read_ask, read_asks

CONFIGS = Path(__file__).parents[1] / "policy" / "configs"
SNIPPETS = sorted(path.stem for path in CONFIGS.glob("reference_*.conf"))
CLIENT = address("192.0.2.1")


def read(name: str) -> Policy:
    return load_policy(CONFIGS / f"{name}.conf")


def line_of(source: Source) -> str:
    return Path(source.file).read_text(encoding="utf-8").splitlines()[source.line - 1].strip()


def says(source: Source) -> bool:
    """Whether a source is what stands on its line; what nginx does by itself names a block."""
    line = line_of(source)
    return line.startswith((source.text.split()[0], "server", "location"))


def named(way: Trail) -> Iterator[Source]:
    for note in way.notes:
        yield from note.because
        if note.source is not None:
            yield note.source
    rule = way.decision.rule
    if rule is not None:
        yield from (*rule.because, rule.source, rule.decisive)


@pytest.mark.parametrize("name", SNIPPETS)
def test_every_line_that_is_named_says_what_is_quoted(name: str) -> None:
    policy = read(name)
    count = 0
    for ask in read_asks(CONFIGS / f"{name}.conf"):
        for way in explain(policy, ask.shape, ask.address or CLIENT).ways:
            for source in named(way):
                assert says(source), (source, line_of(source))
                count += 1
    for finding in findings(policy):
        assert all(says(source) for source in finding.where)
        assert finding.what.endswith(".")
        assert finding.do.endswith(".")
    for row in probe(policy).rows:
        rule = None if row.decision is None else row.decision.rule
        assert rule is None or "client_header_timeout" in rule.source.text or says(rule.source)
    assert count > 10


FOUND = {
    "reference_addresses": ["deny-is-not-silent: deny 198.51.100.0/24"],
    "reference_agents": ['no-agent-is-refused: "" 1'],
    "reference_catch_all": ["parse-errors-get-a-page: return 444"],
    "reference_flood": [
        "silence-is-retried: limit_req_status 444",
        "limit-by-the-proxys-address: limit_req zone=req_limit burst=20 nodelay",
    ],
    "reference_combined": [
        "deny-is-not-silent: deny 198.51.100.0/24",
        "parse-errors-get-a-page: return 444",
        "silence-is-retried: limit_req_status 444",
        "limit-by-the-proxys-address: limit_req zone=req_limit burst=20 nodelay",
        'no-agent-is-refused: "" 1',
    ],
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_what_surprises_people_is_called_out_with_its_line(name: str) -> None:
    assert [f"{f.name}: {f.where[0].text}" for f in findings(read(name))] == FOUND[name]


TOLD = [
    ("reference_catch_all", "GET /", 444, "return 444"),
    ("reference_catch_all", "GET / -Host", 400, None),
    ("reference_catch_all", "GET / :443 tls", 0, "ssl_reject_handshake on"),
    ("reference_addresses", "GET / @198.51.100.1", 403, "deny 198.51.100.0/24"),
    ("reference_addresses", "GET / @198.51.100.5", 444, "return 444"),
    ("reference_agents", "GET / -Agent", 444, "return 444"),
    ("reference_agents", "GET / | User-Agent: python-requests/2", 200, None),
    ("reference_combined", "GET / | Host: 192.0.2.9", 444, "return 444"),
]


@pytest.mark.parametrize(("name", "text", "status", "rule"), TOLD)
def test_who_decides(name: str, text: str, status: int, rule: str | None) -> None:
    ask = read_ask(text)
    found = explain(read(name), ask.shape, ask.address or CLIENT).decision
    assert found.status == status
    if rule is None:
        assert found.rule is None or found.rule.directive == "nginx"
    else:
        assert found.rule is not None
        assert found.rule.source.text == rule


def test_over_the_limit_both_endings_are_told() -> None:
    ask = read_ask("GET /")
    passed, rejected = explain(read("reference_flood"), ask.shape, CLIENT).ways
    assert (passed.decision.status, rejected.decision.status) == (200, 444)
    assert rejected.rejected_by is not None
    assert rejected.rejected_by.source.text == "limit_req zone=req_limit burst=20 nodelay"


NOT_NGINX = {
    "server { listen 80 default_server; return 444; }": (
        '"server" directive is not allowed here',
        "it belongs into http",
    ),
    "events {} http { server { limit_req_zone $uri zone=a:1m rate=9r/s; } }": (
        '"limit_req_zone" directive is not allowed here',
        "it belongs into http",
    ),
    "events {} http { server { worker_connections 9; } }": (
        '"worker_connections" directive is not allowed here',
        "it belongs into events",
    ),
    "events {} http { deny all; user root; }": (
        '"user" directive is not allowed here',
        "it stands outside every block",
    ),
    "events {} http { server { listen 443 ssl; server_name _; return 444; } }": (
        'no "ssl_certificate" is defined',
        "ssl_reject_handshake on",
    ),
}


@pytest.mark.parametrize("text", NOT_NGINX)
def test_a_snippet_that_nginx_does_not_take_is_told_where_it_belongs(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "snippet.conf"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_policy(path)
    what, hint = NOT_NGINX[text]
    assert what in str(caught.value)
    assert hint in (caught.value.hint or "")
    assert (caught.value.file, caught.value.line) == (str(path), 1)
