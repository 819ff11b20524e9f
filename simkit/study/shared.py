"""What many tasks have in common, sent to another process as bytes and made there only once.

A policy and a scenario go with every run of a study. Were they made anew for each, the plans that
the engine keeps for them would be too.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")

_KEPT = 64

__all__ = ["Shared"]


class Shared(Generic[Value]):
    """A value that pickles as bytes; in one process, equal bytes give the same object.

    ``version`` tells apart values whose bytes are equal though they are not, such as a policy,
    which goes by the name of its file. It is asked for only where the value goes elsewhere.
    """

    def __init__(self, value: Value, version: Callable[[Value], str] = lambda _: "") -> None:
        self.value = value
        self._ask_version = version

    @cached_property
    def _version(self) -> str:
        return self._ask_version(self.value)

    @cached_property
    def _packed(self) -> bytes:
        return pickle.dumps(self.value)

    def __reduce__(self) -> tuple[object, ...]:
        return _Received, (self._packed, self._version)


class _Received(Shared[Any]):
    """The other end: the value is made when it is first asked for, by whoever does the work."""

    def __init__(self, packed: bytes, version: str) -> None:
        self._packed = packed
        self._version = version

    @property
    def value(self) -> Any:
        """The value; raises whatever making it raises."""
        return _made(self._packed, self._version)


@lru_cache(_KEPT)
def _made(packed: bytes, version: str) -> Any:  # noqa: ARG001 - the version is part of the key
    return pickle.loads(packed)
