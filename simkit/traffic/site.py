"""The site: which paths exist, how large their answers are, what a page needs."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

from pydantic import Field, StringConstraints

from simkit.policy import Page
from simkit.traffic.part import Bytes, NotEmpty, Part

__all__ = ["PageSpec", "SiteSpec"]

Path = Annotated[str, StringConstraints(pattern=r"^/[^\s?#]*$")]


class PageSpec(Part):
    """A page: a document, and the files that a browser fetches to show it."""

    path: Path
    body_bytes: Bytes = 0
    status: Annotated[int, Field(ge=100, le=599)] = 200
    resources: Annotated[tuple[Path, ...], Field(max_length=10_000)] = ()


class SiteSpec(Part):
    """A site as `simkit.policy.Site` wants it. Whatever is not listed does not exist.

    ``address`` is the server's own, which a scan of the bare address asks for. Whether nginx or
    the application behind it answers a path is for the policy to say, not for the site.
    """

    host: str
    address: str
    pages: Annotated[tuple[PageSpec, ...], Field(alias="page"), NotEmpty]
    files: dict[Path, Bytes] = Field(default_factory=dict)

    def find(self, path: str) -> Page | None:
        """What stands at a path, or None: a 404."""
        return self._found.get(path)

    def page(self, path: str) -> PageSpec:
        """The page of that path. Raises KeyError where there is none."""
        return self._pages[path]

    def has_page(self, path: str) -> bool:
        """Whether the path is a page, not a file and not absent."""
        return path in self._pages

    @cached_property
    def _pages(self) -> dict[str, PageSpec]:
        return {page.path: page for page in self.pages}

    @cached_property
    def _found(self) -> dict[str, Page]:
        files = {path: Page(200, size) for path, size in self.files.items()}
        return files | {p.path: Page(p.status, p.body_bytes) for p in self.pages}
