"""The site behind a policy: which paths there are, and how large their answers.

A `Site` knows pages by their paths, whatever folder the configuration says they lie in: a page on a
path that ends in a slash stands for the index there. A site that is `Files` as well is asked by
folder and name, as nginx asks a disk; a folder without an index is forbidden then, not absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

__all__ = ["EverythingExists", "Files", "Item", "Kind", "Page", "Site", "look_among"]

_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Page:
    """What the site answers on a path."""

    status: int = 200
    body_bytes: int = 0


class Kind(Enum):
    """What lies under a name."""

    ABSENT = 0
    FILE = 1
    FOLDER = 2
    DENIED = 3
    BROKEN = 4


@dataclass(frozen=True, slots=True)
class Item:
    """What lies under a name, and for a file what it gives."""

    kind: Kind
    page: Page = Page()

    @property
    def size_bytes(self) -> int:
        """The length of a file."""
        return self.page.body_bytes


class Site(Protocol):
    """Anything that knows the pages of a site."""

    def find(self, path: str) -> Page | None:
        """The page on a normal path, or None where there is none (a 404)."""
        ...


@runtime_checkable
class Files(Protocol):
    """A site that lies in folders, such as a disk; `find` is what an upstream would answer."""

    def find(self, path: str) -> Page | None:
        """What stands behind a proxy on a path."""
        ...

    def look(self, folder: str, below: str) -> Item:
        """What lies below a folder that the configuration names."""
        ...

    def test(self, operator: str, name: str) -> bool:
        """A file test of an `if`: ``-f``, ``-d``, ``-e`` or ``-x``."""
        ...

    def full_name(self, name: str) -> str:
        """A name of the configuration as an absolute one."""
        ...

    def users(self, name: str) -> Mapping[str, str] | int:
        """A file of users as it is now, or the status that it gives where it cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class EverythingExists:
    """A site that has whatever is asked for: for replays, where the log knows what was there."""

    page: Page = Page()

    def find(self, path: str) -> Page:  # noqa: ARG002
        """Always the same page."""
        return self.page


def look_among(pages: Site, path: str) -> Item:
    """What a site of pages has on a path; a page that ends in a slash stands for its index."""
    page = pages.find(path)
    if page is not None and page.status != _NOT_FOUND:
        return Item(Kind.FILE, page)
    is_folder = not path.endswith("/") and look_among(pages, path + "/").kind is Kind.FILE
    return Item(Kind.FOLDER if is_folder else Kind.ABSENT)
