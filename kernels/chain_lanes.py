"""Sum of single-precision numbers in eight chains, one in each lane of a vector register.

The order is that of `pairwise_sum`, in which numpy adds: the chains of a row are independent, but
the compiler leaves them apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from .jit import kernel
from .pairwise_sum import pairwise_sum

CHAINS = 8
#: Longest row that is added in one go.
BLOCK = 128


def eight_chains(values: np.ndarray, n: int) -> np.float32:
    """Sum of eight interleaved chains over the first numbers of a row.

    Parameters
    ----------
    values : float32 (m,), m >= n
    n : int
        A multiple of 8, at least 8.

    Returns
    -------
    float32
        Chains are added two by two.
    """
    chains = values[:CHAINS].copy()
    for s in range(CHAINS, n, CHAINS):
        chains += values[s : s + CHAINS]
    while len(chains) > 1:
        chains = chains[::2] + chains[1::2]
    return np.float32(chains[0])


@intrinsic
def _vector_chains(typingctx: Any, values: Any, n: Any) -> Any:
    signature = types.float32(values, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values, n = args
        values = context.make_array(signature.args[0])(context, builder, values).data
        i32, i64 = ir.IntType(32), ir.IntType(64)
        lanes = ir.VectorType(ir.FloatType(), CHAINS)

        def load(place: Any) -> Any:
            pointer = builder.bitcast(builder.gep(values, [place]), lanes.as_pointer())
            loaded = builder.load(pointer)
            loaded.align = 4
            return loaded

        initial, eight = load(i64(0)), i64(CHAINS)
        before = builder.block
        test, loop = builder.append_basic_block("more"), builder.append_basic_block("add")
        done = builder.append_basic_block("added")
        builder.branch(test)
        builder.position_at_end(test)
        place, total = builder.phi(i64), builder.phi(lanes)
        place.add_incoming(eight, before)
        total.add_incoming(initial, before)
        builder.cbranch(builder.icmp_signed("<", place, n), loop, done)
        builder.position_at_end(loop)
        place.add_incoming(builder.add(place, eight), loop)
        total.add_incoming(builder.fadd(total, load(place)), loop)
        builder.branch(test)
        builder.position_at_end(done)
        chains = [builder.extract_element(total, i32(lane)) for lane in range(CHAINS)]
        while len(chains) > 1:
            chains = [builder.fadd(a, b) for a, b in zip(chains[::2], chains[1::2], strict=True)]
        return chains[0]

    return signature, codegen


@overload(eight_chains, jit_options={"nogil": True})
def _eight_chains(values, n):  # type: ignore[no-untyped-def]
    return lambda values, n: _vector_chains(values, n)


@kernel
def chain_sum(values: np.ndarray) -> np.float32:
    """Sum of a row, as `pairwise_sum` gives it.

    Parameters
    ----------
    values : float32 (n,), contiguous

    Returns
    -------
    float32
        0 for an empty row.
    """
    n = values.shape[0]
    if n < CHAINS or n > BLOCK:
        return pairwise_sum(values)
    whole = n - n % CHAINS
    total = eight_chains(values, whole)
    for s in range(whole, n):
        total += values[s]
    return total


__all__ = ["BLOCK", "CHAINS", "chain_sum", "eight_chains"]
