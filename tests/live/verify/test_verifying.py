"""Whole policies beside nginx; and a simulation that is wrong is found out."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from simkit.live.verify import Verified, explain_command, verify
from simkit.policy import load_policy, reply
from simkit.shipped import shipped_files
from tests.cli.commands import simkit

HERE = Path(__file__).parent
CONFIGS = sorted((HERE.parents[1] / "policy" / "configs").glob("*.conf"))
EACH, EVERY = 40, 9
SHIPPED = shipped_files("policies")


def words(verified: Verified) -> str:
    return "\n".join(
        f"{one.request}: {'; '.join(map(str, one.result.differences))}"
        for one in verified.disagreements
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_policies_agree(name: str) -> None:
    found = verify(load_policy(SHIPPED[name]), requests=60, seed=5)
    assert (found.requests, found.agreed) == (60, 60), words(found)


@pytest.mark.parametrize("path", CONFIGS[::EVERY], ids=lambda path: path.stem)
def test_small_configurations_agree(path: Path) -> None:
    found = verify(load_policy(path), requests=EACH, seed=5)
    assert (found.requests, found.disagreed) == (EACH, 0), words(found)


def test_a_configuration_with_everything_agrees_over_several_rounds() -> None:
    told: list[int] = []
    found = verify(load_policy(HERE / "made.conf"), requests=230, seed=2, tell=told.append)
    assert (found.requests, found.disagreed) == (230, 0), words(found)
    assert told == sorted(told)
    assert told[-1] == 230
    assert found.holds


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulation that denies nobody."""
    monkeypatch.setattr(reply, "access", lambda rules, client: None)


@pytest.mark.usefixtures("lenient")
def test_a_wrong_simulation_is_found_and_made_small() -> None:
    found = verify(load_policy(HERE / "made.conf"), requests=150, seed=1)
    assert not found.holds
    assert 0 < found.disagreed < 40
    for one in found.disagreements:
        assert "logged" in {d.field for d in one.result.differences}
        assert (one.result.actual.logged, one.again) == (403, True)
        [request] = one.result.case.requests
        assert "/admin/" in request.target
        assert len(request.lines) <= 3  # the Host and, to be no bot, the agent


@pytest.mark.usefixtures("lenient")
def test_a_disagreement_can_be_repeated_by_hand(tmp_path: Path) -> None:
    found = verify(load_policy(HERE / "made.conf"), requests=150, seed=1)
    program, *arguments = shlex.split(explain_command(found.path, found.disagreements[0].result))
    assert program == "simkit"
    done = simkit(*arguments, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    ending = json.loads(done.stdout)["endings"][0]
    assert ending["decided_by"]["text"] == "deny all"


def test_equal_seeds_ask_and_answer_the_same() -> None:
    policy = load_policy(SHIPPED["silent"])
    first, again = (verify(policy, requests=40, seed=3).to_json() for _ in range(2))
    assert first == again
