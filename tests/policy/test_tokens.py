"""How a configuration is taken apart into words: beside `nginx -t`, with its own complaints."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from simkit.errors import InputError
from simkit.live import check, find_nginx
from simkit.policy.reader import read, unescaped
from simkit.policy.tokens import statements
from tests.fuzz import configurations

AROUND = "events {{}} http {{ server {{ {} }} }}"
SYNTAX = re.compile(r'unexpected "|unexpected end of file|too long parameter')

WORDS = {
    "a b;": (("a", "b"), ";"),
    "a\tb\r\nc;": (("a", "b", "c"), ";"),
    "a # b;\nc;": (("a", "c"), ";"),
    "a#b;": (("a#b",), ";"),
    "a 'b c' \"d;e\";": (("a", "b c", "d;e"), ";"),
    r"""a "b\"c" 'd\'e' f\ g\;;""": (("a", r"b\"c", r"d\'e", r"f\ g\;"), ";"),
    'a b"c"d;': (("a", 'b"c"d'), ";"),
    'a "b")c;': (("a", "b", ")c"), ";"),
    "a ${b}c $d{ }": (("a", "${b}c", "$d"), "{"),
    "a ${{b $;": (("a", "${{b", "$"), ";"),
    "a b}c;": (("a", "b}c"), ";"),
    "a b{}": (("a", "b"), "{"),
    'a "";': (("a", ""), ";"),
    "a b\x0b\x0c\xa0c;": (("a", "b\x0b\x0c\xa0c"), ";"),
    "set_by_lua_block $a { return '}' .. \"{\" -- }\n .. [[}]] }": (
        ("set_by_lua_block", "$a", " return '}' .. \"{\" -- }\n .. [[}]] "),
        ";",
    ),
}
WRONG = {
    "return 444": 'unexpected "}"',
    "return 444}": 'unexpected "}"',
    'return "444"x;': 'unexpected "x"',
    'return 200 "a\n\n"x;': 'unexpected "x"',
    ";": 'unexpected ";"',
    "{ }": 'unexpected "{"',
    "}": 'unexpected "}"',
    "} } }": 'unexpected "}"',
    "location / {": 'unexpected end of file, expecting "}"',
    'return 200 "a;': 'unexpected end of file, expecting ";" or "}"',
    "return 200 'a\n;\n": 'unexpected end of file, expecting ";" or "}"',
    "return 200 \\": 'unexpected "}"',
    f'return 200 "{"a" * 5000}";': "too long parameter, probably",
    f"return 200 '{'a' * 5000}';": "too long parameter, probably",
    f"return 200 {'a' * 10}{'é' * 2500};": "too long parameter",
    f"# {'a' * 5000}\n": "too long parameter",
}
ENDS = {
    ' "abc"': 'unexpected end of file, expecting ";" or "}"',
    " abc": 'unexpected end of file, expecting ";" or "}"',
    " abc\n\n": 'unexpected end of file, expecting ";" or "}"',
    "}": 'unexpected "}"',
    " abc\\": 'unexpected end of file, expecting ";" or "}"',
    ' "abc\\"': 'unexpected end of file, expecting ";" or "}"',
    " # abc": "",
}


def complaint(path: Path) -> tuple[str, int]:
    """What nginx says about the syntax of a file, and the line; empty and 0 if nothing."""
    command = [find_nginx(), "-t", "-q", "-e", "stderr", "-p", f"{path.parent}/", "-c", path.name]
    said = subprocess.run(command, capture_output=True, check=False).stderr
    text = said.decode("utf-8", "surrogateescape")
    found = re.search(r"\[emerg\] (?:\d+#\d+: )?(.*?) in \S+:(\d+)\n", text, re.DOTALL)
    if found is None or not SYNTAX.match(found[1]) or "{" in found[1]:
        return "", 0  # an opening brace within a map is also "unexpected", by another judge
    return found[1], int(found[2])


def ours(path: Path) -> tuple[str, int]:
    try:
        read(path)
    except InputError as error:
        return error.what, error.line or 0
    return "", 0


def written(folder: Path, text: str) -> Path:
    (folder / "logs").mkdir(exist_ok=True)
    path = folder / "words.conf"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("text", "expected"), WORDS.items(), ids=WORDS)
def test_words(text: str, expected: tuple[tuple[str, ...], str]) -> None:
    words, end = expected
    found = list(statements(text))
    assert (found[0].words, found[0].end) == (words, end)
    assert len(found) == (2 if end == "{" else 1)


def test_lines_are_those_of_the_first_words() -> None:
    text = "a;\n\n# x\nb\n c {\n  d 'x\n\ny' z;\n}\ne;"
    found = [(s.words[:1], s.line) for s in statements(text)]
    assert found == [(("a",), 1), (("b",), 4), (("d",), 6), ((), 9), (("e",), 10)]


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:20])
def test_what_is_wrong_is_said_in_nginx_s_words_and_with_its_line(
    tmp_path: Path, text: str
) -> None:
    path = written(tmp_path, AROUND.format(text))
    said, line = ours(path)
    assert said.startswith(WRONG[text])
    if WRONG[text] != 'unexpected "{"':
        theirs, at = complaint(path)
        assert (theirs, at) == (said, line)


@pytest.mark.parametrize("end", ENDS)
def test_how_a_file_may_end(tmp_path: Path, end: str) -> None:
    path = written(tmp_path, AROUND.format("") + end)
    assert ours(path) == complaint(path)
    assert ours(path)[0] == ENDS[end]


@pytest.mark.parametrize("size", [4093, 4094, 4095, 4096])
@pytest.mark.parametrize("form", ['return 200 "{}";', "return 200 {};", "#{}\n"])
def test_a_word_must_fit_into_the_buffer_that_it_is_read_into(
    tmp_path: Path, form: str, size: int
) -> None:
    path = written(tmp_path, AROUND.format(form.format("a" * size)))
    assert bool(ours(path)[0]) is bool(complaint(path)[0])


CONDITIONS = ["if ($uri)", "if ( $uri )", "if (\t$uri\n)", "if ($uri = '')", 'if ($uri = "a)")']
NO_CONDITIONS = ["if $uri", "if ()", "if ($uri", "if $uri)", "if ($uri)x", 'if ("$uri")', "if"]


@pytest.mark.parametrize("text", CONDITIONS + NO_CONDITIONS)
def test_the_parentheses_of_a_condition(tmp_path: Path, text: str) -> None:
    from simkit.policy import load_policy

    path = written(tmp_path, AROUND.format(f"{text} {{ return 403; }}"))
    accepted = check(path, tmp_path).accepted
    assert accepted is (text in CONDITIONS)
    if accepted:
        load_policy(path)
    else:
        with pytest.raises(InputError):
            load_policy(path)


def test_a_word_that_is_shown_can_be_read_again(tmp_path: Path) -> None:
    path = written(tmp_path, r"""a "b\"c" 'd"e' f\"g "h\\" "\n\t\r" "\x" "" '"';""")
    [found] = map(unescaped, read(path))
    assert found.args == ('b"c', 'd"e', 'f"g', "h\\", "\n\t\r", r"\x", "", '"')


def test_hostile_texts_are_judged_as_nginx_judges_them(tmp_path: Path) -> None:
    """Where nginx stumbles over the syntax we do, over the same; where we do it does not start."""
    texts, agreed = configurations.corpus(), 0
    (tmp_path / "logs").mkdir()
    path = tmp_path / configurations.NAME
    for number in range(240):
        data = configurations.make(2, number, texts)
        if b"include" in data or b"# configuration file" in data:
            continue
        path.write_bytes(data)
        said, line = ours(path)
        theirs, at = complaint(path)
        if theirs and SYNTAX.match(said):
            assert (said[:12], line) == (theirs[:12], at), number
            agreed += 1
        elif SYNTAX.match(said):
            assert not check(path, tmp_path).accepted, number
        else:
            assert not theirs, number
    assert agreed > 25
