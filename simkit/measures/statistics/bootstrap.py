"""Ratios of sums over clusters, with intervals from a bootstrap that draws whole clusters.

False drops per wish are ``R = Σ dropped_i / Σ wishes_i`` over the clients ``i``. The wishes of a
client are not independent, so clients are drawn anew, with all that is theirs (Field and Welsh
2007, doi:10.1111/j.1467-9868.2007.00593.x). Each resample gives

    T* = (R* - R) / s*,    s*² = m / (m - 1) · Σ (dropped_i - R* wishes_i)² / (Σ wishes_i)²

over its ``m`` clusters, and the interval is ``R - t* s`` between the quantiles of ``T*``: the
percentile-t bootstrap (Hall 1988, doi:10.1214/aos/1176350933; for few clusters Cameron, Gelbach
and Miller 2008, doi:10.1162/rest.90.3.414).

It was chosen by coverage, measured at 95 % over 5,000 studies each of clients that wish unequally
often (geometric; ``half``: Poisson):

===============================================  ========  ==========  ====  ============
clients                                          clusters  percentile  BCa   percentile-t
===============================================  ========  ==========  ====  ============
``beta``: each has a share of its own, mean 0.1        40        89.6  91.1          94.6
``half``: the same, mean 0.5                           40        94.3  94.5          95.5
``rare``: one in four is hit, in 20 % of wishes        40        90.6  92.9          98.1
``size``: who wishes often is hit more often           40        93.1  93.8          95.7
``beta``                                               20        86.2  88.0          95.6
``beta``                                                5        72.4  73.6          85.0
===============================================  ========  ==========  ====  ============

Under `FEWEST` clusters no bootstrap holds what it says, so there is no interval, and the result
says why. The same goes where all clusters are alike: resampling them shows no spread.

The interval is about other clients of the kind on the same day, not about other days: for those
there are replications.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
import numpy.typing as npt

from simkit import draws
from simkit.measures.intervals import Interval, clopper_pearson

Array = npt.NDArray[np.float64]
Counts = Sequence[float] | npt.NDArray[np.generic]

FEWEST = 20
"""Clusters under which there is no interval."""
RESAMPLES = 1999

__all__ = ["FEWEST", "RESAMPLES", "cluster_ratio", "cluster_ratios"]


def cluster_ratio(
    part: Counts,
    whole: Counts,
    *,
    level: float = 0.95,
    highest: float = 1.0,
    resamples: int = RESAMPLES,
    seed: int = 1,
) -> Interval:
    """``Σ part / Σ whole`` over clusters, with its interval cut to [0, ``highest``].

    ``part`` and ``whole`` have one entry for each cluster; those with nothing in ``whole`` are
    left out. ``n`` is the number of clusters. Where there is no interval, ``why`` says so. Equal
    arguments give equal intervals. Raises ValueError where the two do not fit together.
    """
    parts, wholes = (np.asarray(v, dtype=np.float64) for v in (part, whole))
    if parts.shape != wholes.shape or parts.ndim != 1:
        raise ValueError(f"parts of shape {parts.shape}, wholes of shape {wholes.shape}")
    parts, wholes = parts[wholes > 0.0], wholes[wholes > 0.0]
    mean = float(parts.sum() / wholes.sum()) if wholes.size else nan
    why = _why_not(parts, wholes)
    if why:
        return Interval(mean, nan, nan, wholes.size, level, why)
    low, high = cluster_ratios(
        parts[None], wholes[None], level=level, resamples=resamples, seed=seed
    )
    return Interval(mean, float(low[0]), float(high[0]), wholes.size, level).within(0.0, highest)


def _why_not(parts: Array, wholes: Array) -> str:
    """Why these clusters have no interval; empty where they have one."""
    clusters = parts.size
    if clusters < FEWEST:
        named = "1 cluster" if clusters == 1 else f"{clusters} clusters"
        return f"no interval: {named}, and a bootstrap needs at least {FEWEST}"
    if not parts.any():
        most = 100.0 * clopper_pearson(0, clusters).high
        return (
            f"no interval: none of {clusters} clusters was hit (with 95 % confidence at most "
            f"{most:.1f} % of such clusters are)"
        )
    if np.allclose(parts, wholes * (parts.sum() / wholes.sum()), rtol=1e-12, atol=0.0):
        return f"no interval: all {clusters} clusters are alike"
    return ""


def cluster_ratios(
    parts: Array,
    wholes: Array,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 1,
) -> tuple[Array, Array]:
    """The bounds for many studies at once: ``parts[s, i]`` and ``wholes[s, i]`` of cluster i.

    Every study is drawn with the same resamples. Bounds are not cut to what is possible, and are
    infinite where too many resamples show no spread. No study is turned down here: that is for
    `cluster_ratio`.
    """
    weights = _weights(parts.shape[1], resamples, seed)
    ratio = parts.sum(axis=1) / wholes.sum(axis=1)
    error = _standard_errors(parts, wholes, np.ones((1, parts.shape[1])))[:, 0]
    again = (parts @ weights.T) / (wholes @ weights.T)
    errors = _standard_errors(parts, wholes, weights)
    scores = np.sort(_scores(again - ratio[:, None], errors), axis=1)
    tail = round((1.0 - level) / 2.0 * (resamples + 1))
    return ratio - scores[:, resamples - tail] * error, ratio - scores[:, tail - 1] * error


def _weights(clusters: int, resamples: int, seed: int) -> Array:
    """How often each cluster (column) comes into each resample (row)."""
    bits = np.random.PCG64(draws.stream(seed, "cluster bootstrap", clusters))
    u = (bits.random_raw(resamples * clusters) >> np.uint64(11)) * 2.0**-53
    drawn = (u * clusters).astype(np.int64).reshape(resamples, clusters)
    cells = drawn + clusters * np.arange(resamples)[:, None]
    counts = np.bincount(cells.ravel(), minlength=resamples * clusters)
    result: Array = counts.reshape(resamples, clusters).astype(np.float64)
    return result


def _standard_errors(parts: Array, wholes: Array, weights: Array) -> Array:
    """That of the ratio of each study (row) in each resample (column), linearised."""
    clusters = parts.shape[1]
    total = wholes @ weights.T
    ratio = (parts @ weights.T) / total
    squares = (parts**2) @ weights.T - 2.0 * ratio * ((parts * wholes) @ weights.T)
    squares += ratio**2 * ((wholes**2) @ weights.T)
    result: Array = np.sqrt(np.maximum(squares, 0.0) * clusters / (clusters - 1)) / total
    return result


def _scores(difference: Array, error: Array) -> Array:
    """``difference / error``; infinite where a resample shows a difference and no spread."""
    spread = error > 1e-12
    endless = np.where(np.abs(difference) > 1e-12, np.copysign(np.inf, difference), 0.0)
    return np.divide(difference, error, out=endless, where=spread)
