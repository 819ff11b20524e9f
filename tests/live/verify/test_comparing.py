"""What counts as a difference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simkit.live.listening import Endpoint, Listen
from simkit.live.verify import Seen, differences
from simkit.live.verify.comparing import as_configured
from simkit.wire import Version

SEEN = Seen(403, 303, "HTTP", 403, 153, True, (("server", "nginx"),), "PASSED", "REJECTED")
OTHERS: dict[str, object] = {
    "logged": 444,
    "bytes_sent": 302,
    "kind": "EMPTY",
    "status": 404,
    "body_bytes": 0,
    "kept": False,
    "headers": (),
    "limit_req": "",
    "limit_conn": "PASSED",
}


def test_every_field_is_compared() -> None:
    assert set(OTHERS) == set(Seen.__dataclass_fields__)
    assert differences(SEEN, SEEN, Version.HTTP_1_1) == ()


@pytest.mark.parametrize("field", OTHERS)
def test_one_field_that_differs_is_one_difference(field: str) -> None:
    other = replace(SEEN, **{field: OTHERS[field]})  # type: ignore[arg-type]
    [found] = differences(SEEN, other, Version.HTTP_1_1)
    assert (found.field, found.simulated, found.nginx) == (
        field,
        getattr(SEEN, field),
        OTHERS[field],
    )


def test_what_a_protocol_does_not_show_is_not_compared() -> None:
    other = replace(SEEN, headers=(), bytes_sent=1)
    assert differences(SEEN, other, Version.HTTP_2) == ()
    assert differences(SEEN, replace(SEEN, status=0), Version.HTTP_0_9) == ()
    nothing = replace(SEEN, body_bytes=0)
    assert differences(nothing, replace(nothing, kind="EMPTY"), Version.HTTP_0_9) == ()
    assert differences(nothing, replace(nothing, kind="RESET"), Version.HTTP_0_9)


def test_a_difference_is_safe_to_print() -> None:
    other = replace(SEEN, headers=(("x", "\x1b[31m"),))
    [found] = differences(SEEN, other, Version.HTTP_1_1)
    assert str(found).isprintable()


def test_the_free_port_of_the_trial_reads_as_the_configured_one() -> None:
    end = Endpoint("127.0.0.1", 40_001, Listen(4, "*", 8080))
    seen = replace(SEEN, headers=(("location", "http://a:40001/x"), ("x", ":40001")))
    read = as_configured(seen, end)
    assert read.headers == (("location", "http://a:8080/x"), ("x", ":40001"))
    assert read.bytes_sent == seen.bytes_sent - 1
    standard = replace(end, listen=Listen(4, "*", 80))
    assert as_configured(seen, standard).headers[0][1] == "http://a/x"
