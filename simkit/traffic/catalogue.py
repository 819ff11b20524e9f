"""What real clients do with each answer: the presets that a cohort names as its ``client``.

[M] measured against nginx 1.22.1, [S] read in the program's source, [D] documented, [R] recalled
and to be checked. Hits are requests that one wish causes.
"""

from __future__ import annotations

from collections.abc import Mapping

from simkit.traffic.reactions import Action

__all__ = ["CLIENTS"]

Reactions = Mapping[str, Action]

# A program that asks once and takes what comes: curl, requests, httpx, zgrab2 [M].
_ONCE: Reactions = {}

# Chromium 156. A page that met a network error is loaded again after 1, 5, 30 s, 1, 5, 10, 30 min;
# HTTP codes never are [M][S]. Each load of it hit the server 2-3 times at once after an empty close
# (15 hits in 96 s: loads at 0, 1, 6, 36 and 96 s) and after a reset (11 in 42 s), for the browser
# keeps spare connections and resends where one fails; a stream reset was hit once a load (4 in
# 42 s) [M].
_RELOADS_S = (1.0, 5.0, 30.0, 60.0, 300.0, 600.0, 1800.0)
_BROKEN = Action(
    resend_at_once=2, idempotent_only=True, retry_after_s=_RELOADS_S, documents_only=True
)
_RELOAD = Action(idempotent_only=True, retry_after_s=_RELOADS_S, documents_only=True)
_CHROMIUM: Reactions = {"empty": _BROKEN, "reset": _BROKEN, "network": _RELOAD}

# urllib3 2.8 with Retry(3) and a backoff factor of 1: the first retry at once, then 2 and 4 s;
# 4 hits for a GET on 444, 1 for a POST. A 413, 429 or 503 is retried only if it carries
# Retry-After, and then after that time [M][S].
_WITH_HEADER = Action(
    retry_after_s=(0.0, 2.0, 4.0),
    honour_retry_after=True,
    only_with_header=True,
    idempotent_only=True,
)
_URLLIB3: Reactions = {
    "network": Action(retry_after_s=(0.0, 2.0, 4.0), idempotent_only=True),
    "413": _WITH_HEADER,
    "429": _WITH_HEADER,
    "503": _WITH_HEADER,
}

# aiohttp 3.14: one more try of an idempotent request on a network error [M].
_AIOHTTP: Reactions = {"network": Action(resend_at_once=1, idempotent_only=True)}

# Go's net/http resends only where the connection was a reused one [S].
_GO: Reactions = {"network": Action(resend_reused=1, idempotent_only=True)}

# wget --tries=3: 3 hits on a network error, none more on 403 and 429 [M]. It waits 1, then 2 s [D].
_WGET: Reactions = {"network": Action(retry_after_s=(1.0, 2.0))}

# Scrapy 2.19, RETRY_TIMES=2, without delay: network errors and these codes, but not 403 [M].
_TWICE = Action(retry_after_s=(0.0, 0.0))
_SCRAPY_CODES = ("408", "429", "500", "502", "503", "504", "522", "524")
_SCRAPY: Reactions = dict.fromkeys(("network", *_SCRAPY_CODES), _TWICE)

# botocore "standard": 3 attempts, random x min(2^i, 20 s) between them [S]. The draw is uniform
# from 0; here half the bound stands for its mean and jitter for its spread.
_BOTO_TWICE = Action(retry_after_s=(0.25, 0.5), jitter=1.0)
_BOTOCORE: Reactions = {"network": _BOTO_TWICE, "429": _BOTO_TWICE, "5xx": _BOTO_TWICE}

# Googlebot slows down for the host on 429 and 5xx [D] and, as far as is known, on connections that
# end without an answer [R]; a 403 is a page that is gone [D]. Twice as slow each time is a guess.
_SLOWER = Action(slow_down=2.0)
_GOOGLEBOT: Reactions = {"429": _SLOWER, "5xx": _SLOWER, "network": _SLOWER}

# gobuster 3.5 quits after one empty close, for the first request fails, and after two 403s or 429s,
# for then absent paths cannot be told from others [M]. The check itself is part of the scanner.
_GOBUSTER: Reactions = {}

# A monitor's check fails and is repeated at the next interval: HAProxy's httpchk does so [D].
_MONITOR: Reactions = {}

CLIENTS: Mapping[str, Reactions] = {
    "aiohttp": _AIOHTTP,
    "botocore": _BOTOCORE,
    "chromium": _CHROMIUM,
    "go": _GO,
    "gobuster": _GOBUSTER,
    "googlebot": _GOOGLEBOT,
    "monitor": _MONITOR,
    "once": _ONCE,
    "scrapy": _SCRAPY,
    "urllib3": _URLLIB3,
    "wget": _WGET,
}
