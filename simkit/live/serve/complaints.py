"""What nginx writes into its error log about a request, in the words that tools look for."""

from __future__ import annotations

import re

from simkit.errors import printable
from simkit.live.serve.deciding import Turn
from simkit.live.serve.disk import Disk
from simkit.live.serve.record import Record
from simkit.policy import Handler, Phase, Rule
from simkit.policy.scope import NOWHERE, Scope

__all__ = ["about", "complaint"]

_ZONE = re.compile(r"zone=([^\s;]+)")

Complaint = tuple[str, str]


def complaint(turn: Turn, disk: Disk) -> Complaint | None:
    """The level and text of the line about a decision, or None where there is none."""
    rule = turn.decision.rule
    if rule is not None and rule.directive in _BY_DIRECTIVE:
        return _BY_DIRECTIVE[rule.directive](turn, rule)
    if rule is not None and rule.phase is Phase.PARSE:
        return "info", f"{rule.source.text} while reading client request headers"
    if turn.decision.handler is Handler.PAGE and rule is None:
        return _missing(turn, disk)
    return None


def _denied(turn: Turn, rule: Rule) -> Complaint:  # noqa: ARG001
    return "error", "access forbidden by rule"


def _limited(turn: Turn, rule: Rule) -> Complaint:
    found = _ZONE.search(rule.source.text)
    zone = found[1] if found else ""
    excess = turn.step.excess
    level = _scope(turn).scalar("limit_req_log_level", "error", lambda text, _: text)
    said = f"limiting requests, excess: {excess // 1000}.{excess % 1000:03d}"
    return level, f'{said} by zone "{zone}"'


def _occupied(turn: Turn, rule: Rule) -> Complaint:
    level = _scope(turn).scalar("limit_conn_log_level", "error", lambda text, _: text)
    words = rule.source.text.split()
    return level, f'limiting connections by zone "{words[1] if len(words) > 1 else ""}"'


_BY_DIRECTIVE = {"deny": _denied, "limit_req": _limited, "limit_conn": _occupied}


def _missing(turn: Turn, disk: Disk) -> Complaint | None:
    ending = turn.ending
    if ending is None or ending.code not in (403, 404):
        return None
    name = disk.name(ending.folder, ending.below)
    if name is None:
        return "error", "the path leads out of its folder; nginx would have served what is there"
    shown = name.decode("utf-8", "surrogateescape")
    if ending.code == 404:
        return "error", f'open() "{shown}" failed (2: No such file or directory)'
    if shown.endswith("/"):
        return "error", f'directory index of "{shown}" is forbidden'
    return "error", f'open() "{shown}" failed (13: Permission denied)'


def _scope(turn: Turn) -> Scope:
    return NOWHERE if turn.location is None else turn.location.scope


def about(text: str, record: Record) -> str:
    """The text with what nginx adds about the request; nothing in it can end the line."""
    server = record.ending.server.name if record.ending else ""
    line = record.request.line.decode("utf-8", "surrogateescape")
    host = record.request.shape.header("Host")
    parts = [text, f"client: {record.peer.address}", f"server: {server}"]
    parts += [f'request: "{line}"'] if line else []
    parts += [f'host: "{host}"'] if host is not None else []
    return printable(", ".join(parts))
