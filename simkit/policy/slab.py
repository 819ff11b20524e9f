"""How many keys a shared memory zone holds: nginx's slab allocator, as far as it decides that.

Sizes are those of 64-bit builds with 4 KiB pages (src/core/ngx_slab.c). An allocation takes the
next power of two; a page serves allocations of one size.
"""

from __future__ import annotations

_PAGE = 4096
_POOL_HEADER = 200  # sizeof(ngx_slab_pool_t)
_SLOTS = 9  # sizes from 8 to 2048
_PAGE_RECORD = 24  # sizeof(ngx_slab_page_t)
_STAT_RECORD = 32  # sizeof(ngx_slab_stat_t)
_LEAST, _EXACT, _MOST = 8, 64, 2048

LIMIT_REQ_NODE = 80
"""Bytes of a `limit_req` entry before its key."""
LIMIT_CONN_NODE = 36
"""Bytes of a `limit_conn` entry before its key."""
_SHARED_CONTEXT = {LIMIT_REQ_NODE: 80, LIMIT_CONN_NODE: 64}
_LOG_CONTEXT = {LIMIT_REQ_NODE: ' in limit_req zone ""', LIMIT_CONN_NODE: ' in limit_conn_zone ""'}

__all__ = ["LIMIT_CONN_NODE", "LIMIT_REQ_NODE", "capacity", "size_class"]


def size_class(wanted: int) -> int:
    """The bytes that an allocation really takes."""
    size = _LEAST
    while size < wanted:
        size *= 2
    return size


def pages(zone_bytes: int) -> int:
    """The pages that a zone has left for allocations."""
    size = zone_bytes - _POOL_HEADER - _SLOTS * (_PAGE_RECORD + _STAT_RECORD)
    count = size // (_PAGE + _PAGE_RECORD)
    records = zone_bytes - size + count * _PAGE_RECORD
    start = -(-records // _PAGE) * _PAGE
    return min(count, (zone_bytes - start) // _PAGE)


def _per_page(size: int) -> int:
    if size >= _EXACT:
        return _PAGE // size
    chunks = _PAGE // size
    bitmap_bytes = chunks // 8
    return chunks - max(1, -(-bitmap_bytes // size))


def capacity(zone_bytes: int, node_bytes: int, key_bytes: int, name: str) -> int:
    """How many entries with keys of one length a zone holds.

    The zone also stores its own context and a text for the log.
    """
    entry = size_class(node_bytes + key_bytes)
    if entry > _MOST:
        return pages(zone_bytes) // -(-entry // _PAGE)
    count = pages(zone_bytes) * _per_page(entry)
    for extra in (_SHARED_CONTEXT[node_bytes], len(_LOG_CONTEXT[node_bytes]) + len(name)):
        own = size_class(extra)
        count -= 1 if own == entry else _per_page(entry)
    return max(count, 0)
