"""The words of a configuration are those that its rules look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from simkit.live.verify.examples import Pick
from simkit.live.verify.site import files_for
from simkit.live.verify.vocabulary import Vocabulary, vocabulary
from simkit.policy.reader import read
from simkit.wire import address

CONFIG = r"""
events {}
http {
    map $http_user_agent $bot { default 0; ~*crawler 1; curl 2; \~plain 3; }
    map "$arg_a:$cookie_c" $both { default 0; "x:y" 1; }
    map $host $site { hostnames; *.a.example 1; .b.example 2; c.* 3; default 0; }
    geo $far { ranges; 192.0.2.10-192.0.2.20 1; }
    geo $arg_ip $near { 10.0.0.0/8 1; }
    server {
        listen 80;
        server_name first.example *.wide.example ~^re\d$;
        root /srv/site;
        client_max_body_size 1k;
        location = /exact { }
        location ^~ /before/ { alias /data/files/; }
        location ~ \.php$ { limit_except GET PURGE { deny 198.51.100.0/30; } }
        location @named { }
        if ($request_method = BREW) { return 418; }
        if ($http_x_key !~ ^k+$) { return 403; }
        rewrite ^/old/(.*)$ /new/$1;
        error_page 404 /lost.html;
    }
}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("words") / "words.conf"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def words(config: Path) -> Vocabulary:
    def first(_: str) -> Pick:
        return lambda n: n - 1

    return vocabulary(config, first)


def test_hosts_are_those_of_servers_and_of_maps(words: Vocabulary) -> None:
    wanted = {"first.example", "www.wide.example", "a.b.a.example", "www.b.example", "c.example"}
    assert wanted <= set(words.hosts)
    assert any(host.startswith("re") and host[2:].isdigit() for host in words.hosts)


def test_paths_are_those_of_locations_rewrites_and_targets(words: Vocabulary) -> None:
    assert {"/exact", "/before/", "/before", "/lost.html"} <= set(words.paths)
    assert any(path.endswith(".php") for path in words.paths)
    assert any(path.startswith("/old/") for path in words.paths)
    assert not any("@" in path for path in words.paths)


def test_values_are_by_the_variable_that_is_looked_at(words: Vocabulary) -> None:
    assert {"crawler", "curl", "~plain", "curlx"} <= set(words.values["http_user_agent"])
    assert {"x", "y"} <= set(words.values["arg_a"]) & set(words.values["cookie_c"])
    assert {"10.0.0.0", "11.0.0.0"} <= set(words.values["arg_ip"])
    assert set(words.methods) == {"GET", "PURGE", "BREW"}
    assert any(set(value) == {"k"} for value in words.values["http_x_key"])
    assert set(words.of("arg_")) == {"a", "ip"}


def test_addresses_are_the_edges_of_networks(words: Vocabulary) -> None:
    edges = ("192.0.2.9", "192.0.2.10", "192.0.2.20", "192.0.2.21", "198.51.100.0", "198.51.100.4")
    assert {address(text) for text in edges} <= set(words.addresses)
    assert {1024, 1025} == set(words.body_bytes)


def test_files_lie_under_every_folder_that_is_named(config: Path) -> None:
    laid = files_for(read(config))
    assert {"html/a.txt", "/srv/site/lost.html", "/data/files/static/shop.css"} <= laid.keys()
    assert len(laid["html/a.txt"]) != len(laid["html/static/shop.css"])
