"""Includes: what they find, what they must not find, and how much."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simkit.errors import InputError
from simkit.policy import load_policy
from simkit.policy.directives import DECIDING
from simkit.policy.reader import read
from tests.policy.making import status

WHOLE = "events {}\nhttp {\n server { return 403; }\n"


def configuration(folder: Path, include: str) -> Path:
    path = folder / "nginx.conf"
    path.write_text(f"{WHOLE}include {include};\n}}\n")
    return path


def refused(folder: Path, include: str) -> InputError:
    with pytest.raises(InputError) as caught:
        read(configuration(folder, include))
    assert str(caught.value).isprintable()
    return caught.value


@pytest.mark.parametrize(
    ("include", "words"),
    [
        ("gone.conf", "No such file or directory"),
        ("sub", "this is not a file"),
        ("su[b]", "this is not a file"),
        ("/dev/zero", "this is not a file"),
        ("pipe", "this is not a file"),
        ("loop.inc", "nested too deeply"),
        ("*.inc", "nested too deeply"),
        ("nginx.conf", "not allowed here"),
        ("a\0b", "null"),
        ("nginx.conf/x", "Not a directory"),
    ],
)
def test_what_cannot_be_included_is_said_with_its_place(
    tmp_path: Path, include: str, words: str
) -> None:
    (tmp_path / "sub").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop.inc").write_text("\n\n\ninclude sub/../loop.inc;")
    error = refused(tmp_path, include)
    assert words in error.what
    assert (error.file is not None, error.line) == (True, 1 if include == "nginx.conf" else 4)


def test_nothing_is_included_from_dev_null_and_by_a_pattern_that_fits_nothing(
    tmp_path: Path,
) -> None:
    for include in ("/dev/null", "none/*.conf"):
        assert status(load_policy(configuration(tmp_path, include))) == 403


def test_includes_of_includes_do_not_multiply_without_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simkit.policy.reader._MOST_DIRECTIVES", 10_000)
    for n in range(8):
        (tmp_path / f"{n}.inc").write_text(f"include {n + 1}.inc;\n" * 10)
    (tmp_path / "8.inc").write_text("add_header A b;\n" * 10)
    error = refused(tmp_path, "0.inc")
    assert error.what == "more than 10,000 directives"


def test_files_that_are_too_large_together(tmp_path: Path) -> None:
    for name in ("a.inc", "b.inc"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(9 << 20)
    error = refused(tmp_path, "/dev/null; include a.inc")
    assert "too long parameter" in error.what  # a word of nothing but NULs
    for name in ("a.inc", "b.inc"):
        (tmp_path / name).write_bytes(b"\n" * (9 << 20))
    error = refused(tmp_path, "a.inc; include b.inc")
    assert (error.what, error.file) == (
        "it is too large for a configuration",
        str(tmp_path / "b.inc"),
    )


def test_a_file_is_judged_in_each_place_that_includes_it(tmp_path: Path) -> None:
    (tmp_path / "zone.inc").write_text("\nlimit_req_zone $uri zone=a:1m rate=1r/s;\n")
    path = configuration(tmp_path, "zone.inc; server { include zone.inc; } include /dev/null")
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.what == '"limit_req_zone" directive is not allowed here'
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "zone.inc"), 2)


@pytest.mark.parametrize("name", ["keepalive_time", "ssl_reject_handshake", "http2"])
def test_a_directive_without_its_argument(tmp_path: Path, name: str) -> None:
    path = tmp_path / "nginx.conf"
    path.write_text(f"events {{}} http {{ server {{ {name}; }} }}")
    with pytest.raises(InputError, match=f'invalid number of arguments in "{name}" directive'):
        read(path)


def test_every_directive_that_is_read_is_known(tmp_path: Path) -> None:
    from crossplane.analyzer import DIRECTIVES

    assert DIRECTIVES.keys() >= DECIDING


def test_a_percent_sign_in_a_flag(tmp_path: Path) -> None:
    path = tmp_path / "nginx.conf"
    path.write_text("events {} http { merge_slashes 50%; server { } }")
    with pytest.raises(InputError, match='invalid value "50%" in "merge_slashes" directive'):
        read(path)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("# nginx version: nginx/1.26.2\n", "1.26.2"),
        ("nginx version: nginx/1.26.2\nnginx: test is successful\n", "1.26.2"),
        ("# nginx version: nginx/1.22.1\n", ""),
        ("# one\n\n# nginx version: nginx/9.9\n", "9.9"),
        ("", ""),
    ],
)
def test_another_version_of_nginx_is_a_warning(tmp_path: Path, head: str, said: str) -> None:
    """``(nginx -V; nginx -T) >dump.txt 2>&1`` begins so."""
    path = tmp_path / "dump.txt"
    path.write_text(f"{head}# configuration file /etc/nginx/nginx.conf:\n{WHOLE}}}\n")
    if head.startswith("# one"):
        path.write_text(f"{head}{WHOLE}}}\n")
    warnings = load_policy(path).warnings
    expected = [f"{path}: this nginx is {said}, modelled is 1.22.1: some answers may differ"]
    assert list(warnings) == (expected if said else [])
