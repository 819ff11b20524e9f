"""A disagreement made small: what can be left out, with both sides still differing alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from time import monotonic

from simkit.live.verify.cases import Case, Manner, Request
from simkit.live.verify.trial import Result, Trial

_MOST_S = 4.0
_AGENT = "User-Agent: simkit"

__all__ = ["shrunk"]


def shrunk(trial: Trial, found: Result) -> tuple[Result, bool]:
    """The smallest case found that differs in the same fields, and whether it differs again at all.

    The round goes on: limits that are spent stay spent. It stops looking after some seconds.
    """
    until = monotonic() + _MOST_S
    again = _again(trial, _alone(found), found) or _again(trial, found.case, found)
    if again is None:
        return found, False
    smaller: Result | None = again
    while smaller is not None and monotonic() < until:
        again = smaller
        candidates = _candidates(again.case)
        tried = (_again(trial, c, found) for c in candidates if monotonic() < until)
        smaller = next((result for result in tried if result is not None), None)
    return again, True


def _alone(found: Result) -> Case:
    index = min(found.index, len(found.case.requests) - 1)
    return replace(found.case, requests=(found.case.requests[index],), manner=Manner.KEPT)


def _again(trial: Trial, case: Case, found: Result) -> Result | None:
    """A result of the case that differs in the same fields, or None."""
    wanted = {difference.field for difference in found.differences}
    try:
        results = list(trial.play(case))
    except ValueError:  # no longer a request
        return None
    return next((r for r in results if {d.field for d in r.differences} == wanted), None)


def _candidates(case: Case) -> Iterator[Case]:
    """The case with something left out, the most first."""
    if len(case.requests) > 1:
        for index in range(len(case.requests)):
            yield replace(case, requests=case.requests[:index] + case.requests[index + 1 :])
        return
    [request] = case.requests
    for smaller in _smaller(request):
        yield replace(case, requests=(smaller,))
    if case.address is not None:
        yield replace(case, address=None)


def _smaller(request: Request) -> Iterator[Request]:
    if request.raw:
        return
    for index in range(1, len(request.lines)):
        if not (request.body_bytes and _frames(request.lines[index])):
            yield request.without(index)
    if request.body_bytes:
        kept = tuple(line for line in request.lines if not _frames(line))
        yield replace(request, lines=kept, body_bytes=0, chunked=False)
    if request.end != "\r\n":
        yield replace(request, end="\r\n")
    yield from (replace(request, lines=(line, *request.lines[1:])) for line in _lines(request))
    for index, line in enumerate(request.lines):
        if line.startswith("User-Agent: ") and line != _AGENT:
            lines = (*request.lines[:index], _AGENT, *request.lines[index + 1 :])
            yield replace(request, lines=lines)


def _frames(line: str) -> bool:
    return line.startswith(("Content-Length:", "Transfer-Encoding:"))


def _lines(request: Request) -> Iterator[str]:
    """Request lines with less in the target."""
    target, first = request.target, request.first
    path, mark, query = target.partition("?")
    smaller = [path] if mark else []
    smaller += [f"{path}?{part}" for part in query.split("&") if mark and part != query]
    parts = path.split("/")[1:]
    shorter = ("/".join(("", *parts[:i], *parts[i + 1 :])) or "/" for i in range(len(parts)))
    smaller += [text + mark + query for text in shorter]
    for text in smaller:
        if text != target and text:
            yield first.replace(target, text, 1)
