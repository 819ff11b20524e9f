"""What is simulated, what cannot matter, and what would matter but is not simulated.

A directive is either read by `simkit.policy.build`, or it cannot change who gets which answer, or
it is an error with file and line. Nothing is skipped in silence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["DECIDING", "cannot_matter", "what_is_lost"]

DECIDING = frozenset(
    """
    absolute_redirect add_header alias allow auth_basic auth_basic_user_file break
    charset charset_types client_body_timeout client_header_buffer_size client_header_timeout
    client_max_body_size default_type deny error_page etag events expires
    fastcgi_intercept_errors fastcgi_pass geo grpc_intercept_errors grpc_pass http http2 if
    ignore_invalid_headers include index internal keepalive_disable keepalive_requests
    keepalive_time keepalive_timeout large_client_header_buffers limit_conn limit_conn_dry_run
    limit_conn_status limit_conn_zone limit_except limit_req limit_req_dry_run
    limit_req_status limit_req_zone lingering_time lingering_timeout listen location map max_ranges
    memcached_pass
    merge_slashes msie_padding port_in_redirect proxy_intercept_errors proxy_pass
    real_ip_header real_ip_recursive recursive_error_pages reset_timedout_connection return
    rewrite root satisfy scgi_intercept_errors scgi_pass send_timeout server server_name
    server_name_in_redirect server_tokens set set_real_ip_from split_clients ssl_certificate
    ssl_reject_handshake ssl_session_cache ssl_session_tickets ssl_session_timeout try_files
    types underscores_in_headers upstream
    uwsgi_intercept_errors uwsgi_pass valid_referers worker_connections worker_processes
    """.split()
)
"""Directives that `simkit.policy.build` reads."""

_HARMLESS = frozenset(
    """
    accept_mutex accept_mutex_delay access_log access_log_bypass_if aio aio_write
    autoindex_exact_size autoindex_format autoindex_localtime client_body_buffer_size
    client_body_in_file_only client_body_in_single_buffer client_body_temp_path
    connection_pool_size daemon debug_connection debug_points directio directio_alignment env
    error_log gunzip gunzip_buffers http2_body_preread_size http2_chunk_size
    http2_idle_timeout http2_max_concurrent_pushes http2_max_concurrent_streams
    http2_max_field_size http2_max_header_size http2_max_requests http2_push
    http2_push_preload http2_recv_buffer_size http2_recv_timeout limit_conn_log_level
    limit_rate limit_rate_after limit_req_log_level
    load_module lock_file log_format log_not_found log_subrequest map_hash_bucket_size
    map_hash_max_size master_process min_delete_depth multi_accept open_file_cache
    open_file_cache_errors open_file_cache_min_uses open_file_cache_valid open_log_file_cache
    output_buffers override_charset pcre_jit pid postpone_output
    proxy_headers_hash_bucket_size proxy_headers_hash_max_size read_ahead
    referer_hash_bucket_size referer_hash_max_size request_pool_size resolver resolver_timeout
    rewrite_log sendfile sendfile_max_chunk server_names_hash_bucket_size
    server_names_hash_max_size ssl_engine subrequest_output_buffer_size tcp_nodelay tcp_nopush
    thread_pool timer_resolution types_hash_bucket_size types_hash_max_size
    uninitialized_variable_warn use user variables_hash_bucket_size variables_hash_max_size
    worker_aio_requests worker_cpu_affinity worker_priority worker_rlimit_core
    worker_rlimit_nofile worker_shutdown_timeout working_directory
    """.split()
)

_HARMLESS_AT = {
    "auth_delay": ("0", "0s"),
    "autoindex": ("off",),
    "chunked_transfer_encoding": ("on",),
    "disable_symlinks": ("off",),
    "if_modified_since": ("exact", "off", "before"),
    "lingering_close": ("on", "always"),
    "mirror": ("off",),
    "msie_refresh": ("off",),
    "fastcgi_cache": ("off",),
    "proxy_cache": ("off",),
    "random_index": ("off",),
    "slice": ("0",),
    "ssi": ("off",),
    "ssl_verify_client": ("off",),
}
"""Directives that cannot matter with these values, and would with others."""

_HARMLESS_PREFIX = re.compile(
    r"(?:gzip|brotli|zstd|ssl_(?!reject_handshake$|verify_client$|certificate$|session_(?:cache|tickets|timeout)$)|sub_filter|userid|image_filter)"
    r"|(?:proxy|fastcgi|uwsgi|scgi|grpc|memcached)_(?!pass$|cache|intercept_errors|store)"
    r"|(?:fastcgi|uwsgi|scgi|grpc)_param$"
)


_SLOWS = re.compile(r"(?:proxy_|fastcgi_|uwsgi_|scgi_)?limit_rate$")


def what_is_lost(name: str, args: Sequence[str]) -> str | None:
    """What of a directive is not simulated though it changes no decision; None if nothing."""
    if _SLOWS.match(name) and args != ("0",):
        return "answers take their time, which is not simulated"
    if name == "set" and args[:1] == ("$limit_rate",):
        return "answers take their time, which is not simulated"
    if name == "expires" and (args[0] == "modified" or args[0].startswith("@")):
        return "the headers that it adds are not simulated"
    return None


def cannot_matter(name: str, args: Sequence[str] = ()) -> bool:
    """Whether a directive can be left out without changing any answer, delay or connection."""
    if name in _HARMLESS_AT:
        return all(arg in _HARMLESS_AT[name] for arg in args)
    return name in _HARMLESS or _HARMLESS_PREFIX.match(name) is not None
