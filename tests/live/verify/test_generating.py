"""Generated requests: the same for the same seed, readable, and of every kind."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from simkit.live.verify.cases import Case, Manner, sent_bytes, shape_read
from simkit.live.verify.generating import Generator
from simkit.live.verify.vocabulary import vocabulary
from simkit.policy import Policy, load_policy
from simkit.shipped import shipped_files
from simkit.study.probes import CATALOGUE
from simkit.wire import Fault, Version, address

MADE = Path(__file__).parent / "made.conf"


def cases(policy: Policy, count: int, *, seed: int = 1, by_header: bool = True) -> list[Case]:
    words = vocabulary(policy.path, lambda text: lambda n: len(text) % n)
    return list(islice(Generator(policy, words, seed, by_header=by_header).cases(), count))


@pytest.fixture(scope="module")
def made() -> Policy:
    return load_policy(MADE)


def test_equal_seeds_give_equal_cases_and_others_do_not(made: Policy) -> None:
    assert cases(made, 200) == cases(made, 200)
    assert cases(made, 200)[60:] != cases(made, 200, seed=2)[60:]


def test_a_case_does_not_depend_on_how_many_come_before_it(made: Policy) -> None:
    words = vocabulary(made.path, lambda text: lambda n: len(text) % n)
    alone = Generator(made, words, 1, by_header=True).drawn(150)
    assert alone == cases(made, 150)[-1]


def test_the_telling_requests_come_first(made: Policy) -> None:
    names = [case.name for case in cases(made, 40)]
    known = [probe.name for probe in CATALOGUE]
    telling = [name for name in names if name != "generated"]
    assert names[: len(telling)] == telling
    assert telling == [name for name in known if name in telling]
    assert {"a good browser", "garbage", "HTTP/1.1 without Host", "over the limit"} <= set(telling)


def test_there_is_something_of_every_kind(made: Policy) -> None:
    found = cases(made, 900)
    shapes = [
        shape_read(sent_bytes(request, case.address), case, made)
        for case in found
        for request in case.requests
    ]
    assert {case.manner for case in found} == set(Manner)
    assert {case.ipv6 for case in found} == {True, False}
    assert {Version.HTTP_0_9, Version.HTTP_1_0, Version.HTTP_1_1} == {s.version for s in shapes}
    faults = {Fault.BAD_REQUEST_LINE, Fault.BAD_METHOD, Fault.BAD_HEADER, Fault.BAD_HOST}
    assert faults | {Fault.UNKNOWN_VERSION, Fault.NONE} <= {shape.fault for shape in shapes}
    assert {True, False} == {shape.body_unread for shape in shapes}
    assert {"made.example", None} <= {shape.header("Host") for shape in shapes}
    assert sum(shape.fault is Fault.NONE for shape in shapes) > 0.8 * len(shapes)
    assert any(shape.target.startswith("/x/") for shape in shapes)


def test_addresses_are_singled_out_ones_repeated_ones_and_fresh_ones(made: Policy) -> None:
    found = [case.address for case in cases(made, 400)]
    assert {address("203.0.113.0"), address("2001:db8:bad::1")} <= set(found)
    assert len(set(found)) > 150
    assert max(map(found.count, found)) > 10


def test_without_a_header_clients_are_of_the_loopback_network(made: Policy) -> None:
    found = {case.address for case in cases(made, 300, by_header=False)}
    assert all(who is None or who.is_loopback for who in found)
    assert len(found) > 50


@pytest.mark.parametrize("name", shipped_files("policies"))
def test_shipped_policies_have_readable_requests(name: str) -> None:
    policy = load_policy(shipped_files("policies")[name])
    for case in cases(policy, 150):
        for request in case.requests:
            if not case.http2:
                shape_read(sent_bytes(request, case.address), case, policy)
