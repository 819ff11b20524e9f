"""The README shows the shipped study as it is."""

from __future__ import annotations

from textwrap import indent

from simkit.shipped import shipped_files
from tests.cli.commands import ROOT


def test_the_readme_shows_the_shipped_study() -> None:
    text = shipped_files("studies")["flood"].read_text()
    body = text.partition("\n\n")[2].strip()
    assert indent(body, "    ", lambda line: bool(line.strip())) in (ROOT / "README.md").read_text()
