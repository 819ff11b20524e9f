"""What an attacker can tell apart: sights made canonical, so that equal symbols look the same."""

from __future__ import annotations

from dataclasses import dataclass

from simkit.wire import Sight, SightKind

__all__ = ["Eyes", "canonical"]


@dataclass(frozen=True, slots=True)
class Eyes:
    """What an attacker looks at beside how an answer came and its status.

    The size of the body is rounded down to a multiple of ``size_step_bytes``. ``headers`` are
    those that a `Sight` keeps, ``connection`` whether the connection can be used again (and the
    ``Connection`` header, which says so). How long the server waited with the answer is rounded
    down to a multiple of ``wait_step_ms``, and is not looked at if that is None. Raises
    ValueError for a step below 1.
    """

    size_step_bytes: int = 1
    headers: bool = True
    connection: bool = True
    wait_step_ms: int | None = None

    def __post_init__(self) -> None:
        if self.size_step_bytes < 1 or (self.wait_step_ms is not None and self.wait_step_ms < 1):
            raise ValueError("a step is at least 1")

    def symbol(self, sight: Sight, wait_ms: int = 0) -> str:
        """A sight as a symbol: equal texts are all that the attacker can compare."""
        parts = self._page(sight) if sight.kind is SightKind.HTTP else self._bare(sight)
        if self.wait_step_ms is not None and wait_ms >= self.wait_step_ms:
            parts.append(f"after {self.wait_class_ms(wait_ms)} ms")
        return "; ".join(parts)

    def wait_class_ms(self, wait_ms: int) -> int:
        """The class of a wait: its lower end in milliseconds."""
        return 0 if self.wait_step_ms is None else wait_ms - wait_ms % self.wait_step_ms

    def _bare(self, sight: Sight) -> list[str]:
        return [f"{sight.symbol}, kept" if sight.kept and self.connection else sight.symbol]

    def _page(self, sight: Sight) -> list[str]:
        size = sight.body_bytes - sight.body_bytes % self.size_step_bytes
        words = [str(sight.status), "size not known" if sight.body_bytes < 0 else f"{size} bytes"]
        if self.connection:
            words.append("kept" if sight.kept else "closed")
        seen = sight.headers if self.headers else ()
        shown = [f"{n}: {v}" for n, v in seen if self.connection or n != "connection"]
        return [", ".join(words), *shown]


def canonical(sight: Sight, size_step_bytes: int = 1) -> str:
    """A sight as a symbol to an attacker that looks at everything but the time."""
    return Eyes(size_step_bytes).symbol(sight)
