"""Fingerprints of what a run depends on: equal fingerprints, equal results.

Each is the SHA-256 of content, never of names or times of files outside of it: a study that is
moved to another folder keeps them.

============  =============================================================================
``strategy``  every file that the configuration is read from, by its place beside the first:
              includes, and files of users whose name holds no variable; and what the strategy's
              own file and the product of its CDN say, if there are such
``scenario``  what the scenario says, the varied parameters in their place; not its comments
``costs``     what the cost table says
``simkit``    the version, and every source that has a part in a run and its measures
============  =============================================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from simkit import __version__, shipped
from simkit.policy.policy import Policy
from simkit.policy.reader import Directive, read
from simkit.study.shared import Shared

if TYPE_CHECKING:
    from simkit.strategy import Strategy
    from simkit.traffic import Scenario

_PACKAGE = Path(__file__).resolve().parents[1]
_PARTS = (
    *("addresses.py", "errors.py", "draws.py", "wire.py", "policy", "traffic", "strategy"),
    *("host", "engine", "measures"),
    *("study/outcome.py", "study/sweep/cells.py"),
)

__all__ = ["of_costs", "of_policy", "of_scenario", "of_simkit", "of_strategy", "share_strategy"]


def share_strategy(strategy: Strategy) -> Shared[Strategy]:
    """One to go with many tasks; another process reads its files once while they are equal."""
    return Shared(strategy, of_strategy)


def of_strategy(strategy: Strategy) -> str:
    """The fingerprint of what a strategy is made of, as it is when this is first asked."""
    found = of_policy(strategy.policy)
    if not strategy.has_front:
        return found
    front = [found.encode(), _content(strategy.path)]
    if strategy.cdn is not None:
        front.append(strategy.cdn.product.model_dump_json().encode())
    return _digest(front)


@lru_cache(64)
def of_policy(policy: Policy) -> str:
    """The fingerprint of the files of a policy, as they are when this is first asked."""
    home = policy.path.parent
    files = dict.fromkeys((policy.path, *_files(read(policy.path), home)))
    return _digest(part for file in files for part in (_near(file, home), _content(file)))


def _files(tree: Sequence[Directive], home: Path) -> Iterator[Path]:
    for directive in tree:
        yield Path(directive.source.file)
        if directive.name == "auth_basic_user_file" and "$" not in directive.args[0]:
            yield home / directive.args[0]
        yield from _files(directive.block or (), home)


def _near(file: Path, home: Path) -> bytes:
    return (file.relative_to(home) if file.is_relative_to(home) else file).as_posix().encode()


def _content(file: Path) -> bytes:
    """What is in a file; one that cannot be read has other content than an empty one."""
    try:
        return b"+" + file.read_bytes()
    except OSError:
        return b"-"


def of_scenario(scenario: Scenario) -> str:
    """The fingerprint of what a scenario says; its cost table has one of its own."""
    import json

    said = json.loads(scenario.model_dump_json(by_alias=True))
    said["host"].pop("costs")
    return _digest([json.dumps(said, sort_keys=True).encode()])


def of_costs(name_or_path: str) -> str:
    """The fingerprint of what a cost table says, as it is now. Raises InputError, OSError."""
    path = shipped.find("costs", name_or_path)
    return _of_costs(path, path.stat().st_mtime_ns)


@lru_cache(16)
def _of_costs(path: Path, _mtime_ns: int) -> str:
    from simkit.host import load_costs

    return _digest([load_costs(path).model_dump_json().encode()])


@lru_cache(1)
def of_simkit() -> str:
    """The fingerprint of this simkit, as it is when this is first asked."""
    sources = (f for part in _PARTS for f in sorted(_sources(_PACKAGE / part)))
    parts = (p for f in sources for p in (_near(f, _PACKAGE), _content(f)))
    return _digest([__version__.encode(), *parts])


def _sources(part: Path) -> Iterator[Path]:
    return part.rglob("*.py") if part.is_dir() else iter((part,))


def _digest(parts: Iterable[bytes]) -> str:
    """SHA-256 over the parts, each with its length, so that no two lists are alike."""
    found = hashlib.sha256()
    for part in parts:
        found.update(b"%d:" % len(part))
        found.update(part)
    return found.hexdigest()
