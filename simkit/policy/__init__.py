"""A policy is an nginx configuration: reading it, and deciding as nginx decides.

`load_policy` reads a file; a `Planner` finds the plan of a request without a clock; a `Gate` holds
the limits of one run and takes plans to decisions.
"""

from simkit.policy.gate import Gate, Step
from simkit.policy.model import ConnectionSettings
from simkit.policy.plan import Decision, Handler, Phase, Plan, Rule
from simkit.policy.planner import Bound, Planner
from simkit.policy.policy import Policy, load_policy
from simkit.policy.site import EverythingExists, Page, Site
from simkit.policy.source import Source

__all__ = [
    "Bound",
    "ConnectionSettings",
    "Decision",
    "EverythingExists",
    "Gate",
    "Handler",
    "Page",
    "Phase",
    "Plan",
    "Planner",
    "Policy",
    "Rule",
    "Site",
    "Source",
    "Step",
    "load_policy",
]
