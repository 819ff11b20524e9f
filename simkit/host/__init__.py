"""The machine under a policy: connections, slots, workers, their costs, and the upstream."""

from simkit.host.clock import Clock
from simkit.host.costs import Cause, Costs, CostTable, load_costs
from simkit.host.doorkeeper import Doorkeeper
from simkit.host.order import Agenda, Kind, base, place, priority
from simkit.host.remote import Remote
from simkit.host.server import Server, worker_count
from simkit.host.upstream import Upstream
from simkit.host.wire import NEVER, Connection, Exchange, Hold, Line
from simkit.host.worker import Worker

__all__ = [
    "NEVER",
    "Agenda",
    "Cause",
    "Clock",
    "Connection",
    "CostTable",
    "Costs",
    "Doorkeeper",
    "Exchange",
    "Hold",
    "Kind",
    "Line",
    "Remote",
    "Server",
    "Upstream",
    "Worker",
    "base",
    "load_costs",
    "place",
    "priority",
    "worker_count",
]
