"""Walking a request through the policy for a server: what a `Decision` does not say is kept too.

A `Served` walk decides as every `Walk` does. It differs in what it asks: files lie on the disk, in
the folder of their location, and behind a proxy there is whatever answers. And it keeps how it came
out, for the answer has to be written and logged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from simkit.live.serve.crypt import fits
from simkit.live.serve.disk import Disk, Found, Kind
from simkit.policy import Page, Policy
from simkit.policy.facts import Facts, is_ipv4
from simkit.policy.model import Credentials, Location, Return, Server
from simkit.policy.plan import Handler, Rule
from simkit.policy.reply import REDIRECTS, Draft
from simkit.policy.uri import escaped_path
from simkit.policy.users import is_right, read_users
from simkit.policy.values import Residue, Template
from simkit.policy.variables import AskNow
from simkit.policy.walk import Walk

_FORBIDDEN, _NOT_FOUND, _NOT_ALLOWED, _BROKEN = 403, 404, 405, 500
_FIRST_ERROR = 400
_ALL_WELL = Page()
_CODES = {Kind.ABSENT: _NOT_FOUND, Kind.DENIED: _FORBIDDEN, Kind.BROKEN: _BROKEN}

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
    (``path_changed``: not as sent), ``method`` likewise. ``text`` puts values into a template,
    ``absolute`` the server's origin before a path. ``is_located``: a location was looked for, and
    with it whether the connection may live. ``reads_body``: the body of the request is read
    away before the answer, not after it.
    """

    code: int
    server: Server
    location: Location
    host: str | None
    draft: Draft | None
    words: str | None
    path: str
    query: str
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
        self._disk = disk
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
        changed = variables.path.value(self._facts) != self._facts.reading.target.path
        return Ending(
            self._code,
            self._server,
            here,
            self._facts.reading.host,
            self._draft,
            self._words,
            variables.path.value(self._facts),
            variables.query.value(self._facts),
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
        self._enter(chosen, merge_slashes=group.servers[chosen.position].view.merge_slashes)
        self._here = self._server.base
        return self.ending()

    def _find_config(self) -> NoReturn:
        self._is_located = True
        super()._find_config()

    def _admitted(self, credentials: Credentials) -> bool:
        """Whether the client gives the right password, or none is asked for."""
        if self._variables.text(credentials.realm) in ("off", ""):
            return True
        file = self._here.scope.last("auth_basic_user_file")
        if file is None:
            return True
        user, password = self._facts.reading.user, self._facts.reading.password
        if not user:
            return False
        users = read_users(self._disk.beside / file.args[0])
        if users is None:
            self._finalize(_FORBIDDEN, self._rule_at(credentials.source, "auth_basic"))
        stored = users.get(user)
        if stored is None:
            return False
        verdict = is_right(password, stored)
        return fits(password, stored) if verdict is None else verdict

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

    def _of_place(self, name: str) -> Residue:
        """A folder or file as the server has it: an absolute name."""
        return Residue((self._disk.full_name(super()._of_place(name).value(self._facts)),))

    # -- files --------------------------------------------------------------------------------

    def _page(self, path: Residue) -> Page:  # noqa: ARG002
        return self._upstream.page

    def _proxied(self, page: Page | None) -> NoReturn:
        if self._upstream.failed:
            self._finalize(self._upstream.page.status, None)
        super()._proxied(page)

    def _is_file(self, path: str) -> bool:
        return self._look(path).kind == Kind.FILE

    def _is_folder(self, path: str) -> bool:
        return self._look(path).kind == Kind.FOLDER

    def _look(self, path: str) -> Found:
        return self._disk.look(self._here.root, path, self._variables.text)

    def _tests_file(self, operator: str, name: Residue) -> bool:
        return self._disk.test(operator, name.value(self._facts))

    def _content(self) -> NoReturn:
        if self._here.handler is Handler.PROXY:
            self._upstream = self._upstreams.pop(0) if self._upstreams else Upstream()
            super()._content()
        path, method = self._path, self._method
        if method and path.endswith("/"):
            self._index(path)
        if not method:
            self._finalize(_NOT_ALLOWED, None)
        if path.endswith("/"):
            self._finalize(_FORBIDDEN, None)
        self._file(path)

    def _file(self, path: str) -> NoReturn:
        """A file of the site (ngx_http_static_handler)."""
        found = self._look(path)
        if found.kind == Kind.FOLDER:
            query = f"?{self._variables.known(self._variables.query)}".rstrip("?")
            url = escaped_path(path) + "/" + query
            self._redirect(301, url, self._own_rule("the final slash of a folder is missing"))
        if found.kind != Kind.FILE:
            self._finalize(_CODES[found.kind], None)
        if self._method == "POST":
            self._finalize(_NOT_ALLOWED, None)
        kind = self._type_of(self._variables.path)
        self._reads_body = True
        self._answer(200, None, Handler.STATIC, found.size_bytes, kind)

    def _index(self, path: str) -> None:
        """The first index that is there, by an internal redirect (ngx_http_index_handler)."""
        for template in _indices(self._here):
            name = self._variables.text(template)
            if name.startswith("/"):
                self._redirect_inside(Residue((name,)), self._variables.query)
            found = self._look(path + name)
            if found.kind in (Kind.FILE, Kind.FOLDER):
                self._redirect_inside(Residue((path + name,)), self._variables.query)
            if found.kind == Kind.DENIED:
                self._finalize(_FORBIDDEN, None)
        if self._look(path).kind == Kind.ABSENT:
            self._finalize(_NOT_FOUND, None)


def _indices(location: Location) -> list[Template]:
    found = location.scope.nearest("index")
    if not found:
        return [Template(("index.html",), location.source)]
    return [Template.parse(word, d.source) for d in found for word in d.args]
