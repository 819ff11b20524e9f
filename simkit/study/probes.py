"""The catalogue of telling requests: what each tells, and how it is provoked by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from simkit.wire import Fault, Shape, Version

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
ADDRESS, UNKNOWN = "192.0.2.10", "unknown.example"
_BODY_BYTES = 200_000
_BEYOND_BYTES = 1_000

__all__ = ["CATALOGUE", "Manner", "Probe", "Target"]


class Manner(StrEnum):
    """How a probe is sent."""

    ONCE = "once"
    BURST = "many at once, until one is refused"
    HALF = "half a header, and then nothing"


@dataclass(frozen=True, slots=True)
class Target:
    """What probes are made for: a site, its ports (None: none), and what is worth asking about.

    ``line_bytes`` is the longest line of a header that any server of the policy reads.
    """

    site: str
    plain: int | None
    tls: int | None
    http2: int | None
    ipv6: int | None
    forbidden: str
    absent: str
    line_bytes: int

    def shape(self, **changes: object) -> Shape:
        """An ordinary browser's request for the site's first page, with changes."""
        port, tls = (self.plain, False) if self.plain is not None else (self.tls or 443, True)
        headers = (("Host", self.site), ("User-Agent", BROWSER))
        shape = Shape(headers=headers, port=port, tls=tls, sni=self.site if tls else None)
        return replace(shape, **changes)  # type: ignore[arg-type]

    def named(self, host: str | None, agent: str | None = BROWSER, **changes: object) -> Shape:
        """The same with another Host and agent (None: without)."""
        pairs = (("Host", host), ("User-Agent", agent))
        return self.shape(headers=tuple((n, v) for n, v in pairs if v is not None), **changes)

    def secured(self, sni: str | None, host: str | None = None) -> Shape | None:
        """The same over TLS, or None where TLS is not spoken."""
        if self.tls is None:
            return None
        shape = self.named(host or self.site)
        return replace(shape, port=self.tls, tls=True, sni=sni)


@dataclass(frozen=True, slots=True)
class Probe:
    """A telling request.

    ``make`` gives it for a target, or None where the target has no such port. ``how`` is a
    command, with SITE and ADDRESS to be filled in. ``from_there``: it has to come from an address
    that a rule singles out.
    """

    name: str
    tells: str
    how: str
    make: Callable[[Target], Shape | None]
    manner: Manner = Manner.ONCE
    ipv6: bool = False
    from_there: bool = False


def _http2(target: Target, agent: str = BROWSER) -> Shape | None:
    if target.http2 is None:
        return None
    shape = target.named(target.site, agent, version=Version.HTTP_2)
    return replace(shape, port=target.http2, tls=True, sni=target.site)


def _over_ipv6(target: Target) -> Shape | None:
    if target.ipv6 is None:
        return None
    tls = target.ipv6 == target.tls
    return target.shape(port=target.ipv6, tls=tls, sni=target.site if tls else None)


def _on_plain_port(target: Target, fault: Fault) -> Shape | None:
    if target.plain is None:
        return None
    return Shape(port=target.plain, fault=fault)


def _plain_on_tls(target: Target) -> Shape | None:
    return None if target.tls is None else target.shape(port=target.tls, tls=False, sni=None)


def _agent(name: str) -> Callable[[Target], Shape]:
    return lambda target: target.named(target.site, name)


def _with(target: Target, header: tuple[str, str]) -> Shape:
    shape = target.shape()
    return replace(shape, headers=(*shape.headers, header))


CATALOGUE = (
    Probe(
        "a good browser",
        "what visitors get",
        "open http://SITE/",
        lambda t: t.shape(),
    ),
    Probe(
        "curl",
        "what scripts get",
        "curl http://SITE/",
        lambda t: t.named(t.site, "curl/7.88.1"),
    ),
    Probe(
        "bare address",
        "what those see who scan addresses",
        "curl http://ADDRESS/",
        lambda t: t.named(ADDRESS),
    ),
    Probe(
        "unknown Host",
        "which server answers a name that is not yours",
        f"curl -H 'Host: {UNKNOWN}' http://ADDRESS/",
        lambda t: t.named(UNKNOWN),
    ),
    Probe(
        "HTTP/1.0 without Host",
        "whether the default server answers where no Host is needed",
        "curl -0 -H Host: http://ADDRESS/",
        lambda t: t.named(None, version=Version.HTTP_1_0),
    ),
    Probe(
        "HTTP/1.1 without Host",
        "the error page that no rule covers but error_page",
        "curl -H Host: http://ADDRESS/",
        lambda t: t.named(None),
    ),
    Probe(
        "two Hosts",
        "the same, for a request that could mean two sites",
        "printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\nHost: b\\r\\n\\r\\n' | nc ADDRESS 80",
        lambda t: t.shape(headers=(("Host", t.site), ("Host", UNKNOWN), ("User-Agent", BROWSER))),
    ),
    Probe(
        "malformed request line",
        "the same, for a request without a version that exists",
        "printf 'GET / NONSENSE\\r\\n\\r\\n' | nc ADDRESS 80",
        lambda t: t.shape(headers=(), fault=Fault.BAD_REQUEST_LINE),
    ),
    Probe(
        "garbage",
        "the same, for what is no HTTP",
        "printf 'g{t / HTTP/1.1\\r\\n\\r\\n' | nc ADDRESS 80",
        lambda t: t.shape(headers=(), fault=Fault.BAD_METHOD),
    ),
    Probe(
        "TLS bytes, plain port",
        "what a TLS client sees that comes to the plain port",
        "curl -k https://ADDRESS:80/",
        lambda t: _on_plain_port(t, Fault.TLS_ON_PLAIN),
    ),
    Probe(
        "plain HTTP, TLS port",
        "what a plain client sees that comes to the TLS port",
        "curl http://ADDRESS:443/",
        _plain_on_tls,
    ),
    Probe(
        "TLS without a name",
        "which certificate those see who scan addresses",
        "curl -k https://ADDRESS/",
        lambda t: t.secured(None, ADDRESS),
    ),
    Probe(
        "TLS, unknown name",
        "which certificate a name gets that is not yours",
        f"curl -k --resolve {UNKNOWN}:443:ADDRESS https://{UNKNOWN}/",
        lambda t: t.secured(UNKNOWN, UNKNOWN),
    ),
    Probe(
        "TLS, the site",
        "what visitors get over TLS",
        "curl -k --http1.1 https://SITE/",
        lambda t: t.secured(t.site),
    ),
    Probe(
        "HTTP/2",
        "what browsers get over TLS",
        "curl -k --http2 https://SITE/",
        _http2,
    ),
    Probe(
        "HTTP/2, scanner",
        "how a refusal looks in a stream",
        "curl -k --http2 -A gobuster/3.5 https://SITE/",
        lambda t: _http2(t, "gobuster/3.5"),
    ),
    Probe(
        "over IPv6",
        "whether IPv6 is listened on, and by the same server",
        "curl -6 http://SITE/",
        _over_ipv6,
        ipv6=True,
    ),
    Probe(
        "no agent",
        "whether feed readers and monitors are let in",
        "curl -A '' http://SITE/",
        lambda t: t.named(t.site, None),
    ),
    Probe(
        "agent gobuster",
        "whether a scanner of paths is known by its name",
        "curl -A gobuster/3.5 http://SITE/",
        _agent("gobuster/3.5"),
    ),
    Probe(
        "agent sqlmap",
        "whether a scanner for injections is known by its name",
        "curl -A sqlmap/1.10 http://SITE/",
        _agent("sqlmap/1.10#stable (https://sqlmap.org)"),
    ),
    Probe(
        "agent zgrab",
        "whether a scanner of the whole internet is known by its name",
        "curl -A 'Mozilla/5.0 zgrab/0.x' http://SITE/",
        _agent("Mozilla/5.0 zgrab/0.x"),
    ),
    Probe(
        "agent python-requests",
        "whether ordinary scripts are taken for scanners",
        "curl -A python-requests/2.32 http://SITE/",
        _agent("python-requests/2.32.3"),
    ),
    Probe(
        "forbidden path",
        "whether a path that is refused can be told from one that is not there",
        "curl http://SITE/admin/",
        lambda t: t.shape(target=t.forbidden),
    ),
    Probe(
        "absent path",
        "what a path looks like that is not there",
        "curl http://SITE/simkit-nothing-here",
        lambda t: t.shape(target=t.absent),
    ),
    Probe(
        "long URI",
        "the error page for a request line longer than a buffer",
        "curl http://SITE/$(head -c 9000 /dev/zero | tr '\\0' a)",
        lambda t: t.shape(target="/" + "a" * (t.line_bytes + _BEYOND_BYTES)),
    ),
    Probe(
        "big header",
        "the error page for a header longer than a buffer",
        "curl -H \"X-Long: $(head -c 9000 /dev/zero | tr '\\0' a)\" http://SITE/",
        lambda t: _with(t, ("X-Long", "a" * (t.line_bytes + _BEYOND_BYTES))),
    ),
    Probe(
        "TRACE",
        "the error page for a method that nginx refuses",
        "curl -X TRACE http://SITE/",
        lambda t: t.shape(method="TRACE"),
    ),
    Probe(
        "HTTP/3.0 in the request line",
        "the error page for a version that nginx does not know",
        "printf 'GET / HTTP/3.0\\r\\n\\r\\n' | nc ADDRESS 80",
        lambda t: t.shape(headers=(), fault=Fault.UNKNOWN_VERSION),
    ),
    Probe(
        "unknown Transfer-Encoding",
        "the error page for a body that nginx cannot read",
        "curl -H 'Transfer-Encoding: gzip' -d x http://SITE/",
        lambda t: _with(t, ("Transfer-Encoding", "gzip")),
    ),
    Probe(
        "unread body, bare address",
        "whether silence turns into a reset where a body is under way",
        "curl -d @LARGE-FILE http://ADDRESS/",
        lambda t: t.named(ADDRESS, method="POST", body_bytes=_BODY_BYTES, body_unread=True),
    ),
    Probe(
        "half a header",
        "how long a slow client is waited for, and how it is let go",
        "(printf 'GET / HTTP/1.1\\r\\nHost: SITE\\r\\n'; sleep 99) | nc ADDRESS 80",
        lambda t: t.shape(),
        Manner.HALF,
    ),
    Probe(
        "over the limit",
        "how many requests may come at once, and what the next one gets",
        "curl -Z --parallel-immediate 'http://SITE/?[1-100]'",
        lambda t: t.shape(),
        Manner.BURST,
    ),
)
"""The probes in the order of the matrix; those from addresses that rules single out follow."""
