"""What comes with simkit is found by name, in a checkout and in a wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import get_args

import pytest

from simkit import InputError, __version__, shipped
from simkit.shipped import Kind, find, shipped_files

ROOT = Path(__file__).parents[1]
KINDS: tuple[Kind, ...] = get_args(Kind)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped data with two policies, an included file and one scenario."""
    for name in ("policies/b.conf", "policies/a.conf", "policies/inner/c.conf", "scenarios/s.toml"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# made up\n")
    (tmp_path / "data/policies/notes.txt").write_text("not a policy\n")
    monkeypatch.setattr(shipped, "_data", lambda: tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def test_names_are_sorted_stems_and_folders_below_are_left_out(data: Path) -> None:
    assert list(shipped_files("policies").items()) == [
        ("a", data / "policies/a.conf"),
        ("b", data / "policies/b.conf"),
    ]
    assert shipped_files("scenarios") == {"s": data / "scenarios/s.toml"}
    assert shipped_files("costs") == {}


def test_a_shipped_name_wins_and_a_path_says_which_file_is_meant(data: Path) -> None:
    Path("a").write_text("# mine\n")
    assert find("policies", "a") == data / "policies/a.conf"
    assert find("policies", "./a") == Path("a")
    assert find("policies", data / "policies/inner/c.conf").name == "c.conf"


@pytest.mark.parametrize(
    ("kind", "wanted", "message"),
    [
        ("policies", "d", "d: no such file, and no policy .* \\(there are: a, b\\)"),
        ("scenarios", "x/y.toml", "x/y.toml: no such file, and no scenario .* \\(there are: s\\)"),
        ("costs", "any", "no cost table .* \\(there are: none\\)"),
        ("policies", "data", "data: is a folder, and no policy"),
        ("policies", "a\x1b[2J", r"a\\x1b\[2J: no such file"),
    ],
)
def test_an_unknown_name_is_an_error_that_lists_the_names(
    data: Path, kind: Kind, wanted: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        find(kind, wanted)


def test_packed_data_is_preferred_to_a_checkout(tmp_path: Path) -> None:
    package = tmp_path / "simkit"
    package.mkdir()
    assert shipped._data(package) == tmp_path / "data"
    (package / "_data").mkdir()
    assert shipped._data(package) == package / "_data"


def test_this_checkout_ships_policies() -> None:
    files = shipped_files("policies")
    assert {"open", "silent"} <= set(files)
    assert all(path.parent == ROOT / "data/policies" for path in files.values())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from hatchling.builders.wheel import WheelBuilder

    (built,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")))
    return Path(built)


def test_the_wheel_carries_every_data_file_and_its_types(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("simkit/")}
    data = [path for path in (ROOT / "data").rglob("*") if path.is_file()]
    assert wheel.name.startswith(f"simkit-{__version__}-")
    assert data
    assert {f"simkit/_data/{path.relative_to(ROOT / 'data').as_posix()}" for path in data} <= packed
    assert "simkit/py.typed" in packed


def test_an_installed_wheel_finds_its_own_data(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from simkit.shipped import shipped_files\n"
        f"for kind in {KINDS!r}:\n"
        "    print(*shipped_files(kind).values(), sep='\\n')\n"
    )
    command = [sys.executable, "-I", "-c", program]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    folders = {kind: tmp_path / "simkit/_data" / kind for kind in KINDS}
    expected = [str(folders[k] / p.name) for k in KINDS for p in shipped_files(k).values()]
    assert [line for line in shown.splitlines() if line] == expected
