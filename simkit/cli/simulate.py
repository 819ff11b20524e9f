"""``simkit simulate``: one run of a scenario under one policy."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simkit.cli.options import AllowUnsupported, Json, Seed, one_strategy, print_json
from simkit.cli.progress import progress
from simkit.errors import InputError, printable

if TYPE_CHECKING:
    from simkit.accesslog import LogFormat
    from simkit.policy import Policy
    from simkit.study.one_run import OneRun

COMBINED, OWN = "combined", "own"
START = "2026-01-01T00:00:00+00:00"
ENGINES, RECORDS = ("auto", "simpy", "compiled"), ("all", "totals")

__all__ = ["START", "simulate"]


def simulate(
    scenario: Annotated[str, typer.Argument(help="A scenario file, or the name of a shipped one.")],
    policy: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="A configuration, a strategy file, or the name of a shipped one."
        ),
    ],
    seed: Seed = 1,
    engine: Annotated[
        str, typer.Option(help="auto, simpy or compiled: the same tables, in different times.")
    ] = "auto",
    record: Annotated[
        str, typer.Option(help="all, or totals: sums alone, for crowds that do not fit in memory.")
    ] = "all",
    out: Annotated[
        Path | None,
        typer.Option(help="Write timeline.png, tables (Parquet) and a README to this folder."),
    ] = None,
    access_log: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what nginx would have logged to this file."),
    ] = None,
    log_format: Annotated[
        str,
        typer.Option(
            help="The access log's: combined, common, own (the policy's), or as in nginx.conf."
        ),
    ] = COMBINED,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help=f"When the access log begins, ISO 8601; {START} if not said."
        ),
    ] = None,
    allow_unsupported: AllowUnsupported = False,
    as_json: Json = False,
) -> None:
    """Simulate one run: who came, who was refused by which line, what it cost, second by second."""
    from simkit.study.one_run import run_once
    from simkit.traffic import load_scenario

    _check(engine, ENGINES, "--engine")
    _check(record, RECORDS, "--record")
    _check_log(access_log, record)
    begins = _start(start, access_log)
    crowd = load_scenario(scenario)
    read = one_strategy(policy, allow_unsupported=allow_unsupported)
    written_as = _format_of(read.policy, log_format)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    with progress("simulating") as report:
        found = run_once(
            crowd,
            read,
            seed=seed,
            engine=engine,  # type: ignore[arg-type]
            record=record,  # type: ignore[arg-type]
            progress=report,
        )
    written = [] if out is None else _write(found, out)
    lines = None if access_log is None else _write_log(found, access_log, written_as, begins)
    if as_json:
        _print_json(found, written_as, lines)
        return
    from simkit.show.simulate import print_run

    print_run(found)
    if out is not None:
        typer.echo(f"\nWritten to {printable(str(out))}: {', '.join(p.name for p in written)}")
    if access_log is not None:
        typer.echo(f"\nWritten to {printable(str(access_log))}: {lines:,} lines of the format")
        typer.echo(printable(written_as.text))


def _check(given: str, known: tuple[str, ...], option: str) -> None:
    if given not in known:
        hint = f"{', '.join(known[:-1])} or {known[-1]}"
        raise InputError(f"{option} {given} cannot be", hint=hint)


def _check_log(path: Path | None, record: str) -> None:
    """Find out before the run what would keep its log from being written."""
    if path is None:
        return
    if record != "all":
        raise InputError("totals have no requests to write a log of", hint="--record all")
    if path.is_dir() or not path.parent.is_dir():
        problem = "is a folder" if path.is_dir() else "its folder is not there"
        raise InputError(f"the access log cannot be written: {problem}", file=path)


def _start(text: str | None, access_log: Path | None) -> datetime:
    if text is not None and access_log is None:
        raise InputError("--start says when an access log begins", hint="--access-log FILE")
    try:
        found = datetime.fromisoformat(START if text is None else text)
    except ValueError:
        raise InputError(f"--start {text} is no time", hint=f"as in {START}") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _format_of(policy: Policy, wanted: str) -> LogFormat:
    """The format to write. Raises InputError for one with variables that a run says nothing of."""
    from simkit.accesslog import find_format
    from simkit.accesslog.writing import Writer

    return Writer(_own_format(policy) if wanted == OWN else find_format(wanted)).log_format


def _own_format(policy: Policy) -> LogFormat:
    """The first format in which the policy's site logs; nginx's combined where it does not say."""
    from simkit.accesslog import COMBINED as DEFAULT
    from simkit.live.serve.wiring import Wiring

    servers = policy.http.servers
    site = next((s for s in servers if policy.site_name in s.names), servers[0])
    logs = Wiring(policy, Path()).access_logs(site.base.scope)
    return next((log.format for log in logs), DEFAULT)


def _write(found: OneRun, out: Path) -> list[Path]:
    from simkit.show.timeline import save_timeline
    from simkit.study.run_files import FIGURE, write_run

    files = write_run(found, out)
    figure = save_timeline(found, out / FIGURE)
    return [*([] if figure is None else [figure]), *files]


def _write_log(found: OneRun, path: Path, log_format: LogFormat, start: datetime) -> int:
    from simkit.accesslog.writing import write_log
    from simkit.study.run_log import run_entries

    entries = run_entries(found.run, found.scenario, found.strategy, start)
    return write_log(entries, path, log_format, start.tzinfo or UTC)


def _print_json(found: OneRun, log_format: LogFormat, lines: int | None) -> None:
    from simkit.study.run_summary import as_json

    about = {"format": printable(log_format.text), "lines": lines}
    print_json(as_json(found) | {"access_log": None if lines is None else about})
