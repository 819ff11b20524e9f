"""Flows through the phases, and who is blamed. Answers are held against nginx in tests/live."""

from __future__ import annotations

from pathlib import Path

import pytest

from simkit.policy import Handler, Page, Phase, Policy, load_policy
from simkit.policy.source import Source
from simkit.shipped import shipped_files
from simkit.wire import Fault, Shape, SightKind, Version
from tests.policy.making import Load, ask, decide, load_http, status, told


class Files:
    """A site with a file, a folder with an index, and nothing else."""

    def find(self, path: str) -> Page | None:
        return Page(200, 10) if path in ("/a.txt", "/dir/", "/") else None


def blamed(policy: Policy, shape: Shape | str, who: str = "192.0.2.1") -> tuple[str, int, str]:
    rule = decide(policy, shape, who).rule
    assert rule is not None
    return rule.directive, rule.decisive.line, rule.decisive.text


# -- who is blamed --------------------------------------------------------------------------------


def test_the_entry_of_the_map_is_to_blame_for_an_if() -> None:
    path = Path(shipped_files("policies")["recommended"])
    policy = load_policy(path)
    shape = ask(host="shop.example", headers={"User-Agent": "sqlmap/1"})
    decision = decide(policy, shape)
    assert decision.rule is not None
    assert decision.rule.phase is Phase.SERVER_REWRITE
    assert decision.rule.source.text == "return 444"
    assert [source.text for source in decision.rule.because] == ["if ($bad_agent)", "~*sqlmap 1"]
    line = path.read_text().splitlines()[decision.rule.decisive.line - 1]
    assert line.strip() == "~*sqlmap 1;"
    assert decision.refused


def test_chains_of_maps_end_at_the_innermost_entry(load: Load) -> None:
    policy = load("""
        geo $near { 192.0.2.0/24 1; }
        map $near $welcome { default no; 1 yes; }
        server {
            set $said "<$welcome>";
            if ($said = "<yes>") { return 403; }
        }
    """)
    assert blamed(policy, "/") == ("return", 4, "192.0.2.0/24 1")
    assert status(policy, "/", "198.51.100.1") == 200


def test_every_refusal_has_its_directive(load: Load) -> None:
    policy = load("""
        limit_req_zone $uri zone=a:1m rate=1r/s;
        server {
            client_max_body_size 5;
            location /deny { deny all; }
            location /auth { auth_basic here; auth_basic_user_file f; }
            location /return { return 410; }
            location /internal { internal; }
            location /try { try_files /none =404; }
            location /moved { rewrite ^ /there permanent; }
        }
    """)
    assert blamed(policy, "/deny")[:2] == ("deny", 7)
    assert blamed(policy, "/auth")[:2] == ("auth_basic", 8)
    assert blamed(policy, "/return")[:2] == ("return", 9)
    assert blamed(policy, "/internal")[:2] == ("nginx", 10)
    assert blamed(policy, "/moved")[:2] == ("rewrite", 12)
    large = Shape(method="POST", headers=(("Host", "a"),), body_bytes=6)
    assert blamed(policy, large)[0] == "nginx"
    assert blamed(policy, Shape(fault=Fault.BAD_METHOD))[2] == "client sent invalid method"


def test_an_answer_of_the_site_has_no_rule(load: Load) -> None:
    decision = decide(load("server { }"), "/none", site=Files())
    assert (decision.status, decision.rule, decision.refused) == (404, None, False)


@pytest.mark.parametrize(
    ("directive", "refused"),
    [("return 200", False), ("return 301 /x", False), ("return 403", True), ("return 444", True)],
)
def test_what_counts_as_a_refusal(load: Load, directive: str, refused: bool) -> None:
    assert decide(load(f"server {{ {directive}; }}")).refused is refused


# -- error_page -----------------------------------------------------------------------------------


def test_444_goes_past_error_page(load: Load) -> None:
    policy = load("""server {
        error_page 444 403 /page;
        location / { return 444; }
        location /page { return 200; }
    }""")
    assert told(policy) == (SightKind.EMPTY, 0)


def test_an_error_page_is_found_only_once_unless_recursive(load: Load) -> None:
    text = """server {
        RECURSIVE
        error_page 403 /gone;
        error_page 410 /fine;
        location / { return 403; }
        location /gone { return 410; }
        location /fine { return 200; }
    }"""
    once = decide(load(text.replace("RECURSIVE", "")))
    assert (once.status, once.sight.body_bytes) == (410, 143)  # nginx's own page
    again = decide(load(text.replace("RECURSIVE", "recursive_error_pages on;")))
    assert (again.status, again.sight.body_bytes) == (410, 0)  # that of /fine


def test_a_named_location_after_a_parse_error_is_a_500(load: Load) -> None:
    policy = load("""server {
        error_page 400 =444 @drop;
        location @drop { return 444; }
    }""")
    no_host = Shape(headers=())
    assert told(policy, no_host) == (SightKind.EMPTY, 0)  # its target is known
    assert told(policy, Shape(fault=Fault.BAD_METHOD)) == (SightKind.HTTP, 500)


def test_error_pages_run_the_rules_of_the_server_again(load: Load) -> None:
    policy = load("""server {
        if ($uri = /page) { return 444; }
        error_page 403 /page;
        location / { deny all; }
    }""")
    decision = decide(policy)
    assert (decision.sight.kind, decision.status) == (SightKind.EMPTY, 403)
    assert decision.rule is not None
    assert decision.rule.directive == "deny"  # the cause, not the page


def test_the_method_is_get_on_an_error_page(load: Load) -> None:
    policy = load("""server {
        error_page 403 = /page;
        location / { return 403; }
        location /page { return 200 "$request_method"; }
    }""")
    assert decide(policy, Shape(method="POST", headers=(("Host", "a"),))).sight.body_bytes == 3
    assert decide(policy, Shape(method="HEAD", headers=(("Host", "a"),))).sight.body_bytes == 0


def test_redirects_can_have_error_pages_too(load: Load) -> None:
    policy = load("""server {
        error_page 302 =403 /page;
        location / { return 302 /x; }
        location /page { return 403; }
    }""")
    decision = decide(policy)
    assert decision.status == 403
    assert decision.sight.header("location") == "http://site.example/x"


def test_circles_end_with_500(load: Load) -> None:
    policy = load("""server {
        location /a { rewrite ^ /a last; }
        location /b { try_files /none /b; }
        location /c { error_page 403 /c; recursive_error_pages on; return 403; }
    }""")
    files = Files()
    assert [decide(policy, path, site=files).status for path in ("/a", "/b")] == [500, 500]
    assert decide(policy, "/c", site=files).sight.status in (403, 500)


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "code", "location"),
    [
        ("/a.txt", 200, None),
        ("/none", 404, None),
        ("/dir/", 200, None),
        ("/dir", 301, "http://site.example/dir/"),
        ("/dir?x=1", 301, "http://site.example/dir/?x=1"),
    ],
)
def test_folders_want_their_final_slash(
    load: Load,
    path: str,
    code: int,
    location: str | None,
) -> None:
    sight = decide(load("server { }"), path, site=Files()).sight
    assert (sight.status, sight.header("location")) == (code, location)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("POST", "/a.txt", 405), ("POST", "/none", 404), ("PUT", "/none", 405), ("OPTIONS", "/", 405)],
)
def test_other_methods_on_files(load: Load, method: str, path: str, code: int) -> None:
    shape = Shape(method, path, headers=(("Host", "a"),))
    assert decide(load("server { }"), shape, site=Files()).status == code


def test_if_can_test_for_files(load: Load) -> None:
    policy = load("""server {
        root /srv/www/;
        if (-f $request_filename) { return 201; }
        if (-d $document_root$uri) { return 202; }
        if (!-e /srv/www/a.txt) { return 500; }
        if (-e /elsewhere/a.txt) { return 500; }
        if (-x $request_filename) { return 500; }
        return 404;
    }""")
    found = [decide(policy, path, site=Files()).status for path in ("/a.txt", "/dir", "/none")]
    assert found == [201, 202, 404]


def test_an_alias_stands_for_its_location(load: Load) -> None:
    policy = load("""server {
        location /static/ { alias /srv/files/; return 200 "$request_filename"; }
        location ~ ^/re/(.*)$ { alias /srv/$1.x; return 200 "$request_filename"; }
        location / { root /srv/$host; return 200 "$request_filename $document_root"; }
    }""")
    sizes = [decide(policy, path).sight.body_bytes for path in ("/static/a", "/re/b", "/c")]
    assert sizes == [
        len("/srv/files/a"),
        len("/srv/b.x"),
        len("/srv/site.example/c /srv/site.example"),
    ]


def test_try_files_is_inherited_by_nothing(load: Load) -> None:
    policy = load("""server {
        try_files $uri =410;
        location /in { }
        location /try { try_files $uri =409; if ($arg_x) { set $y 1; } }
    }""")
    asked = ("/other", "/in", "/try", "/try?x=1")
    assert [decide(policy, path, site=Files()).status for path in asked] == [410, 404, 409, 404]


# -- inheritance ----------------------------------------------------------------------------------


def test_limits_are_inherited_whole_and_into_ifs(load: Load) -> None:
    policy = load("""
        limit_req_zone $binary_remote_addr zone=a:1m rate=1r/s;
        limit_req_zone $server_port zone=b:1m rate=1r/s;
        server {
            limit_req zone=a;
            location / { if ($arg_x) { set $y 1; } proxy_pass http://a; }
            location /own { limit_req zone=b; proxy_pass http://a; }
        }
    """)
    from simkit.policy import Planner
    from tests.policy.making import HERE

    planner = Planner(policy)
    zones = [
        [use.zone for use in planner.plan(ask(path), HERE).uses()]
        for path in ("/", "/?x=1", "/own")
    ]
    assert zones == [[0], [0], [1]]


def test_add_header_is_inherited_whole(load: Load) -> None:
    policy = load("""server {
        add_header X-A a;
        add_header X-B b always;
        location /own { add_header X-C c; return 200; }
        location /none { return 404; }
    }""")

    def extra(path: str) -> list[str]:
        return [name for name, _ in decide(policy, path).sight.headers if name.startswith("x-")]

    assert [extra("/"), extra("/own"), extra("/none")] == [["x-a", "x-b"], ["x-c"], ["x-b"]]


def test_limit_except(load: Load) -> None:
    policy = load("""server {
        location / {
            limit_except GET { deny all; }
            if ($request_method = PUT) { return 200; }
            proxy_pass http://a;
        }
    }""")
    codes = [
        decide(policy, Shape(method, headers=(("Host", "a"),))).status
        for method in ("GET", "HEAD", "POST", "PUT")
    ]
    assert codes == [200, 200, 403, 403]


@pytest.mark.parametrize(
    ("satisfy", "who", "user", "code"),
    [
        ("all", "192.0.2.1", True, 200),
        ("all", "192.0.2.1", False, 401),
        ("all", "198.51.100.1", True, 403),
        ("any", "192.0.2.1", False, 200),
        ("any", "198.51.100.1", True, 200),
        ("any", "198.51.100.1", False, 401),
    ],
)
def test_satisfy(tmp_path: Path, satisfy: str, who: str, user: bool, code: int) -> None:
    (tmp_path / "users").write_text("a:{PLAIN}b")
    policy = load_http(
        tmp_path,
        f"""server {{
        satisfy {satisfy};
        allow 192.0.2.0/24;
        deny all;
        auth_basic "the realm";
        auth_basic_user_file users;
    }}""",
    )
    headers = {"Authorization": "Basic YTpi"} if user else {}
    decision = decide(policy, ask(headers=headers), who)
    assert decision.status == code
    challenge = 'Basic realm="the realm"' if code == 401 else None
    assert decision.sight.header("www-authenticate") == challenge


# -- redirects and versions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "port", "location"),
    [
        ("", 80, "http://site.example/x"),
        ("", 81, "http://site.example:81/x"),
        ("port_in_redirect off;", 81, "http://site.example/x"),
        ("server_name_in_redirect on;", 80, "http://first.example/x"),
        ("absolute_redirect off;", 81, "/x"),
    ],
)
def test_where_redirects_point(load: Load, more: str, port: int, location: str) -> None:
    policy = load(f"""server {{
        listen 80; listen 81; server_name first.example; {more} return 301 /x;
    }}""")
    shape = Shape(headers=(("Host", "site.example:8080"),), port=port)
    assert decide(policy, shape).sight.header("location") == location


def test_http_0_9_gets_a_body_and_nothing_else(load: Load) -> None:
    policy = load('server { return 200 "text $http_a|$server_protocol|"; }')
    shape = Shape(version=Version.HTTP_0_9, headers=(("A", "1"),))
    decision = decide(policy, shape)
    assert (decision.bytes_sent, decision.sight.headers, decision.sight.kept) == (7, (), False)


def test_the_server_of_the_handshake_answers_what_has_no_host(load: Load) -> None:
    policy = load("""
        ssl_certificate a;
        server { listen 443 ssl default_server; error_page 400 =410 /x; }
        server { listen 443 ssl; server_name b.example; error_page 400 =411 /x;
                 location /x { return 200; } }
    """)
    broken = Shape(port=443, tls=True, sni="b.example", fault=Fault.BAD_METHOD)
    assert decide(policy, broken).status == 411


def test_where_nobody_listens(load: Load) -> None:
    decision = decide(load("server { }"), Shape(port=81))
    assert (decision.sight.kind, decision.handler) == (SightKind.REFUSED, Handler.TLS)
    assert decide(load("server { listen [::]:80 ipv6only=off; }")).status == 200


def test_sources_are_places_in_the_file(load: Load) -> None:
    rule = decide(load("server { return 403; }")).rule
    assert rule is not None
    assert isinstance(rule.source, Source)
    assert str(rule.source).endswith("made.conf:3")
