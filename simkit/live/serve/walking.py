"""Walking a request through the policy for a server: what a `Decision` does not say is kept too.

A `Served` walk decides as every `Walk` does; its site is the disk, and behind a proxy there is
whatever answers. It keeps how it came out, for the answer has to be written and logged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from simkit.live.serve.disk import Disk
from simkit.policy import Page, Policy
from simkit.policy.facts import Facts, is_ipv4
from simkit.policy.model import Location, Return, Server
from simkit.policy.plan import Rule
from simkit.policy.reply import REDIRECTS, Draft
from simkit.policy.site import Item, Kind
from simkit.policy.values import Residue, Template
from simkit.policy.variables import AskNow
from simkit.policy.walk import Walk

_FIRST_ERROR = 400
_ALL_WELL = Page()

__all__ = ["Ending", "Served", "Upstream"]


@dataclass(frozen=True, slots=True)
class Upstream:
    """What stands behind the proxy: a page, or (``failed``) nothing that could be used."""

    page: Page = _ALL_WELL
    failed: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Ending:
    """How a request came out, besides its `Decision`.

    ``code`` is nginx's inner code, which chooses its page; ``words`` the text of a `return`, None
    without. ``location`` is what was in force, ``path`` and ``query`` what became of the target
    (``path_changed``: not as sent), ``method`` likewise; a file lies at ``below`` in ``folder``.
    ``text`` puts values into a template, ``absolute`` the server's origin before a path.
    ``is_located``: a location was looked for, and with it whether the connection may live.
    ``reads_body``: the body of the request is read away before the answer, not after it.
    """

    code: int
    server: Server
    location: Location
    host: str | None
    draft: Draft | None
    words: str | None
    path: str
    query: str
    folder: str
    below: str
    method: str
    path_changed: bool
    is_located: bool
    reads_body: bool
    text: Callable[[Template], str]
    absolute: Callable[[str], str]


class Served(Walk):
    """A walk of one request, for given outcomes of its limits.

    ``upstreams`` says what came of passing it on, in order; beyond that, all is well.
    """

    def __init__(
        self,
        policy: Policy,
        disk: Disk,
        facts: Facts,
        outcomes: Sequence[int],
        upstreams: Sequence[Upstream],
    ) -> None:
        super().__init__(policy.http, policy.groups, disk, AskNow(facts), outcomes)
        self._facts = facts
        self._upstreams = list(upstreams)
        self._upstream = Upstream()
        self._code = 0
        self._words: str | None = None
        self._is_located = False
        self._reads_body = False

    def ending(self) -> Ending | None:
        """How the walk came out; None where the request met no server."""
        here = getattr(self, "_here", None)
        if here is None:
            return None
        variables = self._variables
        path = variables.path.value(self._facts)
        changed = path != self._facts.reading.target.path
        return Ending(
            self._code,
            self._server,
            here,
            self._facts.reading.host,
            self._draft,
            self._words,
            path,
            variables.query.value(self._facts),
            variables.text(here.root.path),
            here.root.below(path),
            variables.method or self._facts.shape.method,
            changed or len(variables.path.parts) != 1 or isinstance(variables.path.parts[0], str),
            self._is_located,
            self._reads_body,
            variables.text,
            self._absolute,
        )

    def arrive(self) -> Ending | None:
        """Where a request stands that never came to its end: at the server that it has met."""
        facts = self._facts
        group = self._groups.get((facts.shape.port, not is_ipv4(facts.peer)))
        if group is None:
            return None
        chosen = group.find_indicated(facts.shape.sni)
        if facts.reading.host is not None:
            chosen = group.find(facts.reading.host)
        self._group = group
        self._enter(chosen, group.servers[chosen.position])
        self._here = self._server.base
        return self.ending()

    def _find_config(self) -> NoReturn:
        self._is_located = True
        super()._find_config()

    # -- what is answered ---------------------------------------------------------------------

    def _return(self, op: Return) -> NoReturn:
        if op.text is not None or op.code < _FIRST_ERROR:
            empty = Template((), op.source)
            self._words = self._variables.text(op.text or empty)
            self._reads_body = True
        if op.code in REDIRECTS:
            self._words = None
        super()._return(op)

    def _finalize(self, code: int, rule: Rule | None) -> NoReturn:
        self._code, self._words = code, None
        super()._finalize(code, rule)

    def _own_page(self, code: int) -> NoReturn:
        self._code, self._words = code, None
        super()._own_page(code)

    def _file(self, path: Residue, found: Item) -> NoReturn:
        self._reads_body = found.kind is Kind.FILE and self._method != "POST"
        super()._file(path, found)

    # -- behind a proxy -----------------------------------------------------------------------

    def _page(self, path: Residue) -> Page:  # noqa: ARG002
        self._upstream = self._upstreams.pop(0) if self._upstreams else Upstream()
        return self._upstream.page

    def _proxied(self, page: Page | None) -> NoReturn:
        if self._upstream.failed:
            self._finalize(self._upstream.page.status, None)
        super()._proxied(page)
