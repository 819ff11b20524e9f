"""Records in plain memory, as compiled code reaches them: by the address of a pool and a number.

A pool is a NumPy array of a structured type, owned by Python. Compiled functions get its address,
and `record_at` gives the record of a number by reference: reading and writing its fields is one
instruction each, no array is handed from function to function, and Python may move a pool to a
larger place whenever the compiled code has returned. Nothing here checks bounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic

from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.layout import LINE

__all__ = ["fetch", "floats_at", "ints_at", "record_at", "small_ints_at"]

_FAR = 1 << 40
"""A length that no pool reaches."""


@intrinsic  # type: ignore[untyped-decorator]
def _record(_typing: Any, address: Any, number: Any, dtype: Any) -> Any:  # noqa: ARG001
    record = dtype.dtype

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        offset = builder.mul(args[1], ir.Constant(args[1].type, record.size))
        return builder.inttoptr(builder.add(args[0], offset), context.get_value_type(record))

    return record(types.int64, types.int64, dtype), codegen


@compiled
def record_at(address: int, number: int, dtype: Any) -> Any:
    """The record of that number in a pool of that type, by reference."""
    return _record(address, number, dtype)


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(_typing: Any, address: Any) -> Any:  # noqa: ARG001
    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), codegen


@compiled
def ints_at(address: int) -> Any:
    """64-bit integers from an address on."""
    return carray(_pointer(address), (_FAR,), dtype=np.int64)


@compiled
def small_ints_at(address: int) -> Any:
    """32-bit integers from an address on."""
    return carray(_pointer(address), (_FAR,), dtype=np.int32)


@compiled
def floats_at(address: int) -> Any:
    """Floating-point numbers from an address on."""
    return carray(_pointer(address), (_FAR,), dtype=np.float64)


@intrinsic  # type: ignore[untyped-decorator]
def _prefetch(_typing: Any, address: Any) -> Any:  # noqa: ARG001
    pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        to_read, as_long_as_can_be, data = number(0), number(3), number(1)
        where = builder.inttoptr(args[0], pointer)
        builder.call(function, [where, to_read, as_long_as_can_be, data])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@compiled
def fetch(address: int, size: int) -> None:
    """Have the processor fetch so many bytes from an address on, without waiting for them."""
    for line in range(0, size, LINE):
        _prefetch(address + line)
