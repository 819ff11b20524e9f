"""Scanners against a live nginx and simulated; and by which rules they stop, which ffuf has."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from simkit.engine import simulate
from simkit.live import AccessLog, LiveNginx, Record
from simkit.policy import load_policy
from simkit.traffic import CLIENTS
from tests.engine.crowds import caller, cohort, world
from tests.live.clients.programs import environment, program
from tests.live.raw import CONFIGS

CONF = CONFIGS / "scanners.conf"
WORDS = [f"w{number}" for number in range(600)]
SOME = WORDS[:60]


def scan(folder: Path, port: int, *command: str) -> list[Record]:
    """What a program asks for; ``SITE`` in its command is the server of that port."""
    name, *rest = command
    with LiveNginx(CONF, error_level="error") as nginx:
        end = nginx.endpoint(port)
        words = [word.replace("SITE", f"http://{end.host}:{end.port}") for word in rest]
        subprocess.run(
            [program(name), *words],
            env=environment(folder),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        return AccessLog(nginx.folder / "access.log").take_all(1 << 30, timeout_s=0.1)


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words"
    path.write_text("\n".join(WORDS))
    return path


def simulated(folder: Path, port: int, client: str, threads: int) -> int:
    scanner = cohort(
        "scanner", client=f'"{client}"', port=port, words=str(SOME), threads=threads, honest=False
    )
    here = world(folder, scanner, rtt_ms=0)
    return len(simulate(here, load_policy(CONF), engine="simpy").requests["wish"])


@pytest.mark.parametrize("threads", [1, 10])
@pytest.mark.parametrize(
    ("port", "expected"),
    [
        (80, 1),  # the front page is dropped
        (81, 2),  # an absent page cannot be told from others
        (82, 2),
        (83, 2 + 60),
        (84, 2 + 60 + 1),  # every word is dropped; one of them on the connection of the check
        (85, 2 + 60),
    ],
)
def test_gobuster_asks_as_often_as_simulated(
    port: int, expected: int, threads: int, tmp_path: Path
) -> None:
    some = tmp_path / "some"
    some.write_text("\n".join(SOME))
    options = ("-q", "--no-progress", "-t", str(threads), "-w", str(some))
    live = scan(tmp_path, port, "gobuster", "dir", "-u", "SITE", *options)
    assert simulated(tmp_path, port, "gobuster", threads) == expected
    assert len(live) == expected


@pytest.mark.parametrize(("port", "expected"), [(80, 1), (81, 7), (82, 7), (83, 7)])
def test_wafw00f_asks_seven_times_and_once_where_it_gets_nothing(
    port: int, expected: int, tmp_path: Path
) -> None:
    seven = caller(
        client='"wafw00f"',
        port=port,
        keeps_connections=False,
        arrivals='{ kind = "periodic", every_s = 1, until_s = 7 }',
    )
    sent = simulate(world(tmp_path, seven, rtt_ms=0), load_policy(CONF), engine="simpy").requests
    live = scan(tmp_path, port, "wafw00f", "SITE/")
    assert len(live) == len(sent["wish"]) == expected
    assert {record.number for record in live} == {1}


PER_WORD: Mapping[int, int] = {80: 2, 81: 1, 82: 1, 83: 1, 84: 2}


@pytest.mark.parametrize("port", PER_WORD)
def test_ffuf_checks_nothing_first_and_goes_to_the_end(
    port: int, tmp_path: Path, words: Path
) -> None:
    live = scan(tmp_path, port, "ffuf", "-s", "-u", "SITE/FUZZ", "-w", str(words))
    assert len(live) == PER_WORD[port] * len(WORDS)


@pytest.mark.parametrize(
    ("port", "threads", "least", "most"),
    [
        # More than 2 x threads words that failed twice in a row, after 50; others are under way.
        (80, 1, 2 * 51, 2 * 51),
        (80, 10, 2 * 51, 2 * 61),
        (80, 40, 2 * 81, 2 * 121),
        # More than 95 % of the words begun were answered by 403, after 50: so one at most may be
        # under way for each 20 that were begun.
        (81, 1, 51, 51),
        (81, 40, 51, 600),
        # More than 20 % of the words begun were answered by 429, after 50.
        (82, 1, 51, 51),
        (82, 10, 51, 51),
        (82, 40, 51, 53),
        (83, 40, 600, 600),
    ],
)
def test_ffuf_sa_stops_by_its_three_rules(
    port: int, threads: int, least: int, most: int, tmp_path: Path, words: Path
) -> None:
    """-sa is -sf, -se and a rule for 429; pkg/ffuf/job.go has them."""
    command = ("ffuf", "-s", "-sa", "-t", str(threads), "-u", "SITE/FUZZ", "-w", str(words))
    assert least <= len(scan(tmp_path, port, *command)) <= most


def test_what_the_catalogue_says_of_scanners_is_about_connections() -> None:
    for client in ("gobuster", "ffuf", "wafw00f"):
        assert not any(sighting[0].isdigit() for sighting in CLIENTS[client])
