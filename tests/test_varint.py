"""Variable-length integers, also malformed ones."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ctabatch.kernels import varint
from tests import eventio_bytes as eb
from tests.naive import varint as naive

COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])


def of(kernel, compiled):
    return kernel if compiled else kernel.py_func


def array(data):
    out = np.frombuffer(bytes(data) + b"\xff" * 40, np.uint8)  # what follows must not be read
    assert not out.flags.writeable
    return out


@COMPILED
@given(value=st.integers(0, (1 << 56) - 1))
def test_unsigned_integers_come_back(compiled, value):
    coded = eb.unsigned(value)
    found = of(varint.read_unsigned, compiled)(array(coded), 0, len(coded))
    assert found == (value, len(coded))


@COMPILED
@given(value=st.integers(-(1 << 55), (1 << 55) - 1))
def test_signed_integers_come_back(compiled, value):
    coded = eb.signed(value)
    found = of(varint.read_signed, compiled)(array(coded), 0, len(coded))
    assert found == (value, len(coded))


@COMPILED
@given(data=st.binary(max_size=12))
@example(data=b"\xff" * 9)
def test_any_bytes_give_the_value_of_the_twin_or_an_error(compiled, data):
    value, pos = of(varint.read_unsigned, compiled)(array(data), 0, len(data))
    expected = naive.read_unsigned(data)
    if expected is None:
        assert pos == -1
    else:
        assert pos == len(data) - len(expected[1])
        assert int(value) % (1 << 64) == expected[0]


@COMPILED
@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
@given(data=st.binary(max_size=60), n=st.integers(0, 20))
@example(data=b"\xf8" + bytes(30), n=2)
@example(data=b"\xf0" + b"\xff" * 4 + bytes(30), n=5)
@example(data=b"\xe0\x01", n=1)
def test_any_bytes_give_the_differences_of_the_twin_or_an_error(compiled, dtype, data, n):
    out = np.full(n + 4, 7, dtype)
    pos = of(varint.read_differences, compiled)(array(data), 0, len(data), n, out, 2)
    expected = naive.read_differences(data, n)
    assert (out[:2] == 7).all()
    assert (out[n + 2 :] == 7).all()
    if expected is None:
        assert pos == -1
    else:
        values, rest = expected
        assert pos == len(data) - len(rest)
        bits = 8 * out.itemsize
        np.testing.assert_array_equal(out[2 : 2 + n], [v % (1 << bits) for v in values])


@COMPILED
@given(values=st.lists(st.integers(0, (1 << 16) - 1), max_size=70))
def test_samples_come_back(compiled, values):
    coded = eb.differences(values)
    out = np.zeros(len(values), np.uint16)
    pos = of(varint.read_differences, compiled)(array(coded), 0, len(coded), len(values), out, 0)
    assert pos == len(coded)
    assert out.tolist() == values
