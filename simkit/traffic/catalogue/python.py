"""Libraries of Python."""

from __future__ import annotations

from collections.abc import Sequence

from simkit.traffic.catalogue.client import Client, Reactions
from simkit.traffic.reactions import Action

__all__ = ["PYTHON"]

_BROKEN = ("empty", "reset")


def _urllib3(delays_s: Sequence[float], codes: Sequence[str] = ()) -> Reactions:
    """``Retry`` with these delays, and with a ``status_forcelist`` of these codes.

    Without one, 413, 429 and 503 are retried if they say when.
    """
    usual = Action(retry_after_s=tuple(delays_s), retry_for="idempotent")
    told = usual.model_copy(update={"honour_retry_after": True, "zero_is_none": True})
    only_told = told.model_copy(update={"only_with_header": True})
    found = dict.fromkeys(("413", "429", "503"), only_told) | dict.fromkeys(codes, told)
    return {"network": usual, **found}


# Drawn between nothing and scale x 1, 2, 4 and so on.
def _drawn(scale_s: float, further_tries: int) -> Action:
    bounds_s = [scale_s * (1 << number) for number in range(further_tries)]
    return Action(retry_after_s=tuple(bounds_s), shorten=1.0)


_SERVER_ERRORS = ("500", "502", "503", "504")
_SCRAPY_CODES = ("408", "429", *_SERVER_ERRORS, "522", "524")

PYTHON = (
    Client(
        name="requests",
        about="requests as it comes",
        evidence="[M] requests 2.34.2: 1 hit, whatever comes.",
        reactions={},
    ),
    Client(
        name="requests-retry",
        about="requests with HTTPAdapter(max_retries=3), and urllib3 as it comes",
        evidence=(
            "[M] requests 2.34.2, urllib3 2.8.0: 4 hits at once of a GET, 1 of a POST; 413, 429 "
            "and 503 only with Retry-After, and then after that time. "
            "[S] urllib3/util/retry.py."
        ),
        reactions=_urllib3((0.0, 0.0, 0.0)),
    ),
    Client(
        name="urllib3",
        about="urllib3 or requests with Retry(3, backoff_factor=1)",
        evidence=(
            "[M] urllib3 2.8.0: 4 hits of a GET, after 0, 2 and 4 s, 1 of a POST; 413, 429 and "
            "503 only with Retry-After. "
            "[S] urllib3/util/retry.py: delays end at 120 s."
        ),
        reactions=_urllib3((0.0, 2.0, 4.0)),
    ),
    Client(
        name="urllib3-codes",
        about=(
            "urllib3 or requests with Retry(3, backoff_factor=1, status_forcelist=[429, 500, "
            "502, 503, 504])"
        ),
        evidence=(
            "[M] urllib3 2.8.0: 4 hits of a GET, after 0, 2 and 4 s or a Retry-After, 1 of a POST."
        ),
        reactions=_urllib3((0.0, 2.0, 4.0), ("429", *_SERVER_ERRORS)),
    ),
    Client(
        name="aiohttp",
        about="aiohttp as it comes",
        evidence=(
            "[M] aiohttp 3.14.5: 2 hits at once of what may be repeated, on new and used "
            "connections; 1 of a POST, a refused connection or a code."
        ),
        reactions=dict.fromkeys(_BROKEN, Action(resend_at_once=1, resend_for="idempotent")),
    ),
    Client(
        name="httpx",
        about="httpx as it comes; HTTPTransport(retries=2) repeats the connecting alone",
        evidence="[M] httpx 0.28.1: 1 hit, whatever comes.",
        reactions={},
    ),
    Client(
        name="scrapy",
        about="Scrapy as it comes: RETRY_TIMES is 2, without delay",
        evidence=(
            "[M] Scrapy 2.19.0: 3 hits, GET and POST, on network errors, 408, 429, 500, 502, "
            "503, 504, 522 and 524; 4 of a GET whose connection had served; 1 on 403. "
            "[S] twisted.web.client: what broke on a kept connection is sent again once."
        ),
        reactions={
            **dict.fromkeys(("network", *_SCRAPY_CODES), Action(retry_after_s=(0.0, 0.0))),
            **dict.fromkeys(
                _BROKEN,
                Action(retry_after_s=(0.0, 0.0), resend_reused=1, resend_reused_for="safe"),
            ),
        },
    ),
    Client(
        name="botocore",
        about="botocore and boto3, retry mode standard",
        evidence=(
            "[M] botocore 1.44.8: 3 hits, GET and POST, on network errors, 429, 500, 502, 503 "
            "and 504; Retry-After is not read. "
            "[S] botocore/retries/standard.py: uniform up to 50 and 100 ms, after 429 up to 1 "
            "and 2 s."
        ),
        reactions={
            **dict.fromkeys(("network", *_SERVER_ERRORS), _drawn(0.05, 2)),
            "429": _drawn(1.0, 2),
        },
    ),
    Client(
        name="botocore-legacy",
        about=(
            "botocore and boto3, retry mode legacy, which older versions take unless told otherwise"
        ),
        evidence=(
            "[M] botocore 1.44.8: 5 hits, GET and POST, on network errors, 429, 500, 502, 503 "
            "and 504. "
            "[S] botocore/data/_retry.json: uniform up to 1, 2, 4 and 8 s."
        ),
        reactions=dict.fromkeys(("network", "429", *_SERVER_ERRORS), _drawn(1.0, 4)),
    ),
)
