"""What `expires` says; live nginx is the oracle in configs/expires.conf."""

from __future__ import annotations

import pytest

from simkit.errors import InputError
from simkit.policy.expiry import Lasting, lasting, read_lasting
from simkit.policy.source import Source

HERE = Source("nginx.conf", 7, "expires …")


@pytest.mark.parametrize(
    ("text", "expires", "cache"),
    [
        ("1d", "Fri, 02 Jan 1970 00:00:00 GMT", "max-age=86400"),
        ("+1h", "Thu, 01 Jan 1970 01:00:00 GMT", "max-age=3600"),
        ("0", "Thu, 01 Jan 1970 00:00:00 GMT", "max-age=0"),
        ("-1", "Wed, 31 Dec 1969 23:59:59 GMT", "no-cache"),
        ("epoch", "Thu, 01 Jan 1970 00:00:01 GMT", "no-cache"),
        ("max", "Thu, 31 Dec 2037 23:55:55 GMT", "max-age=315360000"),
    ],
)
def test_values(text: str, expires: str, cache: str) -> None:
    found = read_lasting(text, HERE)
    assert found is not None
    assert found.headers(0) == (("Expires", expires), ("Cache-Control", cache))


def test_a_variable_may_be_wrong_and_a_word_may_not() -> None:
    assert read_lasting("off", HERE) is None
    for text in ("", "soon", "@15h"):
        assert lasting(text, HERE) is None
        with pytest.raises(InputError) as caught:
            read_lasting(text, HERE)
        assert caught.value.line == 7
    assert lasting("1m", HERE) == Lasting(60)
