"""A study small enough to be run many times: its crowd, its policies, its file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.cli.commands import ROOT
from tests.traffic.files import SMALLEST

CROWD = (
    SMALLEST
    + """
[leakage]
open_path = "/plain"

[[cohort]]
name = "callers"
kind = "caller"
honest = true
count = 3
addresses = ["198.51.100.0/24"]
agents = ["test/1.0"]
arrivals = { kind = "poisson", every_s = 3 }
calls = [{ path = "/" }, { path = "/plain" }]

[[cohort]]
name = "some bots"
kind = "caller"
honest = false
count = 2
addresses = ["203.0.113.0/24"]
arrivals = { kind = "poisson", every_s = 2 }
calls = [{ path = "/plain" }]
"""
)

POLICY = """\
# For tests.
events {{ worker_connections 64; }}
http {{
    limit_req_zone $binary_remote_addr zone=all:1m rate=20r/m;
    server {{
        listen 80 default_server;
        server_name shop.example;
        location / {{
            include {include};
            root html;
        }}
    }}
}}
"""

STUDY = """\
name = "small"
title = "A study for tests"
scenario = "crowd.toml"
strategies = ["./loose.conf", {{ name = "strict one", policy = "strict.conf" }}]
replications = {replications}
seed = 3

[vary]
"cohorts.some bots.count" = [1, 2, 4]
network.rtt_ms = {{ values = [10, 40], label = "round trip, ms" }}
"""


def written(folder: Path, *, replications: int = 2, study: str = STUDY) -> Path:
    """The files of a study in a folder; the study's own."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "crowd.toml": CROWD,
        "loose.conf": POLICY.format(include="loose.inc"),
        "strict.conf": POLICY.format(include="strict.inc"),
        "loose.inc": "# nothing is refused\n",
        "strict.inc": "limit_req zone=all burst=2 nodelay;\nlimit_req_status 429;\n",
        "study.toml": study.format(replications=replications),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder / "study.toml"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder of results by its place."""
    return {name: path.read_bytes() for name, path in _files(folder)}


def marks(folder: Path) -> dict[str, tuple[int, int]]:
    """Every finished cell below a folder, and what changes when it is written again."""
    found = ((name, path.stat()) for name, path in _files(folder) if path.suffix == ".parquet")
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found if "/" in name}


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != ".lock" and path.suffix not in (".png", ".writing"):
            yield path.relative_to(folder).as_posix(), path


def started(study: Path, out: Path, *words: str) -> subprocess.Popen[str]:
    """``simkit sweep`` in a process of its own, still running."""
    code = "from simkit.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "sweep", str(study), "--out", str(out), *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
