"""A real nginx on loopback, started with a configuration as it stands, for trials and proofs."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Self

from simkit.errors import InputError
from simkit.live.access import AccessLog
from simkit.live.backend import Backend, Pages, SamePage
from simkit.live.listening import Endpoint
from simkit.live.rewriting import Trial, prepare

__all__ = ["Checked", "LiveNginx", "check", "find_nginx", "nginx_version"]

_SBIN = "/usr/sbin:/usr/local/sbin:/sbin"
_COMPLAINT = re.compile(r"\[(?:emerg|crit|alert)\] (?:\d+#\d+: )?(.*)")
_PLACE = re.compile(r" in (\S+):(\d+)$")
_PORT_TAKEN = "Address already in use"
_TRIES = 5
_START_S, _STOP_S, _POLL_S = 10.0, 5.0, 0.005


@dataclass(frozen=True, slots=True)
class Checked:
    """What `nginx -t` said: whether it accepts the configuration, and its words."""

    accepted: bool
    said: str


def find_nginx(program: str | Path | None = None) -> str:
    """The nginx program, by default the one on the PATH; InputError where there is none."""
    if program is not None:
        given = shutil.which(program)
        if given is None:
            raise InputError("there is no program nginx here", file=program, hint="--nginx PATH")
        return given
    found = shutil.which("nginx") or shutil.which("nginx", path=_SBIN)
    if found is None:
        raise InputError("nginx is not on the PATH", hint="install nginx, 1.22 or newer")
    return found


def nginx_version(program: str | Path | None = None) -> str:
    """The version of that program, such as ``1.22.1``; InputError if it is no nginx."""
    found = find_nginx(program)
    try:
        done = subprocess.run([found, "-v"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise InputError(f"it does not run: {error.strerror}", file=found) from None
    name, slash, version = done.stderr.strip().rpartition("nginx version: ")[2].partition("/")
    if not slash or not version:
        raise InputError(f"this is no nginx: {done.stderr.strip()[:200] or name}", file=found)
    return version.split(" ")[0]


def check(path: Path, prefix: Path) -> Checked:
    """`nginx -t` on a file as it stands, with relative paths under the prefix."""
    command = [find_nginx(), "-t", "-e", "stderr", "-p", f"{prefix}/", "-c", str(path.resolve())]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="backslashreplace", check=False
    )
    return Checked(done.returncode == 0, done.stderr)


class LiveNginx:
    """nginx with a copy of a configuration, listening on loopback only, while the block runs.

    Every `listen` moves to a free port of 127.0.0.1 or ::1, found by `endpoint`. Upstreams of any
    protocol become one small backend that answers with the pages of ``site``, or whoever listens
    on the port of 127.0.0.1 that stands in its place. ``files`` are laid under the prefix (an
    absolute name stands for an absolute `root`). Where the configuration does not use realip
    itself, a client may name the address that it stands for in `ADDRESS_HEADER`.
    ``log`` holds what nginx logged. ``program`` is the nginx to run, by default the one on the
    PATH; ``rate`` (such as ``1r/m``) takes the place of every rate of a `limit_req_zone`.
    ``timed``: connections last, and the error log says in which order requests were taken up.

    Raises InputError where nginx is missing or refuses the configuration, naming its file and
    line.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        site: Pages | int | None = None,
        files: Mapping[str, bytes] | None = None,
        workers: int = 1,
        error_level: str = "info",
        program: str | Path | None = None,
        rate: str | None = None,
        timed: bool = False,
    ) -> None:
        self._path = Path(path)
        self._files = dict(files or {})
        self._workers = workers
        self._level = error_level
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._trial: Trial | None = None
        self._site = SamePage() if site is None else site
        self._rate = rate
        self._timed = timed
        self.program = find_nginx(program)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            made = stack.enter_context(tempfile.TemporaryDirectory(prefix="simkit-nginx-"))
            self.folder = Path(made).resolve()
            if isinstance(self._site, int):
                self._behind = self._site
            else:
                self.backend = stack.enter_context(Backend(self._site))
                self._behind = self.backend.port
            self._lay_files()
            stack.callback(self._stop)
            self._start()
            self.log = AccessLog(self.folder / "access.log")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def trial(self) -> Trial:
        """The copy of the configuration that runs."""
        if self._trial is None:
            raise RuntimeError("nginx runs only inside the with block")
        return self._trial

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The master process."""
        if self._process is None:
            raise RuntimeError("nginx runs only inside the with block")
        return self._process

    def endpoint(self, port: int = 80, *, family: int = 4, host: str = "*") -> Endpoint:
        """Where to connect for a configured port; InputError if nothing listens there."""
        ends = [
            e for e in self.trial.endpoints if (e.listen.family, e.listen.port) == (family, port)
        ]
        for end in ends:
            if end.listen.host == host:
                return end
        if len(ends) == 1 and host == "*":
            return ends[0]
        raise InputError(f"nothing listens on port {port}, IPv{family}", file=self._path)

    def errors(self) -> str:
        """The error log so far."""
        return (self.folder / "error.log").read_text(encoding="utf-8", errors="replace")

    def _lay_files(self) -> None:
        (self.folder / "temp").mkdir()
        for name, content in self._files.items():
            inside = f"files{name}" if name.startswith("/") else name
            target = (self.folder / inside).resolve()
            if not target.is_relative_to(self.folder):
                raise InputError(f"the file {name} would lie outside the prefix")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def _start(self) -> None:
        for attempt in range(_TRIES):
            said = self._try_start()
            if said is None:
                return
            if _PORT_TAKEN not in said or attempt == _TRIES - 1:
                raise self._refused(said)

    def _try_start(self) -> str | None:
        """Start nginx with ports that are free now; its words where it does not run."""
        self._trial = prepare(
            self._path,
            self.folder,
            backend_port=self._behind,
            workers=self._workers,
            level=self._level,
            rate=self._rate,
            timed=self._timed,
        )
        words = self.folder / "stderr"
        with words.open("wb") as stderr:
            self._process = subprocess.Popen(
                [self.program, "-e", "stderr", "-p", f"{self.folder}/", "-c", "nginx.conf"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        if self._listens(self._process):
            return None
        self._stop()
        return words.read_text(encoding="utf-8", errors="replace")

    def _listens(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until it listens: it writes its pid once the sockets are open."""
        pid = self.folder / "nginx.pid"
        until = monotonic() + _START_S
        while process.poll() is None and monotonic() < until:
            if pid.exists() and pid.read_text().strip() == str(process.pid):
                return True
            sleep(_POLL_S)
        return False

    def _stop(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _refused(self, said: str) -> InputError:
        complaint = _COMPLAINT.search(said)
        what = complaint[1] if complaint else said.strip() or "it ended without a word"
        place = _PLACE.search(what)
        source = self.trial.written.source(int(place[2])) if place else None
        what = what[: place.start()] if place and source else what
        if source is None:
            return InputError(f"nginx does not start: {what}", file=self._path)
        return InputError(f"nginx does not start: {what}", file=source.file, line=source.line)
