"""``simkit calibrate`` as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import get_args

import pytest

from simkit.host import load_costs
from simkit.host.cooling import Cooling
from simkit.live import find_nginx, nginx_version
from simkit.show.calibrate import flat
from simkit.traffic.machine import Certificate
from tests.cli.commands import ROOT, simkit

START = [sys.executable, "-c", "from simkit.cli import main; main()"]


def test_quick_writes_a_table_in_which_silence_is_cheaper_than_a_page(tmp_path: Path) -> None:
    """Only what holds on every machine: all costs something, and the order of a few."""
    file = tmp_path / "here.toml"
    done = simkit("calibrate", "--quick", "--out", file, "--date", "2026-01-31", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    table = load_costs(file)
    assert table.model_dump(mode="json") == document["table"]
    assert (table.name, table.nginx) == ("here", nginx_version(find_nginx()))
    assert "on 2026-01-31" in " ".join(table.provenance.split())
    for key, number in flat(table).items():
        # what TLS adds to a page is less than two short measurements may differ by
        assert number > 0 or key == "tls_answer_us", f"{key}: {done.stdout}"
    assert table.new_connection_us.silent < table.new_connection_us.page
    assert table.kept_connection_us.page < table.new_connection_us.page
    assert table.new_connection_us.page < table.new_connection_us.proxy
    kinds = get_args(Certificate)
    ecdsa, rsa, larger = (Cooling(table.handshake_us[k]).after(0) / 1000 for k in kinds)
    assert table.new_connection_us.proxy < ecdsa < rsa < larger
    for price in (table.wake_up_us, table.resumed_us, table.refused_handshake_us):
        cooling = Cooling(price)
        assert cooling.after(10**5) <= cooling.after(10**7)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--date", "yesterday"), '"yesterday" is no date (--date 2026-01-31)'),
        (("--out", "costs.csv"), "costs.csv: a cost table is a .toml file"),
        (("--out", "nowhere/costs.toml"), "nowhere/costs.toml: this file cannot be written"),
        (("--nginx", "no-such-program"), "no-such-program: there is no program nginx here"),
    ],
)
def test_bad_input_ends_with_2_before_anything_starts(
    words: tuple[str, ...], complaint: str
) -> None:
    done = simkit("calibrate", *words)
    assert done.returncode == 2
    assert complaint in done.stderr


def test_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [*START, "calibrate"], cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True
    ) as process:
        until = monotonic() + 30
        while not worked(tmp_path) and process.poll() is None and monotonic() < until:
            sleep(0.05)
        assert inside(tmp_path)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert not inside(tmp_path)
    assert list(tmp_path.iterdir()) == []


def worked(folder: Path) -> bool:
    """Whether a nginx below the folder has logged some requests."""
    return any(log.stat().st_size > 100_000 for log in folder.glob("simkit-nginx-*/access.log"))


def inside(folder: Path) -> list[int]:
    """Processes that run in a folder below this one."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and (entry / "cwd").readlink().is_relative_to(folder):
                found.append(int(entry.name))
        except OSError:  # it has ended, or is somebody else's
            continue
    return found
