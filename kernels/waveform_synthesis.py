"""Waveforms from photo-electrons: pulses, noise, pedestal, gains, saturation and rounding."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .noise_traces import CHARGE_ORDER
from .random_streams import CHARGES, NOISE, next_bits, next_erlang, start_stream


@kernel
def synthesise(
    pe_offsets: np.ndarray,
    pe_pixel: np.ndarray,
    pe_time: np.ndarray,
    shower: np.ndarray,
    use: np.ndarray,
    tel: np.ndarray,
    row: np.ndarray,
    pedestal: np.ndarray,
    per_pe: np.ndarray,
    time_shift: np.ndarray,
    pulses: np.ndarray,
    first_sample: int,
    night_sky: np.ndarray,
    white: np.ndarray,
    white_width: np.ndarray,
    time_slice: float,
    highest: int,
    seed: int,
    spread_charges: bool,
    out: np.ndarray,
) -> None:
    """Make the raw waveforms of telescope events.

    Parameters
    ----------
    pe_offsets, pe_pixel, pe_time : int64 (n + 1,), int32 and float32 (n_pe,) arrays
        Photo-electrons of each telescope event, sorted by pixel; ns after the start of the readout.
    shower, use, tel : int64 arrays of shape (n,)
        Name the stream of random numbers of each telescope event.
    row : int64 array of shape (n,)
        Row of the telescope in the calibration:
    pedestal, per_pe, time_shift : float32 arrays of shape (n_telescopes, n_gains, n_pixels)
        ADC counts; ADC counts summed over a pulse per photo-electron; delay of pulses in ns.
    pulses : float32 array of shape (n_phases, length)
        Pulse of unit charge in samples, for n_phases times within a sample.
    first_sample : int
        Sample of the pulse's first value relative to the sample the photo-electron falls in.
    night_sky, white : float32 arrays of shape (power of two,)
        From `noise_traces`; empty for no noise.
    white_width : float32 array of shape (n_gains,)
        Standard deviation of electronic noise, ADC counts.
    time_slice : float
        ns per sample.
    highest : int
        Largest ADC value.
    seed : int
    spread_charges : bool
        Whether charges of single photo-electrons fluctuate.
    out : uint16 array of shape (n, n_gains, n_pixels, n_samples)
        Written.

    Notes
    -----
    Source: linear readout; both gains see the same photo-electrons and night sky, each has its own
    electronic noise.
    """
    _, n_gains, n_pixels, n_samples = out.shape
    n_phases, length = pulses.shape
    state, charges = np.empty(1, np.uint64), np.empty(1, np.uint64)
    signal = np.empty(n_samples, np.float32)
    noisy = night_sky.shape[0] > 0
    last = np.uint64(max(night_sky.shape[0] - n_samples, 1))
    low, high, half = np.float32(0.0), np.float32(highest), np.float32(0.5)
    for k in range(out.shape[0]):
        start_stream(state, seed, shower[k], use[k], tel[k], NOISE)
        # charges have their own stream, so that noise does not depend on the signal
        start_stream(charges, seed, shower[k], use[k], tel[k], CHARGES)
        r, at = row[k], pe_offsets[k]
        for p in range(n_pixels):
            signal[:] = 0.0
            while at < pe_offsets[k + 1] and pe_pixel[at] == p:
                charge = np.float32(1.0)
                if spread_charges:
                    charge = np.float32(next_erlang(charges, CHARGE_ORDER))
                t = (pe_time[at] + time_shift[r, 0, p]) / time_slice
                at += 1
                if not -1e6 < t < 1e6:
                    continue
                whole = math.floor(t)
                phase = min(int((t - whole) * n_phases), n_phases - 1)
                begin = int(whole) + first_sample
                for i in range(max(0, -begin), min(length, n_samples - begin)):
                    signal[begin + i] += charge * pulses[phase, i]
            if not noisy:
                for gain in range(n_gains):
                    base, factor = pedestal[r, gain, p] + half, per_pe[r, gain, p]
                    line = out[k, gain, p]
                    for s in range(n_samples):
                        value = base + factor * signal[s]
                        line[s] = np.uint16(min(max(value, low), high))
                continue
            sky = night_sky[int(next_bits(state) % last) :][:n_samples]
            for s in range(n_samples):
                signal[s] += sky[s]
            for gain in range(n_gains):
                electronics = white[int(next_bits(state) % last) :][:n_samples]
                base, factor = pedestal[r, gain, p] + half, per_pe[r, gain, p]
                width = white_width[gain]
                line = out[k, gain, p]
                for s in range(n_samples):
                    value = base + factor * signal[s] + width * electronics[s]
                    line[s] = np.uint16(min(max(value, low), high))
