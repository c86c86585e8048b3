"""Variable-length integers are written as the twin writes them, and read back."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ctabatch.io.simtel_writer import framing
from ctabatch.kernels import varint, varint_encode
from tests.naive import varint_encode as naive

COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])


def of(kernel, compiled):
    return kernel if compiled else kernel.py_func


@COMPILED
@given(value=st.integers(0, (1 << 56) - 1))
@example(value=(1 << 56) - 1)
@example(value=1 << 49)
@example(value=1 << 7)
def test_unsigned_integers_are_written_as_by_the_twin_and_come_back(compiled, value):
    out = np.full(12, 7, np.uint8)
    pos = of(varint_encode.write_unsigned, compiled)(value, out, 2)
    assert out[2:pos].tobytes() == naive.unsigned(value) == framing.unsigned(value)
    assert (out[:2] == 7).all()
    assert (out[pos:] == 7).all()
    assert varint.read_unsigned(out, 2, pos) == (value, pos)


@COMPILED
@given(value=st.integers(-(1 << 55), (1 << 55) - 1))
def test_signed_integers_are_written_as_by_the_twin_and_come_back(compiled, value):
    out = np.full(10, 7, np.uint8)
    pos = of(varint_encode.write_signed, compiled)(value, out, 1)
    assert out[1:pos].tobytes() == naive.signed(value) == framing.signed(value)
    assert varint.read_signed(out, 1, pos) == (value, pos)


@COMPILED
@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
@given(data=st.data())
def test_arrays_of_differences_are_written_as_by_the_twin_and_come_back(compiled, dtype, data):
    top = np.iinfo(dtype).max
    values = st.one_of(st.integers(0, top), st.sampled_from([0, 63, 64, 1 << 13, top]))
    drawn = data.draw(st.lists(values, max_size=40))
    array = np.array([1, *drawn, 1], dtype)
    array.flags.writeable = False
    widest = varint_encode.WIDEST_U16 if dtype is np.uint16 else varint_encode.WIDEST_U32
    out = np.full(widest * len(drawn) + 4, 7, np.uint8)
    pos = of(varint_encode.write_differences, compiled)(array, 1, len(drawn) + 1, out, 2)
    assert out[2:pos].tobytes() == naive.differences(drawn)
    assert (out[pos:] == 7).all()
    back = np.zeros(len(drawn), dtype)
    assert varint.read_differences(out, 2, pos, len(drawn), back, 0) == pos
    assert back.tolist() == drawn


def test_a_negative_or_too_large_length_word_is_refused():
    for value in (-1, 1 << 56):
        with pytest.raises(ValueError, match="variable-length"):
            framing.unsigned(value)
