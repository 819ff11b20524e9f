"""The Python libraries as programs: ``python ask.py LIBRARY`` has the wishes that it is given.

Standard input is a JSON list of {"method": ..., "urls": [...]}. They are had side by side, each
with a session of its own, so that none uses another's connections.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit

Wish = dict[str, Any]
BODY = b"a=b"


class Ready:
    """Where the wishes wait for each other, once each has what it needs."""

    all = Barrier(1)


def requests_of(wish: Wish) -> Iterator[tuple[str, str, bytes | None]]:
    """Method, URL and body, one after the other; the last is the one that matters."""
    *before, last = wish["urls"]
    for url in before:
        yield "GET", url, None
    method = wish["method"]
    yield method, last, BODY if method == "POST" else None


def ask_requests(wish: Wish, tries: int = 0) -> None:
    import requests
    from requests.adapters import HTTPAdapter

    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", HTTPAdapter(max_retries=tries))
        for method, url, body in requests_of(wish):
            try:
                session.request(method, url, data=body)
            except requests.RequestException:
                continue


def ask_requests_retry(wish: Wish) -> None:
    ask_requests(wish, tries=3)


def ask_urllib3(wish: Wish, codes: tuple[int, ...] = ()) -> None:
    import urllib3

    retries = urllib3.Retry(3, backoff_factor=1, status_forcelist=codes)
    with urllib3.PoolManager(retries=retries) as pool:
        for method, url, body in requests_of(wish):
            try:
                pool.request(method, url, body=body)
            except urllib3.exceptions.HTTPError:
                continue


def ask_urllib3_codes(wish: Wish) -> None:
    ask_urllib3(wish, (429, 500, 502, 503, 504))


def ask_httpx(wish: Wish) -> None:
    import httpx

    with httpx.Client(trust_env=False) as client:
        for method, url, body in requests_of(wish):
            try:
                client.request(method, url, content=body)
            except httpx.TransportError:
                continue


def ask_once(wish: Wish) -> None:
    from urllib.request import ProxyHandler, Request, build_opener

    opener = build_opener(ProxyHandler({}))
    for method, url, body in requests_of(wish):
        try:
            opener.open(Request(url, data=body, method=method)).read()
        except OSError:
            continue


async def _ask_aiohttp(wish: Wish) -> None:
    import aiohttp

    async with aiohttp.ClientSession() as session:
        for method, url, body in requests_of(wish):
            try:
                async with session.request(method, url, data=body) as answer:
                    await answer.read()
            except aiohttp.ClientError:
                continue


def ask_aiohttp(wish: Wish) -> None:
    asyncio.run(_ask_aiohttp(wish))


def ask_botocore(wish: Wish, mode: str = "standard") -> None:
    """Objects of S3 are read by GET, messages of SQS are sent by POST; the URL is put in place."""
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    session = botocore.session.get_session()
    session.set_credentials("key", "secret")
    config = Config(retries={"mode": mode}, s3={"addressing_style": "path"}, proxies={})
    split = urlsplit(wish["urls"][0])
    service = "sqs" if wish["method"] == "POST" else "s3"
    client = session.create_client(
        service, "eu-west-1", endpoint_url=f"{split.scheme}://{split.netloc}", config=config
    )
    Ready.all.wait()  # making a client takes so long that it would delay others
    targets: list[str] = []

    def redirect(request: Any, **_: Any) -> None:
        request.url = targets[-1]
        if len(targets) < len(wish["urls"]):
            request.method, request.body = "GET", None
            request.headers.pop("Content-Length", None)

    client.meta.events.register(f"before-send.{service}", redirect)
    for url in wish["urls"]:
        targets.append(url)
        try:
            if service == "sqs":
                client.send_message(QueueUrl=wish["urls"][0], MessageBody="a")
            else:
                client.get_object(Bucket="bucket", Key="key")["Body"].read()
        except (BotoCoreError, ClientError):
            continue


def ask_botocore_legacy(wish: Wish) -> None:
    ask_botocore(wish, "legacy")


def crawl(wishes: list[Wish]) -> None:
    """Scrapy: a crawler for each wish, for a crawler's requests share their connections."""
    import scrapy
    from scrapy.crawler import CrawlerProcess

    class Spider(scrapy.Spider):
        name = "spider"
        custom_settings = {"LOG_ENABLED": False, "TELNETCONSOLE_ENABLED": False}  # noqa: RUF012

        started = 0

        def __init__(self, wish: Wish) -> None:
            super().__init__()
            self.left = list(requests_of(wish))

        async def start(self) -> Any:
            Spider.started += 1
            while Spider.started < len(wishes):  # starting one would delay the others
                await asyncio.sleep(0.05)
            yield self.next()

        def next(self) -> scrapy.Request:
            method, url, body = self.left.pop(0)
            return scrapy.Request(
                url, self.parse, method, body=body, dont_filter=True, errback=self.fail
            )

        def parse(self, response: Any) -> Any:
            if self.left:
                yield self.next()

        def fail(self, failure: Any) -> None:
            """That is what it is asked for."""

    process = CrawlerProcess()
    for wish in wishes:
        process.crawl(Spider, wish=wish)
    process.start()


LIBRARIES: dict[str, Callable[[Wish], None]] = {
    "aiohttp": ask_aiohttp,
    "botocore": ask_botocore,
    "botocore-legacy": ask_botocore_legacy,
    "httpx": ask_httpx,
    "once": ask_once,
    "requests": ask_requests,
    "requests-retry": ask_requests_retry,
    "urllib3": ask_urllib3,
    "urllib3-codes": ask_urllib3_codes,
}


def main() -> None:
    library, wishes = sys.argv[1], json.load(sys.stdin)
    if library == "scrapy":
        crawl(wishes)
        return
    Ready.all = Barrier(len(wishes))
    with ThreadPoolExecutor(len(wishes)) as pool:
        list(pool.map(LIBRARIES[library], wishes))


if __name__ == "__main__":
    main()
