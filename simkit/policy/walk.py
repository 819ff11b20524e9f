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
from dataclasses import replace
from typing import NoReturn

from simkit.policy import reply
from simkit.policy.answers import status_shown
from simkit.policy.facts import Reading, View, is_ipv4, is_of_address, raw_value
from simkit.policy.locations import Found, find_location
from simkit.policy.model import (
    Break,
    ConnLimit,
    ErrorPage,
    Http,
    If,
    Limit,
    Location,
    Op,
    Return,
    Rewrite,
    Server,
    Set,
)
from simkit.policy.parse import ParseError, parse_error
from simkit.policy.patterns import Pattern
from simkit.policy.plan import (
    Consult,
    Decision,
    Handler,
    LimitUse,
    Node,
    Occupy,
    Phase,
    Rule,
    Source,
)
from simkit.policy.servers import Chosen, Group
from simkit.policy.site import Page, Site
from simkit.policy.values import Template
from simkit.policy.variables import Ask, Variables

PASSED, DELAYED = -1, -2
"""Outcomes of consulting limits; a number from 0 is the limit that rejects."""

_MAX_URI_CHANGES = 10
_NEVER_DELAYED = 1 << 60
_CLOSED = 444
_SILENT_CODES = (408, 444, 499)
_FIRST_ERROR = 400
_NOT_FOUND, _TOO_LARGE, _NOT_ALLOWED, _FORBIDDEN, _INTERNAL_ERROR = 404, 413, 405, 403, 500

__all__ = ["DELAYED", "PASSED", "Pause", "Walk"]

Groups = dict[tuple[int, bool], Group]
Branches = dict[int, Node]


class Pause(Exception):  # noqa: N818 (it is no error)
    """The walk needs the outcome of limits. ``join`` makes the node from a node per outcome."""

    def __init__(self, outcomes: Sequence[int], join: Callable[[Branches], Node]) -> None:
        super().__init__()
        self.outcomes = outcomes
        self.join = join


class _Done(Exception):  # noqa: N818 (it is no error)
    """The request has been answered."""

    def __init__(self, decision: Decision) -> None:
        super().__init__()
        self.decision = decision


class Walk:
    """A request on its way; ``outcomes`` are those of the limits that are already known."""

    def __init__(
        self, http: Http, groups: Groups, site: Site, ask: Ask, outcomes: Sequence[int]
    ) -> None:
        self._http = http
        self._groups = groups
        self._site = site
        self._ask = ask
        self._outcomes = list(outcomes)
        self._variables = Variables(http, ask)
        self._ifs: list[Source] = []
        self._phase = Phase.HANDSHAKE
        self._server: Server | None = None
        self._location: Location | None = None
        self._rule: Rule | None = None
        self._err_status = 0
        self._error_page_used = False
        self._uri_changes = _MAX_URI_CHANGES + 1
        self._uri_changed = False
        self._internal = False
        self._as_get = False
        self._keep_alive = True
        self._consulted = False
        self._occupied = False

    def run(self) -> Decision:
        """The decision. Raises Pause where the outcome of a limit is needed."""
        try:
            self._handshake()
        except _Done as done:
            return done.decision

    # -- before any phase ---------------------------------------------------------------------

    def _handshake(self) -> NoReturn:
        port, tls, ipv4 = self._ask(
            "connection", lambda f: (f.shape.port, f.shape.tls, is_ipv4(f.peer)), by_address=True
        )
        group = self._groups.get((port, not ipv4))
        if group is None:
            raise _Done(reply.refused_connection())
        self._manner = self._ask(("manner", group), lambda f: reply.manner(f, group.listen))
        if tls and group.listen.tls:
            self._negotiate(group)
        self._parse(group, tls=tls)

    def _negotiate(self, group: Group) -> None:
        chosen = self._ask(("sni", group), lambda f: group.find((f.shape.sni or "").lower()))
        server = group.servers[chosen.position]
        if server.reject_handshake:
            source = server.source
            rule = Rule(_with_text(source, "ssl_reject_handshake on"), "ssl_reject_handshake",
                        Phase.HANDSHAKE)  # fmt: skip
            raise _Done(reply.rejected_handshake(rule))

    def _parse(self, group: Group, *, tls: bool) -> NoReturn:
        self._phase = Phase.PARSE
        default = group.servers[0]
        error = self._ask(("parse", group), lambda f: parse_error(f.reading, default))
        if error is None and tls and not group.listen.tls:
            error = ParseError(400, "client sent TLS bytes to a plain port", False, False)
        reads_host = error is None or error.has_host
        chosen = Chosen(0)
        if reads_host:
            chosen = self._ask(("server", group), lambda f: group.find(f.reading.host))
        self._enter(group.servers[chosen.position], chosen)
        if error is None and group.listen.tls and not tls:
            error = ParseError(497, "client sent plain HTTP to a TLS port", True, True)
        if error is not None:
            self._has_uri = error.has_uri
            self._finalize(error.code, self._own_rule(error.what))
        self._server_rewrite()

    def _enter(self, server: Server, chosen: Chosen) -> None:
        self._server, self._location = server, server.base
        self._has_uri = True
        self._variables.view = View(server.realip, server.name)
        self._variables.captures = chosen.groups
        for name, value in chosen.named:
            self._variables.assign(name, value)

    def _own_rule(self, what: str) -> Rule:
        """The rule behind an answer that nginx gives by itself."""
        source = self._here.source
        return Rule(_with_text(source, what), "nginx", self._phase)

    @property
    def _here(self) -> Location:
        assert self._location is not None
        return self._location

    # -- rewriting and finding the location ------------------------------------------------------

    def _server_rewrite(self) -> NoReturn:
        self._phase = Phase.SERVER_REWRITE
        assert self._server is not None
        self._run(self._server.script)
        self._find_config()

    def _find_config(self) -> NoReturn:
        self._phase = Phase.FIND_CONFIG
        self._uri_changed = False
        assert self._server is not None
        found = self._found(self._server)
        self._location = found.location or self._server.base
        self._capture(found)
        if self._here.internal and not self._internal:
            self._finalize(_NOT_FOUND, self._own_rule("an internal location is asked from outside"))
        self._check_body()
        if found.redirect:
            self._redirect(301, self._here.path, self._own_rule("the final slash is missing"))
        self._rewrite()

    def _found(self, server: Server) -> Found:
        path = self._variables.path
        if path is not None:
            return find_location(server.locations, path, Found(None))
        return self._ask(("location", server), lambda f: self._fall_into(server, f.reading))

    def _fall_into(self, server: Server, reading: Reading) -> Found:
        path = reading.target.path if server.base.merge_slashes else reading.unmerged_path
        found = find_location(server.locations, path, Found(None))
        return found if self._keeps_groups(found) else replace(found, groups=())

    def _keeps_groups(self, found: Found) -> bool:
        pattern = found.location.pattern if found.location else None
        return self._http.uses_captures or (pattern is not None and bool(pattern.names))

    def _capture(self, found: Found) -> None:
        if found.groups:
            self._variables.captures = found.groups
            self._name_groups(found.location.pattern if found.location else None, found.groups)

    def _name_groups(self, pattern: Pattern | None, groups: Sequence[str]) -> None:
        for name, number in pattern.names.items() if pattern else ():
            self._variables.assign(name, groups[number])

    def _check_body(self) -> None:
        most = self._here.max_body_bytes
        if most and self._ask(("body", most), lambda f: f.shape.body_bytes > most):
            self._finalize(_TOO_LARGE, self._own_rule("client intended to send too large body"))

    def _rewrite(self) -> NoReturn:
        self._phase = Phase.REWRITE
        self._run(self._here.script)
        if self._uri_changed:
            self._change_uri()
            self._find_config()
        self._preaccess()

    def _change_uri(self) -> None:
        self._uri_changes -= 1
        if self._uri_changes == 0:
            self._finalize(_INTERNAL_ERROR, self._own_rule("rewrite or internal redirection cycle"))

    def _run(self, script: Sequence[Op]) -> bool:
        """Run a program; False where it was broken off."""
        return all(self._step(op) for op in script)

    def _step(self, op: Op) -> bool:
        match op:
            case Set():
                value, lines = self._variables.because(op.value)
                self._variables.assign(op.name, value, (*self._ifs, *lines))
            case If():
                return self._if(op)
            case Return():
                self._return(op)
            case Rewrite():
                return self._rewrite_uri(op)
            case Break():
                return False
        return True

    def _if(self, op: If) -> bool:
        holds, lines = self._holds(op)
        if not holds:
            return True
        if op.location is not None:
            self._location = op.location
        before = len(self._ifs)
        self._ifs += [op.source, *lines]
        went_on = self._run(op.body)
        del self._ifs[before:]
        return went_on

    def _holds(self, op: If) -> tuple[bool, tuple[Source, ...]]:
        lines: tuple[Source, ...] = ()
        fixed = not isinstance(op.operand, Template) or op.operand.constant is not None
        if fixed and self._variables.asks_only(op.subject):
            name, view = op.subject.names[0], self._variables.view
            groups = self._ask(
                ("if", id(op), view),
                lambda f: self._test(op, raw_value(name, f.through(view))),
                is_of_address(name),
            )
        else:
            value, lines = self._variables.because(op.subject)
            groups = self._test(op, value)
        if groups is not None and isinstance(op.operand, Pattern):
            self._variables.captures = groups
            self._name_groups(op.operand, groups)
        return (groups is not None) == (not op.operator.startswith("!")), lines

    def _test(self, op: If, value: str) -> tuple[str, ...] | None:
        """What a value matched (an empty tuple where nothing is captured), or None."""
        if isinstance(op.operand, Pattern):
            groups = op.operand.match(value)
            kept = self._http.uses_captures or op.operand.names
            return groups if kept or groups is None else ()
        if op.operand is None:
            return None if value in ("", "0") else ()
        return () if value == self._variables.text(op.operand) else None

    def _rewrite_uri(self, op: Rewrite) -> bool:
        groups = op.pattern.match(self._path)
        if groups is None:
            return True
        self._variables.captures = groups
        self._name_groups(op.pattern, groups)
        target, lines = self._variables.because(op.replacement)
        path, mark, query = target.partition("?")
        old = self._query
        if not mark:
            query = old
        elif query and old:
            query = f"{query}&{old}"
        elif mark and not query:
            query = ""
        if op.flag in ("redirect", "permanent"):
            code = 301 if op.flag == "permanent" else 302
            url = f"{path}?{query}" if query else path
            self._redirect(code, url, self._rule_at(op.source, "rewrite", lines))
        self._variables.rewrite(path, query)
        self._uri_changed = op.flag != "break"
        return not op.flag

    @property
    def _path(self) -> str:
        if self._variables.path is not None:
            return self._variables.path
        return self._ask(("raw", "uri", View()), lambda f: f.reading.target.path)

    @property
    def _query(self) -> str:
        if self._variables.query is not None:
            return self._variables.query
        return self._ask(("raw", "args", View()), lambda f: f.reading.target.query or "")

    def _rule_at(self, source: Source, directive: str, lines: Sequence[Source] = ()) -> Rule:
        because = tuple(dict.fromkeys((*self._ifs, *lines)))
        return Rule(source, directive, self._phase, because)

    def _return(self, op: Return) -> NoReturn:
        text = "" if op.text is None else self._variables.text(op.text)
        rule = self._rule_at(op.source, "return")
        if op.code in reply.REDIRECTS:
            self._redirect(op.code, text, rule)
        if op.code >= _FIRST_ERROR and not text:
            self._finalize(op.code, rule)
        self._answer(op.code, rule, Handler.PAGE, len(text.encode()), self._here.default_type)

    def _redirect(self, code: int, url: str, rule: Rule) -> NoReturn:
        if url.startswith("/"):
            origin = self._ask(("origin", self._variables.view), reply.origin(self._variables.view))
            url = origin + url
        self._rule = self._rule or rule
        size = reply.own_page(self._here, code, self._manner)
        self._answer(code, rule, Handler.PAGE, size, "text/html", (("Location", url),))

    # -- limits and access -------------------------------------------------------------------

    def _preaccess(self) -> NoReturn:
        self._phase = Phase.PREACCESS
        here = self._here
        if here.limits and not self._consulted:
            self._consulted = True
            self._consult(here)
        if here.conn_limits and not self._occupied:
            self._occupied = True
            self._occupy(here)
        self._access()

    def _consult(self, here: Location) -> None:
        uses = tuple(self._use(limit) for limit in here.limits)
        delays = any(use.delay < _NEVER_DELAYED for use in uses)
        dry = here.limit_dry_run

        def join(nodes: Branches) -> Consult:
            rejected = tuple(nodes[i] for i in range(len(uses)))
            return Consult(uses, dry, nodes[PASSED], nodes.get(DELAYED, nodes[PASSED]), rejected)

        outcomes = [PASSED, *([DELAYED] if delays else []), *range(len(uses))]
        outcome = self._outcome(outcomes, join)
        self._variables.assign("limit_req_status", _limit_word(outcome, dry=dry))
        if outcome >= 0 and not dry:
            rule = Rule(uses[outcome].source, "limit_req", self._phase)
            self._finalize(here.limit_status, rule)

    def _use(self, limit: Limit) -> LimitUse:
        key = self._variables.residue(limit.zone.key)
        return LimitUse(limit.zone.index, key, limit.burst, limit.delay, limit.source)

    def _occupy(self, here: Location) -> None:
        uses = tuple(self._conn_use(limit) for limit in here.conn_limits)
        dry = here.conn_dry_run

        def join(nodes: Branches) -> Occupy:
            return Occupy(uses, dry, nodes[PASSED], tuple(nodes[i] for i in range(len(uses))))

        outcome = self._outcome([PASSED, *range(len(uses))], join)
        self._variables.assign("limit_conn_status", _limit_word(outcome, dry=dry))
        if outcome >= 0 and not dry:
            rule = Rule(uses[outcome].source, "limit_conn", self._phase)
            self._finalize(here.conn_status, rule)

    def _conn_use(self, limit: ConnLimit) -> LimitUse:
        key = self._variables.residue(limit.zone.key)
        return LimitUse(limit.zone.index, key, limit.connections, 0, limit.source)

    def _outcome(self, outcomes: Sequence[int], join: Callable[[Branches], Node]) -> int:
        if not self._outcomes:
            raise Pause(outcomes, join)
        return self._outcomes.pop(0)

    def _access(self) -> NoReturn:
        self._phase = Phase.ACCESS
        here, view = self._here, self._variables.view
        if here.access:
            key = ("access", here.access[0].source, view)
            rule = self._ask(
                key, lambda f: reply.access(here.access, f.through(view).client), by_address=True
            )
            if rule is not None and not rule.allow:
                self._finalize(_FORBIDDEN, self._rule_at(rule.source, "deny"))
        self._precontent()

    # -- content ---------------------------------------------------------------------------

    def _precontent(self) -> NoReturn:
        self._phase = Phase.PRECONTENT
        *candidates, last = self._here.try_files or (None,)
        for candidate in candidates:
            path = self._variables.text(candidate)
            if self._page(path) is not None:
                self._variables.rewrite(path, self._query)
                self._content()
        if last is not None:
            self._try_last(self._variables.text(last))
        self._content()

    def _try_last(self, target: str) -> NoReturn:
        source = self._here.try_source
        assert source is not None
        if target.startswith("="):
            self._finalize(int(target[1:]), self._rule_at(source, "try_files"))
        if target.startswith("@"):
            self._go_to_named(target)
        path, _, query = target.partition("?")
        self._redirect_inside(path, query)

    def _page(self, path: str) -> Page | None:
        return self._ask(("page", path), lambda _: self._site.find(path))

    def _content(self) -> NoReturn:
        self._phase = Phase.CONTENT
        here = self._here
        page = self._content_page()
        if here.handler is Handler.PROXY:
            self._proxied(page)
        if not self._manner.readable and not self._as_get:
            code = _NOT_ALLOWED if self._manner.method == "POST" else _NOT_FOUND
            self._finalize(code, None)
        if page is None or page.status >= _FIRST_ERROR:
            self._finalize(_NOT_FOUND if page is None else page.status, None)
        self._answer(200, None, Handler.STATIC, page.body_bytes, here.default_type)

    def _content_page(self) -> Page | None:
        if self._variables.path is not None:
            return self._page(self._variables.path)
        return self._ask("page", lambda f: self._site.find(f.reading.target.path))

    def _proxied(self, page: Page | None) -> NoReturn:
        status = _NOT_FOUND if page is None else page.status
        if self._here.intercept_errors and status >= 300:
            self._finalize(status, None)
        size = reply.own_page(self._here, status, self._manner) if page is None else page.body_bytes
        self._answer(status, None, Handler.PROXY, size, "text/html")

    # -- ending ----------------------------------------------------------------------------

    def _finalize(self, code: int, rule: Rule | None) -> NoReturn:
        """End with a code: silently, through an `error_page`, or with nginx's own page."""
        self._rule = self._rule or rule
        if code in _SILENT_CODES:
            self._close(code)
        self._err_status = code
        if code in reply.CLOSING:
            self._keep_alive = False
        page = next((p for p in self._here.error_pages if code in p.codes), None)
        if page is not None and not self._error_page_used and self._uri_changes:
            self._error_page_used = not self._here.recursive_error_pages
            self._error_page(page)
        size = reply.own_page(self._here, code, self._manner)
        self._answer(code, rule, Handler.PAGE, size, "text/html")

    def _close(self, code: int) -> NoReturn:
        assert self._server is not None
        reset = code == _CLOSED and self._server.settings.reset_timedout_connection
        status = self._err_status or code
        raise _Done(reply.closed(status, self._manner, reset=reset, rule=self._rule))

    def _error_page(self, page: ErrorPage) -> NoReturn:
        if page.overwrite is not None:
            self._err_status = page.overwrite
        target = self._variables.text(page.target)
        if target.startswith("@"):
            self._go_to_named(target)
        if target.startswith("/"):
            path, _, query = target.partition("?")
            self._as_get = True
            self._redirect_inside(path, query)
        code = page.overwrite if page.overwrite in reply.REDIRECTS else 302
        self._err_status = 0
        self._redirect(code or 302, target, self._rule_at(page.source, "error_page"))

    def _redirect_inside(self, path: str, query: str) -> NoReturn:
        self._change_uri()
        self._variables.rewrite(path, query)
        self._internal = self._has_uri = True
        assert self._server is not None
        self._location = self._server.base
        self._server_rewrite()

    def _go_to_named(self, name: str) -> NoReturn:
        self._change_uri()
        assert self._server is not None
        named = self._server.locations.named.get(name)
        if not self._has_uri or named is None:
            self._finalize(_INTERNAL_ERROR, self._own_rule(f"cannot go to {name}"))
        assert named is not None
        self._location, self._internal, self._uri_changed = named, True, False
        self._rewrite()

    def _answer(
        self,
        code: int,
        rule: Rule | None,
        handler: Handler,
        body_bytes: int,
        content_type: str,
        extra: tuple[tuple[str, str], ...] = (),
    ) -> NoReturn:
        self._rule = self._rule or rule
        status = status_shown(self._err_status or code)
        self._variables.assign("status", str(status))
        added = (
            (header.name, self._variables.text(header.value))
            for header in self._here.add_headers
            if header.always or status in reply.WITH_HEADERS
        )
        extra += tuple((name, value) for name, value in added if value)
        draft = reply.Draft(status, handler, body_bytes, content_type, extra)
        raise _Done(
            reply.answer(self._manner, self._here, draft, self._rule, keep_alive=self._keep_alive)
        )


def _with_text(source: Source, text: str) -> Source:
    return Source(source.file, source.line, text)


def _limit_word(outcome: int, *, dry: bool) -> str:
    if outcome == PASSED:
        return "PASSED"
    word = "DELAYED" if outcome == DELAYED else "REJECTED"
    return f"{word}_DRY_RUN" if dry else word
