"""What has been compiled is kept, and made anew when a source changes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import simkit
from simkit.engine.compiled import compiler, loop

PACKAGE = Path(simkit.__file__).parent

RULE = """
from simkit.engine.compiled.compiler import compiled
from simkit_trial.numbers import MOST

@compiled
def rule(x):
    return x > MOST
"""
DOOR = """
import numba
from simkit.engine.compiled.compiler import entry
from simkit_trial.rule import rule

@entry
def decide(x):
    return rule(x)

decide(5)
stats = next(iter(decide.stats.cache_hits.values()), 0)
print(decide(5), "kept" if stats else "compiled")
"""


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    folder = tmp_path / "simkit_trial"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "numbers.py").write_text("MOST = 3\n")
    (folder / "rule.py").write_text(RULE)
    (folder / "door.py").write_text(DOOR)
    return tmp_path


def ask(trial: Path) -> str:
    paths = os.pathsep.join([str(trial), str(PACKAGE.parent)])
    environment = {**os.environ, "PYTHONPATH": paths, "SIMKIT_CACHE": str(trial / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", "simkit_trial.door"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_an_edited_source_takes_effect_and_an_unchanged_one_is_kept(trial: Path) -> None:
    assert ask(trial) == "True compiled"
    assert ask(trial) == "True kept"
    rule = trial / "simkit_trial" / "rule.py"
    rule.write_text(RULE.replace(">", "<"))  # a function that the entry calls, in another file
    assert ask(trial) == "False compiled"
    rule.write_text(RULE)
    assert ask(trial) == "True kept"
    (trial / "simkit_trial" / "numbers.py").write_text("MOST = 8\n")  # a constant of a third one
    assert ask(trial) == "False compiled"


def test_everything_that_is_compiled_takes_part() -> None:
    named = {str(path.relative_to(PACKAGE)) for path in compiler.sources()}
    modules = {
        "ahead",
        "behaviours",
        "calendar",
        "chances",
        "clients",
        "connections",
        "gate",
        "loop",
    }
    modules |= {
        "heap",
        "lanes",
        "layout",
        "memory",
        "pools",
        "queues",
        "rests",
        "server",
        "starts",
        "wire",
    }
    assert {f"engine/compiled/{name}.py" for name in modules} <= named
    assert {"policy/limits.py", "host/order.py", "host/clock.py", "draws.py"} <= named
    assert {"engine/run.py", "traffic/arrivals.py", "traffic/part.py", "wire.py"} <= named


def test_it_is_said_that_something_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIMKIT_CACHE", str(tmp_path))
    folder = compiler.cache_folder()
    assert folder.parent == tmp_path / "simkit"
    assert not compiler.is_kept(folder)
    compiler.announce(folder)
    assert "Compiling the engine" in capsys.readouterr().err


def test_a_second_use_needs_no_compiling(capsys: pytest.CaptureFixture[str]) -> None:
    loop.prepare()
    capsys.readouterr()
    loop.prepare()
    assert capsys.readouterr().err == ""
    assert loop.is_kept()


def test_old_folders_are_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMKIT_CACHE", str(tmp_path))
    names = ["of-somebody-else", *(f"{number:024x}" for number in range(6))]
    for number, name in enumerate(names):
        folder = tmp_path / "simkit" / name
        folder.mkdir(parents=True)
        os.utime(folder, (number, number))
    compiler.announce(tmp_path / "new")
    kept = sorted(path.name for path in (tmp_path / "simkit").iterdir())
    assert kept == [*names[-3:], names[0]]


def test_where_nothing_can_be_written_another_folder_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SIMKIT_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    compiler._temporary.cache_clear()
    folder = compiler.cache_folder().parent
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o77 == 0
    compiler._temporary.cache_clear()


def test_the_package_says_what_each_of_its_modules_is_for() -> None:
    folder = PACKAGE / "engine" / "compiled"
    listed = (folder / "__init__.py").read_text().partition("\n\n    ")[2].partition("\n\n")[0]
    named = [line.strip().partition("  ")[0].split(", ") for line in listed.splitlines()]
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert {name for names in named for name in names} == modules
