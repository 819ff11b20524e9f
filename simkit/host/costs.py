"""What the work of nginx costs its worker: a cost table, which is data and can be replaced."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path

from simkit import shipped
from simkit.errors import InputError
from simkit.host.cooling import ByPause, Cooling
from simkit.policy.plan import Decision, Handler
from simkit.traffic.machine import Certificate
from simkit.traffic.part import NotNegative, Part
from simkit.traffic.reading import read_model

__all__ = ["ANSWERS", "Cause", "CostTable", "Costs", "answer_kind", "load_costs"]


class Cause(IntEnum):
    """What CPU time was spent on. The names stand in results, as ``cpu_<name>_s``."""

    WAKE_UP = 0
    ACCEPT = 1
    TLS = 2
    READ = 3
    SILENT = 4
    PAGE = 5
    STATIC = 6
    PROXY = 7


class AnswerCosts(Part):
    """Microseconds for a whole request, by who makes the answer.

    ``limited_…`` are those by which a limit refuses.
    """

    silent: NotNegative
    limited_silent: NotNegative
    page: NotNegative
    limited_page: NotNegative
    static: NotNegative
    proxy: NotNegative


class CostTable(Part):
    """A cost table as its file has it. Every microsecond is of worker CPU time.

    ``new_connection_us`` holds accepting, reading, answering and closing; ``kept_connection_us``
    a request on a connection that stands. What an answer on a new connection costs beyond
    ``accept_us`` is the answer's own part of it. A price by pause is a number, or grows with how
    long the worker has slept (``wake_up_us``) or has not shaken hands (the others).
    ``resumed_us`` is for a handshake that resumes a session, by whatever certificate;
    ``tls_answer_us`` what an answer costs more over TLS, ``tls_body_ns_per_byte`` what its body
    costs there.
    """

    name: str
    nginx: str
    provenance: str
    wake_up_us: ByPause
    accept_us: NotNegative
    read_us: NotNegative
    delay_us: NotNegative
    body_ns_per_byte: NotNegative
    tls_answer_us: NotNegative
    tls_body_ns_per_byte: NotNegative
    handshake_us: dict[Certificate, ByPause]
    resumed_us: ByPause
    refused_handshake_us: ByPause
    new_connection_us: AnswerCosts
    kept_connection_us: AnswerCosts


def load_costs(name_or_path: str | Path) -> CostTable:
    """A cost table by its shipped name or its path. Raises InputError with file and line."""
    return read_model(shipped.find("costs", name_or_path), CostTable)[0]


ANSWERS = tuple(AnswerCosts.model_fields)
"""The kinds of answer, as the table names them; `answer_kind` gives their numbers."""

_CAUSES = (Cause.SILENT, Cause.SILENT, Cause.PAGE, Cause.PAGE, Cause.STATIC, Cause.PROXY)
_KINDS = {Handler.SILENT: 0, Handler.TLS: 0, Handler.PAGE: 2, Handler.STATIC: 4, Handler.PROXY: 5}


def answer_kind(decision: Decision) -> int:
    """The number of a decision's kind of answer in `ANSWERS`."""
    kind = _KINDS[decision.handler]
    limited = decision.rule is not None and decision.rule.directive.startswith("limit_")
    return kind + 1 if limited and kind < 4 else kind


class Costs:
    """A cost table in nanoseconds, ready for a run. Immutable.

    ``new[kind]`` and ``kept[kind]`` are an answer's own part, without ``accept``.
    """

    __slots__ = (
        "accept",
        "body",
        "causes",
        "delay",
        "handshake",
        "kept",
        "new",
        "read",
        "refused_handshake",
        "resumed",
        "tls_answer",
        "tls_body",
        "wake_up",
    )

    def __init__(self, table: CostTable, certificate: Certificate = "ecdsa") -> None:
        self.wake_up = Cooling(table.wake_up_us)
        self.accept = _ns(table.accept_us)
        self.read = _ns(table.read_us)
        self.delay = _ns(table.delay_us)
        if certificate not in table.handshake_us:
            raise InputError(
                f"the cost table {table.name} has no handshake_us for {certificate}",
                hint=f"it has {', '.join(table.handshake_us)}; simkit calibrate measures all",
            )
        self.handshake = Cooling(table.handshake_us[certificate])
        self.resumed = Cooling(table.resumed_us)
        self.refused_handshake = Cooling(table.refused_handshake_us, less_ns=self.accept)
        self.body = table.body_ns_per_byte
        self.tls_answer = _ns(table.tls_answer_us)
        self.tls_body = max(0.0, table.tls_body_ns_per_byte - table.body_ns_per_byte)
        self.causes = _CAUSES
        fresh, kept = table.new_connection_us, table.kept_connection_us
        self.new = tuple(max(0, _ns(getattr(fresh, a)) - self.accept) for a in ANSWERS)
        self.kept = tuple(_ns(getattr(kept, a)) for a in ANSWERS)


def _ns(microseconds: float) -> int:
    return round(microseconds * 1000)
