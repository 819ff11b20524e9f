"""What every part of a scenario file is: checked when it is read, and never changed after."""

from __future__ import annotations

from collections.abc import Sized
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

__all__ = [
    "MOST",
    "NS_PER_MS",
    "NS_PER_S",
    "Bandwidth",
    "Bytes",
    "Count",
    "Name",
    "NotEmpty",
    "NotNegative",
    "Part",
    "Port",
    "Positive",
    "Share",
]

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

MOST = 1e9
"""No number of a scenario is larger, unless it says so: whatever is reckoned in whole nanoseconds
stays within 64 bits, in both engines."""

Positive = Annotated[float, Field(ge=1e-6, le=MOST)]
NotNegative = Annotated[float, Field(ge=0, le=MOST)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=10_000_000)]
Bytes = Annotated[int, Field(ge=0, le=100_000_000_000)]
Bandwidth = Annotated[float, Field(ge=0.001, le=MOST)]
"""In Mbit/s."""
Port = Annotated[int, Field(ge=1, le=65_535)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]*$", max_length=60)]

Several = TypeVar("Several", bound=Sized)


def _not_empty(several: Several) -> Several:
    if not len(several):
        raise ValueError("must not be empty")
    return several


NotEmpty = AfterValidator(_not_empty)
"""For ``Annotated``. Unlike a minimal length it is asked only where every element is good."""


class Part(BaseModel):
    """A part of a scenario: immutable, no unknown keys, no silent conversions, finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
