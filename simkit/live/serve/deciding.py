"""The one place where the server asks the policy: a request in, an answer or a delay out.

Every decision is the `Planner`'s and the `Gate`'s, with the clock of this machine. Plans are not
remembered, for the files behind the policy may change between two requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic_ns

from simkit.live.serve.disk import Disk
from simkit.policy import Decision, Gate, Page, Planner, Policy, Step
from simkit.policy.model import Location
from simkit.policy.plan import Answer, Consult, Ending, Node, Occupy
from simkit.policy.walk import DELAYED, PASSED
from simkit.wire import Address, Shape

__all__ = ["Decider", "Turn", "now_ms"]


def now_ms() -> int:
    """This machine's monotonic clock in milliseconds, as nginx keeps its own."""
    return monotonic_ns() // 1_000_000


class _Answered(Disk):
    """The disk, and one answer of what stands behind the proxy."""

    def __init__(self, disk: Disk, page: Page) -> None:
        super().__init__(disk.prefix)
        self._page = page

    def find(self, path: str) -> Page:  # noqa: ARG002
        return self._page


@dataclass(slots=True)
class Turn:
    """One request on its way through the policy; let go of it with `Decider.release`."""

    shape: Shape
    address: Address
    step: Step
    earlier: tuple[Step, ...] = ()

    @property
    def decision(self) -> Decision:
        """What was decided, once no delay is left."""
        assert self.step.decision is not None
        return self.step.decision

    @property
    def ending(self) -> Ending | None:
        """What the answer is made of."""
        node = self.step.node
        return node.ending if isinstance(node, Answer) else None

    @property
    def location(self) -> Location | None:
        """What was in force at the end."""
        return None if self.ending is None else self.ending.location


class Decider:
    """A policy in front of a disk, with the state of its limits."""

    def __init__(self, policy: Policy, disk: Disk) -> None:
        self.policy = policy
        self.disk = disk
        self._planner = Planner(policy, disk, remembers=False)
        self._gate = Gate(self._planner)

    @property
    def warnings(self) -> list[str]:
        """What the planner found that makes it inexact."""
        return self._planner.warnings

    def begin(self, shape: Shape, address: Address) -> Turn:
        """Ask about a request; ``turn.step.wait_ms`` says whether it has to wait."""
        step = self._gate.admit(self._planner.bind(shape, address), now_ms())
        return Turn(shape, address, step)

    def resume(self, turn: Turn) -> None:
        """Go on after the delay."""
        turn.step = self._gate.resume(turn.step, now_ms())

    def release(self, turn: Turn) -> None:
        """The request is over."""
        for step in (*turn.earlier, turn.step):
            self._gate.release(step)

    def handshake(self, shape: Shape, address: Address) -> bool:
        """Whether the policy shakes hands with a client that asks for this name."""
        leaves = self._planner.plan(shape, address).leaves()
        return not (len(leaves) == 1 and leaves[0].status == 0)

    def instead(self, turn: Turn, shape: Shape) -> None:
        """Decide anew: the body showed that the request is another than its header said."""
        bound = self._planner.bind(shape, turn.address)
        turn.shape, turn.earlier = shape, (*turn.earlier, turn.step)
        turn.step = self._gate.admit(bound, now_ms())

    def answered(self, turn: Turn, page: Page) -> None:
        """Decide anew about a request whose upstream has answered, or failed to."""
        outcomes = _way(turn.step.bound.plan.root, turn.step.node)
        assert outcomes is not None
        site = _Answered(self.disk, page)
        bound = self._planner.bind_after(turn.shape, turn.address, outcomes, site)
        turn.earlier = (*turn.earlier, turn.step)
        turn.step = self._gate.admit(bound, now_ms())


def _way(node: Node, end: Node) -> tuple[int, ...] | None:
    """The outcomes of limits that lead from a node of a plan to another."""
    if node is end:
        return ()
    for outcome, child in _branches(node):
        rest = _way(child, end)
        if rest is not None:
            return (outcome, *rest)
    return None


def _branches(node: Node) -> list[tuple[int, Node]]:
    if isinstance(node, Consult):
        return [(PASSED, node.passed), (DELAYED, node.delayed), *enumerate(node.rejected)]
    if isinstance(node, Occupy):
        return [(PASSED, node.passed), *enumerate(node.rejected)]
    return []
