"""The site behind a policy: which paths there are, and how large their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["EverythingExists", "Page", "Site"]


@dataclass(frozen=True, slots=True)
class Page:
    """What the site answers on a path."""

    status: int = 200
    body_bytes: int = 0


class Site(Protocol):
    """Anything that knows the pages of a site."""

    def find(self, path: str) -> Page | None:
        """The page on a normal path, or None where there is none (a 404)."""
        ...


@dataclass(frozen=True, slots=True)
class EverythingExists:
    """A site that has whatever is asked for: for replays, where the log knows what was there."""

    page: Page = Page()

    def find(self, path: str) -> Page:  # noqa: ARG002
        """Always the same page."""
        return self.page
