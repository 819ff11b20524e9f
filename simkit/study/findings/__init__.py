"""Things that surprise people, called out by name with the lines responsible and what to do.

Each finding is a small function of a policy. None is graded: whether it matters is for the reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from simkit.policy.policy import Policy
from simkit.study.findings.case import Case, Finding
from simkit.study.findings.identity import (
    agentless_clients_are_refused,
    certificate_is_shown,
    key_chosen_by_clients,
    limits_behind_a_proxy,
    real_ip_from_anyone,
)
from simkit.study.findings.limits import (
    burst_below_a_page,
    default_status_503,
    no_retry_after,
    one_ipv6_address_is_one_key,
    rate_per_minute,
)
from simkit.study.findings.order import return_before_access, return_before_limit
from simkit.study.findings.silence import (
    deny_is_not_silent,
    named_location_for_parse_errors,
    parse_errors_get_a_page,
    silence_is_retried,
)

ALL: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    return_before_access,
    return_before_limit,
    deny_is_not_silent,
    parse_errors_get_a_page,
    named_location_for_parse_errors,
    certificate_is_shown,
    silence_is_retried,
    burst_below_a_page,
    rate_per_minute,
    default_status_503,
    no_retry_after,
    limits_behind_a_proxy,
    real_ip_from_anyone,
    key_chosen_by_clients,
    one_ipv6_address_is_one_key,
    agentless_clients_are_refused,
)
"""What is looked for, in the order in which it is told."""

__all__ = ["ALL", "Finding", "findings"]


def findings(policy: Policy) -> tuple[Finding, ...]:
    """Everything about a policy that surprises people."""
    case = Case(policy)
    return tuple(found for look in ALL for found in look(case))
