"""The catalogue of clients as a table: what each does next, and how that is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from simkit.show.console import make_console
from simkit.traffic.catalogue import MARKS

if TYPE_CHECKING:
    from simkit.traffic import Action
    from simkit.traffic.catalogue import Client

__all__ = ["in_words", "print_clients"]

_FOR = {"any": "", "idempotent": " (not of a POST)", "safe": " (of a GET)"}


def print_clients(clients: Iterable[Client]) -> None:
    """Print the clients with their reactions, and what the marks of evidence mean."""
    out = make_console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("Client", "What it is", "What it does when refused", "Known"):
        table.add_column(title, overflow="fold")
    for client in clients:
        table.add_row(*map(Text, (client.name, client.about, _all(client), client.marks)))
    out.print(table)
    out.print(Text("; ".join(f"{mark}: {meaning}" for mark, meaning in MARKS.items()) + "."))


def _all(client: Client) -> str:
    """Every reaction in a line, sightings with the same one together."""
    same: dict[str, list[str]] = {}
    for seen, action in client.reactions.items():
        same.setdefault(in_words(action), []).append(seen.replace("_", " "))
    lines = (f"{', '.join(seen)}: {what}" for what, seen in same.items())
    return "\n".join(lines) or "takes what comes"


def in_words(action: Action) -> str:
    """An action in a few words."""
    said = [*_resends(action), *_retries(action), *_changes(action)]
    return "; ".join(said) or "gives up"


def _resends(action: Action) -> Iterable[str]:
    if action.resend_at_once:
        pages = ", pages only" if action.documents_only else ""
        yield f"{_times(action.resend_at_once)} at once{_FOR[action.resend_for]}{pages}"
    if action.resend_reused:
        methods = _FOR[action.resend_reused_for]
        yield f"{_times(action.resend_reused)} at once if its connection had served{methods}"


def _retries(action: Action) -> Iterable[str]:
    if not action.retry_after_s:
        return
    told = "Retry-After" if action.honour_retry_after else ""
    if action.longest_retry_after_s is not None:
        told = f"Retry-After of at most {action.longest_retry_after_s:g} s"
    drawn = "up to " if action.shorten == 1 else ""
    waits = f"{drawn}{_list(action.retry_after_s)} s"
    after = told if action.only_with_header else f"{waits} or {told}" if told else waits
    yield f"{_times(len(action.retry_after_s))} after {after}{_FOR[action.retry_for]}"


def _changes(action: Action) -> Iterable[str]:
    changes: Mapping[str, bool] = {
        f"{action.slow_down:g} times slower from then on": action.slow_down != 1,
        f"{action.speed_up:g} times faster again": action.speed_up != 1,
        f"goes on with another {action.change}": bool(action.change),
        "leaves": action.leave,
    }
    return (what for what, applies in changes.items() if applies)


def _times(count: int) -> str:
    return "once more" if count == 1 else f"{count} times more"


def _list(seconds: Iterable[float]) -> str:
    shown = [f"{s:g}" for s in seconds]
    return ", ".join(shown if len(shown) <= 8 else [*shown[:4], "…", shown[-1]])
