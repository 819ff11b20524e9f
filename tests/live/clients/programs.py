"""The programs that the catalogue names, and how each is made to have a wish.

``SIMKIT_CLIENTS=all`` adds what takes long, or comes in packages larger than CI should install.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.clients.situations import Job

__all__ = ["ALL", "MORE", "PROGRAMS", "Program", "environment", "program"]

ALL = os.environ.get("SIMKIT_CLIENTS") == "all"
HERE = Path(__file__).parent
JAVA = Path("/usr/share/java")

Start = Callable[[Sequence[Job], Path, float], None]
"""Has these wishes, with a folder to itself, for at most so many seconds."""


@dataclass(frozen=True, slots=True)
class Program:
    """``within_s``: how much of its schedule is looked at."""

    start: Start
    within_s: float = 10.0


def program(name: str) -> str:
    """Where a program is; the test fails where it is not installed."""
    beside = shutil.which(name, path=str(Path(sys.executable).parent))
    found = beside or shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.fail(f"{name} is not on the PATH")
    return found


def environment(home: Path) -> dict[str, str]:
    """An environment without a proxy, and with a home of its own."""
    kept = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    return {**kept, "HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_CACHE_HOME": str(home)}


def _run(command: Sequence[str], folder: Path, within_s: float, given: str = "") -> None:
    try:
        subprocess.run(
            command,
            input=given.encode(),
            env=environment(folder),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=within_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return  # what comes later is not looked at


STARTING_S = 60.0
"""What a program may take to start, when many start at the same time on a small machine."""


def _each(
    arguments: Callable[[Job, Path], Sequence[str]],
    at_once: int = 24,
    starting_s: float = STARTING_S,
) -> Start:
    """A process for each wish, so many at the same time."""

    def start(jobs: Sequence[Job], folder: Path, within_s: float) -> None:
        def one(job: Job) -> None:
            name, *rest = arguments(job, folder)
            _run([program(name), *rest], folder, within_s + starting_s)

        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(one, jobs))

    return start


def _together(*command: str) -> Start:
    """A process that is given all of its wishes."""

    def start(jobs: Sequence[Job], folder: Path, within_s: float) -> None:
        wishes = [{"method": job.method, "urls": job.urls} for job in jobs]
        whole_s = within_s + STARTING_S
        _run([program(command[0]), *command[1:]], folder, whole_s, json.dumps(wishes))

    return start


def _python(library: str, within_s: float = 10.0) -> Program:
    return Program(_together(sys.executable, str(HERE / "ask.py"), library), within_s)


def _curl(*options: str) -> Program:
    def arguments(job: Job, _: Path) -> list[str]:
        *before, last = job.urls
        # Options are for the URLs up to --next; connections are kept over it.
        usual = ["-s", "-k", "--noproxy", "*", *options]
        first = [*usual, *before, "--next"] if before else []
        body = ["-d", "a=b"] if job.method == "POST" else []
        return ["curl", *first, *usual, *body, last]

    return Program(_each(arguments))


def _wget(within_s: float, *options: str) -> Program:
    def arguments(job: Job, _: Path) -> list[str]:
        body = ["--post-data=a=b"] if job.method == "POST" else []
        return ["wget", "-q", "-O", os.devnull, "--no-proxy", *options, *body, *job.urls]

    return Program(_each(arguments, starting_s=0.0), within_s)  # it would go on for minutes


def _ffuf(job: Job, folder: Path) -> list[str]:
    """One thread and one or two words: what comes after host and port."""
    site, _, _ = job.urls[0].partition("/page" if len(job.urls) > 1 else job.situation.path)
    words = folder / job.name
    words.write_text("".join(f"{url.removeprefix(f'{site}/')}\n" for url in job.urls))
    return ["ffuf", "-s", "-k", "-t", "1", "-u", f"{site}/FUZZ", "-w", str(words)]


def _sqlmap(job: Job, folder: Path) -> list[str]:
    return ["sqlmap", "-u", job.urls[-1], "--batch", f"--output-dir={folder}"]


def _go(jobs: Sequence[Job], folder: Path, within_s: float) -> None:
    """Compiled first, for that takes a while."""
    built = folder / "ask"
    command = [program("go"), "build", "-o", str(built), str(HERE / "ask.go")]
    variables = {**environment(folder), "GO111MODULE": "off", "GOTOOLCHAIN": "local"}
    subprocess.run(command, env=variables, check=True)
    _each(lambda job, _: [str(built), job.method, *job.urls])(jobs, folder, within_s)


def _java(source: str, *jars: str) -> Program:
    paths = os.pathsep.join(str(JAVA / f"{jar}.jar") for jar in jars)
    command = ["java", *(["-cp", paths] if jars else []), str(HERE / source)]

    def start(jobs: Sequence[Job], folder: Path, within_s: float) -> None:
        for jar in jars:
            if not (JAVA / f"{jar}.jar").exists():
                pytest.fail(f"{jar}.jar is not in {JAVA}")
        lines = "".join(f"{' '.join((job.method, *job.urls))}\n" for job in jobs)
        _run([program(command[0]), *command[1:]], folder, within_s + STARTING_S, lines)

    return Program(start)


PROGRAMS = {
    "aiohttp": _python("aiohttp"),
    "botocore": _python("botocore"),
    "curl": _curl(),
    "curl-retry": _curl("--retry", "2"),
    "curl-retry-all": _curl("--retry", "2", "--retry-all-errors"),
    "ffuf": Program(_each(_ffuf)),
    "httpx": _python("httpx"),
    "once": _python("once"),
    "requests": _python("requests"),
    "requests-retry": _python("requests-retry"),
    "scrapy": _python("scrapy"),
    "sqlmap": Program(_each(_sqlmap)),
    "urllib3": _python("urllib3"),
    "urllib3-codes": _python("urllib3-codes"),
    "wget": _wget(7.5),  # after 0, 1, 3 and 6 s; the next comes after 10
    "wget-tries-3": _wget(10, "--tries=3"),
}
"""What CI holds the catalogue against."""

MORE = {
    "apache-httpclient": _java(
        "AskApache.java", "httpclient", "httpcore", "commons-logging", "commons-codec"
    ),
    "botocore-legacy": _python("botocore-legacy", within_s=20),
    "go": Program(_go),
    "java-http": _java("AskHttpClient.java"),
    # Its connections are the process's, so each wish has one.
    "java-url": Program(
        _each(lambda job, _: ["java", f"{HERE}/AskUrlConnection.java", job.method, *job.urls], 3)
    ),
    "node": Program(_each(lambda job, _: ["node", f"{HERE}/ask.mjs", job.method, *job.urls])),
    "okhttp": _java("AskOkHttp.java", "okhttp", "okio"),
    "ruby": Program(_each(lambda job, _: ["ruby", f"{HERE}/ask.rb", job.method, *job.urls])),
    "wget": _wget(150),
}
"""What ``SIMKIT_CLIENTS=all`` adds, or looks at for longer."""

if ALL:
    PROGRAMS |= MORE
