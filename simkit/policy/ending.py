"""How a request ends: silently, through an `error_page`, or with an answer.

The order is that of ngx_http_finalize_request and ngx_http_special_response.c.
"""

from __future__ import annotations

from typing import NoReturn

from simkit.policy import reply
from simkit.policy.answers import status_shown
from simkit.policy.expiry import Lasting, lasting
from simkit.policy.facts import is_raw
from simkit.policy.model import ErrorPage
from simkit.policy.passage import Done, Passage
from simkit.policy.plan import Handler, Rule
from simkit.policy.uri import ascii_lower
from simkit.policy.values import Residue

_CLOSED = 444
_SILENT_CODES = (408, _CLOSED, 499)
_FOUND = 302
_INTERNAL_ERROR = 500
_WITHOUT_CHARSET = (301, 302)

__all__ = ["Ending"]


class Ending(Passage):
    """A passage that can end."""

    def _finalize(self, code: int, rule: Rule | None) -> NoReturn:
        """End with a code: silently, through an `error_page`, or with nginx's own page."""
        self._rule = self._rule or rule
        if code in _SILENT_CODES:
            self._close(code)
        self._err_status = code
        self._note_status()
        if code in reply.CLOSING:
            self._keep_alive = False
        pages = self._here.error_pages
        if pages and not self._error_page_used and self._uri_changes:
            self._error_page_used = not self._here.recursive_error_pages
            page = next((p for p in pages if code in p.codes), None)
            if page is not None:
                self._error_page(page, code)
        self._own_page(code)

    def _close(self, code: int) -> NoReturn:
        reset = code == _CLOSED and self._here.resets_when_timed_out
        manner = self._manner._replace(body_unread=self._manner.body_unread or self._unread)
        status = self._err_status or code
        raise Done(reply.closed(status, manner, reset=reset, rule=self._rule))

    def _error_page(self, page: ErrorPage, code: int) -> NoReturn:
        if page.overwrite is not None:
            self._err_status = page.overwrite
        else:
            self._err_status = status_shown(code)
        self._note_status()
        target = self._variables.text(page.target)
        if target.startswith("@"):
            self._go_to_named(target)
        if target.startswith("/"):
            if self._method != "HEAD":
                self._variables.method = "GET"
            path, _, query = target.partition("?")
            self._redirect_inside(Residue((path,)), Residue.join((query,)))
        code = page.overwrite if page.overwrite in reply.REDIRECTS else _FOUND
        self._err_status = code
        self._rule = self._rule or self._rule_at(page.source, "error_page")
        self._headers["Location"] = target
        self._own_page(code)

    def _redirect(self, code: int, url: str, rule: Rule) -> NoReturn:
        self._headers["Location"] = url
        self._finalize(code, rule)

    def _absolute(self, url: str) -> str:
        if not url.startswith("/") or not self._here.absolute_redirect:
            return url
        view, here, listen = self._variables.view, self._here, self._group.listen
        origin = self._ask(("origin", view, here), reply.origin(view, here, listen))
        return origin + url

    def _own_page(self, code: int) -> NoReturn:
        """Answer with nginx's own page."""
        size = reply.own_page(self._here, code, self._manner)
        self._err_status = status_shown(self._err_status)
        self._answer(code, None, Handler.PAGE, size, "text/html" if size else "")

    def _answer(
        self,
        code: int,
        rule: Rule | None,
        handler: Handler,
        body_bytes: int,
        content_type: str,
    ) -> NoReturn:
        self._rule = self._rule or rule
        self._set_status = code
        self._note_status()
        status = self._err_status or code
        added = (
            (header.name, self._variables.text(header.value))
            for header in self._here.add_headers
            if header.always or status in reply.WITH_HEADERS
        )
        extra = tuple((name, value) for name, value in added if value)
        content_type = self._with_charset(content_type, status)
        if "Location" in self._headers:
            self._headers["Location"] = self._absolute(self._headers["Location"])
        extra = (*self._headers.items(), *extra)
        is_head = self._method == "HEAD"
        lasts = self._lasts() if status in reply.WITH_HEADERS else None
        draft = reply.Draft(status, handler, body_bytes, content_type, extra, is_head, lasts)
        self._draft = draft
        keep_alive = self._keep_alive
        lease = self._lease if keep_alive else None
        raise Done(reply.answer(self._manner, self._here, draft, self._rule, lease=lease))

    def _with_charset(self, kind: str, status: int) -> str:
        """A media type with what `charset` adds to it (ngx_http_charset_filter_module.c)."""
        here = self._here
        if here.charset is None or status in _WITHOUT_CHARSET:
            return kind
        if not here.charset_types & {kind, "*"} or not kind:
            return kind
        charset = self._variables.text(here.charset)
        if not charset and any(self._is_missing(name) for name in here.charset.names):
            # A variable that is not there is an error, and the answer is given up.
            manner = self._manner._replace(body_unread=False)
            raise Done(reply.closed(status, manner, reset=False, rule=self._rule))
        return f"{kind}; charset={charset}" if charset else kind

    def _is_missing(self, name: str) -> bool:
        """Whether an empty variable was not sent at all; an empty argument was."""
        if not name.startswith("arg_"):
            return is_raw(name)
        pairs = self._variables.known(self._variables.query).split("&")
        keys = (key for key, equals, _ in (pair.partition("=") for pair in pairs) if equals)
        return name.removeprefix("arg_") not in map(ascii_lower, keys)

    def _lasts(self) -> Lasting | None:
        value = self._here.expires
        return None if value is None else lasting(self._variables.text(value), value.source)

    # -- going elsewhere ------------------------------------------------------------------------

    def _change_uri(self) -> None:
        self._uri_changes -= 1
        if self._uri_changes == 0:
            self._finalize(_INTERNAL_ERROR, self._own_rule("rewrite or internal redirection cycle"))

    def _redirect_inside(self, path: Residue, query: Residue) -> NoReturn:
        self._change_uri()
        self._variables.path, self._variables.query = path, query
        self._internal = self._has_uri = True
        self._enter_location(self._server.base)
        self._server_rewrite()

    def _go_to_named(self, name: str) -> NoReturn:
        self._change_uri()
        named = self._server.locations.named.get(name)
        if not self._has_uri or named is None:
            self._finalize(_INTERNAL_ERROR, self._own_rule(f"cannot go to {name}"))
        assert named is not None
        self._internal, self._uri_changed = True, False
        self._enter_location(named)
        self._rewrite_phase()
