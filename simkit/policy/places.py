"""Where a directive belongs, for who has put it elsewhere. The knowledge is crossplane's."""

from __future__ import annotations

from crossplane import analyzer

_BLOCKS = {
    analyzer.NGX_MAIN_CONF: "outside every block",
    analyzer.NGX_EVENT_CONF: "events",
    analyzer.NGX_HTTP_MAIN_CONF: "http",
    analyzer.NGX_HTTP_SRV_CONF: "server",
    analyzer.NGX_HTTP_LOC_CONF: "location",
    analyzer.NGX_HTTP_SIF_CONF | analyzer.NGX_HTTP_LIF_CONF: "if",
    analyzer.NGX_HTTP_LMT_CONF: "limit_except",
    analyzer.NGX_HTTP_UPS_CONF: "upstream",
}

_HTTP_AND_SERVER = analyzer.NGX_HTTP_MAIN_CONF | analyzer.NGX_HTTP_SRV_CONF
# Directives that are younger than crossplane 0.5.8.
for _name, _mask in {
    "http2": _HTTP_AND_SERVER | analyzer.NGX_CONF_FLAG,
    "keepalive_time": _HTTP_AND_SERVER | analyzer.NGX_HTTP_LOC_CONF | analyzer.NGX_CONF_TAKE1,
    "ssl_reject_handshake": _HTTP_AND_SERVER | analyzer.NGX_CONF_FLAG,
}.items():
    analyzer.DIRECTIVES.setdefault(_name, [_mask])

__all__ = ["where_it_belongs"]


def where_it_belongs(name: str, *, is_block: bool) -> str | None:
    """A hint such as ``it belongs into http``; None for a directive that is not known."""
    allowed = 0
    for mask in analyzer.DIRECTIVES.get(name, ()):
        if bool(mask & analyzer.NGX_CONF_BLOCK) is is_block:
            allowed |= mask
    places = [block for mask, block in _BLOCKS.items() if allowed & mask]
    if not places:
        return None
    if places == ["outside every block"]:
        return "it stands outside every block"
    inside = [place for place in places if place != "outside every block"]
    words = f"{', '.join(inside[:-1])} or {inside[-1]}" if len(inside) > 1 else inside[0]
    return f"it belongs into {words}"
