"""A guesser for observations that are numbers, or too many to be counted: nearest neighbours.

With ``k`` growing more slowly than the sample its success tends to the Bayes vulnerability
(Stone 1977, doi:10.1214/aos/1176343886); here ``k`` is the natural logarithm of the sample, as in
F-BLEAU (Cherubin, Chatzikokolakis and Palamidessi 2019, arXiv 1902.01350). Features are compared
by their Euclidean distance, so they should be in units that are worth about the same.
"""

from __future__ import annotations

from math import log

import numpy as np
import numpy.typing as npt

from simkit.measures.intervals import Interval, clopper_pearson

__all__ = ["nearest_neighbour"]


def nearest_neighbour(features: npt.NDArray[np.float64], level: float = 0.95) -> Interval:
    """How often the guesser is right on the second half of the samples; a uniform prior.

    ``features[x, i]`` is the vector of numbers that the i-th replication showed in world x.
    Raises ValueError where the shape is another, or there are fewer than two replications.
    """
    if features.ndim != 3 or features.shape[1] < 2:
        raise ValueError(f"features by world, replication and number, not {features.shape}")
    worlds, replications, width = features.shape
    half = replications // 2
    known = features[:, :half].reshape(-1, width)
    asked = features[:, half:].reshape(-1, width)
    said = _vote(known, np.repeat(np.arange(worlds), half), asked, worlds)
    truth = np.repeat(np.arange(worlds), replications - half)
    return clopper_pearson(int((said == truth).sum()), truth.size, level)


def _vote(
    known: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    asked: npt.NDArray[np.float64],
    worlds: int,
) -> npt.NDArray[np.int64]:
    """The world that most of the nearest known samples are of, for each one asked."""
    from scipy.spatial import KDTree

    k = max(1, min(len(known), round(log(len(known)))))
    _, near = KDTree(known).query(asked, k=[*range(1, k + 1)])
    votes = (labels[near][:, :, None] == np.arange(worlds)).sum(axis=1)
    said: npt.NDArray[np.int64] = votes.argmax(axis=1)
    return said
