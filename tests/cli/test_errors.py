"""Bad input gives one clear error with file and line on standard error, and status 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from simkit.shipped import shipped_files
from tests.cli.commands import simkit

ZONE_IN_SERVER = """\
events {}
http {
    server {
        listen 80;
        limit_req_zone $binary_remote_addr zone=a:1m rate=1r/s;
    }
}
"""
UNKNOWN_DIRECTIVE = (
    "events {}\nhttp {\n    server {\n        listen 80;\n        auth_jwt x;\n    }\n}\n"
)


def refused(*words: str | Path) -> str:
    done = simkit(*words)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("name = \n", ":1: ", "not TOML"),
        ("", ":1: ", "empty"),
    ],
)
def test_a_scenario_that_cannot_be_used(tmp_path: Path, text: str, place: str, words: str) -> None:
    file = tmp_path / "nonsense.toml"
    file.write_text(text)
    error = refused("compare", file)
    assert f"{file}{place}" in error
    assert words in error


def test_a_key_that_does_not_exist_is_named_with_its_line(tmp_path: Path) -> None:
    text = shipped_files("scenarios")["small_shop"].read_text()
    file = tmp_path / "typo.toml"
    file.write_text(text.replace("\nrtt_ms = ", "\nround_trip_ms = "))
    line = text[: text.index("\nrtt_ms = ")].count("\n") + 2
    error = refused("compare", file)
    assert f"{file}:{line}: network.round_trip_ms" in error


def test_a_scenario_that_is_not_there_is_named_and_so_are_those_that_are() -> None:
    error = refused("compare", "nonsense.toml")
    assert "nonsense.toml" in error
    assert "small_shop" in error


def test_a_zone_inside_a_server_is_an_error_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "zone.conf"
    file.write_text(ZONE_IN_SERVER)
    error = refused("compare", "--policy", f"mine={file}")
    assert f'{file}:5: "limit_req_zone" directive is not allowed here' in error
    assert refused("replay", file, "--policy", file).startswith("simkit: error: ")


def test_what_is_not_simulated_is_an_error_unless_it_is_allowed(tmp_path: Path) -> None:
    file = tmp_path / "jwt.conf"
    file.write_text(UNKNOWN_DIRECTIVE)
    log = tmp_path / "access.log"
    log.write_text('192.0.2.1 - - [01/Nov/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "x"\n')
    assert f"{file}:5: " in refused("replay", log, "--policy", file)
    done = simkit("replay", log, "--policy", file, "--allow-unsupported")
    assert done.returncode == 0, done.stderr
    assert "auth_jwt" in done.stdout


def test_two_policies_of_one_name_are_refused() -> None:
    error = refused("compare", "--policy", "x=open", "--policy", "x=silent")
    assert 'two policies are named "x"' in error


def test_hostile_names_are_shown_escaped() -> None:
    error = refused("compare", "\x1b[31mred\x07.toml")
    assert "\x1b" not in error
    assert "\\x1b[31mred\\x07.toml" in error


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert str(file) in refused("compare", "--out", file / "results")


def test_unknown_options_end_with_status_2() -> None:
    assert simkit("compare", "--nonsense").returncode == 2
    assert simkit("nonsense").returncode == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--until", "narrow"), '--until "narrow" is no half-width'),
        (("--until", "0%"), "a half-width is more than 0"),
        (("--budget", "20"), "--budget goes with --until"),
        (("--engine", "steam"), "there are auto, simpy, compiled"),
    ],
)
def test_what_a_comparison_cannot_be_asked(words: tuple[str, ...], says: str) -> None:
    assert says in refused("compare", *words)
