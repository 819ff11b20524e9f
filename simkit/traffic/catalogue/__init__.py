"""What real clients do with each answer: the presets that a cohort names as its ``client``.

Hits are requests that one wish causes; a connection that had served is one over which an answer
has come before. The live tests hold what is marked [M] against the programs themselves.
"""

from __future__ import annotations

from collections.abc import Mapping

from simkit.traffic.catalogue.browsers import BROWSERS
from simkit.traffic.catalogue.client import MARKS, Client, Reactions
from simkit.traffic.catalogue.python import PYTHON
from simkit.traffic.catalogue.robots import ROBOTS
from simkit.traffic.catalogue.runtimes import RUNTIMES
from simkit.traffic.catalogue.tools import TOOLS

__all__ = ["CATALOGUE", "CLIENTS", "MARKS", "Client", "Reactions"]

CATALOGUE: Mapping[str, Client] = {
    client.name: client for client in (*BROWSERS, *TOOLS, *PYTHON, *RUNTIMES, *ROBOTS)
}
"""Every client that is known, by name."""

CLIENTS: Mapping[str, Reactions] = {name: client.reactions for name, client in CATALOGUE.items()}
"""How each reacts."""
