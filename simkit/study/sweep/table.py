"""The numbers of runs as rows, and what is kept of a run as text and back again.

One row for each number of a run:

===========  ====================================================================
strategy     the name of the strategy
…            one column for each varied parameter, named by its path
replication  from 0; equal replications met the same crowd
measure      what was measured
cohort       of whom: a cohort, a group in parentheses, or ``(server)``
unit         of the value
value        full precision; nan where there is nothing to take a share of
===========  ====================================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

from simkit.study.outcome import Outcome
from simkit.study.sweep.grid import Value, canonical

if TYPE_CHECKING:
    import polars as pl
    from pydantic import TypeAdapter

Groups = Mapping[str, tuple[str, ...]]
Parameters = Mapping[str, Value]
Row = tuple[Any, ...]

__all__ = ["frame_of", "outcome_of", "rows_of", "text_of"]


def rows_of(outcome: Outcome, parameters: Parameters, groups: Groups) -> Iterator[Row]:
    """The numbers of an outcome in the order of `frame_of`."""
    place = (outcome.strategy, *parameters.values(), outcome.replication)
    for v in outcome.values(groups):
        yield (*place, v.measure, v.cohort, v.unit, v.value)


def frame_of(rows: Iterable[Row], grid: Sequence[Parameters]) -> pl.DataFrame:
    """Rows as a data frame. ``grid`` has all values of the parameters, which gives their types.

    A parameter is a number, a truth or a text if all of its values are, else JSON.
    """
    import polars as pl

    kinds = {name: _kind([values[name] for values in grid]) for name in grid[0]}
    schema = {
        "strategy": pl.String,
        **{name: getattr(pl, kind) for name, kind in kinds.items()},
        "replication": pl.Int64,
        "measure": pl.String,
        "cohort": pl.String,
        "unit": pl.String,
        "value": pl.Float64,
    }
    as_json = [1 + i for i, (name, kind) in enumerate(kinds.items()) if kind == "String"]
    found = [_with_texts(row, as_json) for row in rows]
    return pl.DataFrame(found, schema=schema, orient="row")


def _with_texts(row: Row, positions: Sequence[int]) -> Row:
    cells = list(row)
    for position in positions:
        if not isinstance(cells[position], str):
            cells[position] = canonical(cells[position])
    return tuple(cells)


def _kind(values: Sequence[object]) -> str:
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "Boolean"
    if kinds == {int}:
        return "Int64"
    return "Float64" if kinds <= {int, float} else "String"


def text_of(outcome: Outcome) -> str:
    """An outcome as JSON (with NaN where there is no number), equal for equal outcomes."""
    return json.dumps(asdict(outcome), separators=(",", ":"))


def outcome_of(text: str) -> Outcome:
    """The outcome that `text_of` was given. Raises ValueError where it is none."""
    return _adapter().validate_json(text)


@cache
def _adapter() -> TypeAdapter[Outcome]:
    from pydantic import TypeAdapter

    return TypeAdapter(Outcome)
