"""Products as data: what they say is what live servers do, and what they are asked for is clear."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from simkit.errors import InputError
from simkit.live import Endpoint, exchange
from simkit.live.listening import Listen, free_ports
from simkit.measures.leakage import Product, attack, load_product, product
from simkit.shipped import shipped_files
from simkit.wire import Sight, SightKind
from tests.measures.leakage.asking import PROBES, shipped

SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
GET = b"GET /no HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: x\r\n\r\n"
MALFORMED = b"GET / HTTP/1.1x y\r\nHost: shop.example\r\n\r\n"
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 5s
frontend deny
    bind {0}
    http-request deny
frontend limit
    bind {1}
    http-request deny deny_status 429
"""
APACHE = """
ServerName localhost
ServerTokens Prod
Listen {end}
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog {folder}/error.log
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
DocumentRoot {folder}
<Location />
Require all denied
</Location>
"""


def program(name: str) -> str:
    found = shutil.which(name, path=SBIN)
    if found is None:
        pytest.fail(f"{name} is not on this machine")
    return found


def answering(command: list[str], end: Endpoint) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until = monotonic() + 15
    while monotonic() < until and process.poll() is None:
        try:
            exchange(end, GET)
        except OSError:
            sleep(0.02)
        else:
            return process
    process.kill()
    pytest.fail(f"{command[0]} does not listen")


@pytest.fixture(scope="module")
def haproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Endpoint]]:
    ends = list(free_ports([Listen(4, "*", 8011), Listen(4, "*", 8012)]).values())
    config = tmp_path_factory.mktemp("haproxy") / "haproxy.cfg"
    config.write_text(HAPROXY.format(*(f"{e.host}:{e.port}" for e in ends)))
    process = answering([program("haproxy"), "-db", "-q", "-f", str(config)], ends[0])
    yield ends
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    (end,) = free_ports([Listen(4, "*", 8013)]).values()
    folder = tmp_path_factory.mktemp("apache")
    modules = next(p for p in Path("/usr").glob("lib*/**/mod_authz_core.so")).parent
    config = folder / "apache.conf"
    address = f"{end.host}:{end.port}"
    config.write_text(APACHE.format(end=address, folder=folder, modules=modules))
    command = [program("apache2"), "-X", "-d", str(folder), "-f", str(config)]
    process = answering(command, end)
    yield end
    process.terminate()
    process.wait()


def version(name: str) -> str:
    said = subprocess.run([program(name), "-v"], capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+\.\d+", said.stdout)
    assert found is not None
    return found[0]


def same(seen: Sight, way: Sight, *, sized: bool) -> None:
    assert (seen.kind, seen.status, seen.headers, seen.kept) == (
        way.kind,
        way.status,
        way.headers,
        way.kept,
    )
    if sized:
        assert seen.body_bytes == way.body_bytes


def test_haproxys_pages_are_those_of_a_live_one(haproxy: list[Endpoint]) -> None:
    known = load_product("haproxy")
    sized = version("haproxy") in known.source
    for end, way in zip(haproxy, ("http-request deny", "deny_status 429"), strict=True):
        same(exchange(end, GET, timeout_s=1.0).sight, known.way(way).sight, sized=sized)
    page = exchange(haproxy[0], MALFORMED, timeout_s=1.0).sight
    same(page, known.malformed[0].sight, sized=sized)


def test_apaches_pages_are_those_of_a_live_one(apache: Endpoint) -> None:
    known = load_product("apache")
    sized = version("apache2") in known.source
    same(exchange(apache, GET, timeout_s=1.0).sight, known.refuses[0].sight, sized=sized)
    same(exchange(apache, MALFORMED, timeout_s=1.0).sight, known.malformed[0].sight, sized=sized)


@pytest.mark.parametrize("name", shipped_files("products"))
def test_every_product_says_where_its_facts_come_from(name: str) -> None:
    found = load_product(name)
    assert len(found.source) > 20
    for way in (*found.refuses, *found.malformed, *found.passes):
        assert way.way
        assert way.sight.kind in SightKind


def test_a_way_is_found_by_part_of_its_name_or_the_names_are_said() -> None:
    found = load_product("haproxy")
    assert found.way("silent-drop").sight == Sight(SightKind.NO_ANSWER)
    assert found.way("http-request deny").sight.status == 403
    with pytest.raises(InputError, match="it has: http-request reject"):
        found.way("nonsense")
    with pytest.raises(InputError, match="no product of that name"):
        load_product("nonsense")


def test_the_most_alike_way_is_taken() -> None:
    found = load_product("haproxy")
    page = Sight(SightKind.HTTP, 429, (("server", "nginx"),), 169, True)
    assert found.like(page).status == 429
    assert found.like(Sight(SightKind.NO_ANSWER)).kind is SightKind.NO_ANSWER
    assert found.like(Sight(SightKind.TLS_ALERT)).kind is SightKind.EMPTY
    served = load_product("apache").like(page, refused=False)
    assert served.headers == (("server", "Apache"),)
    assert found.like(page, refused=False).headers == ()


def test_cloudflare_passes_pages_under_its_own_name() -> None:
    found = load_product("cloudflare")
    page = Sight(SightKind.HTTP, 403, (("server", "nginx"),), 153, True)
    assert found.like(page) == Sight(SightKind.HTTP, 403, (("server", "cloudflare"),), 153, True)
    codes = {SightKind.EMPTY: 520, SightKind.RESET: 520, SightKind.REFUSED: 521}
    for kind, status in {**codes, SightKind.NO_ANSWER: 522}.items():
        assert found.like(Sight(kind)).status == status
    assert found.like(page, malformed=True).status == 400


def test_a_product_of_ones_own_joins_in_a_few_lines(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\nsource = "made up"\n'
        '[[refuses]]\nway = "silence"\nsees = "empty"\n'
        '[[malformed]]\nway = "silence"\nsees = "empty"\n'
    )
    mine = load_product(tmp_path / "mine.toml")
    assert isinstance(mine, Product)
    found = attack(product(PROBES, [mine]), shipped("hardened"))
    assert [s.chance.mean for s in found.stages] == pytest.approx([1 / 2, 1 / 2, 1 / 2])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('[[refuses]]\nway = "x"\nsees = "gone"', "mine.toml:5: .*sees"),
        ('[[refuses]]\nway = "x"\nsees = 42', "mine.toml:5: .*sees"),
        ('colour = "red"', "mine.toml:3: .*colour"),
    ],
)
def test_a_bad_product_is_an_error_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "mine.toml").write_text(f'name = "mine"\nsource = "made up"\n{line}\n')
    with pytest.raises(InputError, match=message):
        load_product(tmp_path / "mine.toml")


def test_a_product_without_a_way_of_refusing_cannot_refuse(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\nsource = "made up"\n')
    with pytest.raises(InputError, match="no way of refusing"):
        load_product(tmp_path / "mine.toml").like(Sight(SightKind.EMPTY))
