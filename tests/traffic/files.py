"""Scenario files for tests: the smallest one that can be read, and variations."""

from __future__ import annotations

from pathlib import Path

from simkit.traffic import Scenario, load_scenario

SMALLEST = """\
name = "smallest"
title = "a test"
length_s = 60

[network]
rtt_ms = 20

[host]
cpus = 1

[site]
host = "shop.example"
address = "192.0.2.80"

[site.files]
"/a.css" = 100
"/b.css" = 100

[[site.page]]
path = "/"
body_bytes = 1000
resources = ["/a.css", "/b.css"]

[[site.page]]
path = "/plain"
body_bytes = 500
"""

ONE_CALLER = """
[[cohort]]
name = "callers"
kind = "caller"
honest = true
count = 1
addresses = ["198.51.100.7"]
agents = ["test/1.0"]
arrivals = { kind = "at once" }
calls = [{ path = "/" }]
"""


def written(folder: Path, text: str, name: str = "scenario.toml") -> Path:
    """A file of that text."""
    file = folder / name
    file.write_text(text)
    return file


def scenario(folder: Path, *parts: str, base: str = SMALLEST) -> Scenario:
    """A scenario from the smallest one and more."""
    return load_scenario(written(folder, base + "".join(parts)))
