"""What a configuration's rules look at: the words that requests to it are made of.

Everything is taken from the configuration as written: the names of servers, the paths of locations,
the keys of maps, the networks of geo and deny, what an `if` compares with. Where a rule looks for a
regular expression, texts that match it stand in its place.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from simkit.errors import InputError
from simkit.live.verify.examples import Pick, example
from simkit.live.verify.site import PATHS, every
from simkit.policy.reader import Directive, read, unescaped
from simkit.policy.source import Source
from simkit.policy.syntax import Network, network
from simkit.policy.users import read_users
from simkit.wire import Address, address

BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0",
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 5.1)",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND")
_VALUES = ("", "0", "1", "a", "site.example", "x%20y", "/a/b", "127.0.0.1")
_NAMED = re.compile(r"\$\{?((?:http|arg|cookie)_[A-Za-z0-9_]+)\}?")
_SENT = re.compile(
    r"(?:(?:http|arg|cookie)_\w+|request_method|host|uri|document_uri|request_uri|args|"
    r"query_string|request|remote_user|content_type|remote_addr|binary_remote_addr)"
)
_MAP_WORDS = frozenset(("default", "hostnames", "volatile", "include"))
_GEO_WORDS = frozenset(("default", "ranges", "delete", "include", "proxy_recursive"))
_EXAMPLES = 3
_PATH_NAMES = ("uri", "document_uri", "request_uri")
_NOWHERE = Source("", 0, "")

__all__ = ["BROWSERS", "METHODS", "Vocabulary", "vocabulary"]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words for requests to one configuration.

    ``values`` are by the variable that looks at them, such as ``http_user_agent`` or ``arg_a``;
    ``addresses`` are those that rules single out, and their neighbours.
    """

    hosts: tuple[str, ...]
    paths: tuple[str, ...]
    methods: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]]
    addresses: tuple[Address, ...]
    body_bytes: tuple[int, ...]

    def of(self, prefix: str) -> tuple[str, ...]:
        """The variables with a prefix, such as ``arg_``, without it."""
        return tuple(n.removeprefix(prefix) for n in self.values if n.startswith(prefix))


def vocabulary(path: Path, pick: Callable[[str], Pick]) -> Vocabulary:
    """The words of a configuration; ``pick(text)`` gives the choices made for a regular expression.

    Raises InputError where the configuration cannot be read.
    """
    found = _Finder(path.resolve().parent, pick)
    for item in every(map(unescaped, read(path))):
        found.look_at(item)
    return found.words()


class _Finder:
    """Collects words, each once and in the order in which they are met."""

    def __init__(self, home: Path, pick: Callable[[str], Pick]) -> None:
        self._home = home
        self._pick = pick
        self._hosts: dict[str, None] = {}
        self._paths: dict[str, None] = dict.fromkeys(PATHS)
        self._methods: dict[str, None] = {}
        self._values: dict[str, dict[str, None]] = {}
        self._addresses: dict[Address, None] = {}
        self._sizes: dict[int, None] = {}
        self._readers: dict[str, Callable[[Directive], None]] = {
            "server_name": self._server_name,
            "location": self._location,
            "rewrite": self._rewrite,
            "if": self._if,
            "map": self._map,
            "geo": self._geo,
            "limit_except": self._limit_except,
            "valid_referers": self._referers,
            "auth_basic_user_file": self._users,
            "client_max_body_size": self._body_size,
            "real_ip_header": self._real_ip,
            "error_page": self._targets,
            "try_files": self._targets,
        }

    def words(self) -> Vocabulary:
        """What was found."""
        return Vocabulary(
            tuple(self._hosts) or ("site.example",),
            tuple(self._paths),
            tuple(self._methods),
            {name: tuple(found) for name, found in self._values.items()},
            tuple(self._addresses),
            tuple(self._sizes),
        )

    def look_at(self, item: Directive) -> None:
        """Take what one directive says."""
        for word in (item.name, *item.args):
            for name in _NAMED.findall(word):
                self._values.setdefault(name.lower(), dict.fromkeys(_VALUES))
        if item.name in ("allow", "deny", "set_real_ip_from"):
            self._network(item.args[0])
        reader = self._readers.get(item.name)
        if reader is not None:
            reader(item)

    def _value(self, variable: str, texts: Iterable[str]) -> None:
        """Texts that a rule compares a variable with."""
        texts = tuple(texts)
        name = variable.lower()
        if not _SENT.fullmatch(name):
            return
        if name == "request_method":
            self._methods.update(dict.fromkeys(t for t in texts if t))
        elif name == "host":
            self._hosts.update(dict.fromkeys(texts))
        elif name in _PATH_NAMES:
            self._paths.update(dict.fromkeys(t for t in texts if t.startswith("/")))
        elif name in ("remote_addr", "binary_remote_addr"):
            for text in texts:
                self._network(text)
        else:
            self._values.setdefault(name, {}).update(dict.fromkeys(texts))

    def _matching(self, pattern: str, *, caseless: bool = False) -> tuple[str, ...]:
        """Texts that match a regular expression, and one that hardly does."""
        pick = self._pick(pattern)
        made = (example(pattern, pick) for _ in range(_EXAMPLES))
        found = tuple(dict.fromkeys(text for text in made if text is not None))
        others = tuple(text.swapcase() for text in found[:1])
        longer = tuple(f"a{text}z" for text in found[:1])
        return (*found, *others, *longer, *((found[-1].upper(),) if found and caseless else ()))

    # -- one for each directive ----------------------------------------------------------------

    def _server_name(self, item: Directive) -> None:
        for name in item.args:
            self._hosts.update(dict.fromkeys(self._hosts_of(name)))

    def _hosts_of(self, name: str) -> Iterator[str]:
        if name.startswith("~"):
            yield from self._matching(name[1:])
        elif name.startswith("*."):
            yield from (f"www{name[1:]}", f"a.b{name[1:]}", name[2:])
        elif name.startswith("."):
            yield from (name[1:], f"www{name}")
        elif name.endswith(".*"):
            yield from (f"{name[:-1]}example", f"{name[:-1]}b.c", f"x.{name[:-1]}example")
        else:
            yield name

    def _location(self, item: Directive) -> None:
        modifier, path = item.args if len(item.args) == 2 else _attached(item.args[0])
        if path.startswith("@"):
            return
        if modifier.startswith("~"):
            found = self._matching(path, caseless=modifier == "~*")
            self._add_paths(text if text.startswith("/") else f"/x{text}" for text in found)
            return
        self._add_paths((path, f"{path}x", f"{path.rstrip('/')}/x", path.rstrip("/")))

    def _add_paths(self, paths: Iterable[str]) -> None:
        self._paths.update(dict.fromkeys(p for p in paths if p.startswith("/")))

    def _rewrite(self, item: Directive) -> None:
        found = self._matching(item.args[0])
        self._add_paths(text if text.startswith("/") else f"/x{text}" for text in found)

    def _targets(self, item: Directive) -> None:
        words = (word.partition("?")[0] for word in item.args if "$" not in word)
        self._add_paths(word for word in words if word.startswith("/"))

    def _if(self, item: Directive) -> None:
        if len(item.args) != 3 or not item.args[0].startswith("$"):
            return
        variable, operator, operand = item.args
        texts: tuple[str, ...] = (operand,)
        if "~" in operator:
            texts = self._matching(operand, caseless="*" in operator)
        self._value(variable.strip("${}"), texts)

    def _map(self, item: Directive) -> None:
        hosts = any(line.name == "hostnames" for line in item.block or ())
        keys = [line.name for line in item.block or () if line.name not in _MAP_WORDS]
        texts = tuple(text for key in keys for text in self._key(key, hosts=hosts))
        variables = re.findall(r"\$\{?(\w+)\}?", item.args[0])
        for variable in variables:
            alone = texts if len(variables) == 1 else _parts(texts)
            self._value(variable, alone)

    def _key(self, key: str, *, hosts: bool) -> Iterator[str]:
        if key.startswith("~*"):
            yield from self._matching(key[2:], caseless=True)
        elif key.startswith("~"):
            yield from self._matching(key[1:])
        elif hosts:
            yield from self._hosts_of(key)
        else:
            plain = key.removeprefix("\\")
            yield from (plain, plain.swapcase(), f"{plain}x")

    def _geo(self, item: Directive) -> None:
        keys = [line.name for line in item.block or () if line.name not in _GEO_WORDS]
        keys += [line.args[0] for line in item.block or () if line.name == "proxy" and line.args]
        if len(item.args) == 2:
            self._value(item.args[0].strip("${}"), (str(w) for k in keys for w in _around(k)))
        for key in keys:
            self._network(key)

    def _network(self, text: str) -> None:
        self._addresses.update(dict.fromkeys(_around(text)))

    def _limit_except(self, item: Directive) -> None:
        self._methods.update(dict.fromkeys(item.args))

    def _referers(self, item: Directive) -> None:
        names = (word for word in item.args if word not in ("none", "blocked", "server_names"))
        for name in names:
            if name.startswith("~"):
                found: Iterable[str] = self._matching(name[1:])
            else:
                found = self._hosts_of(name)
            urls = [f"http://{text}" for text in found]
            self._value("http_referer", (*urls, *(f"{url}/x" for url in urls), "-", "nonsense"))
        self._value("http_referer", ("", "http://evil.example/", "ftp://site.example/"))

    def _users(self, item: Directive) -> None:
        users = read_users(self._home / item.args[0])
        listed = {} if isinstance(users, int) else users
        pairs = [(u, s.removeprefix("{PLAIN}")) for u, s in listed.items()] + [("nobody", "x")]
        said = [f"Basic {b64encode(f'{u}:{p}'.encode()).decode()}" for u, p in pairs]
        guesses = [f"Basic {b64encode(f'{u}:secret'.encode()).decode()}" for u, _ in pairs]
        self._value("http_authorization", ("", *said, *guesses, "Bearer x", "Basic !"))

    def _body_size(self, item: Directive) -> None:
        found = re.fullmatch(r"(\d+)([kKmMgG]?)", item.args[0])
        if found is None:
            return
        most = int(found[1]) * {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[found[2].lower()]
        self._sizes.update(dict.fromkeys(s for s in (most, most + 1) if s > 0))

    def _real_ip(self, item: Directive) -> None:
        name = item.args[0].lower().replace("-", "_")
        hops = ("192.0.2.7", "198.51.100.9, 10.0.0.1", "2001:db8::7", "[2001:db8::7]:80", "x", "")
        self._value(f"http_{name}", (*hops, *(str(a) for a in self._addresses)))


def _attached(text: str) -> tuple[str, str]:
    """A modifier that stands right before its path, as ``=/path``."""
    found = re.match(r"(\^~|~\*|[~=])", text)
    return (found[1], text[found.end() :]) if found else ("", text)


def _parts(texts: Sequence[str]) -> tuple[str, ...]:
    """What the parts of a value may be that several variables make."""
    return tuple(dict.fromkeys(part for t in texts for part in (t, *re.split(r"[^\w./-]+", t))))


def _around(text: str) -> Iterator[Address]:
    """Addresses of a network or range: its first, its last, and those beside it."""
    low, dash, high = text.partition("-")
    try:
        if dash:
            first, last = ip_address(low), ip_address(high)
        else:
            net: Network = network(text, _NOWHERE)
            first, last = net[0], net[-1]
    except (ValueError, InputError):
        return
    for number in dict.fromkeys((int(first), int(first) + 1, int(last), int(last) + 1,
                                 int(first) - 1)):  # fmt: skip
        bits = 32 if first.version == 4 else 128
        if 0 < number < (1 << bits) - 1:
            yield address(str(type(first)(number)))
