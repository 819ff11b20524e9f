"""What a configuration says that decides nothing: files, folders, certificates, words for the log.

The policy keeps what decides; a server also has to know where things lie. That is read here, from
the scope that every location of the policy carries, by nginx's rule: the nearest level that says
anything. Relative paths are under the prefix, as with ``nginx -p``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from simkit.accesslog.escapes import Escape
from simkit.accesslog.log_format import COMBINED, LogFormat
from simkit.errors import InputError
from simkit.policy import Policy
from simkit.policy.model import Server
from simkit.policy.reader import Directive
from simkit.policy.scope import NOWHERE, Scope
from simkit.policy.source import Source
from simkit.policy.syntax import bad
from simkit.policy.values import Template

__all__ = ["LEVELS", "AccessLog", "ErrorLog", "Wiring", "scopes"]

LEVELS = ("debug", "info", "notice", "warn", "error", "crit", "alert", "emerg")
"""Levels of `error_log`, the chattiest first."""

_ESCAPED = re.compile(r"\\([tnr\"'\\])")
_LETTERS = {"t": "\t", "n": "\n", "r": "\r"}
_STREAMS = {"stderr": "/dev/stderr"}


@dataclass(frozen=True, slots=True)
class AccessLog:
    """An `access_log`: where to, how, and (``condition``) whether a request is logged."""

    path: Template
    format: LogFormat
    condition: Template | None
    source: Source | None


@dataclass(frozen=True, slots=True)
class ErrorLog:
    """An `error_log`: where to, and from which level on."""

    path: str
    level: int
    source: Source | None


@dataclass(eq=False)
class Wiring:
    """The wiring of one policy under one prefix.

    ``extra`` are global directives from the command line; they count as said in the main context.
    ``echo`` sends every log to the terminal, and no pid file is written.
    """

    policy: Policy
    prefix: Path
    extra: tuple[Directive, ...] = ()
    echo: bool = False
    formats: dict[str, LogFormat] = field(init=False)

    def __post_init__(self) -> None:
        http = self.http_scope
        main = http.parent or http
        self.main = Scope((*main.own, *self.extra))
        self.formats = {"combined": COMBINED}
        for directive in http.here("log_format"):
            self._add_format(directive)

    @property
    def http_scope(self) -> Scope:
        """The scope of the http block."""
        return self.policy.http.servers[0].base.scope.parent or NOWHERE

    def path(self, text: str) -> Path:
        """A path of the configuration; a relative one is under the prefix."""
        return self.prefix / text

    def beside(self, text: str) -> Path:
        """A path that nginx takes relative to the configuration file: certificates and the like."""
        return self.policy.path.parent / text

    @property
    def pid_file(self) -> tuple[Path, Source] | None:
        """Where the process number is written, if the configuration says so."""
        found = self.main.last("pid")
        if found is None or self.echo:
            return None
        return self.path(found.args[0]), found.source

    def _add_format(self, directive: Directive) -> None:
        name, *words = directive.args
        escape = Escape.DEFAULT
        if words and words[0].startswith("escape="):
            word = words.pop(0).removeprefix("escape=")
            if word not in tuple(Escape):
                raise bad(directive.source, f'unknown log format escaping "{word}"')
            escape = Escape(word)
        if name in self.formats:
            raise bad(directive.source, f'duplicate "log_format" name "{name}"')
        self.formats[name] = LogFormat(name, "".join(map(_unescaped, words)), escape)

    def access_logs(self, scope: Scope) -> tuple[AccessLog, ...]:
        """The access logs in force; without any directive the terminal, in the combined format."""
        found = scope.nearest("access_log")
        if not found:
            return (AccessLog(_template("/dev/stdout", None), COMBINED, None, None),)
        logs = (self._access_log(d) for d in found if d.args[0] != "off")
        return tuple(log for log in logs if log is not None)

    def _access_log(self, directive: Directive) -> AccessLog | None:
        path, *words = directive.args
        source = directive.source
        if path.startswith("syslog:"):
            return None
        conditions = [w.removeprefix("if=") for w in words if w.startswith("if=")]
        names = [w for w in words if "=" not in w and w != "gzip"]
        name = names[0] if names else "combined"
        if name not in self.formats:
            raise bad(source, f'unknown log format "{name}"', "declare it with log_format")
        condition = Template.parse(conditions[0], source) if conditions else None
        where = "/dev/stdout" if self.echo else path
        return AccessLog(_template(where, source), self.formats[name], condition, source)

    def error_logs(self, scope: Scope | None) -> tuple[ErrorLog, ...]:
        """The error logs in force; without any directive the terminal, from ``error`` on."""
        found = () if scope is None else scope.nearest("error_log")
        found = found or self.main.here("error_log")
        logs = tuple(self._error_log(d) for d in found if not d.args[0].startswith("syslog:"))
        return logs or (ErrorLog("/dev/stderr", LEVELS.index("error"), None),)

    def _error_log(self, directive: Directive) -> ErrorLog:
        path, *words = directive.args
        level = words[0] if words else "error"
        if level.startswith("debug"):
            level = "debug"
        if level not in LEVELS:
            raise bad(
                directive.source, f'invalid log level "{level}"', "one of " + ", ".join(LEVELS)
            )
        where = "/dev/stderr" if self.echo else _STREAMS.get(path, path)
        return ErrorLog(where, LEVELS.index(level), directive.source)

    def left_out(self) -> Iterator[str]:
        """What the configuration wants and this server does not do, each with file and line."""
        for scope in scopes(self.policy):
            for directive in scope.own:
                why = _NOT_SERVED.get(directive.name)
                if why is not None:
                    yield f"{directive.source}: {directive.name}: {why}"
                if directive.name in ("access_log", "error_log") and directive.args[0].startswith(
                    "syslog:"
                ):
                    yield f"{directive.source}: {directive.name}: nothing is sent to syslog"


_NOT_SERVED = dict.fromkeys(
    ("fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass"),
    "only proxy_pass is served; this answers 502",
) | {
    "gzip": "answers are not compressed",
    "gzip_static": "answers are not compressed",
    "sub_filter": "answers are not rewritten",
    "limit_rate": "answers are sent as fast as they are taken",
    "autoindex": "folders are not listed",
    "disable_symlinks": "symbolic links are followed",
}


def scopes(policy: Policy) -> Iterator[Scope]:
    """Every scope of the configuration: main, http, servers, locations and their `if`s."""
    seen: set[int] = set()
    for server in policy.http.servers:
        for scope in _of_server(server):
            for level in scope.levels():
                if id(level) not in seen:
                    seen.add(id(level))
                    yield level


def _of_server(server: Server) -> Iterator[Scope]:
    locations = (server.base, *server.locations.every())
    for location in locations:
        yield location.scope
        yield from _conditions(location.scope)


def _conditions(scope: Scope) -> Iterator[Scope]:
    for directive in scope.here("if", "limit_except"):
        inner = scope.inner(directive)
        yield inner
        yield from _conditions(inner)


def _template(text: str, source: Source | None) -> Template:
    where = source or Source("", 0, "")
    return Template.parse(text, where) if "$" in text else Template((text,), where)


def _unescaped(word: str) -> str:
    return _ESCAPED.sub(lambda found: _LETTERS.get(found[1], found[1]), word)


def global_directives(text: str) -> tuple[Directive, ...]:
    """The directives of ``-g``. Raises InputError for what does not belong there."""
    if text.strip() and not text.rstrip().endswith((";", "}")):
        raise InputError('the last directive is not ended by ";"', file="-g", line=1)
    import tempfile

    from simkit.policy.directives import DECIDING, cannot_matter
    from simkit.policy.reader import read

    with tempfile.TemporaryDirectory(prefix="simkit-g-") as folder:
        file = Path(folder) / "-g"
        file.write_text(text, encoding="utf-8")
        try:
            found = read(file)
        except InputError as error:
            raise InputError(error.what, file="-g", line=error.line, hint=error.hint) from None
    for directive in found:
        known = directive.name in DECIDING or cannot_matter(directive.name)
        if directive.block is not None or not known:
            raise InputError(f'"{directive.name}" cannot be given with -g', hint="pid, error_log …")
    return found
