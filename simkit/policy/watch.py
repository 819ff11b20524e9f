"""Watching a walk: what looked at a request, in nginx's order, and what came of it.

A `Watched` walk decides as every `Walk` does and keeps a `Note` of each step; the planner's own
walks know nothing of it and pay nothing for it. `follow` takes one request to one ending,
`branches` to every ending that its limits can give it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from simkit.policy.facts import Facts, Reading
from simkit.policy.locations import Found
from simkit.policy.model import (
    Access,
    Break,
    ConnLimit,
    Credentials,
    ErrorPage,
    If,
    Limit,
    Location,
    Op,
    Return,
    Rewrite,
    Server,
    Set,
)
from simkit.policy.parse import parse_error
from simkit.policy.plan import Decision, Handler, LimitUse, Phase, Rule
from simkit.policy.policy import Policy
from simkit.policy.realip import RealIp
from simkit.policy.servers import Chosen
from simkit.policy.site import EverythingExists, Site
from simkit.policy.source import Source
from simkit.policy.values import Residue
from simkit.policy.variables import AskNow
from simkit.policy.walk import PASSED, Pause, Walk
from simkit.policy.wording import (
    called,
    host_words,
    how_found,
    key_words,
    rate_words,
    why_location,
)
from simkit.wire import Address, Shape

_BY_NGINX = "nginx"
_UNAUTHORIZED = 401

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
    """Limits that were consulted together: those of `limit_req` or of `limit_conn`.

    A use is None where the limit was skipped, for its key was empty or too long. ``status`` is
    what a rejection ends with.
    """

    directive: str
    uses: tuple[LimitUse | None, ...]
    status: int
    dry_run: bool

    @property
    def consulted(self) -> tuple[LimitUse, ...]:
        """The limits that were not skipped; outcomes count these."""
        return tuple(use for use in self.uses if use is not None)


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
                return asked.consulted[outcome]
        return None


class Watched(Walk):
    """A walk that keeps notes. It knows the request, so it can show values and keys."""

    def __init__(
        self, policy: Policy, site: Site, facts: Facts, outcomes: Sequence[int] = ()
    ) -> None:
        self._facts = facts
        super().__init__(policy.http, policy.groups, site, AskNow(facts), outcomes)
        self.notes: list[Note] = []
        self.asked: list[Asked] = []

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
        if server.reject_handshake:
            verdict = "refuses the handshake: unrecognized_name"
        else:
            verdict = f"shakes hands as {called(server)}, {how_found(group, (name or '').lower())}"
        self._note(asked, verdict, server.source)
        return super()._negotiate()

    def _parse(self, position: int, *, tls: bool) -> NoReturn:
        self._phase = Phase.PARSE
        error = parse_error(self._facts.reading, self._group, position)
        self._reads_host = error is None or error.has_host
        super()._parse(position, tls=tls)

    def _enter(self, chosen: Chosen, first: Server) -> None:
        super()._enter(chosen, first)
        host, server = self._facts.reading.host, self._server
        how = how_found(self._group, host or "")
        if not self._reads_host:
            began = "the server of the handshake" if chosen.position else "the default server"
            how = f"no Host could be read, so {began}"
        self._note(host_words(self._facts.reading), f"{called(server)}: {how}", server.source)
        for realip in self._variables.view.realips:
            self._note_realip(realip)

    def _note_realip(self, realip: RealIp) -> None:
        facts = self._facts.through(self._variables.view)
        values = ", ".join(facts.headers.all(realip.header))
        found = realip.resolve(facts.peer, facts.headers)
        verdict = f"the client counts as {found}" if found else f"the client stays {facts.peer}"
        text = f'{realip.header}: "{values}"' if values else f"no {realip.header}"
        self.notes.append(Note(Phase.POST_READ, realip.source, text, verdict))

    # -- rewriting and finding the location ------------------------------------------------------

    def _step(self, op: Op) -> bool:
        if isinstance(op, Break):
            self._note("break", "the rest of the block is left out", op.source)
        went_on = super()._step(op)
        if isinstance(op, Set):
            value = self._variables.value_of(op.name).value(self._facts)
            self._note(op.source.text, f'${op.name} is "{value}"', op.source)
        return went_on

    def _holds(self, op: If) -> tuple[bool, tuple[Source, ...]]:
        subject, lines = self._variables.because(op.subject)
        value = subject.value(self._facts)
        holds, more = super()._holds(op)
        names = "".join(f"${name}" for name in op.subject.names) or "it"
        verdict = "holds" if holds else "does not hold"
        because = tuple(dict.fromkeys((*lines, *more)))
        self._note(op.source.text, f'{verdict}: {names} is "{value}"', op.source, because)
        return holds, more

    def _return(self, op: Return) -> NoReturn:
        self._note(op.source.text, "ends the request here", op.source)
        super()._return(op)

    def _rewrite_uri(self, op: Rewrite) -> bool:
        path = self._path
        if not op.pattern.matches(path):
            self._note(op.source.text, f'does not match "{path}"', op.source)
            return super()._rewrite_uri(op)
        at = len(self.notes)
        self._note(op.source.text, f'matches "{path}"', op.source)
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
            self._note(f"location {name}", "goes on there", named.source)
        super()._go_to_named(name)

    def _redirect_inside(self, path: Residue, query: Residue) -> NoReturn:
        text = f'"{path.value(self._facts)}"'
        self._note(text, "goes on there, from the server's own rules on", None)
        super()._redirect_inside(path, query)

    # -- limits and access -------------------------------------------------------------------

    def _consult(self, here: Location) -> None:
        asked = self._ask_limits("limit_req", here.limits, here.limit_status, here.limit_dry_run)
        for limit, verdict in zip(here.limits, self._verdicts(asked), strict=True):
            text = f"{limit.source.text}: {rate_words(limit)}, {self._key_words(limit)}"
            self._note(text, verdict, limit.source)
        super()._consult(here)

    def _occupy(self, here: Location) -> None:
        asked = self._ask_limits(
            "limit_conn", here.conn_limits, here.conn_status, here.conn_dry_run
        )
        for limit, verdict in zip(here.conn_limits, self._verdicts(asked), strict=True):
            most = f"at most {limit.connections} at a time"
            text = f"{limit.source.text}: {most}, {self._key_words(limit)}"
            self._note(text, verdict, limit.source)
        super()._occupy(here)

    def _ask_limits(
        self, directive: str, limits: Sequence[Limit | ConnLimit], status: int, dry_run: bool
    ) -> Asked:
        uses = tuple(
            self._use(one) if isinstance(one, Limit) else self._conn_use(one) for one in limits
        )
        asked = Asked(directive, uses, status, dry_run)
        if asked.consulted:
            self.asked.append(asked)
        return asked

    def _key_words(self, limit: Limit | ConnLimit) -> str:
        key = self._variables.residue(limit.zone.key)
        return f"key {key_words(key, self._facts)}"

    def _verdicts(self, asked: Asked) -> list[str]:
        """What each limit says, given the outcome that this walk supposes."""
        outcome = self._outcomes[0] if self._outcomes else PASSED
        numbers = iter(range(len(asked.uses)))
        return [
            "skipped: its key is empty or too long"
            if use is None
            else _verdict(asked, next(numbers), outcome)
            for use in asked.uses
        ]

    def _access_rule(self, here: Location) -> Access | None:
        rule = super()._access_rule(here)
        client = self._facts.through(self._variables.view).client
        if rule is not None:
            self._note(rule.source.text, f"{'allows' if rule.allow else 'denies'} {client}",
                       rule.source)  # fmt: skip
        elif here.access:
            first, *more = here.access
            text = f"{first.source.text} and {len(more)} more" if more else first.source.text
            fits = "none fits" if more else "does not fit"
            self._note(text, f"{fits} {client}: allowed", first.source)
        return rule

    def _admitted(self, credentials: Credentials) -> bool:
        admitted = super()._admitted(credentials)
        verdict = "lets pass" if admitted else "asks for a user and a password"
        self._note(credentials.source.text, verdict, credentials.source)
        return admitted

    # -- content and ending --------------------------------------------------------------------

    def _is_there(self, path: Residue, *, wants_folder: bool) -> bool:
        is_there = super()._is_there(path, wants_folder=wants_folder)
        verdict = "is there" if is_there else "is not there"
        self._note(f'try_files "{path.value(self._facts)}"', verdict, self._here.try_source)
        return is_there

    def _content(self) -> NoReturn:
        self._phase = Phase.CONTENT
        proxied = self._here.handler is Handler.PROXY
        verdict = "passed on to the upstream" if proxied else "looked for among the files"
        self._note(f'path "{self._path}"', verdict, self._here.source)
        super()._content()

    def _finalize(self, code: int, rule: Rule | None) -> NoReturn:
        if rule is not None and rule.directive == "auth_basic" and code != _UNAUTHORIZED:
            self._note(rule.source.text, f"cannot read its file of users: {code}", rule.source)
        if rule is None:
            self._note("the site", f"has nothing to give: {code}", None)
        elif rule.directive == _BY_NGINX:
            self._note(rule.source.text, f"nginx itself answers {code}", None)
        super()._finalize(code, rule)

    def _error_page(self, page: ErrorPage, code: int) -> NoReturn:
        self._note(page.source.text, f"takes over the {code}", page.source)
        super()._error_page(page, code)


def _verdict(asked: Asked, number: int, outcome: int) -> str:
    if 0 <= outcome < number:
        return "not asked any more"
    if outcome != number:
        return "within the limit"
    if asked.dry_run:
        return "over the limit; a dry run, so only the log says so"
    return f"over the limit: rejects with {asked.status}"


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
    """Every way that limits can send the request: passing all of them, then each rejection."""
    first = follow(policy, shape, address, site=site)
    yield first
    for place, asked in enumerate(first.asked):
        for number in range(len(asked.consulted)):
            outcomes = (*first.outcomes[:place], number)
            yield follow(policy, shape, address, site=site, outcomes=outcomes)
