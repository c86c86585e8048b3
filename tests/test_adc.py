"""ADC samples and sums in every encoding, also malformed."""

import numpy as np
import pytest
from eventio.simtel.objects import ADCSamples, ADCSums
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels import adc
from tests import eventio_bytes as eb
from tests.naive import adc as naive

COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])
GAINS = pytest.mark.parametrize("n_gains", [1, 2])


def waveforms(n_gains, n_pixels, n_samples, seed=0, top=1 << 16):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 300, (n_gains, n_pixels, n_samples))
    values[rng.random(values.shape) < 0.05] = rng.integers(0, top)
    return values.astype(np.uint32)


def encode_samples(values, ranges=None):
    """Content and flags; `ranges` are the (first, last) that survive zero suppression."""
    n_gains, n_pixels, n_samples = values.shape
    content = eb.pack("ihh", n_pixels, n_gains, n_samples)
    pixels = range(n_pixels)
    if ranges is not None:
        pixels = [p for a, b in ranges for p in range(a, b + 1)]
        content += eb.signed(len(ranges))
        for a, b in ranges:
            content += eb.signed(-a - 1) if a == b else eb.signed(a) + eb.signed(b)
    for gain in range(n_gains):
        content += b"".join(eb.differences(values[gain, p]) for p in pixels)
    return eb.padded(content)


def encode_sums(values, mode=0, listed=None, short=(), high_only=()):
    n_gains, n_pixels = values.shape
    content = eb.pack("ih", n_pixels, n_gains)
    if mode == 0:
        return eb.padded(content + b"".join(map(eb.differences, values)))
    if mode == 1:
        for group in range(0, n_pixels, 16):
            here = [p for p in range(group, min(group + 16, n_pixels)) if p in listed]
            content += eb.pack("H", sum(1 << (p - group) for p in here))
            for gain in range(n_gains - 1, -1, -1):
                content += eb.differences(values[gain, here])
        return eb.padded(content)
    entries = [
        p | (0x4000 | 0x2000 if p in short else 0x2000 if p in high_only else 0) for p in listed
    ]
    content += eb.pack(f"h{len(entries)}H", len(entries), *entries)
    if n_gains == 2:
        both = [p for p in listed if p not in short and p not in high_only]
        content += eb.differences(values[1, both])
    content += eb.differences(values[0, [p for p in listed if p not in short]])
    return eb.padded(content + bytes(int(values[0, p]) for p in listed if p in short))


def flags(mode=0, tel_id=7, data_red=0, list_known=0):
    return mode | data_red << 5 | list_known << 10 | tel_id << 12


FLAGS = flags()


def shapes(content, kind=adc.SAMPLES, ident=FLAGS, version=3, compiled=True):
    kernel = adc.adc_shapes if compiled else adc.adc_shapes.py_func
    out = np.full((1, 5), -9, np.int64)
    one = [np.array([v]) for v in (kind, version, ident, 0, len(content))]
    kernel(np.frombuffer(content + bytes(16), np.uint8), *one, out)
    return out[0].tolist()


def decode(content, shape, *, ident=FLAGS, kind=adc.SAMPLES, compiled=True):
    """Between two intact neighbours, which must not change."""
    sums = kind == adc.SUMS
    kernel = adc.decode_sums if sums else adc.decode_samples
    good_values = waveforms(*shape, seed=5)
    good = encode_sums(good_values[..., 0]) if sums else encode_samples(good_values)
    contents = [good, content, good]
    sizes = np.array([len(c) for c in contents])
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    data = np.frombuffer(b"".join(contents) + b"\x01" * 64, np.uint8)
    out = np.zeros((3, *shape), np.uint32 if sums else np.uint16)
    read_out, status = np.zeros((3, shape[1]), bool), np.full(3, -9)
    ids = np.array([flags(), ident, flags()])
    (kernel if compiled else kernel.py_func)(data, ids, offsets, sizes, out, read_out, status)
    for k in (0, 2):
        assert status[k] == adc.OK
        np.testing.assert_array_equal(out[k], good_values.astype(out.dtype))
    return status[1], out[1], read_out[1]


@COMPILED
@GAINS
@pytest.mark.parametrize("n_samples", [1, 31, 32, 33, 100])
def test_samples_are_those_of_twin_and_eventio(compiled, n_gains, n_samples):
    values = waveforms(n_gains, 9, n_samples)
    content = encode_samples(values)
    assert shapes(content, compiled=compiled) == [n_gains, 9, n_samples, 0, adc.OK]
    status, out, read_out = decode(content, values.shape, compiled=compiled)
    assert status == adc.OK
    assert read_out.all()
    np.testing.assert_array_equal(out, values)
    np.testing.assert_array_equal(out, naive.samples(content, 0)[0])
    expected = eb.parse(ADCSamples, content, version=3, ident=flags())
    np.testing.assert_array_equal(out.reshape(expected.shape), expected)


@COMPILED
@GAINS
@pytest.mark.parametrize("ranges", [[(0, 0)], [(2, 4), (6, 6), (8, 8)], [(0, 8)], []])
def test_suppressed_samples_are_those_of_twin_and_eventio(compiled, n_gains, ranges):
    values = waveforms(n_gains, 9, 12)
    content = encode_samples(values, ranges)
    assert shapes(content, ident=flags(1), compiled=compiled) == [n_gains, 9, 12, 1, adc.OK]
    status, out, read_out = decode(content, values.shape, ident=flags(1), compiled=compiled)
    expected, listed = naive.samples(content, 1)
    assert status == adc.OK
    assert np.flatnonzero(read_out).tolist() == listed
    np.testing.assert_array_equal(out, expected)
    if ranges:
        by_eventio = eb.parse(ADCSamples, content, version=3, ident=flags(1))
        np.testing.assert_array_equal(out, by_eventio)


@COMPILED
@GAINS
def test_sums_are_those_of_twin_and_eventio(compiled, n_gains):
    values = waveforms(n_gains, 40, 1, top=1 << 30)[..., 0]
    content = encode_sums(values)
    assert shapes(content, adc.SUMS, compiled=compiled) == [n_gains, 40, 1, 0, adc.OK]
    status, out, _ = decode(content, (n_gains, 40, 1), kind=adc.SUMS, compiled=compiled)
    assert status == adc.OK
    np.testing.assert_array_equal(out[..., 0], naive.sums(content))
    expected = eb.parse(ADCSums, content, version=3, ident=flags())
    np.testing.assert_array_equal(out.reshape(np.shape(expected)), expected)


@COMPILED
@GAINS
@pytest.mark.parametrize("n_pixels", [16, 40])
def test_sums_in_groups_of_sixteen_are_those_of_eventio(compiled, n_gains, n_pixels):
    values = waveforms(n_gains, n_pixels, 1, top=1 << 20)[..., 0]
    listed = {0, 3, 14, n_pixels - 1}
    content = encode_sums(values, 1, listed)
    status, out, read_out = decode(
        content, (n_gains, n_pixels, 1), ident=flags(1), kind=adc.SUMS, compiled=compiled
    )
    assert status == adc.OK
    assert set(np.flatnonzero(read_out)) == listed
    expected = np.where(read_out, values, 0)
    np.testing.assert_array_equal(out[..., 0], expected)
    by_eventio = eb.parse(ADCSums, content, version=3, ident=flags(1))
    np.testing.assert_array_equal(out.reshape(np.shape(by_eventio)), by_eventio)


@COMPILED
@GAINS
def test_sums_of_listed_pixels_are_those_of_eventio(compiled, n_gains):
    values = waveforms(n_gains, 40, 1, top=1 << 20)[..., 0]
    listed, short, high_only = [1, 5, 6, 30, 39], {5, 39}, {6}
    values[0, list(short)] %= 256
    content = encode_sums(values, 2, listed, short, high_only)
    status, out, read_out = decode(
        content, (n_gains, 40, 1), ident=flags(2), kind=adc.SUMS, compiled=compiled
    )
    assert status == adc.OK
    assert np.flatnonzero(read_out).tolist() == listed
    expected = np.zeros_like(values)
    expected[0, listed] = values[0, listed]
    if n_gains == 2:
        expected[1, [1, 30]] = values[1, [1, 30]]
    np.testing.assert_array_equal(out[..., 0], expected)
    by_eventio = eb.parse(ADCSums, content, version=3, ident=flags(2))
    np.testing.assert_array_equal(out.reshape(np.shape(by_eventio)), by_eventio)


@COMPILED
@pytest.mark.parametrize(
    ("kind", "ident", "version"),
    [
        (adc.SAMPLES, flags(), 2),
        (adc.SAMPLES, flags(), 4),
        (adc.SAMPLES, flags(2), 3),
        (adc.SUMS, flags(3), 3),
        (adc.SAMPLES, flags(data_red=1), 3),
        (adc.SAMPLES, flags(list_known=1), 3),
    ],
)
def test_unknown_encodings_are_unsupported(compiled, kind, ident, version):
    content = encode_samples(waveforms(1, 3, 4))
    assert shapes(content, kind, ident, version, compiled)[-1] == adc.UNSUPPORTED


@COMPILED
@pytest.mark.parametrize(
    "dimensions", [(0, 1, 4), (-3, 1, 4), (3, 0, 4), (3, 3, 4), (3, 1, 0), (3, 1, -4),
                   (1 << 30, 2, 32767), (4, 1, 4)],
)  # fmt: skip
def test_dimensions_that_cannot_be_are_malformed(compiled, dimensions):
    content = eb.pack("ihh", *dimensions) + bytes(12)
    assert shapes(content, compiled=compiled)[-1] == adc.MALFORMED


@COMPILED
@pytest.mark.parametrize("n_samples", [11, 13])
def test_a_wrong_number_of_samples_is_found_by_what_is_left_over(compiled, n_samples):
    values = waveforms(1, 9, 12)
    content = bytearray(encode_samples(values))
    content[6] = n_samples
    assert decode(bytes(content), (1, 9, n_samples), compiled=compiled)[0] == adc.MALFORMED


@COMPILED
@GAINS
@pytest.mark.parametrize(("kind", "mode"), [(2013, 0), (2013, 1), (2012, 0), (2012, 1), (2012, 2)])
@given(data=st.data())
def test_damaged_content_is_decoded_within_bounds(compiled, n_gains, kind, mode, data):
    values = waveforms(n_gains, 20, 6 if kind == 2013 else 1)
    if kind == 2013:
        content = encode_samples(values, [(0, 3), (9, 9), (12, 19)] if mode else None)
        head = 8
    else:
        content, head = encode_sums(values[..., 0], mode, [0, 4, 19], {4} if mode == 2 else ()), 6
    at = data.draw(st.integers(head, len(content) - 1))
    new = data.draw(st.binary(min_size=1, max_size=4))
    broken = content[:at] + new + content[at + data.draw(st.integers(0, 4)) :]
    found = decode(broken, values.shape, ident=flags(mode), kind=kind, compiled=compiled)
    assert found[0] in (adc.OK, adc.MALFORMED)
    again = decode(broken, values.shape, ident=flags(mode), kind=kind, compiled=not compiled)
    assert found[0] == again[0]
    if found[0] == adc.OK:
        np.testing.assert_array_equal(found[1], again[1])
        np.testing.assert_array_equal(found[2], again[2])
