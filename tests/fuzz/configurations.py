"""Hostile configurations: noise, real ones damaged, and sentences of a small grammar.

A string is a function of a seed and its number, so each can be made again by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from simkit.draws import mix
from simkit.policy.directives import DECIDING

ROOT = Path(__file__).parents[2]
NAME = "hostile.conf"
"""What the string is called on disk; it may include itself."""
BESIDE = {
    "site/part.conf": b"add_header X-Part $uri always;\n",
    "site/back.conf": b"include ../hostile.conf;\n",
    "site/server.conf": b"server { listen 81; location / { return 403; } }\n",
    "mime.types": b"types { text/html html htm; text/css css; }\n",
    "passwords": b"alice:{PLAIN}secret\nbob:$apr1$a$b\nnonsense\n",
}
"""Files beside it that an include can find."""

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|[{};]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:[^\s{};\\]|\\.)+|.""", re.DOTALL
)
_SIMPLE = re.compile(r"(?m)^ *([a-z_]+ [^;{}#]*;)$")
_WORDS = """
    events http server location if { } ; ;; { } ( ) = ~ ~* !~ !~* ^~ != -f !-f -d -e -x @a / /a /a/
    /a/b $ $$ ${ ${uri} ${uri $uri $args $1 $9 $10 $host $http_a $arg_a $cookie_a $sent_http_a $msec
    $nosuch $request_uri $status $limit_req_status $binary_remote_addr $remote_user $realip_port
    "" '' " ' \\ \\" \\n "a b" "{" "}" ";" # #a 0 1 -1 007 99999999999999999999999 1e9 0x10 1.5
    18446744073709551616 2147483648 10r/s 1r/m 0r/s r/s 1r/h 1k 8k 1m 99999g 1h30m 1d2 on off On
    none default hostnames volatile ranges delete proxy include hostile.conf *.conf ** site/*.conf
    site/back.conf site/part.conf ../*.conf nosuch.conf [ab].conf mime.types passwords 127.0.0.1
    10.0.0.0/8 10.0.0.0/33 ::/0 ::1 [::1]:80 2001:db8::/129 unix: unix:/a all any 1.2.3.4-1.2.3.5
    5.0.0.0-1.0.0.0 80 443 0 65536 default_server ssl http2 proxy_protocol *:80 [::]:443 _ .a *.a
    a.* *.*.a ~^(a ~^(?<a>.)$ ~ (?<a>.)(?<a>.) (a*)*b ((((a)))) [ \\d+ .{1,1000} (?R) a{65535} ^ $
    200 301 302 403 404 408 429 444 494 497 499 500 600 99 1000 = =200 =404 =444 @named last break
    redirect permanent zone=a:1m zone=a zone=a:1k zone=:1m rate=1r/s burst=5 burst=x nodelay delay=2
    key=1 always http://a https://$host$uri \0 \u202e \ufeff é 名 server_names blocked none *.a ~a
""".split()
_WORDS += [" ", "\t", "\n", "\r\n", "\0", "a" * 300, "$a" * 50, "{" * 9, "}" * 9, '"' * 3]
_NAMES = sorted(DECIDING)
_BYTES = (b"\0", b"\xff", b"\xc3", b"\r", b"\n", b"\r\n", b"\\", b'"', b"'", b"{", b"}", b";", b"$",
          b"#", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"\xf0\x9f\x92\xa9", b"\x1b[2J")  # fmt: skip
_MOST_CHARS = 20_000

__all__ = ["BESIDE", "KINDS", "NAME", "corpus", "make"]


def corpus() -> tuple[str, ...]:
    """The configurations of the project, smaller ones alone: it is damage that is looked for."""
    paths = [*(ROOT / "data").rglob("*.conf"), *(ROOT / "tests").rglob("*.conf")]
    texts = [path.read_text(encoding="utf-8") for path in sorted(paths)]
    return tuple(text for text in texts if len(text) < 1200)


def make(seed: int, number: int, texts: Sequence[str]) -> bytes:
    """The hostile configuration of that number."""
    rng = Random(mix(mix(0, seed), number))
    return KINDS[number % len(KINDS)](rng, texts)


def _noise(rng: Random, texts: Sequence[str]) -> bytes:
    if rng.random() < 0.5:
        return rng.randbytes(rng.randrange(300))
    return bytes(rng.choices(b" \n{};\"'\\#$()~/.=aeghnorstv014\0\xff", k=rng.randrange(200)))


def _words(rng: Random, texts: Sequence[str]) -> bytes:
    body = " ".join(rng.choices(_WORDS + _NAMES, k=rng.randrange(60)))
    if rng.random() < 0.7:
        body = f"events {{}} http {{ server {{ {body} }} }}"
    return _encoded(body)


def _torn(rng: Random, texts: Sequence[str]) -> bytes:
    """A real one with some bytes changed, lost, doubled or moved."""
    data = _encoded(rng.choice(texts))
    for _ in range(rng.choice((1, 1, 2, 5))):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.choice((0, 1, 1, 2, 20, 400)))
        piece = rng.choice((b"", b"", rng.choice(_BYTES), data[start:end] * 2, rng.randbytes(2)))
        data = data[:start] + piece + data[end:]
    if rng.random() < 0.2:
        data = data.replace(b"\n", rng.choice((b"\r\n", b"\r", b" ", b"\n\n", b"\0")))
    return data if rng.random() < 0.9 else data[: rng.randrange(len(data) + 1)]


def _damaged(rng: Random, texts: Sequence[str]) -> bytes:
    """A real one with some of its words and statements changed, lost, doubled or moved."""
    tokens = _TOKEN.findall(rng.choice(texts))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        rng.choice(_DAMAGE)(rng, tokens, texts)
    return _encoded("".join(tokens)[:_MOST_CHARS])


def _lose(rng: Random, tokens: list[str], texts: Sequence[str]) -> None:
    start, end = _statement(rng, tokens)
    del tokens[start:end]


def _lose_word(rng: Random, tokens: list[str], texts: Sequence[str]) -> None:
    del tokens[(at := rng.randrange(len(tokens) or 1)) : at + 1]


def _double(rng: Random, tokens: list[str], texts: Sequence[str]) -> None:
    start, end = _statement(rng, tokens)
    tokens[end:end] = tokens[start:end] * rng.choice((1, 1, 1, 30))


def _move(rng: Random, tokens: list[str], texts: Sequence[str]) -> None:
    start, end = _statement(rng, tokens)
    piece = tokens[start:end]
    del tokens[start:end]
    _insert(rng, tokens, piece)


def _borrow(rng: Random, tokens: list[str], texts: Sequence[str]) -> None:
    others = _TOKEN.findall(rng.choice(texts))
    start, end = _statement(rng, others)
    _insert(rng, tokens, others[start:end])


def _nest(rng: Random, tokens: list[str], texts: Sequence[str]) -> None:
    start, end = _statement(rng, tokens)
    depth = rng.choice((1, 2, 50, 2000))
    name = rng.choice(("location /a", "if ($uri)", "server", "http", "limit_except GET", "a"))
    tokens[start:end] = [f"{name} {{ "] * depth + tokens[start:end] + ["}"] * depth


def _exchange(rng: Random, tokens: list[str], texts: Sequence[str]) -> None:
    if tokens:
        a, b = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        tokens[a], tokens[b] = tokens[b], tokens[a]


def _replace(rng: Random, tokens: list[str], texts: Sequence[str]) -> None:
    words = [n for n, token in enumerate(tokens) if not token.isspace()]
    if words:
        tokens[rng.choice(words)] = rng.choice(_WORDS if rng.random() < 0.8 else _NAMES)


def _add_word(rng: Random, tokens: list[str], texts: Sequence[str]) -> None:
    _insert(rng, tokens, [" ", rng.choice(_WORDS), " "])


_DAMAGE: tuple[Callable[[Random, list[str], Sequence[str]], None], ...] = (
    _lose, _lose_word, _double, _move, _borrow, _borrow, _nest, _exchange, _replace, _replace,
    _replace, _add_word,
)  # fmt: skip


def _insert(rng: Random, tokens: list[str], piece: Sequence[str]) -> None:
    ends = [n + 1 for n, token in enumerate(tokens) if token in (";", "{", "}")]
    at = rng.choice(ends) if ends and rng.random() < 0.8 else rng.randrange(len(tokens) + 1)
    tokens[at:at] = piece


def _statement(rng: Random, tokens: Sequence[str]) -> tuple[int, int]:
    """Where a statement begins and ends, its block with it; half-open."""
    start = rng.randrange(len(tokens) or 1)
    while start and tokens[start - 1] not in (";", "{", "}"):
        start -= 1
    depth = 0
    for end in range(start, len(tokens)):
        depth += (tokens[end] == "{") - (tokens[end] == "}")
        if depth < 0:
            return start, end
        if depth == 0 and tokens[end] in (";", "}"):
            return start, end + 1
    return start, len(tokens)


def _sentence(rng: Random, texts: Sequence[str]) -> bytes:
    """Directives that are read, in blocks that may hold them, with any arguments."""
    servers = " ".join(_block(rng, texts, "server", 2) for _ in range(rng.randrange(1, 3)))
    zones = "limit_req_zone $uri zone=a:1m rate=1r/s; limit_conn_zone $uri zone=b:1m;"
    tables = "".join(_table(rng) for _ in range(rng.choice((0, 0, 1))))
    return _encoded(f"events {{}} http {{ {zones} {tables} {servers} }}")


def _block(rng: Random, texts: Sequence[str], head: str, depth: int) -> str:
    inner = []
    for _ in range(rng.randrange(4)):
        if depth and rng.random() < 0.4:
            inner.append(_block(rng, texts, _head(rng), depth - 1))
        else:
            inner.append(_simple(rng, texts))
    return f"{head} {{ {' '.join(inner)} }}"


def _head(rng: Random) -> str:
    words = rng.choices(_WORDS, k=3)
    heads = (
        *("location {0}", "location = {0}", "location ~ {0}", "location ^~ {0}"),
        *("if ({0})", "if ({0} = {1})", "if ({0} ~ {1})", "if ({0} {1} {2})", "limit_except {0}"),
    )
    usual = ("location /", "location /a", "location ~ a", "if ($uri)", "if ($args ~ (a))")
    return rng.choice(heads).format(*words) if rng.random() < 0.3 else rng.choice(usual)


def _simple(rng: Random, texts: Sequence[str]) -> str:
    """A directive as some configuration has it, or with any words."""
    if rng.random() < 0.8:
        found: list[str] = _SIMPLE.findall(rng.choice(texts))
        return rng.choice(found or [""])
    args = rng.choices(_WORDS, k=rng.choice((0, 1, 1, 1, 2, 2, 3, 4)))
    return f"{rng.choice(_NAMES)} {' '.join(args)};"


def _table(rng: Random) -> str:
    head = rng.choice(("map $uri $a", "map $a $b", "geo $c", "geo $http_a $d", "types",
                       'split_clients "$uri" $e', "upstream a", "map $b $a"))  # fmt: skip
    lines = (f"{' '.join(rng.choices(_WORDS, k=rng.choice((1, 2, 2, 2, 3))))};" for _ in range(5))
    return f"{head} {{ {' '.join(lines)} }} "


def _winding(rng: Random, texts: Sequence[str]) -> bytes:
    """Few ideas, often repeated: depth, length, loops."""
    many = rng.choice((2, 5, 40, 41, 300)) if rng.random() < 0.97 else 3000
    word = rng.choice(_WORDS)
    body = rng.choice((
        "location /a { " * many + "}" * many,
        "if ($uri) { " * many + "}" * many,
        f"set $a {'$a' * min(many, 300)}; " * min(many, 60) + "return 200 $a;",
        f"rewrite ^ /{'$1' * min(many, 99)} last; ",
        f"error_page {'404 ' * many} /a;",
        f"return 200 {word * many};",
        f"server_name {' '.join(f'{word}{n}' for n in range(min(many, 500)))};",
        "include hostile.conf; " * min(many, 300),
        "include *.conf; include site/*.conf;",
        "location / { try_files " + "$uri " * many + "/; }",
        f'if ($uri ~ "{"(" * min(many, 400)}a{")" * min(many, 400)}") {{ return 403; }}',
        f'location ~ "(a{{1,{many}}}){{1,{many}}}" {{ return 403; }}',
        "".join(f"location /{n} {{ return {n}; }} " for n in range(min(many, 300))),
        f"limit_req zone=a burst={'9' * many};",
        f"# {word * many}\n" * 3,
    ))  # fmt: skip
    maps = "".join(f"map $m{n} $m{n + 1} {{ default $m{n}$m{n}; }} " for n in range(many % 60))
    http = rng.choice(("", maps, f"map $m5 $m0 {{ default $m{many}; }} {maps}", f"{body} "))
    return _encoded(
        rng.choice(("events {{}} http {{ {1} server {{ {0} }} }}", "{0}{1}", "{0} {{")).format(
            body, http
        )
    )


def _dump(rng: Random, texts: Sequence[str]) -> bytes:
    """What `nginx -T` might have printed, with parts that include one another."""
    names = ["/etc/nginx/nginx.conf", "/etc/nginx/a.conf", "/etc/nginx/b.conf"]
    parts = []
    for name in names[: rng.randrange(1, 4)]:
        text = _damaged(rng, texts).decode("utf-8", "replace")
        if rng.random() < 0.5:
            text += f"\ninclude {rng.choice((*names, 'a.conf', '*.conf', '/etc/*/b.conf'))};\n"
        parts.append(f"# configuration file {name}:\n{text}\n")
    before = rng.choice(("", "nginx: the configuration file is ok\n", "nginx: \n\n"))
    return _encoded(before + "".join(parts))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


KINDS = (
    *(_noise, _words, _torn, _damaged, _sentence, _winding),
    *(_noise, _words, _torn, _damaged, _sentence, _dump),
)
"""What a string can be, by its number."""
