"""Every variable of nginx's own: simulated, or an error that names it and its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from simkit.errors import InputError
from simkit.live import check
from simkit.policy import load_policy
from simkit.policy.known import is_of_nginx, is_simulated
from simkit.wire import Shape
from tests.policy.making import Load, load_http, status

# Every variable of nginx 1.22.1 (Debian), found by asking it about each word of its program.
OF_NGINX = """
ancient_browser args binary_remote_addr body_bytes_sent bytes_sent connection connection_requests
connection_time connections_active connections_reading connections_waiting connections_writing
content_length content_type date_gmt date_local document_root document_uri fastcgi_path_info
fastcgi_script_name gzip_ratio host hostname http2 https invalid_referer is_args limit_conn_status
limit_rate limit_req_status modern_browser msec msie nginx_version pid pipe
proxy_add_x_forwarded_for proxy_host proxy_port proxy_protocol_addr proxy_protocol_port
proxy_protocol_server_addr proxy_protocol_server_port query_string realip_remote_addr
realip_remote_port realpath_root remote_addr remote_port remote_user request request_body
request_body_file request_completion request_filename request_id request_length request_method
request_time request_uri scheme secure_link secure_link_expires server_addr server_name
server_port server_protocol slice_range ssl_alpn_protocol ssl_cipher ssl_ciphers ssl_client_cert
ssl_client_escaped_cert ssl_client_fingerprint ssl_client_i_dn ssl_client_i_dn_legacy
ssl_client_raw_cert ssl_client_s_dn ssl_client_s_dn_legacy ssl_client_serial ssl_client_v_end
ssl_client_v_remain ssl_client_v_start ssl_client_verify ssl_curve ssl_curves ssl_early_data
ssl_protocol ssl_server_name ssl_session_id ssl_session_reused status tcpinfo_rcv_space
tcpinfo_rtt tcpinfo_rttvar tcpinfo_snd_cwnd time_iso8601 time_local uid_got uid_reset uid_set
upstream_addr upstream_bytes_received upstream_bytes_sent upstream_cache_status
upstream_connect_time upstream_header_time upstream_response_length upstream_response_time
upstream_status uri arg_a cookie_a http_a sent_http_a sent_trailer_a upstream_http_a
upstream_trailer_a upstream_cookie_a
""".split()
OF_NOBODY = ["ssl_nothing", "upstream_nothing", "nothing", "http", "proxy_protocol_tlv_alpn"]


def returning(names: list[str]) -> str:
    lines = (f'location = /{n} {{ return 200 "${name}"; }}' for n, name in enumerate(names))
    return "server { listen 8000;\n" + "\n".join(lines) + " }"


def test_the_list_is_that_of_nginx(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "made.conf"
    path.write_text(f"events {{}}\nhttp {{\n{returning(OF_NGINX)}\n}}\n")
    said = check(path, tmp_path)
    assert said.accepted, said.said


@pytest.mark.parametrize("name", OF_NGINX)
def test_each_is_simulated_or_named_with_its_line(load: Load, name: str) -> None:
    assert is_of_nginx(name)
    text = returning(["uri", name])
    if is_simulated(name):
        shape = Shape(target="/1", headers=(("Host", "a"),), port=8000)
        assert status(load(text), shape) == 200
        return
    with pytest.raises(InputError) as caught:
        load(text)
    assert f'the variable "${name}" is not simulated' in str(caught.value)
    assert caught.value.line == 5


@pytest.mark.parametrize("name", OF_NOBODY)
def test_what_nginx_does_not_have_stops_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f'unknown "{name}" variable'):
        load_http(tmp_path, returning([name]))
    (tmp_path / "logs").mkdir()
    said = check(tmp_path / "made.conf", tmp_path)
    assert not said.accepted
    assert f'unknown "{name}" variable' in said.said


def test_the_address_is_known_where_no_server_listens_on_all(load: Load) -> None:
    text = 'server { listen 192.0.2.1:80; return 200 "$server_addr"; }'
    assert not load(text).warnings
    with pytest.raises(InputError, match="server_addr"):
        load(text + "server { listen 81; }")


IDLE = """
    map $msec $only_logged { default $time_local; }
    map $only_logged $of_it { default 1; }
    log_format one "$of_it $only_logged";
"""


def test_a_map_counts_as_what_asks_for_it(load: Load) -> None:
    assert load(IDLE + "server { return 200; }").warnings == ()
    shown = load(IDLE + "server { add_header X $of_it; return 200; }")
    assert ["$msec" in w or "$time_local" in w for w in shown.warnings] == [True, True]
    with pytest.raises(InputError, match="msec") as caught:
        load(IDLE + "server { if ($of_it) { return 403; } }")
    assert caught.value.line == 4
    with pytest.raises(InputError, match='unknown "nothing"'):
        load("map $nothing $only_logged { default 1; } server { return 200; }")


def test_what_only_takes_time_is_a_warning(tmp_path: Path) -> None:
    text = """limit_rate 10k; server { set $limit_rate 4k; proxy_limit_rate 0;
        location /a { expires @15h; } location /b { expires modified +1d; } }"""
    policy = load_http(tmp_path, text)
    file = tmp_path / "made.conf"
    time = "answers take their time, which is not simulated"
    headers = "the headers that it adds are not simulated"
    assert policy.warnings == (
        f"{file}:3: limit_rate 10k: {time}",
        f"{file}:3: set $limit_rate 4k: {time}",
        f"{file}:4: expires @15h: {headers}",
        f"{file}:4: expires modified +1d: {headers}",
    )
    assert load_policy(file).warnings == policy.warnings
