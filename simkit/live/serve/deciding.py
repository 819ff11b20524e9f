"""The one place where the server asks the policy: a request in, an answer or a delay out.

Every decision is the `Planner`'s and the `Gate`'s, with the clock of this machine. Plans are not
remembered, for the files behind the policy may change between two requests; keys of limits are, as
long as a zone keeps them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from time import monotonic_ns

from simkit.live.serve.disk import Disk
from simkit.live.serve.walking import Ending, Served, Upstream
from simkit.policy import Bound, Decision, Gate, Page, Plan, Planner, Policy, Step
from simkit.policy.facts import Facts, Reading
from simkit.policy.model import HeaderBuffers, Location
from simkit.policy.plan import Answer, Consult, Node, Occupy
from simkit.policy.walk import DELAYED, PASSED, Pause
from simkit.wire import Address, Shape

__all__ = ["Decider", "Turn", "now_ms"]

_SPARE_KEYS = 10_000


def now_ms() -> int:
    """This machine's monotonic clock in milliseconds, as nginx keeps its own."""
    return monotonic_ns() // 1_000_000


@dataclass(eq=False, slots=True)
class _Planned(Bound):
    """A plan made for one request, with the walk behind each of its answers.

    It begins where its limits have had the ``outcomes`` and upstreams have answered.
    """

    walks: dict[Node, Served] = field(default_factory=dict)
    outcomes: tuple[int, ...] = ()
    upstreams: tuple[Upstream, ...] = ()


class _Planner(Planner):
    """Plans each request anew. Numbers of limit keys that no zone keeps are used again."""

    def __init__(self, policy: Policy, disk: Disk) -> None:
        super().__init__(policy, disk)
        self._disk = disk
        self._free: defaultdict[int, list[int]] = defaultdict(list)  # by zone

    @property
    def key_count(self) -> int:
        """How many keys have a number now."""
        return len(self._entries)

    def plan_anew(
        self,
        shape: Shape,
        address: Address,
        outcomes: tuple[int, ...] = (),
        upstreams: tuple[Upstream, ...] = (),
    ) -> _Planned:
        """The plan of a request whose limits and upstreams, as far as asked, have said this."""
        facts = Facts(Reading(shape), address)
        walks: dict[Node, Served] = {}
        plan = Plan(self._walked(facts, outcomes, upstreams, walks))
        entries: dict[Node, tuple[int, ...]] = {
            n: tuple(self._entry(use, facts) for use in n.uses) for n in plan.limited
        }
        return _Planned(plan, entries, walks, outcomes, upstreams)

    def _walked(
        self,
        facts: Facts,
        outcomes: tuple[int, ...],
        upstreams: tuple[Upstream, ...],
        walks: dict[Node, Served],
    ) -> Node:
        walk = Served(self.policy, self._disk, facts, outcomes, upstreams)
        try:
            answer = Answer(walk.run())
        except Pause as pause:
            nodes = {
                o: self._walked(facts, (*outcomes, o), upstreams, walks) for o in pause.outcomes
            }
            return pause.join(nodes)
        walks[answer] = walk
        return answer

    def _number(self, zone: int, key: bytes) -> int:
        number = self._entries.get((zone, key))
        if number is None:
            free = self._free[zone]
            number = free.pop() if free else self._allocate(zone, len(key))
            self._entries[zone, key] = number
        return number

    def forget(self, gate: Gate, in_use: set[int]) -> None:
        """Let go of the keys that no zone keeps and no request is waiting with."""
        gone = [key for key, n in self._entries.items() if not gate.has(n) and n not in in_use]
        for key in gone:
            self._free[key[0]].append(self._entries.pop(key))


@dataclass(eq=False, slots=True)
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
        """What the answer is made of; None before there is one, or where no server was met."""
        assert isinstance(self.step.bound, _Planned)
        walk = self.step.bound.walks.get(self.step.node)
        return None if walk is None else walk.ending()

    @property
    def location(self) -> Location | None:
        """What was in force at the end."""
        ending = self.ending
        return None if ending is None else ending.location


class Decider:
    """A policy in front of a disk, with the state of its limits.

    ``spare_keys`` is how many keys of limits may be kept beyond twice those that zones hold.
    """

    def __init__(self, policy: Policy, disk: Disk, *, spare_keys: int = _SPARE_KEYS) -> None:
        self.policy = _roomy(policy)
        self.disk = disk
        self._planner = _Planner(self.policy, disk)
        self._gate = Gate(self._planner)
        self._turns: set[Turn] = set()
        self._spare = self._room = spare_keys

    @property
    def key_count(self) -> int:
        """How many keys of limits are kept."""
        return self._planner.key_count

    def begin(self, shape: Shape, address: Address) -> Turn:
        """Ask about a request; ``turn.step.wait_ms`` says whether it has to wait."""
        if self._planner.key_count > self._room:
            self._tidy()
        step = self._gate.admit(self._planner.plan_anew(shape, address), now_ms())
        turn = Turn(shape, address, step)
        self._turns.add(turn)
        return turn

    def _tidy(self) -> None:
        in_use = {
            number
            for turn in self._turns
            for step in (*turn.earlier, turn.step)
            for numbers in step.bound.entries.values()
            for number in numbers
        }
        self._planner.forget(self._gate, in_use)
        self._room = 2 * self._planner.key_count + self._spare

    def resume(self, turn: Turn) -> None:
        """Go on after the delay."""
        turn.step = self._gate.resume(turn.step, now_ms())

    def release(self, turn: Turn) -> None:
        """The request is over."""
        for step in (*turn.earlier, turn.step):
            self._gate.release(step)
        self._turns.discard(turn)

    def accepts(self, shape: Shape, address: Address) -> bool:
        """Whether the policy shakes hands with a client that asks for this name."""
        leaves = self._planner.plan_anew(shape, address).plan.leaves()
        return not (len(leaves) == 1 and leaves[0].status == 0)

    def cut_off(self, shape: Shape, address: Address) -> Ending | None:
        """Where a request stands that never came to its end."""
        return Served(self.policy, self.disk, Facts(Reading(shape), address), (), ()).arrive()

    def instead(self, turn: Turn, shape: Shape) -> None:
        """Decide anew: the body showed that the request is another than its header said."""
        turn.shape = shape
        self._go_on(turn, self._planner.plan_anew(shape, turn.address))

    def answered(self, turn: Turn, page: Page, *, failed: bool = False) -> None:
        """Decide anew about a request whose upstream has answered, or failed to."""
        bound = turn.step.bound
        assert isinstance(bound, _Planned)
        way = _way(bound.plan.root, turn.step.node)
        assert way is not None
        outcomes, upstreams = (*bound.outcomes, *way), (*bound.upstreams, Upstream(page, failed))
        self._go_on(turn, self._planner.plan_anew(turn.shape, turn.address, outcomes, upstreams))

    def _go_on(self, turn: Turn, bound: _Planned) -> None:
        turn.earlier = (*turn.earlier, turn.step)
        turn.step = self._gate.admit(bound, now_ms())


def _roomy(policy: Policy) -> Policy:
    """The policy without bounds on lines: the reader has laid them into their buffers exactly."""
    room = HeaderBuffers(1 << 62, 1, 1 << 62)
    servers = tuple(replace(server, buffers=room) for server in policy.http.servers)
    return replace(policy, http=replace(policy.http, servers=servers))


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
