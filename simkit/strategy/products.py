"""Other servers as data: what a client sees of them where they refuse.

A file of ``data/products`` names a product, where its facts come from, and what a client sees of
each way in which it ``refuses``, of what is ``malformed``, and, for one that stands in ``front``
of a server, what ``passes`` of that server's sights. ``server`` is its Server header, if it sends
one. A product of your own is such a file.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from simkit import shipped
from simkit.errors import InputError
from simkit.traffic.part import Part
from simkit.traffic.reading import read_model
from simkit.wire import Sight, SightKind

Bare = Literal["no answer", "refused", "reset", "empty", "stream reset", "tls alert"]
Status = Annotated[int, Field(ge=100, le=599)]

_SERVER = "server"

UNKNOWN_SIZE = -1
"""The ``body_bytes`` of a sight whose size is not known."""

__all__ = ["UNKNOWN_SIZE", "Passage", "Product", "Way", "load_product", "load_products"]


class Way(Part):
    """One way of refusing: what configures it, and what a client sees of it.

    ``sees`` is a status, or the word of a sight without one. A page whose ``body_bytes`` are not
    given has a size that is not known.
    """

    way: str
    sees: Status | Bare
    body_bytes: Annotated[int, Field(ge=0)] | None = None
    kept: bool = False
    headers: dict[str, str] = Field(default_factory=dict)

    @property
    def sight(self) -> Sight:
        """What the client sees."""
        if isinstance(self.sees, str):
            return Sight(SightKind[self.sees.upper().replace(" ", "_")], kept=self.kept)
        headers = tuple(sorted((name.lower(), value) for name, value in self.headers.items()))
        size = UNKNOWN_SIZE if self.body_bytes is None else self.body_bytes
        return Sight(SightKind.HTTP, self.sees, headers, size, self.kept)


class Passage(Way):
    """What a front shows where the ``origin`` behind it shows one of these sights."""

    origin: tuple[Bare, ...]


class Product(Part):
    """A product as its file has it; ``source`` says where its facts come from."""

    name: str
    source: str
    server: str | None = None
    front: bool = False
    refuses: tuple[Way, ...] = ()
    malformed: tuple[Way, ...] = ()
    passes: tuple[Passage, ...] = ()

    def way(self, wanted: str) -> Way:
        """The way of that name, or the first that contains it. Raises InputError."""
        ways = (*self.refuses, *self.malformed, *self.passes)
        named = [w for w in ways if w.way == wanted] or [w for w in ways if wanted in w.way]
        if not named:
            names = ", ".join(w.way for w in ways)
            raise InputError(f"{self.name} has no way {wanted}", hint=f"it has: {names}")
        return named[0]

    def like(self, sight: Sight, *, malformed: bool = False, refused: bool = True) -> Sight:
        """What it shows where a server shows ``sight``: its own way that is most like it.

        A front shows what passes through it, and what is not refused is the same page under the
        product's own Server header. Raises InputError where the product knows no way.
        """
        if not refused and not malformed and not self.front:
            return self._signed(sight)
        own = self.malformed if malformed else self.refuses
        if self.front and not (malformed and own):
            return self._through(sight)
        if not own:
            raise InputError(f"{self.name} has no way of refusing")
        return min((w.sight for w in own), key=lambda s: _unlike(s, sight))

    def _through(self, sight: Sight) -> Sight:
        found = next((p for p in self.passes if sight.symbol in p.origin), None)
        return self._carried(sight) if found is None else found.sight

    def _carried(self, sight: Sight) -> Sight:
        """The origin's page on the front's own connection, which it keeps in any case."""
        others = tuple((n, v) for n, v in sight.headers if n != "connection")
        return self._signed(replace(sight, headers=others, kept=True))

    def _signed(self, sight: Sight) -> Sight:
        """The same answer under this product's Server header."""
        others = tuple((n, v) for n, v in sight.headers if n != _SERVER)
        own = () if self.server is None or sight.kind is not SightKind.HTTP else (self.server,)
        return replace(sight, headers=tuple(sorted((*others, *((_SERVER, v) for v in own)))))


def _unlike(own: Sight, sight: Sight) -> tuple[bool, bool, bool]:
    """How unlike two sights are: in being a page at all, then in kind, then in status."""
    page = SightKind.HTTP
    return (
        (own.kind is page) != (sight.kind is page),
        own.kind is not sight.kind,
        own.status != sight.status,
    )


def load_product(name_or_path: str | Path) -> Product:
    """A product by its shipped name or its path. Raises InputError with file and line."""
    return read_model(shipped.find("products", name_or_path), Product)[0]


def load_products(*names: str | Path) -> tuple[Product, ...]:
    """Several products, in this order."""
    return tuple(load_product(name) for name in names)
