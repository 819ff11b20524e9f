"""Channels: what an observation tells about a secret, as mathematics.

A channel is a matrix ``C[x, y] = p(y | x)``: rows are the worlds that the secret may be in,
columns the symbols that an attacker may see. With a prior ``π`` over the worlds:

========================  ===================================================================
Bayes vulnerability       ``V(π) = max_x π_x`` before and ``V(π▷C) = Σ_y max_x π_x C[x, y]``
                          after: the chance that the attacker's best guess is right
advantage                 ``V(π▷C) - V(π)``
min-entropy leakage       ``log2 V(π▷C) / V(π)``, in bits
min-capacity              ``log2 Σ_y max_x C[x, y]``: no prior leaks more; a uniform one so much.
                          Its argument is the multiplicative Bayes capacity
g-vulnerability           ``V_g(π) = max_w Σ_x π_x g(w, x)``: what the best of the guesses ``w``
                          is worth on average, for a gain ``g`` (see `gains`)
Shannon information       ``I = Σ π_x C[x, y] log2 (C[x, y] / (πC)_y)``, in bits
Shannon capacity          the largest ``I`` over all priors (see `shannon`)
cascade, parallel         one channel after another; two independent looks at one secret
N independent probes      ``C^N[x, (y_1 … y_N)] = Π C[x, y_i]``: exact by counting symbols, else
                          between bounds (see `repeated`)
sequential Bayes          probe until a belief reaches 95 % (see `sequential`)
========================  ===================================================================

Everything is computed from the matrix and holds to rounding; `simkit.measures.sampled` is for
matrices that are only known from a sample.

Sources: Smith 2009, doi:10.1007/978-3-642-00596-1_21; Alvim and others, "The Science of
Quantitative Information Flow", 2020, doi:10.1007/978-3-319-96131-6.
"""

from __future__ import annotations

from simkit.measures.channel.bayes import (
    advantage,
    bayes_capacity,
    min_capacity,
    min_entropy_leakage,
    posterior_vulnerability,
    prior_vulnerability,
)
from simkit.measures.channel.compose import cascade, parallel
from simkit.measures.channel.gains import (
    Gain,
    abstain,
    binary,
    distance,
    g_advantage,
    g_leakage,
    identity,
    posterior_gain,
    prior_gain,
    tries,
)
from simkit.measures.channel.matrix import Channel, Prior, deterministic, reduced, weights
from simkit.measures.channel.repeated import (
    Bracket,
    probes_bracket,
    probes_until,
    repeated,
    vulnerability_after,
)
from simkit.measures.channel.sequential import Stopping, stopping
from simkit.measures.channel.shannon import Capacity, mutual_information, shannon_capacity

__all__ = [
    "Bracket",
    "Capacity",
    "Channel",
    "Gain",
    "Prior",
    "Stopping",
    "abstain",
    "advantage",
    "bayes_capacity",
    "binary",
    "cascade",
    "deterministic",
    "distance",
    "g_advantage",
    "g_leakage",
    "identity",
    "min_capacity",
    "min_entropy_leakage",
    "mutual_information",
    "parallel",
    "posterior_gain",
    "posterior_vulnerability",
    "prior_gain",
    "prior_vulnerability",
    "probes_bracket",
    "probes_until",
    "reduced",
    "repeated",
    "shannon_capacity",
    "stopping",
    "tries",
    "vulnerability_after",
    "weights",
]
