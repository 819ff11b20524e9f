"""A request on its way: where it is, what it has become, and what may be asked about it.

`Passage` is the ground that the parts of a walk share: `simkit.policy.ending` answers,
`simkit.policy.rewriting` runs the programs of the rewrite module, `simkit.policy.content` looks for
what there is to answer with, `simkit.policy.walk` goes through the phases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from simkit.policy import reply
from simkit.policy.model import Http, Location, Server
from simkit.policy.plan import ENDLESS, Decision, Node, Phase, Rule
from simkit.policy.servers import Group
from simkit.policy.site import Files, Item, Kind, Page, Site, look_among
from simkit.policy.source import Source
from simkit.policy.values import Residue
from simkit.policy.variables import OF_SOCKET, Ask, Variables
from simkit.wire import Version

_MAX_URI_CHANGES = 10

__all__ = ["Branches", "Done", "Groups", "Passage", "Pause"]

Groups = dict[tuple[int, bool], Group]
Branches = dict[int, Node]


class Pause(Exception):  # noqa: N818 (it is no error)
    """The walk needs the outcome of limits. ``join`` makes the node from a node per outcome."""

    def __init__(self, outcomes: Sequence[int], join: Callable[[Branches], Node]) -> None:
        super().__init__()
        self.outcomes = outcomes
        self.join = join


class Done(Exception):  # noqa: N818 (it is no error)
    """The request has been answered."""

    def __init__(self, decision: Decision) -> None:
        super().__init__()
        self.decision = decision


class Passage:
    """The state of one request; the names are those of ngx_http_request_t where that helps."""

    def __init__(self, http: Http, groups: Groups, site: Site, ask: Ask) -> None:
        self._http = http
        self._groups = groups
        self._site = site
        self._files = site if isinstance(site, Files) else None
        self._ask = ask
        self._variables = Variables(http, ask)
        self._variables.of_place = self._of_place
        self._variables.note("status", "000")
        self._phase = Phase.HANDSHAKE
        self._group: Group
        self._server: Server
        self._here: Location
        self._manner: reply.Manner
        self._draft: reply.Draft | None = None  # the answer, once there is one
        self._rule: Rule | None = None
        self._ifs: list[Source] = []
        self._err_status = 0
        self._set_status = 0  # that of the answer under way, if none of an error comes before it
        self._error_page_used = False
        self._uri_changes = _MAX_URI_CHANGES + 1
        self._uri_changed = False
        self._internal = False
        self._has_uri = True
        self._referer_is_invalid: bool | None = None  # until somebody asks
        self._keep_alive = True
        self._lease = ENDLESS
        self._headers: dict[str, str] = {}  # that stay, even through an internal redirect
        self._unread = False

    def _enter_location(self, location: Location) -> None:
        """What is in force from here on (ngx_http_update_location_config)."""
        excepted = location.excepted
        if excepted is not None and not self._is_method(location.except_methods):
            location = excepted
        self._here = location
        self._lease = self._lease.within(location.lease)
        if self._keep_alive:
            self._keep_alive = self._may_keep(location)

    def _may_keep(self, location: Location) -> bool:
        """Whether a connection with one request on it may live on."""
        if location.keepalive_timeout_ns == 0 or location.lease.requests <= 1:
            return False
        agents = location.keepalive_disabled - (set() if self._method == "POST" else {"msie6"})
        return not agents or not self._ask(("unkept", agents), lambda f: reply.is_unkept(agents, f))

    def _note_status(self) -> None:
        """What `$status` says from here on."""
        unknown = 9 * (self._manner.version is Version.HTTP_0_9)
        status = self._err_status or self._set_status or unknown
        self._variables.note("status", f"{status:03d}")

    def _is_method(self, methods: frozenset[str]) -> bool:
        if self._variables.method is not None:
            return self._variables.method in methods
        return self._ask(("method", methods), lambda f: f.shape.method in methods)

    @property
    def _method(self) -> str:
        """GET, HEAD, POST or empty for any other."""
        return self._manner.method if self._variables.method is None else self._variables.method

    @property
    def _path(self) -> str:
        """The path as it is now, asked from the request."""
        return self._variables.known(self._variables.path)

    def _own_rule(self, what: str) -> Rule:
        """The rule behind an answer that nginx gives by itself."""
        source = self._here.source
        return Rule(Source(source.file, source.line, what), "nginx", self._phase)

    def _rule_at(self, source: Source, directive: str, lines: Sequence[Source] = ()) -> Rule:
        because = tuple(dict.fromkeys((*self._ifs, *lines)))
        return Rule(source, directive, self._phase, because)

    # -- the site ----------------------------------------------------------------------------

    def _page(self, path: Residue) -> Page | None:
        return self._variables.ask_of(
            ("page",), lambda facts: self._site.find(path.value(facts)), path
        )

    def _look(self, path: Residue) -> Item:
        """What lies under a path in the folder that is in force."""
        site, files, root = self._site, self._files, self._here.root
        if files is None:
            return self._variables.ask_of(
                ("look",), lambda facts: look_among(site, path.value(facts)), path
            )
        folder = self._variables.residue(root.path)
        return self._variables.ask_of(
            ("look", root.replaces, root.whole),
            lambda facts: files.look(folder.value(facts), root.below(path.value(facts))),
            folder,
            path,
        )

    def _is_file(self, path: str) -> bool:
        """Whether a site of pages has a file there."""
        return not path.endswith("/") and look_among(self._site, path).kind is Kind.FILE

    def _is_folder(self, path: str) -> bool:
        """Whether a site of pages has a folder there: it is one that has an index."""
        return look_among(self._site, path.rstrip("/") + "/").kind is Kind.FILE

    # -- names of files -------------------------------------------------------------------------

    def _of_place(self, name: str) -> Residue:
        if name == "invalid_referer":
            return self._invalid_referer()
        if name == OF_SOCKET:
            listen = self._group.listen
            return Residue((listen.address,) if not listen.is_wildcard else ())
        root = self._variables.residue(self._here.root.path)
        if name == "request_filename" and not self._here.root.whole:
            root = Residue.join((*root.parts, *self._below_root().parts))
        files = self._files
        if files is None:
            return root
        return Residue(
            (self._variables.ask_of(("name",), lambda f: files.full_name(root.value(f)), root),)
        )

    def _invalid_referer(self) -> Residue:
        referers, view = self._here.referers, self._variables.view
        if self._referer_is_invalid is None:
            self._referer_is_invalid = referers is not None and self._ask(
                ("referer", referers),
                lambda f: referers.is_invalid(
                    next(iter(f.through(view).headers.all("Referer")), None)
                ),
            )
        return Residue(("1",) if self._referer_is_invalid else ())

    def _below_root(self) -> Residue:
        """The path without what an alias stands for."""
        path, replaced = self._variables.path, self._here.root.replaces
        if not replaced:
            return path
        rest = self._variables.ask_of(
            ("below", replaced), lambda f: path.value(f).removeprefix(replaced), path
        )
        return Residue((rest,))

    def _path_of_file(self, name: str, root: str) -> str | None:
        """The path under which the site has a file, or None for a file outside its root."""
        if not name.startswith(root):
            return None
        return self._here.root.replaces + name[len(root) :]

    # -- what the other parts do ------------------------------------------------------------------

    def _server_rewrite(self) -> NoReturn:
        raise NotImplementedError

    def _rewrite_phase(self) -> NoReturn:
        raise NotImplementedError
