"""A policy as a whole: what it says about itself, and its way to another process."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from simkit.policy import Planner, load_policy
from simkit.shipped import shipped_files
from tests.policy.making import HERE, Load, ask


@pytest.mark.parametrize("name", shipped_files("policies"))
def test_shipped_policies_are_read_whole(name: str) -> None:
    policy = load_policy(shipped_files("policies")[name])
    assert policy.name == name
    assert policy.warnings == ()
    assert policy.site_name == "shop.example"
    assert policy.site_port == (80, False)
    assert policy.worker_processes is None
    assert policy.worker_connections == 1024
    assert len(policy.about.split()) > 10


def test_it_is_the_same_in_another_process() -> None:
    path = Path(shipped_files("policies")["recommended"])
    here = load_policy(path)
    there = pickle.loads(pickle.dumps(here))
    assert there.path == here.path
    assert [z.name for z in there.http.zones] == [z.name for z in here.http.zones]
    shape = ask(host="shop.example", headers={"User-Agent": "nikto"})
    leaves = [Planner(p).plan(shape, HERE).leaves() for p in (here, there)]
    assert leaves[0] == leaves[1]


def test_what_was_allowed_stays_allowed(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text("events {}\nhttp { server { auth_request /x; } }")
    policy = load_policy(path, allow_unsupported=True)
    assert len(policy.warnings) == 1
    assert pickle.loads(pickle.dumps(policy)).warnings == policy.warnings


def test_settings_are_those_of_the_default_server(load: Load) -> None:
    policy = load("""
        keepalive_timeout 20s 15s;
        server { listen 80; client_header_timeout 1m30s; }
        server { listen 80 default_server; client_header_timeout 500ms; keepalive_requests 7; }
    """)
    settings = policy.settings_for(80)
    assert settings.client_header_timeout_ns == 500_000_000
    assert settings.keepalive_timeout_ns == 20 * 10**9
    assert settings.lease.requests == 7
    with pytest.raises(KeyError):
        policy.settings_for(81)


def test_the_site_is_not_the_catch_all(load: Load) -> None:
    policy = load("""
        server { listen 80 default_server; server_name catch.example; }
        server { listen 8080; server_name _ ~^x *.wild.example real.example; }
    """)
    assert policy.site_name == "real.example"
    assert policy.site_port == (8080, False)
