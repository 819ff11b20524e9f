"""Variables during a walk: as late and as often as nginx evaluates them.

What `set`, captures, rewrites and limits have given is known here; everything else is asked, so
that the planner learns what the outcome depended on. `touched` collects the lines of `map` and
`geo` that gave a value, for the reader who wants to know why.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Protocol, TypeVar

from simkit.policy.facts import (
    Facts,
    View,
    is_of_address,
    is_raw,
    is_rewritable,
    raw_value,
)
from simkit.policy.maps import Entry, GeoTable, MapTable
from simkit.policy.model import Http
from simkit.policy.plan import Source
from simkit.policy.values import Part, Residue, Template, Variable
from simkit.wire import address

T = TypeVar("T", bound=Hashable)
V = TypeVar("V")

DYNAMIC = frozenset({"status", "limit_req_status", "limit_conn_status"})
"""Variables that the walk itself gives a value."""

__all__ = ["DYNAMIC", "Ask", "Variables"]


class Ask(Protocol):
    """Asks a question about the request; equal keys must mean equal questions."""

    def __call__(
        self, key: Hashable, question: Callable[[Facts], T], by_address: bool = False
    ) -> T:
        """The answer for the request at hand; ``by_address`` where the client's address counts."""
        ...


class Variables:
    """The values of one request on its way."""

    def __init__(self, http: Http, ask: Ask) -> None:
        self._http = http
        self._ask = ask
        self._tables: dict[str, tuple[Entry, tuple[str, ...]]] = {}
        self._origins: dict[str, tuple[Source, ...]] = {}
        self.view = View()
        self.values: dict[str, str] = {}
        self.captures: tuple[str, ...] = ()
        self.path: str | None = None  # None: as the client sent it
        self.query: str | None = None
        self.touched: list[Source] = []

    def assign(self, name: str, value: str, origins: tuple[Source, ...] = ()) -> None:
        """Give a variable a value, and remember why it has it."""
        self.values[name] = value
        self._origins[name] = origins

    def rewrite(self, path: str, query: str) -> None:
        """The path and query change: from here on they are known, not asked."""
        self.path, self.query = path, query

    def text(self, template: Template) -> str:
        """The value of a template."""
        return "".join(
            self._value(part.name) if isinstance(part, Variable) else part
            for part in template.parts
        )

    def because(self, template: Template) -> tuple[str, tuple[Source, ...]]:
        """The value of a template and the lines that gave it."""
        outer, self.touched = self.touched, []
        value = self.text(template)
        lines, self.touched = tuple(dict.fromkeys(self.touched)), outer
        return value, lines

    def residue(self, template: Template) -> Residue:
        """The template with everything known put in, and the rest left to the request."""
        return Residue.join(self._remains(template), self.view)

    def asks_only(self, template: Template) -> bool:
        """Whether a value depends on nothing but the request as it was sent."""
        return all(self._is_asked(name) for name in template.names)

    def _is_asked(self, name: str) -> bool:
        known = name.isdigit() or name in self._http.assigned or name in DYNAMIC
        return not known and is_raw(name) and not self._is_rewritten(name)

    def _is_rewritten(self, name: str) -> bool:
        return self.path is not None and is_rewritable(name)

    def _remains(self, template: Template) -> list[Part]:
        parts: list[Part] = []
        for part in template.parts:
            if isinstance(part, str) or self._is_asked(part.name):
                parts.append(part)
            elif part.name in self._http.maps or part.name in self._http.geos:
                entry, captured = self._entry(part.name)
                parts += self._within(captured, partial(self._remains, entry.value))
            else:
                parts.append(self._value(part.name))
        return parts

    def _value(self, name: str) -> str:
        if name.isdigit():
            return self.captures[int(name)] if int(name) < len(self.captures) else ""
        if name in self.values:
            self.touched += self._origins.get(name, ())
            return self.values[name]
        if name in self._http.maps or name in self._http.geos:
            entry, captured = self._entry(name)
            return self._within(captured, lambda: self.text(entry.value))
        if self._is_rewritten(name):
            return self._rewritten(name)
        if not is_raw(name):
            return ""
        view = self.view
        return self._ask(
            ("raw", name, view),
            lambda facts: raw_value(name, facts.through(view)),
            is_of_address(name),
        )

    def _within(self, captured: tuple[str, ...], evaluate: Callable[[], V]) -> V:
        outer = self.captures
        self.captures = captured or outer
        value = evaluate()
        self.captures = outer
        return value

    def _rewritten(self, name: str) -> str:
        query = self.query or ""
        if name in ("uri", "document_uri"):
            return self.path or ""
        if name == "is_args":
            return "?" if query else ""
        if name.startswith("arg_"):
            pairs = (part.partition("=") for part in query.split("&"))
            return next((v for n, _, v in pairs if n.lower() == name[4:].lower()), "")
        return query

    def _entry(self, name: str) -> tuple[Entry, tuple[str, ...]]:
        """The entry of a map or geo that decides; it is looked up once per request."""
        kept = self._tables.get(name)
        if kept is None:
            inner: list[Source] = []
            outer, self.touched = self.touched, inner
            table = self._http.maps.get(name)
            kept = self._in_map(table) if table else self._in_geo(self._http.geos[name])
            self.touched = outer
            self._origins[name] = (kept[0].source, *inner)
            if table is None or not table.volatile:
                self._tables[name] = kept
        self.touched += self._origins[name]
        return kept

    def _in_map(self, table: MapTable) -> tuple[Entry, tuple[str, ...]]:
        if self.asks_only(table.subject):
            number, groups = self._ask(
                ("map", table.name, self.view),
                lambda facts: _find(table, self._asked(table, facts)),
                any(map(is_of_address, table.subject.names)),
            )
        else:
            number, groups = table.find(self.text(table.subject))
            if number == 0 and len(table.entries) > 1:
                self.touched.clear()
        return table.entries[number], groups

    def _asked(self, table: MapTable, facts: Facts) -> str:
        seen = facts.through(self.view)
        return "".join(
            raw_value(part.name, seen) if isinstance(part, Variable) else part
            for part in table.subject.parts
        )

    def _in_geo(self, table: GeoTable) -> tuple[Entry, tuple[str, ...]]:
        if table.subject is None:
            view = self.view
            number = self._ask(
                ("geo", table.name, view),
                lambda facts: table.find(facts.through(view).client),
                by_address=True,
            )
        else:
            try:
                number = table.find(address(self.text(table.subject)))
            except ValueError:
                number = 0
        return table.entries[number], ()


def _find(table: MapTable, value: str) -> tuple[int, tuple[str, ...]]:
    number, groups = table.find(value)
    return number, groups if any(n.isdigit() for n in table.entries[number].value.names) else ()
