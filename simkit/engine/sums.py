"""The sums of a run: what each client met, and how often each answer was given."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simkit.engine.run import ANSWERS, CLIENTS, Columns

__all__ = ["answer_sums", "client_sums", "sorted_answers", "summed_answers"]

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
    """`ANSWERS` from columns of these names in which an answer may stand more than once."""
    named = np.stack([columns[name].astype(np.int64) for name in _NAMED])
    kinds, which = np.unique(named, axis=1, return_inverse=True)
    found: Columns = dict(zip(_NAMED, kinds, strict=True))
    for name in _ADDED:
        sums = np.zeros(kinds.shape[1], np.int64)
        np.add.at(sums, which.ravel(), columns[name].astype(np.int64))
        found[name] = sums
    return sorted_answers(found)


def sorted_answers(columns: Columns) -> Columns:
    """`ANSWERS` in their order, of their types."""
    rows = np.lexsort([columns[name] for name in reversed(_NAMED)])
    return {name: columns[name][rows].astype(kind) for name, kind in ANSWERS.items()}
