"""The crowd and its world: scenario files, cohorts, what they want and how they react."""

from simkit.traffic.arrivals import Arrivals
from simkit.traffic.catalogue import CATALOGUE, CLIENTS, Client
from simkit.traffic.cohorts import (
    Call,
    Caller,
    Cohort,
    CohortBase,
    Custom,
    Flaw,
    Flood,
    Probe,
    Reach,
    Scanner,
    Slow,
    Visitor,
)
from simkit.traffic.crowd import Member, members
from simkit.traffic.machine import HostSpec, NetworkSpec, UpstreamSpec
from simkit.traffic.reactions import Action, ReactionTable
from simkit.traffic.reading import load_scenario
from simkit.traffic.scenario import LeakageSpec, Scenario
from simkit.traffic.site import PageSpec, SiteSpec
from simkit.traffic.stops import Stop, StopCounter

__all__ = [
    "CATALOGUE",
    "CLIENTS",
    "Action",
    "Arrivals",
    "Call",
    "Caller",
    "Client",
    "Cohort",
    "CohortBase",
    "Custom",
    "Flaw",
    "Flood",
    "HostSpec",
    "LeakageSpec",
    "Member",
    "NetworkSpec",
    "PageSpec",
    "Probe",
    "Reach",
    "ReactionTable",
    "Scanner",
    "Scenario",
    "SiteSpec",
    "Slow",
    "Stop",
    "StopCounter",
    "UpstreamSpec",
    "Visitor",
    "load_scenario",
    "members",
]
