"""The files behind a policy: what lies under `root` or `alias`, asked anew for each request.

nginx joins folder and path as they stand. A path of a request has no ``..`` left in it, but an
`alias` without a final slash, or a rewrite with an argument in it, can bring one in, and then nginx
serves files beside the folder. Here nothing outside the folder is ever opened; symbolic links are
followed, as under nginx.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from simkit.policy.model import Location
from simkit.policy.patterns import to_bytes
from simkit.policy.plan import Source
from simkit.policy.reader import Directive
from simkit.policy.scope import Scope
from simkit.policy.site import Page
from simkit.policy.uri import ascii_lower, extension
from simkit.policy.values import Template

__all__ = ["Disk", "OpenFile", "content_type"]

Text = Callable[[Template], str]

_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
_DENIED = (errno.EACCES, errno.ELOOP)
_TYPES = {"html": "text/html", "gif": "image/gif", "jpg": "image/jpeg"}
_WITH_CHARSET = frozenset(
    """text/html text/xml text/plain text/vnd.wap.wml application/javascript
    application/rss+xml""".split()
)


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that was opened: its descriptor, length and time of change."""

    descriptor: int
    size_bytes: int
    changed_s: int

    @property
    def tag(self) -> str:
        """The ETag: time and length in hexadecimal (ngx_http_set_etag)."""
        return f'"{self.changed_s:x}-{self.size_bytes:x}"'


class Disk:
    """The site that a policy decides about, as it lies on the disk under a prefix."""

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix

    def find(self, path: str) -> Page | None:  # noqa: ARG002
        """Behind a proxy everything may be there; files are asked for with `look`."""
        return Page()

    def look(self, location: Location, path: str, text: Text) -> Page | None:
        """What lies there: 200 for a file, 301 a folder, 403 what may not be read, None nothing.

        A status of 500 stands for a disk that fails.
        """
        name = self.name(location, path, text)
        if name is None:
            return None
        try:
            found = os.stat(name)
            allowed = os.access(name, os.R_OK)
        except OSError as error:
            return _page_of(error)
        if stat.S_ISDIR(found.st_mode):
            return Page(301)
        if not stat.S_ISREG(found.st_mode):
            return None
        return Page(200, found.st_size) if allowed else Page(403)

    def open(self, location: Location, path: str, text: Text) -> OpenFile | None:
        """Open a file; None where it is gone since it was looked for."""
        name = self.name(location, path, text)
        if name is None:
            return None
        try:
            opened = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode):
            os.close(opened)
            return None
        return OpenFile(opened, found.st_size, int(found.st_mtime))

    def name(self, location: Location, path: str, text: Text) -> bytes | None:
        """The file that a path stands for in a location; None where it would lie outside."""
        folder, rest = self._folder(location, path, text)
        if "\0" in folder + rest:
            return None
        base = os.path.normpath(to_bytes(folder))
        whole = os.path.normpath(to_bytes(folder + rest))
        inside = whole == base or whole.startswith(base.rstrip(b"/") + b"/")
        kept = to_bytes(folder + rest)
        return kept if inside else None

    def _folder(self, location: Location, path: str, text: Text) -> tuple[str, str]:
        """The folder, and what is added to it: by `root` the path, by `alias` what follows."""
        found = (location.scope or Scope(())).nearest("root", "alias")
        if not found:
            return str(self.prefix / "html"), path
        directive = found[-1]
        folder = text(_template(directive.args[0], directive.source))
        if not folder.startswith("/"):
            folder = f"{self.prefix}/{folder}"
        if directive.name == "root":
            return folder.rstrip("/"), path
        if location.pattern is not None:
            return folder, ""
        return folder, path[len(location.path) :]


def _page_of(error: OSError) -> Page | None:
    if error.errno in _ABSENT:
        return None
    return Page(403 if error.errno in _DENIED else 500)


@lru_cache(maxsize=1024)
def _template(text: str, source: Source) -> Template:
    return Template.parse(text, source)


def content_type(location: Location, path: str) -> str:
    """The type of a file by its extension, with the charset where one is configured."""
    scope = location.scope or Scope(())
    kind = _types(scope).get(extension(path), location.default_type)
    charset = scope.scalar("charset", "off", lambda text, _: text)
    if charset == "off" or "$" in charset or kind not in _charset_types(scope):
        return kind
    return f"{kind}; charset={charset}"


def _charset_types(scope: Scope) -> frozenset[str]:
    found = scope.last("charset_types")
    return _WITH_CHARSET if found is None else frozenset(("text/html", *found.args))


def _types(scope: Scope) -> dict[str, str]:
    """Types by extension, of the nearest level that has any; a `types` block says them all."""
    block = scope.nearest("types")
    return _TYPES if not block else _read_types(block)


@lru_cache(maxsize=256)
def _read_types(blocks: tuple[Directive, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for block in blocks:
        for line in block.block or ():
            found |= {ascii_lower(word): line.name for word in line.args}
    return found
