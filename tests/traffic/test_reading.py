"""Whatever is wrong with a scenario file: one error with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from simkit import shipped
from simkit.errors import InputError
from simkit.traffic import load_scenario
from tests.traffic.files import ONE_CALLER, SMALLEST, scenario, written

GOOD = SMALLEST + ONE_CALLER


def refused(folder: Path, text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        load_scenario(written(folder, text))
    assert caught.value.file == str(folder / "scenario.toml")
    assert "\n" not in str(caught.value)
    return caught.value


def line_with(text: str, part: str) -> int:
    return next(n for n, line in enumerate(text.split("\n"), 1) if part in line)


def test_the_base_of_these_tests_is_good(tmp_path: Path) -> None:
    assert scenario(tmp_path, ONE_CALLER).cohorts[0].name == "callers"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("length_s = 60", "length_s = 0", "length_s: must be >= 0.001 (it is 0)"),
        ("length_s = 60", "length_s = 'long'", "length_s: should be a valid number"),
        ("rtt_ms = 20", "rtt_ms = -1", "network.rtt_ms: must be >= 0"),
        ("rtt_ms = 20", "rtt_ms = nan", "network.rtt_ms: should be a finite number"),
        ("length_s = 60", "length_s = 1e300", "length_s: must be <= 1e+08"),
        ("length_s = 60", "length_s = inf", "length_s: should be a finite number"),
        ("rtt_ms = 20", "rtt_ms = 1e300", "network.rtt_ms: must be <= 1e+09"),
        ("cpus = 1", "cpus = 33000", "host.cpus: must be <= 1024"),
        ("count = 1", "count = 10_000_000_000", "cohort[0].count: must be <= 1e+07"),
        (
            "count = 1",
            "count = 10_000_000\nidentities = 11",
            "cohort[0].count: makes more than 100,000,000 clients and identities",
        ),
        (
            '{ path = "/" }',
            '{ path = "/", method = "GET /\\r\\nX" }',
            "calls[0].method: String should",
        ),
        ('agents = ["test/1.0"]', 'agents = ["a\\r\\nX: y"]', "cohort[0].agents[0]: String should"),
        (
            "agents = ",
            "reactions.429 = { slow_down = inf }\nagents = ",
            "cohort[0].reactions.429.slow_down: should be a finite number",
        ),
        ("cpus = 1", "cpu = 1", "host.cpu: is no key that is known here"),
        ("cpus = 1", "cpus = 1.5", "host.cpus: should be a valid integer"),
        ('path = "/plain"', 'path = "plain"', "site.page[1].path: String should match"),
        ("count = 1", "count = true", "cohort[0].count: should be a valid integer"),
        ('kind = "caller"', 'kind = "browser"', "cohort[0].kind: must be one of 'visitor'"),
        ('calls = [{ path = "/" }]', "calls = []", "cohort[0].calls: must not be empty"),
        ('["198.51.100.7"]', "[]", "cohort[0].addresses: must not be empty"),
        ('"198.51.100.7"', '"198.51.100.7/16"', "cohort[0].addresses[0]: is neither an address"),
        ('kind = "at once"', 'kind = "now"', "cohort[0].arrivals.kind: must be 'uniform'"),
        ('{ path = "/" }', '{ path = "/", metod = "GET" }', "cohort[0].calls[0].metod: is no key"),
        ("agents = ", "client = 'lynx'\nagents = ", "cohort[0].client: is no client that is known"),
        (
            "agents = ",
            "reactions = { 'tired' = { leave = true } }\nagents = ",
            "cohort[0].reactions.tired: is nothing that a client sees",
        ),
        (
            "agents = ",
            "reactions.429 = { leave = 1 }\nagents = ",
            "cohort[0].reactions.429.leave: should be a valid boolean",
        ),
        (
            'resources = ["/a.css", "/b.css"]',
            'resources = ["/a.css", "/c.css"]',
            "site.page[0].resources[1]: /c.css is neither a page nor a file of the site",
        ),
        (
            'kind = "at once"',
            'kind = "poisson"',
            "cohort[0].arrivals.every_s: is missing: poisson arrivals need it",
        ),
        (
            'kind = "at once"',
            'kind = "at once", from_s = 60',
            "cohort[0].arrivals.from_s: must be before the end",
        ),
    ],
)
def test_a_bad_value_is_named_by_key_and_line(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new)
    error = refused(tmp_path, text)
    assert words in str(error)
    assert error.line == line_with(text, new.partition("\n")[0])


@pytest.mark.parametrize(
    ("gone", "words", "header"),
    [
        ("count = 1\n", "cohort[0].count: is missing", "[[cohort]]"),
        ('kind = "caller"\n', "cohort[0].kind: is missing", "[[cohort]]"),
        ('path = "/plain"\n', "site.page[1].path: is missing", "body_bytes = 500"),
        ('host = "shop.example"\n', "site.host: is missing", "[site]"),
    ],
)
def test_a_missing_key_is_named_with_the_line_of_its_table(
    tmp_path: Path, gone: str, words: str, header: str
) -> None:
    text = GOOD.replace(gone, "")
    error = refused(tmp_path, text)
    assert words in str(error)
    offset = 1 if header == "body_bytes = 500" else 0
    assert error.line == line_with(text, header) - offset


def test_a_key_that_is_wrong_comes_before_one_that_is_missing(tmp_path: Path) -> None:
    error = refused(tmp_path, "name = 'x'\nnonsense = 3\n")
    assert (error.line, error.what) == (2, "nonsense: is no key that is known here")
    assert error.hint is not None
    assert "more to come" in error.hint


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "is empty"),
        ("\n \n", 1, "is empty"),
        ("name = \n", 1, "is not TOML"),
        ("name = 'x'\nname = 'y'\n", 2, "is not TOML"),
        ("a = 1\nb = [\n1,\n", 4, "is not TOML"),
    ],
)
def test_what_is_not_toml_says_where(tmp_path: Path, text: str, line: int, words: str) -> None:
    error = refused(tmp_path, text)
    assert words in error.what
    assert error.line == line


@pytest.mark.parametrize(
    ("value", "words"),
    [("9" * 5000, "cannot be used"), ("[" * 5000 + "]" * 5000, "is nested too deeply")],
    ids=["digits", "nesting"],
)
def test_values_beyond_all_bounds_are_refused(tmp_path: Path, value: str, words: str) -> None:
    assert words in refused(tmp_path, f"length_s = {value}\n").what


def test_bytes_that_are_no_text_say_where(tmp_path: Path) -> None:
    file = tmp_path / "scenario.toml"
    file.write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(InputError) as caught:
        load_scenario(file)
    assert (caught.value.line, caught.value.what) == (2, "is not UTF-8 text")


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.toml"):
        load_scenario(tmp_path / "nothing.toml")


def test_hostile_keys_are_shown_escaped(tmp_path: Path) -> None:
    error = refused(tmp_path, '"\\u001b[31mred" = 1\n')
    assert "\x1b" not in str(error)
    assert error.line == 1


OTHERS = """
[[cohort]]
name = "others"
kind = {}
honest = false
count = 1
addresses = ["192.0.2.1"]
{}
"""


@pytest.mark.parametrize(
    ("cohort", "words"),
    [
        (ONE_CALLER, "cohort[1].name: there is another cohort named callers"),
        (
            ONE_CALLER.replace('"callers"', '"many"')
            .replace("count = 1", "count = 3")
            .replace('"198.51.100.7"', '"198.51.100.4/30"'),
            "cohort[1].addresses[0]: 198.51.100.4/30 has room for 2 clients, not for 3",
        ),
        (
            """
[[cohort]]
name = "people"
kind = "visitor"
honest = true
count = 1
addresses = ["192.0.2.1"]
pages = ["/", "/a.css"]
""",
            "cohort[1].pages[1]: /a.css is no page of the site",
        ),
        (OTHERS.format('"flood"', 'goes = "handshake"'), "goes: a handshake needs tls = true"),
        (OTHERS.format('"scanner"', ""), "cohort[1]: a scanner needs words or calls"),
        (
            OTHERS.format('"slow"', 'protocol = "HTTP/2.0"'),
            "cohort[1].protocol: slow connections are of HTTP/1.0 or HTTP/1.1",
        ),
    ],
)
def test_what_does_not_fit_together_is_named(tmp_path: Path, cohort: str, words: str) -> None:
    assert words in str(refused(tmp_path, GOOD + cohort))


def test_a_scenario_cannot_be_changed(tmp_path: Path) -> None:
    found = scenario(tmp_path, ONE_CALLER)
    with pytest.raises(ValidationError, match="frozen"):
        found.length_s = 3
    with pytest.raises(ValidationError, match="frozen"):
        found.cohorts[0].count = 3


@pytest.mark.parametrize("name", shipped.shipped_files("scenarios"))
def test_every_shipped_scenario_can_be_read_and_says_what_it_is_for(name: str) -> None:
    found = load_scenario(name)
    assert found.name == name
    assert found.title
    assert found == load_scenario(name)
