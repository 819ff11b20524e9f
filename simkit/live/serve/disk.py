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
from dataclasses import dataclass
from pathlib import Path

from simkit.policy.patterns import to_bytes
from simkit.policy.site import Item, Kind, Page
from simkit.policy.users import Users, read_users

__all__ = ["Disk", "OpenFile"]

_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
_DENIED = (errno.EACCES, errno.ELOOP)


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
    """The site that a policy decides about, as it lies on the disk under a prefix.

    ``beside`` is the folder of the configuration, where files of passwords lie.
    """

    def __init__(self, prefix: Path, beside: Path | None = None) -> None:
        self._prefix = prefix
        self.beside = beside or prefix

    def full_name(self, name: str) -> str:
        """A name of the configuration; a relative one is under the prefix."""
        return name if name.startswith("/") else f"{self._prefix}/{name}"

    def find(self, path: str) -> Page:  # noqa: ARG002
        """A page: nothing of a `Site` is asked but what stands behind a proxy."""
        return Page()

    def look(self, folder: str, below: str) -> Item:
        """What lies below a folder that the configuration names."""
        name = self.name(folder, below)
        return Item(Kind.ABSENT) if name is None else _found(name)

    def users(self, name: str) -> Users:
        """A file of users as it is now, or the status that it gives."""
        return read_users(self.beside / name)

    def test(self, operator: str, name: str) -> bool:
        """A file test of an `if`: ``-f``, ``-d``, ``-e`` or ``-x``."""
        whole = to_bytes(self.full_name(name))
        try:
            mode = os.stat(whole).st_mode  # noqa: PTH116 (bytes)
        except (OSError, ValueError):
            return False
        if operator == "-x":
            return bool(mode & stat.S_IXUSR)
        return operator == "-e" or (operator == "-f") is stat.S_ISREG(mode)

    def open(self, folder: str, below: str) -> OpenFile | None:
        """Open a file; None where it is gone since it was looked for."""
        name = self.name(folder, below)
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

    def name(self, folder: str, below: str) -> bytes | None:
        """The file that lies below a folder; None where it would lie outside."""
        folder = self.full_name(folder)
        whole = to_bytes(folder + below)
        base = os.path.normpath(to_bytes(folder)).rstrip(b"/")
        reached = os.path.normpath(whole)
        inside = reached == base or reached.startswith(base + b"/")
        return whole if inside and b"\0" not in whole else None


def _found(name: bytes) -> Item:
    try:
        found = os.stat(name)  # noqa: PTH116 (bytes)
    except OSError as error:
        return Item(_kind_of(error))
    if stat.S_ISDIR(found.st_mode):
        return Item(Kind.FOLDER)
    if not stat.S_ISREG(found.st_mode):
        return Item(Kind.ABSENT)
    kind = Kind.FILE if os.access(name, os.R_OK) else Kind.DENIED
    return Item(kind, Page(body_bytes=found.st_size))


def _kind_of(error: OSError) -> Kind:
    if error.errno in _ABSENT:
        return Kind.ABSENT
    return Kind.DENIED if error.errno in _DENIED else Kind.BROKEN
