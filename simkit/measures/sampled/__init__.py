"""Leakage of channels that are only known from a sample: brackets, tests, and how much is needed.

A policy with memory, such as a limit, is attacked again and again in each world, and the symbols
are counted. Putting the counted shares into the formulas of `simkit.measures.channel` (plug-in)
says too much: chance differences between the worlds look like leakage. So every estimate comes as
a bracket whose lower end is the success of a guesser that learnt from one half of the sample and
guessed the other (holdout), and "no leak" is never said of a sample, only that a test found none,
with its power beside it.

Chatzikokolakis, Chothia and Guha 2010, doi:10.1007/978-3-642-12002-2_33; Cherubin,
Chatzikokolakis and Palamidessi 2019, arXiv 1902.01350.
"""

from __future__ import annotations

from simkit.measures.sampled.nearest import nearest_neighbour
from simkit.measures.sampled.needed import first_order_bias, replications_for
from simkit.measures.sampled.permutation import LeakTest, leak_of_size, leak_test, power_of
from simkit.measures.sampled.samples import Sampled, Samples, estimate, holdout, samples_of

__all__ = [
    "LeakTest",
    "Sampled",
    "Samples",
    "estimate",
    "first_order_bias",
    "holdout",
    "leak_of_size",
    "leak_test",
    "nearest_neighbour",
    "power_of",
    "replications_for",
    "samples_of",
]
