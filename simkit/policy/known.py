"""Which variables nginx has: those that are simulated, and those that are not.

A variable that nginx does not have either keeps it from starting; one that is not simulated could
decide an answer unnoticed. The lists are those of nginx 1.22's HTTP modules, and a
few that came later.
"""

from __future__ import annotations

from simkit.policy.facts import RAW_PREFIXES, RAW_VARIABLES
from simkit.policy.variables import DYNAMIC, FIXED, OF_PLACE

__all__ = ["CHANGEABLE", "is_of_nginx", "is_simulated"]

CHANGEABLE = frozenset({"args", "limit_rate"})
"""Variables of nginx's own that a configuration may give a value."""

_SIMULATED = frozenset(RAW_VARIABLES) | DYNAMIC | OF_PLACE | frozenset(FIXED)

_OTHERS = frozenset(
    """
    ancient_browser body_bytes_sent bytes_sent connection connection_requests connection_time
    connections_active connections_reading connections_waiting connections_writing date_gmt
    date_local fastcgi_path_info fastcgi_script_name gzip_ratio hostname
    memcached_key modern_browser msec msie pid pipe proxy_add_x_forwarded_for proxy_host
    proxy_internal_body_length proxy_internal_chunked proxy_port
    realip_remote_port remote_port request_body request_body_file request_completion request_id
    request_length request_time secure_link secure_link_expires server_addr slice_range
    ssl_alpn_protocol ssl_cipher ssl_ciphers ssl_client_cert ssl_client_escaped_cert
    ssl_client_fingerprint ssl_client_i_dn ssl_client_i_dn_legacy ssl_client_raw_cert
    ssl_client_s_dn ssl_client_s_dn_legacy ssl_client_serial ssl_client_v_end ssl_client_v_remain
    ssl_client_v_start ssl_client_verify ssl_curve ssl_curves ssl_early_data ssl_protocol
    ssl_session_id ssl_session_reused ssl_sigalg tcpinfo_rcv_space tcpinfo_rtt tcpinfo_rttvar
    tcpinfo_snd_cwnd time_iso8601 time_local uid_got uid_reset uid_set upstream_addr
    upstream_bytes_received upstream_bytes_sent upstream_cache_age upstream_cache_last_modified
    upstream_cache_etag upstream_cache_status upstream_connect_time upstream_header_time
    upstream_last_server_name upstream_queue_time upstream_response_length
    upstream_response_time upstream_status
    """.split()
)
_OTHER_PREFIXES = (
    *("sent_http_", "sent_trailer_", "upstream_http_", "upstream_trailer_", "upstream_cookie_"),
    "geoip_",
)


def is_simulated(name: str) -> bool:
    """Whether nginx has the variable and its value is simulated."""
    return name in _SIMULATED or name.startswith(tuple(RAW_PREFIXES))


def is_of_nginx(name: str) -> bool:
    """Whether nginx, or a module that comes with it, has the variable."""
    return is_simulated(name) or name in _OTHERS or name.startswith(_OTHER_PREFIXES)
