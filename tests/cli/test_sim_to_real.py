"""``simkit sim-to-real`` as a user runs it; a whole trial is run in tests/live/sim_to_real."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import simkit


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--policy", "nowhere.conf"), "nowhere.conf: no such file, and no policy of that name"),
        (("--nginx", "no-such-program"), "no-such-program: there is no program nginx here"),
        (("--costs", "nowhere.toml"), "nowhere.toml: no such file, and no cost table"),
        (("nowhere.toml",), "nowhere.toml: no such file, and no scenario of that name"),
    ],
)
def test_bad_input_ends_with_2_before_anything_starts(
    words: tuple[str, ...], complaint: str, tmp_path: Path
) -> None:
    done = simkit("sim-to-real", *words, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert complaint in done.stderr
    assert not (tmp_path / "out").exists()


def test_help_says_what_is_checked() -> None:
    done = simkit("sim-to-real", "--help")
    assert done.returncode == 0
    assert "Ends with 1 where outcomes are more than 3 percentage" in " ".join(done.stdout.split())
