"""Passwords of `auth_basic`; openssl is the oracle for what Apache's htpasswd writes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from simkit.policy.users import apr1, is_right, read_users, verdict
from tests.policy.making import ask, decide, load_http

OPENSSL = shutil.which("openssl")


@pytest.mark.parametrize("password", ["", "a", "secret", "sixteen letters.", "x" * 40, "é ü"])
@pytest.mark.parametrize("salt", ["abcdefgh", "a", "./AZaz09"])
def test_apr1_is_that_of_openssl(password: str, salt: str) -> None:
    assert OPENSSL is not None, "openssl is needed: install it"
    command = [OPENSSL, "passwd", "-apr1", "-salt", salt, "-stdin"]
    done = subprocess.run(command, input=password, capture_output=True, text=True, check=True)
    stored = done.stdout.strip() or apr1(b"", salt)  # openssl takes no empty line
    assert apr1(password.encode(), salt) == stored
    assert is_right(password, stored) is True
    assert is_right(password + "x", stored) is False


def test_other_schemes() -> None:
    assert is_right("a:b", "{PLAIN}a:b") is True
    assert is_right("secret", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=") is True
    assert is_right("Secret", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=") is False
    assert is_right("secret", "{SHA}no base64!") is False
    # bcrypt and SHA-512, as crypt(3) has them
    stored = "$2b$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
    assert is_right("rasmuslerdorf", "rl.3StKT.4T8M") is True
    assert is_right("secret", stored) is not None
    assert is_right("secret", "*0") is False
    assert is_right("sec\0ret", "rl.3StKT.4T8M") is False


def test_what_takes_a_library_that_is_not_there_is_not_decided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("simkit.policy.crypt._crypt", lambda: None)
    assert is_right("rasmuslerdorf", "rl.3StKT.4T8M") is None
    assert verdict("a", "b", {"a": "rl.3StKT.4T8M"}) == 200


def test_a_file_of_users(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_bytes(b"# a comment\n\na:1:more\nb:\r\na:2\nnobody\n\rd:4\nc\x0b:\xff3")
    assert read_users(file) == {"a": "1", "b": "", "c\x0b": "\udcff3"}
    assert read_users(tmp_path / "absent") == 403
    assert read_users(tmp_path) == 500
    assert read_users(file / "x") == 500
    assert read_users(tmp_path / "a\0b") == 500


def test_what_cannot_be_checked_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simkit.policy.crypt._crypt", lambda: None)
    (tmp_path / "users").write_text("a:$2y$05$abcdefghijklmnopqrstuv\n")
    text = 'server {{ auth_basic "r"; auth_basic_user_file {}; }}'
    unknown = load_http(tmp_path, text.format("users"))
    absent = load_http(tmp_path, text.format("absent"))
    assert ["cannot be checked" in w for w in unknown.warnings] == [True]
    assert [
        "is not there, so whoever gives credentials gets a 403" in w for w in absent.warnings
    ] == [True]
    given = ask(headers={"Authorization": "Basic YTpi"})
    other = ask(headers={"Authorization": "Basic Yjpi"})
    assert [decide(p, given).status for p in (unknown, absent)] == [200, 403]
    assert [decide(p, other).status for p in (unknown, absent)] == [401, 403]
