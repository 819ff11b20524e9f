"""One request's way through nginx's phases.

A `Walk` follows a request once, for given outcomes of the limits. It never looks at the request
itself: it asks questions whose answers are classes such as "entry 3 of this map" or "the second
server". Requests that answer alike therefore share a plan. Where a limit has to be consulted whose
outcome is not given, the walk stops with `Pause`, and the planner walks again for each outcome.

The order is nginx's (src/http/ngx_http_core_module.c): handshake, parse, post-read, server-rewrite,
find-config, rewrite, preaccess, access, precontent, content. An `error_page` leads back into it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from simkit.policy import reply
from simkit.policy.content import Content
from simkit.policy.extents import EVERYWHERE, HERE, Edges, of_client
from simkit.policy.facts import is_ipv4
from simkit.policy.locations import Found, find_location
from simkit.policy.model import Access, ConnLimit, Credentials, Http, Limit, Location, Server, Zone
from simkit.policy.parse import ParseError, length_said, parse_error
from simkit.policy.passage import Branches, Done, Groups, Pause
from simkit.policy.plan import Consult, Decision, LimitUse, Node, Occupy, Phase, Rule
from simkit.policy.servers import Chosen
from simkit.policy.site import Site
from simkit.policy.source import Source
from simkit.policy.uri import escaped_path
from simkit.policy.users import verdict
from simkit.policy.values import Raw, Residue
from simkit.policy.variables import Ask

PASSED, DELAYED = -1, -2
"""Outcomes of consulting limits; a number from 0 is the limit that rejects."""

_NEVER_DELAYED = 1 << 60
_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_LARGE = 200, 401, 403, 404, 413
_LONGEST_KEY = {False: 65_535, True: 255}
"""Bytes of a key, by whether the limit counts connections; a longer one is passed over."""

__all__ = ["DELAYED", "PASSED", "Pause", "Walk"]


class Walk(Content):
    """A request on its way; ``outcomes`` are those of the limits that are already known."""

    def __init__(
        self, http: Http, groups: Groups, site: Site, ask: Ask, outcomes: Sequence[int]
    ) -> None:
        super().__init__(http, groups, site, ask)
        self._outcomes = list(outcomes)
        self._consulted = False
        self._occupied = False
        self._body_discarded = False

    def run(self) -> Decision:
        """The decision. Raises Pause where the outcome of a limit is needed."""
        try:
            self._handshake()
        except Done as done:
            return done.decision

    # -- before any phase ---------------------------------------------------------------------

    def _handshake(self) -> NoReturn:
        port, tls, ipv4 = self._ask(
            "connection", lambda f: (f.shape.port, f.shape.tls, is_ipv4(f.peer)), EVERYWHERE
        )
        group = self._groups.get((port, not ipv4))
        if group is None:
            raise Done(reply.refused_connection())
        self._group = group
        self._manner = self._ask(("manner", group), lambda f: reply.manner(f, group.listen))
        self._note_status()
        position = self._negotiate() if tls and group.listen.tls else 0
        self._parse(position, tls=tls)

    def _negotiate(self) -> int:
        group = self._group
        indicated = self._ask(("sni", group), lambda f: group.find_indicated(f.shape.sni))
        server = group.servers[indicated.position]
        if server.reject_handshake:
            source = Source(server.source.file, server.source.line, "ssl_reject_handshake on")
            raise Done(
                reply.rejected_handshake(Rule(source, "ssl_reject_handshake", Phase.HANDSHAKE))
            )
        return indicated.position

    def _parse(self, position: int, *, tls: bool) -> NoReturn:
        self._phase = Phase.PARSE
        group = self._group
        error = self._ask(
            ("parse", group, position), lambda f: parse_error(f.reading, group, position)
        )
        if error is None and tls and not group.listen.tls:
            error = ParseError(400, "client sent TLS bytes to a plain port", False, False)
        chosen = Chosen(position)
        if error is None or error.has_host:
            chosen = self._ask(("server", group), lambda f: group.find(f.reading.host))
        self._enter(chosen, group.servers[position])
        if error is None and group.listen.tls and not tls:
            error = ParseError(497, "client sent plain HTTP to a TLS port", True, True)
        self._here = self._server.base
        if error is not None:
            self._refuse_malformed(error)
        self._server_rewrite()

    def _enter(self, chosen: Chosen, first: Server) -> None:
        """The request, whose reading began at another server, has found its own."""
        self._server = self._group.servers[chosen.position]
        self._variables.enter(self._server.view.begun_at(first.view))
        if chosen.pattern is not None:
            self._variables.capture(chosen.pattern, Residue((Raw("host", self._variables.view),)))

    def _refuse_malformed(self, error: ParseError) -> NoReturn:
        self._has_uri, self._unread, self._keep_alive = error.has_uri, error.unread, False
        self._finalize(error.code, self._own_rule(error.what))

    # -- rewriting and finding the location ------------------------------------------------------

    def _server_rewrite(self) -> NoReturn:
        self._phase = Phase.SERVER_REWRITE
        self._program(self._server.script)
        self._find_config()

    def _find_config(self) -> NoReturn:
        self._phase = Phase.FIND_CONFIG
        self._uri_changed = False
        found, server = self._found(), self._server
        location = found.location or server.base
        for pattern in found.matched:
            self._variables.capture(pattern, self._variables.path)
        if location.internal and not self._internal:
            self._here = location
            self._finalize(_NOT_FOUND, self._own_rule("an internal location is asked from outside"))
        self._enter_location(location)
        self._check_body()
        if found.redirect:
            url = escaped_path(location.path)
            query = self._variables.known(self._variables.query)
            url += f"?{query}" if query else ""
            self._redirect(301, url, self._own_rule("the final slash is missing"))
        self._rewrite_phase()

    def _found(self) -> Found:
        path, locations = self._variables.path, self._server.locations
        return self._variables.ask_of(
            ("location", self._server),
            lambda f: find_location(locations, path.value(f), Found(None)),
            path,
        )

    def _check_body(self) -> None:
        most = self._here.max_body_bytes
        if self._body_discarded or not most:
            return
        if self._ask(("body", most), lambda f: (length_said(f.reading.content_length) or 0) > most):
            self._body_discarded = True
            self._finalize(_TOO_LARGE, self._own_rule("client intended to send too large body"))

    def _rewrite_phase(self) -> NoReturn:
        self._phase = Phase.REWRITE
        if self._here is not self._server.base:
            self._program(self._here.script)
        if self._uri_changed:
            self._change_uri()
            self._here = self._server.base
            self._find_config()
        self._preaccess()

    # -- limits and access -------------------------------------------------------------------

    def _preaccess(self) -> NoReturn:
        self._phase = Phase.PREACCESS
        here = self._here
        self._variables.view = self._variables.view.behind(here.realip)
        if here.limits and not self._consulted:
            self._consult(here)
        if here.conn_limits and not self._occupied:
            self._occupy(here)
        self._access()

    def _consult(self, here: Location) -> None:
        uses = tuple(filter(None, map(self._use, here.limits)))
        if not uses:
            return
        self._consulted = True
        delays = any(use.delay < _NEVER_DELAYED for use in uses)
        dry = here.limit_dry_run

        def join(nodes: Branches) -> Consult:
            rejected = tuple(nodes[i] for i in range(len(uses)))
            return Consult(uses, dry, nodes[PASSED], nodes.get(DELAYED, nodes[PASSED]), rejected)

        outcomes = [PASSED, *([DELAYED] if delays else []), *range(len(uses))]
        outcome = self._outcome(outcomes, join)
        self._variables.note("limit_req_status", _limit_word(outcome, dry=dry))
        if outcome >= 0 and not dry:
            rule = Rule(uses[outcome].source, "limit_req", self._phase)
            self._finalize(here.limit_status, rule)

    def _use(self, limit: Limit) -> LimitUse | None:
        key = self._key(limit.zone)
        if key is None:
            return None
        return LimitUse(limit.zone.index, key, limit.burst, limit.delay, limit.source)

    def _key(self, zone: Zone) -> Residue | None:
        """The key of a limit, or None where it is empty or too long: then the limit is skipped."""
        key, most = self._variables.residue(zone.key), _LONGEST_KEY[zone.counts_connections]
        if all(_is_always_there(part) for part in key.parts) and key.parts:
            return key
        taken = self._variables.ask_of(("key", most), lambda f: 0 < key.byte_count(f) <= most, key)
        return key if taken else None

    def _occupy(self, here: Location) -> None:
        uses = tuple(filter(None, map(self._conn_use, here.conn_limits)))
        if not uses:
            return
        self._occupied = True
        dry = here.conn_dry_run

        def join(nodes: Branches) -> Occupy:
            return Occupy(uses, dry, nodes[PASSED], tuple(nodes[i] for i in range(len(uses))))

        outcome = self._outcome([PASSED, *range(len(uses))], join)
        self._variables.note("limit_conn_status", _limit_word(outcome, dry=dry))
        if outcome >= 0 and not dry:
            rule = Rule(uses[outcome].source, "limit_conn", self._phase)
            self._finalize(here.conn_status, rule)

    def _conn_use(self, limit: ConnLimit) -> LimitUse | None:
        key = self._key(limit.zone)
        if key is None:
            return None
        return LimitUse(limit.zone.index, key, limit.connections, 0, limit.source)

    def _outcome(self, outcomes: Sequence[int], join: Callable[[Branches], Node]) -> int:
        if not self._outcomes:
            raise Pause(outcomes, join)
        return self._outcomes.pop(0)

    def _access(self) -> NoReturn:
        self._phase = Phase.ACCESS
        here = self._here
        rule = self._access_rule(here)
        if rule is not None and rule.allow and here.satisfy_any:
            self._precontent()
        second_chance = here.satisfy_any and here.credentials is not None
        if rule is not None and not rule.allow and not second_chance:
            self._finalize(_FORBIDDEN, self._rule_at(rule.source, "deny"))
        if here.credentials is not None and not self._admitted(here.credentials):
            self._challenge(here.credentials)
        self._precontent()

    def _access_rule(self, here: Location) -> Access | None:
        """The `allow` or `deny` that fits the client, or None."""
        view = self._variables.view
        if not here.access:
            return None
        return self._ask(
            ("access", here.access[0].source, view),
            lambda f: reply.access(here.access, f.through(view).client),
            of_client(view, Edges(a.network for a in here.access if a.network is not None)),
        )

    def _admitted(self, credentials: Credentials) -> bool:
        """Whether the client gives the right credentials; ends the request over a broken file."""
        realm = self._variables.residue(credentials.realm)
        if self._variables.ask_of(("realm",), lambda f: realm.value(f) == "off", realm):
            return True
        file = self._variables.residue(credentials.file)
        read = credentials.read if self._files is None else self._files.users
        found = self._ask(
            ("users", credentials.source, file),
            lambda f: verdict(f.reading.user, f.reading.password, read(file.value(f))),
            HERE if file.by_address else None,
        )
        if found not in (_OK, _UNAUTHORIZED):
            self._finalize(found, self._rule_at(credentials.source, "auth_basic"))
        return found == _OK

    def _challenge(self, credentials: Credentials) -> NoReturn:
        realm = self._variables.text(credentials.realm)
        rule = self._rule_at(credentials.source, "auth_basic")
        self._headers["WWW-Authenticate"] = f'Basic realm="{realm}"'
        self._finalize(_UNAUTHORIZED, rule)


def _limit_word(outcome: int, *, dry: bool) -> str:
    if outcome == PASSED:
        return "PASSED"
    word = "DELAYED" if outcome == DELAYED else "REJECTED"
    return f"{word}_DRY_RUN" if dry else word


def _is_always_there(part: object) -> bool:
    return isinstance(part, Raw) and part.name in ("binary_remote_addr", "remote_addr")
