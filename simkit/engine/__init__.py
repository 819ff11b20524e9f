"""Time: the model of a crowd in front of a server, in SimPy and compiled, and what it records."""

from simkit.engine.behaviours import fulfil
from simkit.engine.client import Attempt, Behaviour, Client, Wish
from simkit.engine.run import REQUESTS, WISHES, CohortName, Run
from simkit.engine.simulate import simulate

__all__ = [
    "REQUESTS",
    "WISHES",
    "Attempt",
    "Behaviour",
    "Client",
    "CohortName",
    "Run",
    "Wish",
    "fulfil",
    "simulate",
]
