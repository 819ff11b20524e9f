"""Leakage: what an attacker learns from how a policy answers.

A `Secret` is one question as a set of worlds. In each world the attacker sends probes and sees
sights; made canonical (`Eyes`) they are the symbols of a channel (see `simkit.measures.channel`).
The worlds' sights come from the real policy, through the same plans that every run uses: nothing
is scored by hand. Other servers are data (`Product`).

The prior is uniform unless one is given. The channel of a policy without memory is complete:
every probe of a world has the same answer for ever, and the result is *proved*. Where a limit
stands on the way, it is taken to be unspent, so the result holds for a *first probe*, and the
limit is named. A limit whose key is empty for the probe is none. The world ``rate`` of the secret
``rule`` is the other way about: there the limit rejects. Where the policy consults no limit the
attacker sees the ordinary answer, which is no refusal; the result says so. What turns on the
limits' memory, such as how high a limit is, is *sampled* (`attack` of a timed secret).

`measure` is one probe; `attack` follows the belief over several.

nginx pads its error pages for agents with ``Chrome/`` or ``MSIE``: with such a ``browser_agent``
answers differ in size by what the attacker itself has sent. Take one that is not padded.

Worlds and measures follow Smith 2009, doi:10.1007/978-3-642-00596-1_21; that nobody-there and a
closed port look different is TCP (RFC 9293, section 3.5.2).
"""

from __future__ import annotations

from simkit.measures.leakage.attack import Attack, Sampling, Stage, attack
from simkit.measures.leakage.eyes import Eyes, canonical
from simkit.measures.leakage.looks import Always, Seen
from simkit.measures.leakage.measure import Leakage, leakage_of, measure
from simkit.measures.leakage.secrets import (
    AS_IS,
    DISGUISED,
    OTHERS,
    RATES_PER_S,
    Planning,
    Probe,
    Secret,
    Through,
    World,
    attacks_on,
    builtin_secrets,
    path,
    path_by_turns,
    presence,
    product,
    rule,
    threshold,
)
from simkit.measures.leakage.traces import Course, Pattern, rate_course, trace, with_rate
from simkit.strategy.products import Product, load_product, load_products

__all__ = [
    "AS_IS",
    "DISGUISED",
    "OTHERS",
    "RATES_PER_S",
    "Always",
    "Attack",
    "Course",
    "Eyes",
    "Leakage",
    "Pattern",
    "Planning",
    "Probe",
    "Product",
    "Sampling",
    "Secret",
    "Seen",
    "Stage",
    "Through",
    "World",
    "attack",
    "attacks_on",
    "builtin_secrets",
    "canonical",
    "leakage_of",
    "load_product",
    "load_products",
    "measure",
    "path",
    "path_by_turns",
    "presence",
    "product",
    "rate_course",
    "rule",
    "threshold",
    "trace",
    "with_rate",
]
