"""What came of verifying: plain data, and how each disagreement is met again by hand.

`Verified.to_json` is a plain dict: ``policy``, ``file``, ``requests``, ``agreed``, ``disagreed``,
``disagreements`` (the first of them), ``timed`` and ``warnings``. A disagreement has ``number``
(of the case) and ``index`` (of the request in it), ``request`` as sent, ``from``, ``simulated`` and
``nginx`` (see `Seen`), ``differences``, ``decided_by`` (file, line and text; null where the site
answered) and ``explain``, a command that shows the simulation's way.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from simkit.errors import printable
from simkit.live.timed import TimedReport
from simkit.live.verify.cases import Manner
from simkit.live.verify.trial import Result
from simkit.policy.patterns import to_bytes
from simkit.policy.source import Source
from simkit.study.explain import Json, source_json

_WELL_FORMED = re.compile(r"[A-Z_-]+ [!-~]+ HTTP/1\.[01]")
_HEADER = re.compile(r"([A-Za-z0-9_-]+):[ ]?([ -~]*)")
_USUAL = ("Host", "User-Agent", "Accept", "Accept-Language", "Accept-Encoding")
_RUN = re.compile(rb"(.)\1{99,}", re.DOTALL)
_AS_WRITTEN = frozenset(range(0x20, 0x7F)) - frozenset(b"'\\%")
_ESCAPES = {0x0D: "\\r", 0x0A: "\\n", 0x5C: "\\\\", 0x25: "%%"}

__all__ = ["Disagreement", "TimedTrace", "Verified", "explain_command"]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A request that the two sides ended differently, as small as it could be made.

    ``number`` and ``index`` are those of the request that was drawn, ``count`` how many requests
    had been sent by then. ``again``: it differed once more when it was sent again.
    """

    policy: Path
    number: int
    index: int
    count: int
    result: Result
    again: bool

    @property
    def decided_by(self) -> Source | None:
        """The line of the configuration behind the simulation's answer; None: the site's."""
        decision = self.result.decision
        rule = None if decision is None else decision.rule
        return None if rule is None else rule.decisive

    @property
    def request(self) -> str:
        """The request as sent, safe to print."""
        sent = self.result.sent
        if self.result.case.http2:
            headers = "".join(f"{n}: {v}\r\n" for n, v in sent.shape.headers)
            text = f"{sent.shape.method} {sent.shape.target} HTTP/2\r\n{headers}"
        else:
            text = sent.payload.decode("latin-1")
        return _shortened(printable(text))

    def to_json(self) -> Json:
        """As plain data."""
        result, by = self.result, self.decided_by
        case = result.case
        return {
            "number": self.number,
            "index": self.index,
            "requests": self.count,
            "name": case.name,
            "manner": case.manner.value,
            "request": self.request,
            "port": case.port,
            "tls": case.tls,
            "sni": None if case.sni is None else printable(case.sni),
            "http2": case.http2,
            "from": str(result.client),
            "simulated": result.expected.to_json(),
            "nginx": result.actual.to_json(),
            "differences": [str(difference) for difference in result.differences],
            "decided_by": None if by is None else source_json(by),
            "again": self.again,
            "explain": explain_command(self.policy, result),
        }


@dataclass(frozen=True, slots=True)
class TimedTrace:
    """A timed trace of a policy. On one kept connection nginx's clock is known to the millisecond,
    so every miss counts; across connections those do that a millisecond does not explain.
    """

    report: TimedReport

    @property
    def disagreed(self) -> int:
        """How many requests disagree, beyond what the clock leaves open."""
        report = self.report
        return len(report.misses) if report.kept else len(report.unexplained)

    def to_json(self) -> Json:
        """As plain data."""
        report = self.report
        return {
            "kept": report.kept,
            "requests": report.requests,
            "agreed": report.agreed,
            "disagreed": self.disagreed,
            "misses": [
                {
                    "number": miss.number,
                    "at_ms": miss.at_ms,
                    "simulated": miss.expected_status,
                    "nginx": miss.seen_status,
                    "flips_by_ms": miss.flips_by_ms,
                }
                for miss in report.misses
            ],
        }


@dataclass(frozen=True, slots=True)
class Verified:
    """A policy beside nginx: how many requests agreed, and the first that did not."""

    name: str
    path: Path
    seed: int
    requests: int
    disagreed: int
    disagreements: tuple[Disagreement, ...]
    timed: tuple[TimedTrace, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def agreed(self) -> int:
        """How many requests both sides ended alike."""
        return self.requests - self.disagreed

    @property
    def holds(self) -> bool:
        """Whether there is no disagreement."""
        return not self.disagreed and not any(trace.disagreed for trace in self.timed)

    def to_json(self) -> Json:
        """As plain data."""
        return {
            "policy": printable(self.name),
            "file": printable(str(self.path)),
            "requests": self.requests,
            "agreed": self.agreed,
            "disagreed": self.disagreed,
            "disagreements": [one.to_json() for one in self.disagreements],
            "timed": [trace.to_json() for trace in self.timed],
            "warnings": [printable(warning) for warning in self.warnings],
        }


def explain_command(policy: Path, result: Result) -> str:
    """A command line that shows the simulation's way of a request."""
    request = _as_options(result)
    before = "" if request is not None else f"{_written(result.sent.payload)} > request && "
    words = ["simkit", "explain", str(policy)]
    words += ["--request", "@request"] if request is None else request
    words += ["--port", str(result.case.port), *_spoken(result), "--from", str(result.client)]
    return before + " ".join(shlex.quote(printable(word)) for word in words)


def _spoken(result: Result) -> list[str]:
    case = result.case
    if not case.tls:
        return ["--plain"]
    return [*(["--http2"] if case.http2 else ["--tls"]), "--sni", case.sni or ""]


def _as_options(result: Result) -> list[str] | None:
    """The request as options of `simkit explain`; None where only its bytes can say it."""
    case = result.case
    if case.manner is Manner.PIPELINED or len(result.sent.payload) > 1000:
        return None
    request = case.requests[min(result.index, len(case.requests) - 1)]
    found = [_HEADER.fullmatch(line) for line in request.lines[1:]]
    if request.raw or request.end != "\r\n" or not _WELL_FORMED.fullmatch(request.first):
        return None
    if not all(found):
        return None
    words = ["--request", request.first]
    pairs = [(header[1], header[2].strip()) for header in found if header is not None]
    for name, value in pairs:
        words += ["-H", f"{name}: {value}" if value else f"{name};"]
    given = {name.lower() for name, _ in pairs}
    for name in _USUAL:
        words += [] if name.lower() in given else ["-H", f"{name}:"]
    return words


def _written(payload: bytes) -> str:
    """A shell command that writes the bytes; long runs of one character are not written out."""
    parts, at = [], 0
    for run in _RUN.finditer(payload):
        parts += [*_printf(payload[at : run.start()]), _run(run[0])]
        at = run.end()
    parts += _printf(payload[at:])
    return parts[0] if len(parts) == 1 else "{ " + "; ".join(parts) + "; }"


def _printf(data: bytes) -> list[str]:
    text = "".join(chr(b) if b in _AS_WRITTEN else _ESCAPES.get(b, f"\\{b:03o}") for b in data)
    return [f"printf '{text}'"] if data else []


def _run(data: bytes) -> str:
    return f"head -c {len(data)} /dev/zero | tr '\\0' '\\{data[0]:03o}'"


def _shortened(text: str) -> str:
    """The text with long runs of one character told by their length."""
    short = _RUN.sub(lambda run: b"%b...(%d)" % (run[1] * 3, len(run[0])), to_bytes(text))
    return short.decode()
