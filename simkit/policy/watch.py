"""Watching a walk: what looked at a request, in nginx's order, and what came of it.

A `Watched` walk decides as every `Walk` does and keeps a `Note` of each step; the planner's own
walks know nothing of it and pay nothing for it. `follow` takes one request to one ending,
`branches` to every ending that its limits can give it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from simkit.policy import reply
from simkit.policy.facts import Facts, Reading
from simkit.policy.locations import Found
from simkit.policy.model import (
    Break,
    ConnLimit,
    ErrorPage,
    If,
    Limit,
    Location,
    Op,
    Return,
    Rewrite,
    Set,
)
from simkit.policy.plan import Decision, Handler, LimitUse, Phase, Rule, Source
from simkit.policy.policy import Policy
from simkit.policy.realip import RealIp
from simkit.policy.servers import Chosen
from simkit.policy.site import EverythingExists, Site
from simkit.policy.values import Residue
from simkit.policy.walk import PASSED, Pause, Walk
from simkit.policy.wording import called, host_words, how_found, key_words, rate_words, why_location
from simkit.wire import Address, Shape

T = TypeVar("T", bound=Hashable)

_BY_NGINX = "nginx"

__all__ = ["Asked", "Note", "Trail", "Watched", "branches", "follow"]


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that looked at the request.

    ``source`` is where it stands (None: no line of the configuration stands for it), ``text`` what
    it looked at, ``verdict`` what came of it, ``because`` the entries of `map` and `geo` that gave
    the values. ``text`` and ``verdict`` can hold what a client sent: show them escaped.
    """

    phase: Phase
    source: Source | None
    text: str
    verdict: str
    because: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """Limits that were consulted together: `limit_req` or `limit_conn`, and the keys of each.

    An empty key means that the limit was skipped. ``status`` is what a rejection ends with.
    """

    directive: str
    uses: tuple[LimitUse, ...]
    keys: tuple[str, ...]
    status: int
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Trail:
    """A request's way to one ending; ``outcomes[i]`` is what the limits of ``asked[i]`` said."""

    notes: tuple[Note, ...]
    decision: Decision
    asked: tuple[Asked, ...]
    outcomes: tuple[int, ...]

    @property
    def rejected_by(self) -> LimitUse | None:
        """The limit that rejected the request on this way, dry runs included."""
        for asked, outcome in zip(self.asked, self.outcomes, strict=True):
            if outcome >= 0:
                return asked.uses[outcome]
        return None


def _limit_verdict(asked: Asked, position: int, outcome: int) -> str:
    """What the limit at a position says, given which outcome all of them have."""
    if 0 <= outcome < position:
        return "not asked any more"
    if outcome == position and asked.dry_run:
        return "over the limit; a dry run, so nothing but the log says so"
    if outcome == position:
        return f"over the limit: rejects with {asked.status}"
    return "within the limit" if outcome <= PASSED else "within this one"


class Watched(Walk):
    """A walk that keeps notes. It knows the request, so it can show values and keys."""

    def __init__(
        self, policy: Policy, site: Site, facts: Facts, outcomes: Sequence[int] = ()
    ) -> None:
        self._facts = facts
        super().__init__(policy.http, policy.groups, site, self._tell, outcomes)
        self.notes: list[Note] = []
        self.asked: list[Asked] = []

    def _tell(
        self,
        key: Hashable,  # noqa: ARG002 (a planner's question; here it is answered at once)
        question: Callable[[Facts], T],
        by_address: bool = False,  # noqa: ARG002
    ) -> T:
        return question(self._facts)

    def _note(
        self, text: str, verdict: str, source: Source | None, because: Sequence[Source] = ()
    ) -> None:
        self.notes.append(Note(self._phase, source, text, verdict, tuple(because)))

    # -- before any phase ---------------------------------------------------------------------

    def _handshake(self) -> NoReturn:
        shape, peer = self._facts.shape, self._facts.peer
        where = f"connection to port {shape.port} over IPv{peer.version} from {peer}"
        group = self._groups.get((shape.port, peer.version == 6))
        if group is None:
            self._note(where, "refused: nobody listens there", None)
        else:
            self._note(where, "accepted", group.listen.source)
        super()._handshake()

    def _negotiate(self) -> int:
        name, group = self._facts.shape.sni, self._group
        asked = f'TLS for the name "{name}"' if name else "TLS without a name (no SNI)"
        server = group.servers[group.find_indicated(name).position]
        verdict = "refused: unrecognized_name" if server.reject_handshake else "shakes hands as"
        how = (
            "" if server.reject_handshake else f" {called(server)}, {how_found(group, name or '')}"
        )
        self._note(asked, verdict + how, server.source)
        return super()._negotiate()

    def _enter(self, chosen: Chosen, *, merge_slashes: bool) -> None:
        super()._enter(chosen, merge_slashes=merge_slashes)
        host, group, server = self._facts.reading.host, self._group, self._server
        reads = group.find(host).position == group.servers.index(server)
        how = how_found(group, host or "") if reads else "the default server: no Host could be read"
        self._note(host_words(self._facts.reading), f"{called(server)}: {how}", server.source)
        for realip in server.view.realips:
            self._note_realip(realip)

    def _note_realip(self, realip: RealIp) -> None:
        facts, peer = self._facts.through(self._variables.view), self._facts.peer
        found = realip.resolve(peer, facts.headers)
        values = facts.headers.all(realip.header)
        said = f'{realip.header}: "{", ".join(values)}"' if values else f"no {realip.header}"
        verdict = f"it stays {peer}" if found is None else f"the client counts as {found}"
        self.notes.append(Note(Phase.POST_READ, realip.source, said, verdict))

    # -- rewriting and finding the location ------------------------------------------------------

    def _step(self, op: Op) -> bool:
        if isinstance(op, Break):
            self._note("break", "the rest of the block is left out", op.source)
        went_on = super()._step(op)
        if isinstance(op, Set):
            self._note(op.source.text, f'${op.name} is "{self._shown(op.name)}"',
                       op.source)  # fmt: skip
        return went_on

    def _shown(self, name: str) -> str:
        return self._variables.known(self._variables.value_of(name))

    def _holds(self, op: If) -> tuple[bool, tuple[Source, ...]]:
        subject, lines = self._variables.because(op.subject)
        value = self._variables.known(subject)
        holds, more = super()._holds(op)
        names = "".join(f"${name}" for name in op.subject.names) or "it"
        because = tuple(dict.fromkeys((*lines, *more)))
        verdict = "holds" if holds else "does not hold"
        self._note(op.source.text, f'{verdict}: {names} is "{value}"', op.source, because)
        return holds, more

    def _return(self, op: Return) -> NoReturn:
        self._note(op.source.text, "ends the request here", op.source)
        super()._return(op)

    def _rewrite_uri(self, op: Rewrite) -> bool:
        path = self._path
        if op.pattern.match(path) is None:
            self._note(op.source.text, f'does not match "{path}"', op.source)
            return super()._rewrite_uri(op)
        at = len(self.notes)
        self._note(op.source.text, f'matches "{path}" and redirects', op.source)
        went_on = super()._rewrite_uri(op)
        self.notes[at:] = []
        self._note(op.source.text, f'"{path}" becomes "{self._path}"', op.source)
        return went_on

    def _found(self) -> Found:
        found, server = super()._found(), self._server
        source = found.location.source if found.location else server.source
        self._note(f'path "{self._path}"', why_location(found, server), source)
        return found

    def _go_to_named(self, name: str) -> NoReturn:
        named = self._server.locations.named.get(name)
        if named is not None and self._has_uri:
            self._note(f"location {name}", "goes there", named.source)
        super()._go_to_named(name)

    def _redirect_inside(self, path: Residue, query: Residue) -> NoReturn:
        self._note(
            f'"{self._variables.known(path)}"',
            "goes there inside, through the server's rules again",
            None,
        )
        super()._redirect_inside(path, query)

    # -- limits and access -------------------------------------------------------------------

    def _consult(self, here: Location) -> None:
        asked = self._ask_limits("limit_req", here.limits, here.limit_status, here.limit_dry_run)
        verdicts = self._verdicts(asked, here.limits)
        for limit in here.limits:
            key, verdict = verdicts[limit.source]
            self._note(f"{limit.source.text}: {rate_words(limit)}, key {key_words(limit, key)}",
                       verdict, limit.source)  # fmt: skip
        super()._consult(here)

    def _occupy(self, here: Location) -> None:
        asked = self._ask_limits("limit_conn", here.conn_limits, here.conn_status,
                                 here.conn_dry_run)  # fmt: skip
        verdicts = self._verdicts(asked, here.conn_limits)
        for limit in here.conn_limits:
            key, verdict = verdicts[limit.source]
            self._note(f"{limit.source.text}: at most {limit.connections} at once, "
                       f"key {key_words(limit, key)}", verdict, limit.source)  # fmt: skip
        super()._occupy(here)

    def _ask_limits(
        self, directive: str, limits: Sequence[Limit | ConnLimit], status: int, dry_run: bool
    ) -> Asked:
        """What is asked: not the limits whose key is empty or too long."""
        made = (self._use(one) if isinstance(one, Limit) else self._conn_use(one) for one in limits)
        uses = tuple(use for use in made if use is not None)
        keys = tuple(use.key.value(self._facts) for use in uses)
        asked = Asked(directive, uses, keys, status, dry_run)
        if uses:
            self.asked.append(asked)
        return asked

    def _verdicts(
        self, asked: Asked, limits: Sequence[Limit | ConnLimit]
    ) -> dict[Source, tuple[str, str]]:
        """The key of each limit and what it says, given the outcome that this walk supposes."""
        outcome = self._outcomes[0] if self._outcomes else PASSED
        found = {limit.source: ("", "skipped: its key is empty") for limit in limits}
        for position, (use, key) in enumerate(zip(asked.uses, asked.keys, strict=True)):
            found[use.source] = key, _limit_verdict(asked, position, outcome)
        return found

    def _access(self) -> NoReturn:
        here = self._here
        if here.access:
            client = self._facts.through(self._variables.view).client
            rule = reply.access(here.access, client)
            self._phase = Phase.ACCESS
            if rule is None:
                text = f"{len(here.access)} rules of access, for {client}"
                self._note(text, "none fits: allowed", here.access[0].source)
            else:
                verdict = "allows" if rule.allow else "denies with 403"
                self._note(rule.source.text, f"{verdict} {client}", rule.source)
        super()._access()

    # -- content and ending --------------------------------------------------------------------

    def _is_there(self, path: Residue) -> bool:
        found = super()._is_there(path)
        verdict = "is there" if found else "is not there"
        self._note(f'try_files "{self._variables.known(path)}"', verdict, self._here.try_source)
        return found

    def _content(self) -> NoReturn:
        self._phase = Phase.CONTENT
        proxied = self._here.handler is Handler.PROXY
        self._note(f'path "{self._path}"', "passed on to the upstream" if proxied
                   else "looked for among the files", self._here.source)  # fmt: skip
        super()._content()

    def _finalize(self, code: int, rule: Rule | None) -> NoReturn:
        if rule is None:
            self._note("the site", f"has nothing to give: {code}", None)
        elif rule.directive == _BY_NGINX:
            self._note(rule.source.text, f"nginx itself answers {code}", None)
        super()._finalize(code, rule)

    def _error_page(self, page: ErrorPage, code: int) -> NoReturn:
        self._note(page.source.text, "takes over", page.source)
        super()._error_page(page, code)


def follow(
    policy: Policy,
    shape: Shape,
    address: Address,
    *,
    site: Site | None = None,
    outcomes: Sequence[int] = (),
) -> Trail:
    """One request's way; limits whose outcome is not given let it pass at once."""
    facts = Facts(Reading(shape), address)
    given = list(outcomes)
    while True:
        walk = Watched(policy, EverythingExists() if site is None else site, facts, given)
        try:
            decision = walk.run()
        except Pause:
            given.append(PASSED)
            continue
        return Trail(tuple(walk.notes), decision, tuple(walk.asked), tuple(given))


def branches(
    policy: Policy, shape: Shape, address: Address, *, site: Site | None = None
) -> Iterator[Trail]:
    """Every way that limits can send the request: passing all of them first, then each rejection.

    A limit whose key is empty rejects nobody.
    """
    first = follow(policy, shape, address, site=site)
    yield first
    for place, asked in enumerate(first.asked):
        for number, key in enumerate(asked.keys):
            if key:
                outcomes = (*first.outcomes[:place], number)
                yield follow(policy, shape, address, site=site, outcomes=outcomes)
