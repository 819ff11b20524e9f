"""The site that both sides of a trial have: files under every folder that the policy names.

What is passed on is answered by one upstream that has every path, except that a path which says
``missing``, ``broken`` or ``private`` is answered with the status that the word stands for.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from simkit.live.serve.disk import Disk
from simkit.policy.reader import Directive
from simkit.policy.site import Item, Page
from simkit.policy.uri import parse_target
from simkit.policy.users import Users

_STATUSES = {"missing": 404, "broken": 500, "private": 403}
_ERROR_BYTES, _PAGE_BYTES = 30, 1000
_BELOW = ("index.html", "a.txt", "static/shop.css", "img/x.png", "sub/index.html", "sub/page.html")
_FILE = re.compile(r"/[A-Za-z0-9_./-]*[A-Za-z0-9_-]\.[A-Za-z0-9]+")
_ENDINGS = frozenset((".txt", ".html", ".htm", ".css", ".js", ".png", ".ico", ".json", ".xml"))
"""By these an `alias` is taken to be a file, not a folder."""
_NAMES_FILES = ("error_page", "try_files", "location")

__all__ = ["PATHS", "TrialSite", "UpstreamPages", "every", "files_for"]

PATHS = ("/", "/a.txt", "/static/", "/static", "/static/shop.css", "/img/x.png", "/sub/", "/sub",
         "/sub/page.html", "/missing", "/missing.html", "/broken", "/private/x")  # fmt: skip
"""Paths that are worth asking of any policy: what the site has, and what it has not."""


def every(tree: Iterable[Directive]) -> Iterator[Directive]:
    """All directives, a block before what is in it."""
    for item in tree:
        yield item
        yield from every(item.block or ())


def files_for(tree: Iterable[Directive]) -> dict[str, bytes]:
    """Files by name as configured: the same under each `root` and `alias` without a variable."""
    found = tuple(every(tree))
    folders = {"html": None}
    folders |= {d.args[0].rstrip("/"): None for d in found if d.name in ("root", "alias")}
    named = (w for d in found if d.name in _NAMES_FILES for w in d.args if _FILE.fullmatch(w))
    below = dict.fromkeys((*_BELOW, *(posixpath.normpath(w).lstrip("/") for w in named)))
    known = [name for name in folders if name and "$" not in name and ".." not in name]
    alone = [name for name in known if posixpath.splitext(name)[1] in _ENDINGS]
    names = [posixpath.join(folder, b) for folder in known if folder not in alone for b in below]
    laid = {name: _content(name) for name in (*alone, *names)}
    return {name: laid[name] for name in laid if not any(n.startswith(name + "/") for n in laid)}


def _content(name: str) -> bytes:
    """As many bytes as the name under its folder is long, so that files can be told apart."""
    return b"x" * (100 + len(posixpath.basename(name)))


class UpstreamPages:
    """The site as the upstream serves it: by the path as nginx would read it."""

    def find(self, path: str) -> Page:
        """What is answered on a target."""
        target = parse_target(path)
        return _upstream(path if target is None else target.path)


def _upstream(path: str) -> Page:
    for word, status in _STATUSES.items():
        if word in path:
            return Page(status, _ERROR_BYTES)
    return Page(200, _PAGE_BYTES)


class TrialSite:
    """The site as the simulation is told it: the same files on the same disk; see `Files`.

    ``prefix`` is the folder of the trial, ``home`` that of the configuration, where its files of
    users are.
    """

    def __init__(self, prefix: Path, home: Path) -> None:
        self._prefix = str(prefix)
        self._disk = Disk(prefix, home)

    def find(self, path: str) -> Page:
        """What the upstream answers on a normal path."""
        return _upstream(path)

    def look(self, folder: str, below: str) -> Item:
        """What lies below a folder that the configuration names."""
        return self._disk.look(self.full_name(folder), below)

    def test(self, operator: str, name: str) -> bool:
        """A file test of an `if`; a name that is written out means the disk itself."""
        return self._disk.test(operator, name)

    def full_name(self, name: str) -> str:
        """A folder of the configuration as it is laid for the trial."""
        if name.startswith("/") and not name.startswith(f"{self._prefix}/"):
            return f"{self._prefix}/files{name}"
        return self._disk.full_name(name)

    def users(self, name: str) -> Users:
        """A file of users as it is now, or the status that it gives where it cannot be read."""
        return self._disk.users(name)
