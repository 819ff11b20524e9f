"""Generated configurations and requests: the simulation beside a live nginx."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from simkit.live import LiveNginx
from simkit.policy import Gate, Page, Planner, load_policy
from tests.live.asking import Ask, read_ask
from tests.live.test_agreement import compare, who

EXAMPLES = int(os.environ.get("SIMKIT_GENERATED", "110"))
REQUESTS_EACH = 20

# The maps come first: in nginx the length of a value is found before the value itself, and a
# regular expression in between would change what $1 is.
STATE = (
    "$m|$n|$bot|$near|$uri|$args|$is_args|$1|$2|$v|$w|$group|$request_method|$host|$arg_a|$status"
)
TOP = f"""
events {{}}
http {{
    map $http_user_agent $bot {{ default 0; "" 2; ~*bot 1; ~*(crawl)er "$1"; }}
    map $arg_a $m {{ default ""; a "x$arg_b"; ~^(b+)(c)? "$1-$2"; ~^(?<group>z.) "$group$uri"; }}
    map "$m$bot" $n {{ default $host; volatile; ~0$ zero; x1 "$request_method"; "" none; }}
    geo $near {{ default far; 192.0.2.0/24 near; 192.0.2.128/25 nearer; 2001:db8::/32 six; }}
    limit_req_zone $arg_b zone=req:1m rate=1r/m;
    limit_conn_zone $arg_b zone=conn:1m;
    add_header X-State "{STATE}" always;
    server_tokens off;
    server {{ listen 81; set $v ""; set $w ""; }}
"""

TEXTS = st.sampled_from(
    ['"$uri"', '"$args.$1"', '"$v$w"', '"$m|$n"', "plain", '"$bot$near"', '"$request_uri"',
     '"$document_uri$is_args$args"', '"$group"', '"$status.$arg_a"', '"$cookie_c$http_x_y"']
)  # fmt: skip
VALUES = TEXTS | st.sampled_from(['""', "0", "1", '"$v.$1"', '"$2"'])
PATHS = st.sampled_from(
    ["/", "/a", "/a/", "/a/b", "/ab", "/b", "/a.txt", "/static/", "/static/shop.css", "/x/y/z"]
)
REPLACEMENTS = [
    *("/b", "/x/$1", "/a?p=$1", "/a/b?", "/$2?y=1?", "$arg_a", "/q?$args&$1", "/A$uri"),
    *("http://other.example/$1", "/%41$1"),
]
REGEXES = st.sampled_from(
    ["^/a", r"\.(txt|css)$", "/(b)(/.*)?$", "^/(?<group>[a-z]+)/", "^/$", "A", "^/(.*)$", "static"]
)
CODES = st.sampled_from([200, 204, 301, 302, 400, 401, 403, 404, 410, 429, 444, 499, 500, 503])
URLS = st.sampled_from(['"/to$uri"', "https://other.example$request_uri", '"$arg_a"', "/a?x=1"])
CONDITIONS = st.one_of(
    st.sampled_from(
        ["$bot", "$arg_a", "$v", "$m", "$request_method = POST", "$near = near", '$arg_b != ""',
         "$args ~ a=(.)(.)?", "$uri !~* ^/(A)", "$http_x_y", "$host = site.example", '$v = "$uri"',
         "-f $request_filename", "!-e $document_root$uri", "-d $request_filename"]
    ),
    st.tuples(st.sampled_from(["$uri", "$args", "$request_uri", "$v", "$n"]), REGEXES).map(
        lambda pair: f'{pair[0]} ~ "{pair[1]}"'
    ),
)  # fmt: skip
REWRITES = st.builds(
    lambda regex, to, flag: f'rewrite "{regex}" "{to}"{flag};',
    REGEXES,
    st.sampled_from(REPLACEMENTS),
    st.sampled_from(["", "", " last", " break", " redirect", " permanent"]),
)  # fmt: skip
RETURNS = st.one_of(
    st.builds("return {};".format, CODES),
    st.builds("return {} {};".format, CODES.filter(lambda c: not 300 <= c < 309), TEXTS),
    st.builds("return {} {};".format, st.sampled_from([301, 302, 303, 307, 308]), URLS),
)
# No decoded path in $args: the backend would not understand what is passed on.
SETS = st.builds("set {} {};".format, st.sampled_from(["$v", "$w"]), VALUES) | st.builds(
    "set $args {};".format, st.sampled_from(['"x=$arg_a"', '"$args&a=1"', '""', "a"])
)
SIMPLE_OPS = st.one_of(SETS, SETS, REWRITES, st.just("break;"))
ERROR_PAGES = st.builds(
    "error_page {} {}{};".format,
    st.sampled_from(["403", "404", "403 404 410", "400 405 429 503", "301 302", "401 500"]),
    st.sampled_from(["", "= ", "=200 ", "=404 ", "=302 "]),
    st.sampled_from(
        ["/a.txt", "/a", "/none", "@named", "@absent", "http://other.example/", "/b?e=1"]
    ),
)


def ifs(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, max_size=2).map(" ".join)
    return st.builds("if ({}) {{ {} }}".format, CONDITIONS, body)


ONCE = [
    "recursive_error_pages on;", "keepalive_timeout 0;", "default_type a/b;", "msie_padding off;",
    "absolute_redirect off;", "port_in_redirect off;", "server_name_in_redirect on;",
    "reset_timedout_connection on;", "server_tokens on;", "client_max_body_size 10;",
    "limit_req_status 429;", "limit_req_dry_run on;", "limit_conn_status 420;", "etag off;",
    "satisfy any;",
]  # fmt: skip
MANY = [
    "add_header X-More $v;", "deny 192.0.2.0/25;", "allow 192.0.2.0/24;", "deny all;",
    "allow 127.0.0.1;", "limit_req zone=req;", "limit_conn conn 1;",
]  # fmt: skip
PLACE = st.lists(st.sampled_from(ONCE + MANY + MANY), max_size=2, unique=True).map(" ".join)
CONTENT = st.sampled_from(
    ["", "", "proxy_pass http://127.0.0.1:9;", "try_files $uri $uri/ /a.txt;",
     "try_files $uri @named;", "try_files /none$1 =404;", "try_files $uri /b?f=1;", "internal;",
     "proxy_pass http://127.0.0.1:9; proxy_intercept_errors on;",
     "limit_except GET { deny all; }"]
)  # fmt: skip
PROGRAM = st.lists(
    st.one_of(SIMPLE_OPS, ifs(st.one_of(SIMPLE_OPS, RETURNS)), RETURNS), max_size=3
).map(" ".join)
SERVER_PROGRAM = st.lists(
    st.one_of(SIMPLE_OPS, ifs(st.one_of(SIMPLE_OPS, SIMPLE_OPS, RETURNS))), max_size=2
).map(" ".join)


@st.composite
def locations(draw: st.DrawFn) -> str:
    """The locations of a server; nginx takes none twice."""
    found, taken = [], set()
    for _ in range(draw(st.integers(0, 4))):
        modifier = draw(st.sampled_from(["", "", "=", "^~", "~", "~*"]))
        path = draw(REGEXES if modifier in ("~", "~*") else PATHS)
        key = (modifier if modifier in ("=", "~", "~*") else "", path)
        if key in taken:
            continue
        taken.add(key)
        inner = ""
        if modifier != "=" and draw(st.integers(0, 3)) == 0:
            inner = f'location ~ "{draw(REGEXES)}" {{ {draw(body())} }}'
        found.append(f'location {modifier} "{path}" {{ {draw(body())} {inner} }}')
    found.append(f"location @named {{ {draw(PLACE)} {draw(PROGRAM)} }}")
    return "\n        ".join(found)


def body() -> st.SearchStrategy[str]:
    pages = st.lists(ERROR_PAGES, max_size=1).map(" ".join)
    return st.tuples(PLACE, pages, PROGRAM, CONTENT).map(" ".join)


@st.composite
def configurations(draw: st.DrawFn) -> str:
    servers = []
    for name in draw(st.sampled_from([["site.example"], ["site.example", "other.example"]])):
        pages = " ".join(draw(st.lists(ERROR_PAGES, max_size=2)))
        servers.append(
            f"    server {{\n        listen 80; listen [::]:80; server_name {name};\n"
            f"        {draw(PLACE)} {pages}\n"
            f"        {draw(SERVER_PROGRAM)}\n        {draw(locations())}\n    }}\n"
        )
    return TOP + "".join(servers) + "}\n"


QUERIES = st.sampled_from(
    ["", "", "", "?a=a", "?a=bbc&b=1", "?a=zq", "?b=2", "?a=b", "?x", "?a=%41+&b=", "?a=/q"]
)
TARGETS = st.tuples(
    PATHS
    | st.sampled_from(["/A", "/a%20b/c", "/x/%41", "/b+c", "//a//b", "/static", "/a/b/c.css"]),
    QUERIES,
).map("".join)


@st.composite
def requests(draw: st.DrawFn) -> str:
    words = [draw(st.sampled_from(["GET"] * 6 + ["POST", "HEAD", "PUT"])), draw(TARGETS)]
    words += draw(
        st.lists(
            st.sampled_from(
                ["HTTP/1.0", "@192.0.2.9", "@192.0.2.200", "@2001:db8::5", "+12", "-Host"]
            ),
            max_size=1,
        )
    )
    headers = draw(
        st.lists(
            st.sampled_from(
                ["Host: other.example", "User-Agent: a Bot", "User-Agent: Crawler Chrome/1",
                 "User-Agent:", "Cookie: c=1", "X-Y: 0", "Connection: close"]
            ),
            max_size=2,
            unique_by=lambda line: line.partition(":")[0],
        )
    )  # fmt: skip
    if "-Host" in words:
        headers = [line for line in headers if not line.startswith("Host")]
    return " | ".join([" ".join(words), *headers])


ASKS = st.lists(requests(), min_size=REQUESTS_EACH, max_size=REQUESTS_EACH, unique=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generated")


@settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.generate],  # each trial starts an nginx: too dear to shrink by
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(configurations(), ASKS)
def test_generated_configurations_agree(folder: Path, text: str, asked: list[str]) -> None:
    path = folder / "generated.conf"
    path.write_text(text)
    asks: list[Ask] = [read_ask(one) for one in asked]
    found = disagreements(path, asks)
    assert not found, text + "\n".join(found)


FILES = {"html/a.txt": b"a file\n", "html/static/shop.css": b"a { color: black }\n"}


class TheSite:
    """The files, their folders without an index, and nothing else; the backend has the same."""

    def find(self, path: str) -> Page:
        path = path.partition("?")[0]
        content = FILES.get(f"html{path}")
        if content is not None:
            return Page(200, len(content))
        return Page(403, 20) if path in ("/", "/static/") else Page(404, 30)


def disagreements(path: Path, asks: list[Ask]) -> list[str]:
    planner = Planner(load_policy(path), TheSite())
    gate = Gate(planner)
    found: list[str] = []
    with LiveNginx(path, site=TheSite(), files=FILES) as nginx:
        for number, one in enumerate(asks):
            client, family = who(one)
            step = gate.admit(planner.bind(one.shape, client), number)
            if step.decision is None:
                step = gate.resume(step, number + step.wait_ms)
            gate.release(step)
            found += compare(nginx, one, nginx.endpoint(80, family=family), step)
    return found
