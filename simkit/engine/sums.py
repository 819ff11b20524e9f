"""The sums of a run: what each client met, and how often each answer was given."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simkit.engine.run import ANSWERS, CLIENTS, Columns

__all__ = ["answer_sums", "client_sums", "summed_answers"]

Numbers = npt.NDArray[np.generic]

_NAMED = ("cohort", "rule", "status", "sight", "refused")
_ADDED = ("requests", "bytes", "delay_ns", "latency_ns")


def client_sums(cohort: Numbers, address: Numbers, requests: Columns, wishes: Columns) -> Columns:
    """`CLIENTS` from the rows of a run, for clients of these cohorts and addresses."""
    count = len(cohort)

    def number_of(table: Columns, flag: str = "") -> Numbers:
        rows = table["client"][table[flag].astype(bool)] if flag else table["client"]
        return np.bincount(rows.astype(np.int64), minlength=count)

    found: Columns = {
        "cohort": cohort,
        "address": address,
        "requests": number_of(requests),
        "refused": number_of(requests, "refused"),
        "wishes": number_of(wishes),
        "served": number_of(wishes, "served"),
        "open": number_of(wishes, "open"),
    }
    return {name: found[name].astype(kind) for name, kind in CLIENTS.items()}


def answer_sums(requests: Columns) -> Columns:
    """`ANSWERS` from the rows of a run."""
    counts = np.ones(len(requests["client"]), np.int64)
    return summed_answers({**requests, "requests": counts})


def summed_answers(columns: Columns) -> Columns:
    """`ANSWERS` from columns of these names, in which an answer may stand more than once."""
    code = np.zeros(len(columns["cohort"]), np.int64)
    for name in _NAMED:
        part = columns[name].astype(np.int64)
        low = part.min(initial=0)
        code = code * (part.max(initial=0) - low + 1) + part - low
    order = np.argsort(code, kind="stable")
    first = np.flatnonzero(np.diff(code[order], prepend=-1))
    found = {name: columns[name][order[first]] for name in _NAMED}
    for name in _ADDED:
        cells = columns[name][order].astype(np.int64)
        found[name] = np.add.reduceat(cells, first) if len(first) else cells
    return {name: found[name].astype(kind) for name, kind in ANSWERS.items()}
