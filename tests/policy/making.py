"""Small configurations, and what comes of a request to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from simkit.policy import Decision, Gate, Planner, Policy, Site, load_policy
from simkit.wire import Shape, SightKind, address

Load = Callable[[str], Policy]

HERE = address("192.0.2.1")


def load_http(folder: Path, text: str, *, allow_unsupported: bool = False) -> Policy:
    path = folder / "made.conf"
    path.write_text(f"events {{}}\nhttp {{\n{text}\n}}\n", encoding="utf-8")
    return load_policy(path, allow_unsupported=allow_unsupported)


def ask(
    target: str = "/", *, host: str = "site.example", headers: dict[str, str] | None = None
) -> Shape:
    given = {"Host": host, **(headers or {})}
    return Shape(target=target, headers=tuple(given.items()))


def decide(
    policy: Policy, shape: Shape | str = "/", who: str = "192.0.2.1", site: Site | None = None
) -> Decision:
    """The decision about a single request that meets empty limits."""
    planner = Planner(policy, site)
    wanted = ask(shape) if isinstance(shape, str) else shape
    step = Gate(planner).admit(planner.bind(wanted, address(who)), 1000)
    assert step.decision is not None
    return step.decision


def status(policy: Policy, shape: Shape | str = "/", who: str = "192.0.2.1") -> int:
    return decide(policy, shape, who).status


def told(policy: Policy, shape: Shape | str = "/") -> tuple[SightKind, int]:
    sight = decide(policy, shape).sight
    return sight.kind, sight.status
