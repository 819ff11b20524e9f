"""Channels that tests share."""

from __future__ import annotations

import numpy as np

from simkit.measures.channel import Channel

REFERENCE = Channel(
    ("a", "b", "c"),
    ("1", "2", "3"),
    np.array([[1 / 2, 1 / 4, 1 / 4], [1 / 6, 1 / 2, 1 / 3], [1 / 2, 1 / 2, 0]]),
)


def named(matrix: object) -> Channel:
    """A channel with made-up names."""
    table = np.asarray(matrix, dtype=np.float64)
    rows, columns = table.shape
    worlds, symbols = (tuple(f"{c}{i}" for i in range(n)) for c, n in (("x", rows), ("y", columns)))
    return Channel(worlds, symbols, table)


def random_channel(seed: int, most: int = 5) -> tuple[Channel, list[float]]:
    """A channel of 2 to ``most`` worlds and symbols, some of them impossible, and a prior."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(2, most + 1, 2)
    matrix = rng.dirichlet(np.full(columns, 0.8), rows) * (rng.random((rows, columns)) > 0.2)
    matrix[:, 0] += 1e-3
    prior = rng.dirichlet(np.ones(rows))
    return named(matrix / matrix.sum(axis=1, keepdims=True)), (prior / prior.sum()).tolist()


def symmetric(error: float) -> Channel:
    """The binary symmetric channel."""
    return named([[1 - error, error], [error, 1 - error]])
