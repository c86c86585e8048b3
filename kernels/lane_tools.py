"""What all files of vector instructions build with: splats, loads, stores, arguments."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types


def splat(builder: Any, value: Any, kind: Any) -> Any:
    """Instructions for a vector with the same number in all lanes."""
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(first, undefined, zeros)


def load(builder: Any, data: Any, place: Any, n: int) -> Any:
    """Instructions that load `n` numbers from a place in the numbers of an array."""
    pointer = builder.gep(data, [place])
    kind = ir.VectorType(pointer.type.pointee, n)
    loaded = builder.load(builder.bitcast(pointer, kind.as_pointer()))
    loaded.align = _bytes(kind.element)
    return loaded


def store(builder: Any, vector: Any, data: Any, place: Any) -> None:
    """Instructions that store a vector at a place in the numbers of an array."""
    pointer = builder.bitcast(builder.gep(data, [place]), vector.type.as_pointer())
    builder.store(vector, pointer).align = _bytes(vector.type.element)


def contents(context: Any, builder: Any, signature: Any, args: Any) -> list[Any]:
    """The arguments of an intrinsic, arrays as pointers to their first number."""
    return [
        context.make_array(kind)(context, builder, value).data
        if isinstance(kind, types.Array)
        else value
        for kind, value in zip(signature.args, args, strict=True)
    ]


def _bytes(kind: Any) -> int:
    if isinstance(kind, ir.IntType):
        return int(kind.width) // 8
    return 8 if isinstance(kind, ir.DoubleType) else 4


__all__ = ["contents", "load", "splat", "store"]
