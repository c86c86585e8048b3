"""Charge and time of a pulse in a window around the peak of the neighbouring pixels.

The peak is the first maximum of the summed waveforms of the neighbours; the window starts `shift`
samples before it and is clipped to the readout. The charge is the sum over the window times the
correction for the pulse outside of it, the time is the mean sample weighted with the positive
samples of the window. Same definition as ctapipe's NeighborPeakWindowSum with local_weight 0.
"""

from __future__ import annotations

import numpy as np

from .calibration import calibrate_event, select_gain
from .charge_lanes import block_charges
from .jit import kernel
from .maxima_lanes import first_maxima
from .peak_lanes import LANES


@kernel
def neighbor_peaks(
    r1: np.ndarray, n_samples: int, neighbor_table: np.ndarray, peak: np.ndarray
) -> None:
    """Peak sample of the neighbours of every pixel of one event.

    Parameters
    ----------
    r1 : float32 (n_pixels + 1, stride)
        Photo-electrons per sample, rows padded to a multiple of `peak_lanes.LANES`; the last row
        is zero.
    n_samples : int
    neighbor_table : uint32 (n_pixels, 6)
        Neighbours of each pixel, padded with n_pixels.
    peak : int64 (n_pixels,)
        Written; 0 for pixels without neighbours.
    """
    first_maxima(r1.reshape(-1), r1.shape[1], neighbor_table.reshape(-1), n_samples, peak)


@kernel
def window_charge(
    r1: np.ndarray,
    n_samples: int,
    peak: np.ndarray,
    gain: np.ndarray,
    correction: np.ndarray,
    time_shift: np.ndarray,
    sampling_rate: float,
    width: int,
    shift: int,
    image: np.ndarray,
    peak_time: np.ndarray,
) -> None:
    """Charge and peak time of every pixel of one event.

    Parameters
    ----------
    r1 : float32 (m, stride), m > n_pixels and stride >= n_samples
        The row behind the last pixel is read and does not count.
    n_samples : int
    peak : int64 (n_pixels,)
    gain : int8 (n_pixels,)
    correction : float64 (n_gains,)
    time_shift : float32 (n_gains, n_pixels), ns
        Subtracted from the time.
    sampling_rate : float, GHz
    width, shift : int
        Window in samples: from ``peak - shift``, `width` long.
    image : float32 (n_pixels,)
        Written, photo-electrons.
    peak_time : float32 (n_pixels,)
        Written, ns; the peak itself where no sample of the window is positive.
    """
    block_charges(
        r1.reshape(-1), r1.shape[1], n_samples, peak, gain, correction, time_shift, sampling_rate,
        width, shift, 0.0, image, peak_time,
    )  # fmt: skip


@kernel
def replace_invalid(
    invalid: np.ndarray, indptr: np.ndarray, indices: np.ndarray, values: np.ndarray
) -> None:
    """Replace the values of invalid pixels of one event by the mean of their valid neighbours.

    Parameters
    ----------
    invalid : bool (n_pixels,)
    indptr, indices : int32
        Neighbours as compressed rows.
    values : float32 (n_pixels,)
        Changed; 0 where no neighbour is valid.
    """
    for p in range(invalid.shape[0]):
        if not invalid[p]:
            continue
        total = np.float32(0)
        n_valid = 0
        for j in range(indptr[p], indptr[p + 1]):
            if not invalid[indices[j]]:
                total += values[indices[j]]
                n_valid += 1
        values[p] = total / np.float32(n_valid) if n_valid else np.float32(0)


@kernel
def calibrated_event(
    waveform: np.ndarray,
    read_out: np.ndarray,
    event: int,
    pedestal: np.ndarray,
    factor: np.ndarray,
    invalid: np.ndarray,
    threshold: int,
    gain: np.ndarray,
    r1: np.ndarray,
) -> None:
    """Calibrate one event; invalid pixels and those without data become zero.

    Parameters
    ----------
    waveform : uint16 (n_gains, n_pixels, n_samples), ADC counts
    read_out : bool (n_events, n_pixels)
        Pixels with data; with 0 rows all have.
    event : int
        Row in `read_out`.
    pedestal, factor : float32 (n_gains, n_pixels)
    invalid : bool (n_pixels,)
    threshold : int
    gain : int8 (n_pixels,)
        Written.
    r1 : float32 (m, stride), m >= n_pixels
        Written, photo-electrons per sample.
    """
    select_gain(waveform, threshold, gain)
    calibrate_event(waveform, pedestal, factor, gain, r1)
    for p in range(gain.shape[0]):
        if invalid[p] or (read_out.shape[0] and not read_out[event, p]):
            r1[p, :] = 0.0


@kernel
def settle_event(
    read_out: np.ndarray,
    event: int,
    invalid: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    image: np.ndarray,
    peak_time: np.ndarray,
) -> None:
    """Set pixels without data to zero and replace invalid ones.

    Parameters
    ----------
    read_out : bool (n_events, n_pixels)
        Pixels with data; with 0 rows all have.
    event : int
        Row in `read_out`.
    invalid : bool (n_pixels,)
    indptr, indices : int32
    image, peak_time : float32 (n_pixels,)
        Changed.
    """
    any_invalid = False
    for p in range(image.shape[0]):
        any_invalid |= invalid[p]
        if read_out.shape[0] and not read_out[event, p]:
            image[p] = peak_time[p] = 0.0
    if any_invalid:
        replace_invalid(invalid, indptr, indices, image)
        replace_invalid(invalid, indptr, indices, peak_time)


@kernel
def neighbor_peak_charges(
    waveform: np.ndarray,
    rows: np.ndarray,
    read_out: np.ndarray,
    pedestal: np.ndarray,
    factor: np.ndarray,
    time_shift: np.ndarray,
    correction: np.ndarray,
    sampling_rate: np.ndarray,
    invalid: np.ndarray,
    neighbor_table: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    threshold: int,
    width: int,
    shift: int,
    gain: np.ndarray,
    image: np.ndarray,
    peak_time: np.ndarray,
) -> None:
    """From raw waveforms to images: gain, calibration, charge, time and invalid pixels.

    Parameters
    ----------
    waveform : uint16 (n_events, n_gains, n_pixels, n_samples), ADC counts
    rows : int64 (n_events,)
        Row of each event's telescope in the calibration arrays.
    read_out : bool (n_events, n_pixels)
        Pixels with data; with 0 rows all have. Others get charge and time 0.
    pedestal, factor, time_shift : float32 (n_telescopes, n_gains, n_pixels)
    correction : float64 (n_telescopes, n_gains)
    sampling_rate : float64 (n_telescopes,), GHz
    invalid : bool (n_telescopes, n_pixels)
    neighbor_table : uint32 (n_pixels, 6)
    indptr, indices : int32
    threshold, width, shift : int
    gain : int8 (n_events, n_pixels)
    image, peak_time : float32 (n_events, n_pixels)
        Written, photo-electrons and ns.
    """
    n_pixels, n_samples = waveform.shape[2], waveform.shape[3]
    # One event's samples at a time: this scratch stays in the second-level cache.
    stride = (n_samples + LANES - 1) // LANES * LANES
    r1 = np.zeros((n_pixels + 1, stride), np.float32)
    peak = np.empty(n_pixels, np.int64)
    for k in range(rows.shape[0]):
        row = rows[k]
        calibrated_event(
            waveform[k], read_out, k, pedestal[row], factor[row], invalid[row], threshold, gain[k],
            r1,
        )  # fmt: skip
        neighbor_peaks(r1, n_samples, neighbor_table, peak)
        window_charge(
            r1, n_samples, peak, gain[k], correction[row], time_shift[row], sampling_rate[row],
            width, shift, image[k], peak_time[k],
        )  # fmt: skip
        settle_event(read_out, k, invalid[row], indptr, indices, image[k], peak_time[k])
