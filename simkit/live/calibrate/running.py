"""The whole calibration: a nginx made for it, every case under every load, some repeats."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from simkit.live.calibrate.application import Application
from simkit.live.calibrate.cases import CASES, CERTIFICATES, LARGE_BYTES, SMALL_BYTES, Case, Load
from simkit.live.calibrate.fit import fit
from simkit.live.calibrate.measuring import Measurement, measure
from simkit.live.calibrate.result import Calibration, Conditions
from simkit.live.calibrate.traffic import Address
from simkit.live.calibrate.worker import Worker, cores_apart, needs_linux, put_first, worker_of
from simkit.live.certificates import make_certificate
from simkit.live.nginx import LiveNginx, find_nginx, nginx_version

__all__ = ["FULL", "QUICK", "Effort", "Tell", "calibrate", "made_nginx"]

Tell = Callable[[int, int, str], None]
"""Called with how many measurements are done, how many there are, and what comes next."""

_CONF = Path(__file__).with_name("calibrate.conf")
_SMALL_FILES = ("static", "limited_silent", "limited_page", "delayed")


@dataclass(frozen=True, slots=True)
class Effort:
    """How often each case is measured under each load, and for how long each time."""

    repeats: int
    window_s: float


FULL = Effort(repeats=5, window_s=0.5)
"""A few minutes."""

QUICK = Effort(repeats=2, window_s=0.1)
"""About 20 seconds."""


def calibrate(
    *,
    program: str | Path | None = None,
    effort: Effort = FULL,
    date: str,
    processor: str,
    tell: Tell = lambda _done, _total, _words: None,
) -> Calibration:
    """Measure what a live nginx's answers cost its worker on this machine.

    ``program`` is the nginx to run, by default the one on the PATH; ``date`` and ``processor`` go
    into the provenance as they are. Repeats are the outer loop, so that a machine that changes its
    pace shows in the spread. Raises InputError where this is no Linux, nginx is missing, refuses
    the configuration or answers otherwise than it says.
    """
    needs_linux()
    program = find_nginx(program)
    version = nginx_version(program)
    before = os.getloadavg()[0]
    application = Application()
    with cores_apart() as cores, made_nginx(application, program) as nginx:
        worker = worker_of(nginx.process.pid)
        os.sched_setaffinity(worker.pid, cores.worker)
        first = put_first(worker.pid)
        measured = _measure(worker, _addresses(nginx), application, effort, tell)
    conditions = Conditions(
        nginx=version,
        processor=processor,
        cores=os.cpu_count() or 0,
        apart=cores.apart,
        first=first,
        date=date,
        load_average=(before, os.getloadavg()[0]),
        repeats=effort.repeats,
        window_s=effort.window_s,
    )
    return Calibration(conditions, tuple(measured), fit(measured))


@contextmanager
def made_nginx(application: Application, program: str | Path | None = None) -> Iterator[LiveNginx]:
    """nginx with the configuration of this package, and certificates and files for it."""
    files = {f"/www/{name}": b"x" * SMALL_BYTES for name in _SMALL_FILES}
    files["/www/large"] = b"x" * LARGE_BYTES
    with tempfile.TemporaryDirectory(prefix="simkit-calibrate-") as made:
        folder = Path(made).resolve()
        conf = folder / _CONF.name
        shutil.copyfile(_CONF, conf)
        for kind in CERTIFICATES:
            make_certificate(folder / f"{kind}.crt", folder / f"{kind}.key", ("calibrate",), kind)
        with LiveNginx(
            conf, site=application, files=files, error_level="error", program=program
        ) as nginx:
            yield nginx


def _addresses(nginx: LiveNginx) -> dict[int, Address]:
    ends = {port: nginx.endpoint(port) for port in {case.port for case in CASES}}
    return {port: (end.host, end.port) for port, end in ends.items()}


def _measure(
    worker: Worker,
    addresses: dict[int, Address],
    application: Application,
    effort: Effort,
    tell: Tell,
) -> list[Measurement]:
    found: list[Measurement] = []
    plan = list(_plan(effort.repeats))
    for repeat, case, load in plan:
        tell(len(found), len(plan), f"{case.name}, {load.name} load, repeat {repeat + 1}")
        found.append(
            measure(
                worker,
                addresses[case.port],
                case,
                load,
                repeat=repeat,
                window_s=effort.window_s,
                application=application,
            )
        )
    return found


def _plan(repeats: int) -> Iterator[tuple[int, Case, Load]]:
    for repeat in range(repeats):
        for case in CASES:
            for load in case.loads:
                yield repeat, case, load
