from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.accesslog.escapes import Escape, decoded, escaped, unescaped, visible

values = st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))
texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(values | texts)
@pytest.mark.parametrize("escape", [Escape.DEFAULT, Escape.JSON])
def test_what_is_written_can_be_had_back(escape: Escape, value: str) -> None:
    line = decoded(escaped(value, escape).encode("utf-8", "surrogateescape"))
    assert unescaped(line, escape) == value


@given(values)
def test_nginx_writes_nothing_but_printable_ascii(value: str) -> None:
    written = escaped(value)
    assert all(" " <= c <= "~" and c != '"' for c in written)


@given(texts)
def test_json_is_json(value: str) -> None:
    assert json.loads(f'"{escaped(value, Escape.JSON)}"') == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ('a"b', r"a\x22b"),
        ("a\\b", r"a\x5Cb"),
        ("\x16\x03\x01", r"\x16\x03\x01"),
        ("\x7f~ ", r"\x7F~ "),
        ("é", r"\xC3\xA9"),
        ("\udcff", r"\xFF"),
    ],
)
def test_as_nginx_writes(value: str, written: str) -> None:
    assert escaped(value) == written


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (r"a \"quoted\" word", 'a "quoted" word'),
        (r"C:\\dir\t", "C:\\dir\t"),
        (r"\xc3\xa9", "é"),
        (r"\d+ stays", r"\d+ stays"),
        ("\\", "\\"),
    ],
)
def test_as_apache_writes(written: str, value: str) -> None:
    assert unescaped(written) == value


def test_without_escaping_nothing_is_undone() -> None:
    assert unescaped(r"\x41", Escape.NONE) == r"\x41"


def test_bytes_that_are_no_text_stay_visible() -> None:
    assert decoded(b"caf\xe9 \xff\xfe") == r"caf\xE9 \xFF\xFE"
    assert visible(unescaped(r"caf\xE9 \xC3\xA9")) == r"caf\xE9 é"
