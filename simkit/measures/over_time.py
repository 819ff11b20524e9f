"""A run over time: requests by what came of them, and how long honest wishes took, bin by bin."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from simkit.engine.run import Run
from simkit.measures.rows import need_rows
from simkit.measures.waiting import quantile, served_wishes, wish_latency_ms
from simkit.wire import SightKind

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

ANSWERS = (
    "let through and answered",
    "refused with an answer",
    "refused without a word",
    "no answer, though not refused",
)
"""What comes of a request, each in one of these."""

__all__ = ["ANSWERS", "OverTime", "answer_masks", "over_time"]


@dataclass(frozen=True, slots=True)
class OverTime:
    """Rows of bins of equal length, but perhaps for the last.

    ``starts_s[i]`` is where bin ``i`` begins; ``requests_per_s[a]`` are the requests sent in each
    bin with the answer ``a`` of `ANSWERS`; ``wish_p50_ms`` and ``wish_p95_ms`` of the honest
    wishes begun in it and served, nan where there is none.
    """

    starts_s: Array
    bin_s: float
    requests_per_s: dict[str, Array]
    wish_p50_ms: Array
    wish_p95_ms: Array


def answer_masks(run: Run) -> dict[str, Mask]:
    """Which requests had which of `ANSWERS`.

    Raises InputError where the run recorded totals only.
    """
    need_rows(run)
    refused = run.requests["refused"].astype(np.bool_)
    answered = np.asarray(run.requests["sight"] == int(SightKind.HTTP))
    masks = (~refused & answered, refused & answered, refused & ~answered, ~refused & ~answered)
    return dict(zip(ANSWERS, masks, strict=True))


def over_time(run: Run, bin_s: float) -> OverTime:
    """The run in bins of so many seconds. Raises ValueError where that is not above 0."""
    if not bin_s > 0.0:
        raise ValueError(f"bins of {bin_s} s")
    length_s = run.window_ns / 1e9
    bins = max(1, ceil(length_s / bin_s - 1e-9))
    starts = bin_s * np.arange(bins, dtype=np.float64)
    lengths = np.minimum(bin_s, length_s - starts)
    sent = _bins(run.requests["sent_ns"], bin_s)
    rates = {
        name: np.bincount(sent[mask], minlength=starts.size)[: starts.size] / lengths
        for name, mask in answer_masks(run).items()
    }
    served = served_wishes(run)
    waits, begun = wish_latency_ms(run, served), _bins(run.wishes["start_ns"][served], bin_s)
    cells = [waits[begun == number] for number in range(starts.size)]
    p50, p95 = (np.array([quantile(c, share) for c in cells]) for share in (0.5, 0.95))
    return OverTime(starts, bin_s, rates, p50, p95)


def _bins(times_ns: npt.NDArray[np.generic], bin_s: float) -> npt.NDArray[np.int64]:
    return (times_ns.astype(np.int64) // int(bin_s * 1e9)).astype(np.int64)
