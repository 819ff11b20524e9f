"""Channels put together: one after another, and two side by side."""

from __future__ import annotations

from simkit.measures.channel.matrix import Channel

__all__ = ["cascade", "parallel"]


def cascade(first: Channel, second: Channel) -> Channel:
    """The second channel looks at what the first one shows, as a CDN does at an origin.

    It never tells more than the first (the data-processing inequality). Raises ValueError where
    the worlds of the second are not the symbols of the first, in this order.
    """
    if first.symbols != second.worlds:
        raise ValueError("the worlds of the second channel are not the symbols of the first")
    return Channel(first.worlds, second.symbols, first.matrix @ second.matrix)


def parallel(first: Channel, second: Channel) -> Channel:
    """One look at each of two channels, independent of each other once the world is given.

    Raises ValueError where the two do not speak of the same worlds.
    """
    if first.worlds != second.worlds:
        raise ValueError("two channels can be joined only over the same worlds")
    joint = first.matrix[:, :, None] * second.matrix[:, None, :]
    symbols = tuple(f"{a} | {b}" for a in first.symbols for b in second.symbols)
    return Channel(first.worlds, symbols, joint.reshape(len(first.worlds), -1))
