"""Little-endian scalars."""

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels import bytes as words
from ctabatch.kernels.jit import kernel


@kernel
def _all(data, pos):
    return (
        words.u16(data, pos), words.i16(data, pos), words.u32(data, pos), words.i32(data, pos),
        words.f32(data, pos),
    )  # fmt: skip


@given(data=st.binary(min_size=4, max_size=4), pad=st.integers(0, 5))
def test_scalars_are_those_of_struct(data, pad):
    buffer = np.frombuffer(bytes(pad) + data, np.uint8)
    expected = [struct.unpack_from(code, data)[0] for code in ("<H", "<h", "<I", "<i", "<f")]
    compiled = _all(buffer, pad)
    functions = (words.u16, words.i16, words.u32, words.i32, words.f32)
    plain = [function.py_func(buffer, pad) for function in functions]
    for found in (compiled, plain):
        assert [int(v) for v in found[:4]] == expected[:4]
        np.testing.assert_equal(np.float32(found[4]), np.float32(expected[4]))
