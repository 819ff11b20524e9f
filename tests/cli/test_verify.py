"""``simkit verify`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simkit.cli import app
from simkit.live import find_nginx
from simkit.policy import reply
from simkit.policy.answers import NGINX_VERSION
from tests.cli.commands import ROOT, simkit

CONFIGS = ROOT / "tests" / "policy" / "configs"
FEW = ("--requests", "45", "--timed", "0")


def conf(folder: Path, server: str, *, before: str = "") -> Path:
    path = folder / "own.conf"
    path.write_text(f"{before}events {{}}\nhttp {{\n  server {{\n    {server}\n  }}\n}}\n")
    return path


def test_policies_that_agree_end_with_0_and_say_how_many(tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    done = simkit("verify", "open", CONFIGS / "deny_order.conf", *FEW, "--json", file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"nginx {NGINX_VERSION}; modelled is {NGINX_VERSION}" in done.stdout
    assert "90 requests: all agree" in done.stdout
    document = json.loads(file.read_text())
    assert (document["nginx"], document["modelled"]) == (NGINX_VERSION, NGINX_VERSION)
    assert [p["policy"] for p in document["policies"]] == ["open", "deny_order"]
    assert [(p["requests"], p["agreed"]) for p in document["policies"]] == [(45, 45)] * 2


def test_a_policy_with_limits_is_timed_too() -> None:
    done = simkit("verify", "recommended", "--requests", "20", "--timed", "40")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "80 timed: all agree" in done.stdout
    assert "40 of 40" in done.stdout


def test_a_folder_stands_for_its_configurations(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.conf").write_text("events {}\nhttp { server { return 204; } }\n")
    (tmp_path / "note.txt").write_text("no configuration\n")
    done = simkit("verify", tmp_path, tmp_path / "a.conf", "--requests", "5")
    assert done.returncode == 0, done.stderr
    assert "10 requests: all agree" in done.stdout


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulation that denies nobody."""
    monkeypatch.setattr(reply, "access", lambda rules, client: None)


@pytest.mark.usefixtures("lenient")
def test_a_wrong_simulation_is_reported_and_ends_with_1(tmp_path: Path) -> None:
    path = conf(tmp_path, "location /a { proxy_pass http://127.0.0.1:1; deny all; }")
    file = tmp_path / "found.json"
    done = CliRunner().invoke(app, ["verify", str(path), *FEW, "--json", str(file)])
    assert done.exit_code == 1, done.output
    assert "differs     logged: simulated 200, nginx 403" in done.output
    assert "explained   simkit explain" in done.output
    assert f"again       simkit verify {path} --requests" in done.output
    [policy] = json.loads(file.read_text())["policies"]
    assert policy["disagreed"] > 0
    first = policy["disagreements"][0]
    assert (first["simulated"]["logged"], first["nginx"]["logged"]) == (200, 403)
    assert first["request"].startswith("GET /a")
    assert (first["again"], first["decided_by"]) == (True, None)


def refused(*words: str | Path) -> str:
    done = simkit("verify", *words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_bad_input_ends_with_2(tmp_path: Path) -> None:
    assert "there is no program nginx here" in refused("open", "--nginx", tmp_path / "nginx")
    assert "this is no nginx" in refused("open", "--nginx", "/bin/true")
    assert "no .conf file in this folder" in refused(tmp_path)
    assert "no such file" in refused(tmp_path / "absent.conf")
    assert "cannot be written" in refused("open", "--json", tmp_path / "no" / "x.json")
    path = conf(tmp_path, "auth_request /x;")
    assert f"{path}:4: " in refused(path)


def test_what_nginx_refuses_is_said_in_its_words(tmp_path: Path) -> None:
    path = conf(tmp_path, "return 204;", before="load_module /no/such/module.so;\n")
    said = refused("open", path, "--requests", "5", "--timed", "0")
    assert f'{path}:1: nginx does not start: dlopen() "/no/such/module.so" failed' in said


def test_another_version_is_a_warning(tmp_path: Path) -> None:
    program = tmp_path / "nginx"
    program.write_text(
        "#!/bin/sh\n"
        '[ "$1" = -v ] && { echo "nginx version: nginx/1.99.0" >&2; exit; }\n'
        f'exec {find_nginx()} "$@"\n'
    )
    program.chmod(0o755)
    done = simkit("verify", "open", "--requests", "5", "--timed", "0", "--nginx", program)
    assert done.returncode == 0, done.stderr
    assert f"warning: this nginx is 1.99.0, modelled is {NGINX_VERSION}" in done.stderr
    assert f"nginx 1.99.0; modelled is {NGINX_VERSION}" in done.stdout
