"""``simkit sweep``: strategies over a grid of scenarios, many times each."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simkit.cli.options import FAILED, Json, print_json
from simkit.cli.progress import Said, saying
from simkit.errors import InputError, printable

if TYPE_CHECKING:
    from simkit.study.sweep import State, Study, Sweep

RESULTS = Path("results")
ENGINES = ("auto", "simpy", "compiled")

__all__ = ["sweep"]


def sweep(
    study: Annotated[str, typer.Argument(help="A study file, or the name of a shipped one.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder of the study's cells and results; results/NAME if not said. A study "
            "that is there already is gone on with."
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Processes to use; as many as worthwhile if not said."),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Run on the cluster of this dask scheduler."),
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="auto, simpy or compiled, in place of the study's own.")
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Run again what failed, though nothing has changed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run a study: strategies over a grid of scenarios; interrupted ones go on where they were."""
    from simkit.study.sweep import load_study
    from simkit.study.sweep import sweep as run

    plan = _with_engine(load_study(study), engine)
    folder = RESULTS / plan.name if out is None else out
    with _workers(jobs, dask) as workers, saying(plan.name) as say:
        report = _Report(say)
        found = run(plan, folder, workers=workers, tell=report.hear, retry=retry)
    if found.interrupted:
        _say_how_to_go_on(found, study, out, folder)
        raise KeyboardInterrupt
    _show(found, folder, as_json=as_json)
    if found.failed:
        raise typer.Exit(FAILED)


def _with_engine(plan: Study, engine: str | None) -> Study:
    if engine is None:
        return plan
    if engine not in ENGINES:
        raise InputError(f"{engine} is no engine", hint=f"there are {', '.join(ENGINES)}")
    return replace(plan, engine=engine)  # type: ignore[arg-type]


@contextmanager
def _workers(jobs: int | None, dask: str | None) -> Iterator[int | Executor | None]:
    if dask is None:
        yield jobs
        return
    if jobs is not None:
        raise InputError("--jobs and --dask exclude each other")
    from simkit.study.executors import on_dask

    with on_dask(dask) as executor:
        yield executor


class _Report:
    """What is said while a study runs."""

    def __init__(self, say: Said) -> None:
        self._say = say
        self._begun = False

    def hear(self, state: State) -> None:
        """Say how far the study is; at first also what was there already."""
        if not self._begun:
            self._begun = True
            for line in _what_is_there(state):
                print(line, file=sys.stderr)
        self._say(state.done, state.total, _words(state))


def _what_is_there(state: State) -> Iterator[str]:
    if state.kept:
        yield f"{state.kept} of {state.total} cells are done already and are kept"
    for name, number in state.changed.items():
        yield f"{number} cells are run anew, for something has changed: {_CHANGED.get(name, name)}"


_CHANGED = {
    "policy": "the policy's files",
    "scenario": "the scenario",
    "costs": "the cost table",
    "simkit": "simkit itself",
    "file": "the cell's file cannot be read",
    "format": "the format of cells",
}


def _words(state: State) -> str:
    from simkit.study.sweep.estimate import about

    left = "" if state.remaining_s is None else f"remaining {about(state.remaining_s)}, "
    return f"{left}{state.done} of {state.total}"


def _say_how_to_go_on(found: Sweep, study: str, out: Path | None, folder: Path) -> None:
    words = ["simkit", "sweep", study, *(() if out is None else ("--out", str(out)))]
    done = found.study.size - found.left
    print(
        printable(f"{done} of {found.study.size} cells are done and kept in {folder}."),
        printable(f"To go on: {shlex.join(words)}"),
        sep="\n",
        file=sys.stderr,
    )


def _show(found: Sweep, folder: Path, *, as_json: bool) -> None:
    from simkit.show.sweep import print_sweep, save_figures
    from simkit.study.sweep.results import as_json as document

    figures = save_figures(found, folder)
    if as_json:
        print_json(document(found))
        return
    print_sweep(found)
    names = ", ".join(("results.parquet", "results.csv", *(path.name for path in figures)))
    typer.echo(f"Written to {printable(str(folder))}: {names}; README.md there says what is what")
