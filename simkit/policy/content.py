"""What answers at the end of the phases: `try_files`, an index, a file, or what is behind nginx.

The order is that of ngx_http_try_files_module.c, ngx_http_index_module.c and
ngx_http_static_module.c.
"""

from __future__ import annotations

from typing import NoReturn

from simkit.policy import reply
from simkit.policy.facts import Facts
from simkit.policy.plan import Handler, Phase
from simkit.policy.rewriting import Rewriting
from simkit.policy.site import Item, Kind, Page
from simkit.policy.uri import escaped_path
from simkit.policy.values import Residue

_FIRST_REDIRECT = 300
_FORBIDDEN, _NOT_FOUND, _NOT_ALLOWED, _INTERNAL_ERROR = 403, 404, 405, 500
_CODES = {Kind.ABSENT: _NOT_FOUND, Kind.DENIED: _FORBIDDEN, Kind.BROKEN: _INTERNAL_ERROR}

__all__ = ["Content"]


class Content(Rewriting):
    """A passage that can come to content."""

    def _precontent(self) -> NoReturn:
        self._phase = Phase.PRECONTENT
        *candidates, last = self._here.try_files or (None,)
        for candidate in candidates:
            written = candidate.parts[-1] if candidate.parts else ""
            wants_folder = isinstance(written, str) and written.endswith("/")
            path = self._variables.residue(candidate)
            if self._is_there(path, wants_folder=wants_folder):
                self._variables.path = _without_final_slash(path) if wants_folder else path
                self._content()
        if last is not None:
            self._try_last(self._variables.residue(last))
        self._content()

    def _is_there(self, path: Residue, *, wants_folder: bool) -> bool:
        """Whether a candidate of `try_files` exists: a folder if a slash is written last."""
        if self._files is not None:
            kind = self._look(_without_final_slash(path) if wants_folder else path).kind
            return kind is Kind.FOLDER if wants_folder else kind in (Kind.FILE, Kind.DENIED)

        def question(facts: Facts) -> bool:
            text = path.value(facts)
            return self._is_folder(text) if wants_folder else self._is_file(text)

        return self._variables.ask_of(("there", wants_folder), question, path)

    def _try_last(self, target: Residue) -> NoReturn:
        source = self._here.try_source
        assert source is not None
        first = target.parts[0] if target.parts else ""
        if isinstance(first, str) and first.startswith("="):
            self._finalize(int(first[1:]), self._rule_at(source, "try_files"))
        text = self._variables.known(target)
        if text.startswith("@"):
            self._go_to_named(text)
        path, _, query = text.partition("?")
        self._redirect_inside(Residue((path,)), Residue.join((query,)))

    def _content(self) -> NoReturn:
        self._phase = Phase.CONTENT
        path = self._variables.path
        if self._here.handler is Handler.PROXY:
            self._proxied(self._page(path))
        if self._method not in ("GET", "HEAD", "POST"):
            self._finalize(_NOT_ALLOWED, None)
        found = self._look(path)
        if found.kind is not Kind.FILE and self._is_slashed(path):
            self._index(path, found)
        self._file(path, found)

    def _is_slashed(self, path: Residue) -> bool:
        return self._variables.ask_of(("/",), lambda f: path.value(f).endswith("/"), path)

    def _is_rooted(self, path: Residue) -> bool:
        return self._variables.ask_of(("rooted",), lambda f: path.value(f).startswith("/"), path)

    def _index(self, path: Residue, folder: Item) -> NoReturn:
        """The first index that is there, by an internal redirect (ngx_http_index_handler)."""
        for name in map(self._variables.residue, self._here.index):
            if self._is_rooted(name):
                self._redirect_inside(name, self._variables.query)
            index = Residue.join((*path.parts, *name.parts))
            kind = self._look(index).kind
            if kind in (Kind.FILE, Kind.FOLDER):
                self._redirect_inside(index, self._variables.query)
            if kind is Kind.DENIED:
                self._finalize(_FORBIDDEN, None)
        self._finalize(_NOT_FOUND if folder.kind is Kind.ABSENT else _FORBIDDEN, None)

    def _file(self, path: Residue, found: Item) -> NoReturn:
        """A file of the site (ngx_http_static_handler)."""
        if found.kind is Kind.FOLDER:
            self._to_folder(path)
        if found.kind is not Kind.FILE:
            self._finalize(_CODES[found.kind], None)
        page = found.page
        if page.status >= _FIRST_REDIRECT:
            self._finalize(page.status, None)
        if self._method == "POST":
            self._finalize(_NOT_ALLOWED, None)
        self._answer(page.status, None, Handler.STATIC, page.body_bytes, self._type_of_page(path))

    def _to_folder(self, path: Residue) -> NoReturn:
        query = self._variables.known(self._variables.query)
        url = escaped_path(self._variables.known(path)) + "/" + (f"?{query}" if query else "")
        self._redirect(301, url, self._own_rule("the final slash of a folder is missing"))

    def _type_of_page(self, path: Residue) -> str:
        """The media type of a file; of a folder, that of its index."""
        return self._type_of(Residue(("index.html",)) if self._is_slashed(path) else path)

    def _proxied(self, page: Page | None) -> NoReturn:
        status = _NOT_FOUND if page is None else page.status
        here = self._here
        caught = here.intercept_errors and any(status in p.codes for p in here.error_pages)
        if caught and status >= _FIRST_REDIRECT:
            self._finalize(status, None)
        size = reply.own_page(self._here, status, self._manner) if page is None else page.body_bytes
        self._answer(status, None, Handler.PROXY, size, "text/html")


def _without_final_slash(path: Residue) -> Residue:
    *before, last = path.parts
    assert isinstance(last, str)
    return Residue.join((*before, last.removesuffix("/")))
