"""Which variables nginx has: those that are simulated, and those that are not.

A variable that nginx does not have either keeps it from starting; one that is not simulated could
decide an answer unnoticed. The lists are those of nginx 1.22's HTTP modules.
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
    memcached_key modern_browser msec msie pid pipe proxy_add_x_forwarded_for proxy_host proxy_port
    proxy_protocol_addr proxy_protocol_port proxy_protocol_server_addr proxy_protocol_server_port
    realip_remote_port remote_port request_body request_body_file request_completion request_id
    request_length request_time secure_link secure_link_expires server_addr slice_range
    tcpinfo_rcv_space tcpinfo_rtt tcpinfo_rttvar tcpinfo_snd_cwnd time_iso8601 time_local
    uid_got uid_reset uid_set
    """.split()
)
_OTHER_PREFIXES = ("sent_http_", "sent_trailer_", "ssl_", "upstream_", "geoip_", "proxy_internal_")


def is_simulated(name: str) -> bool:
    """Whether nginx has the variable and its value is simulated."""
    return name in _SIMULATED or name.startswith(tuple(RAW_PREFIXES))


def is_of_nginx(name: str) -> bool:
    """Whether nginx, or a module that comes with it, has the variable."""
    return is_simulated(name) or name in _OTHERS or name.startswith(_OTHER_PREFIXES)
