"""Variables during a walk: as late and as often as nginx evaluates them.

What `set`, captures, rewrites and limits have given is known here; what only the request can tell
stays a part of a `Residue` until somebody asks. `touched` collects the lines of `map` and `geo`
that gave a value, for the reader who wants to know why.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Protocol, TypeVar

from simkit.policy.answers import NGINX_VERSION
from simkit.policy.extents import HERE, Extent
from simkit.policy.facts import (
    PLAIN_VIEW,
    Facts,
    Reading,
    View,
    argument_in,
    is_raw,
    is_rewritable,
)
from simkit.policy.maps import Entry, GeoTable, MapTable
from simkit.policy.model import Http
from simkit.policy.patterns import Pattern
from simkit.policy.realip import plain_address
from simkit.policy.source import Source
from simkit.policy.split import SplitTable
from simkit.policy.syntax import bad
from simkit.policy.values import Group, Part, Raw, Residue, Template, Variable
from simkit.wire import Shape

T = TypeVar("T", bound=Hashable)

DYNAMIC = frozenset({"status", "limit_req_status", "limit_conn_status"})
"""Variables that the walk itself gives a value."""
OF_PLACE = frozenset({"document_root", "invalid_referer", "realpath_root", "request_filename"})
"""Variables that depend on the location as well."""
OF_SOCKET = "server_addr"
"""The variable that depends on where the server listens; known where that is one address."""
FIXED = {
    "nginx_version": NGINX_VERSION,
    "limit_rate": "0",
    # what is empty without the PROXY protocol, which is refused where a `listen` asks for it
    "proxy_protocol_addr": "",
    "proxy_protocol_port": "",
    "proxy_protocol_server_addr": "",
    "proxy_protocol_server_port": "",
}
"""Variables that always have the same value."""

_EMPTY = Residue(())
_NOBODY = Facts(Reading(Shape()), IPv4Address(0))
_MOST_PARTS = 1000
_MOST_CHARACTERS = 1 << 20

__all__ = ["DYNAMIC", "FIXED", "OF_PLACE", "Ask", "AskNow", "Captures", "Variables"]


class Ask(Protocol):
    """Asks a question about the request; equal keys must mean equal questions."""

    def __call__(
        self, key: Hashable, question: Callable[[Facts], T], extent: Extent | None = None
    ) -> T:
        """The answer for the request at hand; ``extent`` is given where the address counts."""
        ...


@dataclass(frozen=True, slots=True)
class AskNow:
    """Answers every question from the request at hand, and remembers none."""

    facts: Facts

    def __call__(
        self,
        key: Hashable,  # noqa: ARG002 (it is for those who remember)
        question: Callable[[Facts], T],
        extent: Extent | None = None,  # noqa: ARG002
    ) -> T:
        """The answer."""
        return question(self.facts)


@dataclass(frozen=True, slots=True)
class Captures:
    """The groups of the regular expression that matched last, and what it was matched with."""

    pattern: Pattern
    subject: Residue

    def group(self, number: int, *, escaped: bool = False) -> Part:
        """A group; empty where the expression has none of that number."""
        if number > self.pattern.groups:
            return ""
        known = self.subject.constant
        if known is None or escaped:
            return Group(self.pattern, number, self.subject, escaped)
        groups = self.pattern.match(known)
        return "" if groups is None else groups[number]


class Variables:
    """The values of one request on its way."""

    def __init__(self, http: Http, ask: Ask) -> None:
        self._http = http
        self._ask = ask
        self._tables: dict[str, Residue] = {}
        self._origins: dict[str, tuple[Source, ...]] = {}
        self._values: dict[str, Residue] = {}
        self.view = PLAIN_VIEW
        self.captures: Captures | None = None
        self.path = _EMPTY
        self.query = _EMPTY
        self.method: str | None = None  # None: as the client sent it
        self.of_place: Callable[[str], Residue] = lambda _: _EMPTY
        self.touched: list[Source] = []

    def enter(self, view: View) -> None:
        """The request has met a server: from here on it is seen through that view."""
        self.view = view
        self.path = Residue((Raw("uri", view),))
        self.query = Residue((Raw("args", view),))

    def assign(self, name: str, value: Residue, origins: tuple[Source, ...] = ()) -> None:
        """Give a variable a value, and remember why it has it."""
        if name == "args":
            self.query = value
            return
        self._values[name] = value
        self._origins[name] = origins

    def note(self, name: str, text: str) -> None:
        """Give a variable a known text."""
        self._values[name] = Residue((text,))

    def capture(self, pattern: Pattern, subject: Residue) -> None:
        """A regular expression has matched: its groups become variables."""
        self.captures = Captures(pattern, subject)
        for name, number in pattern.names.items():
            self.assign(name, Residue.join((self.captures.group(number),)))

    def residue(self, template: Template, *, escaped: bool = False) -> Residue:
        """A template with everything known put in; ``escaped``: groups as a query takes them."""
        found = Residue.join(self._parts(template, escaped=escaped))
        self._check_size(found, template)
        return found

    def because(
        self, template: Template, *, escaped: bool = False
    ) -> tuple[Residue, tuple[Source, ...]]:
        """The value of a template and the lines that gave it."""
        outer, self.touched = self.touched, []
        value = self.residue(template, escaped=escaped)
        lines, self.touched = tuple(dict.fromkeys(self.touched)), outer
        return value, lines

    def text(self, template: Template) -> str:
        """The text of a template, asked from the request where need be."""
        return self.known(self.residue(template))

    def value_of(self, name: str) -> Residue:
        """The value of a variable."""
        return Residue.join(self._variable(Variable(name)))

    def known(self, residue: Residue) -> str:
        """The text of a residue."""
        return self.ask_of(("text",), residue.value, residue)

    def ask_of(
        self, key: tuple[Hashable, ...], question: Callable[[Facts], T], *about: Residue
    ) -> T:
        """Ask a question that depends on nothing but these values."""
        if all(residue.constant is not None for residue in about):
            return question(_NOBODY)
        by_address = any(residue.by_address for residue in about)
        return self._ask((*key, *about), question, HERE if by_address else None)

    def _check_size(self, found: Residue, template: Template) -> None:
        longest = max((len(p) for p in found.parts if isinstance(p, str)), default=0)
        if len(found.parts) > _MOST_PARTS or longest > _MOST_CHARACTERS:
            raise bad(
                template.source, "this value grows beyond all bounds", "variables of variables"
            )

    def _parts(self, template: Template, *, escaped: bool = False) -> Iterator[Part]:
        for part in template.parts:
            if isinstance(part, str):
                yield part
            elif part.captured:
                if self.captures is not None:
                    yield self.captures.group(int(part.name), escaped=escaped)
            else:
                yield from self._variable(part)

    def _variable(self, variable: Variable) -> Iterable[Part]:
        name = variable.name
        if name in DYNAMIC or name in self._http.assigned:
            self.touched += self._origins.get(name, ())
            if name in self._values:
                return self._values[name].parts
        if name in self._http.maps or name in self._http.geos:
            return self._table(name).parts
        if name in FIXED:
            return (FIXED[name],)
        if name in OF_PLACE or name == OF_SOCKET:
            return self.of_place(name).parts
        if is_rewritable(name):
            return self._rewritable(name)
        if name == "server_name":
            return (self.view.server_name,)
        raw = is_raw(name) and name not in self._http.assigned
        return (Raw(name, self.view),) if raw else ()

    def _rewritable(self, name: str) -> Iterable[Part]:
        if name in ("uri", "document_uri"):
            return self.path.parts
        if name in ("args", "query_string"):
            return self.query.parts
        if name == "request_method":
            return (Raw(name, self.view),) if self.method is None else (self.method,)
        query = self.query
        if query == Residue((Raw("args", self.view),)):
            return (Raw(name, self.view),)
        return (self.ask_of((name,), lambda facts: _of_query(name, query.value(facts)), query),)

    def _table(self, name: str) -> Residue:
        """The value of a map or geo; it is looked up once per request."""
        found = self._tables.get(name)
        if found is None:
            outer, self.touched = self.touched, []
            table = self._http.maps.get(name)
            entry = self._in_map(table) if table else self._in_geo(self._http.geos[name])
            inner = self.touched
            found = self.residue(entry.value)
            self.touched = outer
            self._origins[name] = (entry.source, *inner)
            if table is None or not table.volatile:
                self._tables[name] = found
        self.touched += self._origins[name]
        return found

    def _in_map(self, table: MapTable | SplitTable) -> Entry:
        subject = self.residue(table.subject)
        number = self.ask_of(("map", table.name), _search(table, subject), subject)
        pattern = table.pattern(number)
        if pattern is not None:
            self.capture(pattern, subject)
        if number == 0:
            self.touched.clear()
        return table.entries[number]

    def _in_geo(self, table: GeoTable) -> Entry:
        if table.subject is None:
            view = self.view
            number = self._ask(
                ("geo", table.name, view),
                lambda facts: table.find(table.client(facts.through(view))),
                table.extent(view),
            )
        else:
            subject = self.residue(table.subject)
            number = self.ask_of(
                ("geo", table.name),
                lambda facts: table.find(plain_address(subject.value(facts))),
                subject,
            )
        return table.entries[number]


def _search(table: MapTable | SplitTable, subject: Residue) -> Callable[[Facts], int]:
    if isinstance(table, SplitTable):
        return lambda facts: table.find(subject.encoded(facts))
    return lambda facts: table.find(subject.value(facts))


def _of_query(name: str, query: str) -> str:
    if name == "is_args":
        return "?" if query else ""
    return argument_in(query, name.removeprefix("arg_"))
