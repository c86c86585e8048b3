"""Telescope data of some array events, encoded: raw data and true photo-electrons in buffers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctabatch.kernels import adc_encode, photoelectron_encode

from .content import TelescopeData

ADC_SUMS, ADC_SAMPLES = 2012, 2013
#: Pixel numbers of true photo-electrons have 16 bits up to version 2.
MOST_PIXELS_V2 = 1 << 15


@dataclass(eq=False)
class EncodedTelescope:
    """One telescope event, ready to be framed.

    Attributes
    ----------
    tel_id : int
    trigger_time : float, ns
        After the central trigger time.
    adc_type, adc_mode : int
        Object type of the raw data and their zero suppression mode.
    adc : memoryview
    photoelectrons : memoryview
    photoelectron_version : int
    """

    tel_id: int
    trigger_time: float
    adc_type: int
    adc_mode: int
    adc: memoryview
    photoelectrons: memoryview
    photoelectron_version: int


class RawDataEncoder:
    """Encodes telescope events; its work space grows to the largest request and is used again.

    Parameters
    ----------
    zero_suppression : bool
        Write only the samples of pixels that were read out, where that is known.
    """

    def __init__(self, zero_suppression: bool) -> None:
        self.zero_suppression = zero_suppression
        self._space: dict[tuple[str, int], NDArray[np.uint8]] = {}

    def encode(
        self, kind: int, data: TelescopeData, rows: NDArray[np.int64]
    ) -> list[EncodedTelescope]:
        """Encode some rows of a batch.

        Parameters
        ----------
        kind : int
            Number of `data` among the batches; what this call returns is valid until the next call
            with the same number.
        data : TelescopeData
        rows : (n,) int64
        """
        adc_type, mode, adc, adc_offsets = self._adc(kind, data, rows)
        version, images, image_offsets = self._images(kind, data, rows)
        return [
            EncodedTelescope(
                tel_id, time, adc_type, mode,
                adc[adc_offsets[k] : adc_offsets[k + 1]],
                images[image_offsets[k] : image_offsets[k + 1]],
                version,
            )
            for k, (tel_id, time) in enumerate(
                zip(data.tel_id[rows].tolist(), data.trigger_time[rows].tolist(), strict=True)
            )
        ]  # fmt: skip

    def _adc(
        self, kind: int, data: TelescopeData, rows: NDArray[np.int64]
    ) -> tuple[int, int, memoryview, list[int]]:
        shape = data.waveform.shape[1:]
        offsets = np.empty(len(rows) + 1, np.int64)
        if data.waveform.dtype == np.uint32:
            out = self._room("adc", kind, len(rows) * adc_encode.sums_bound(*shape[:2]))
            adc_encode.encode_sums(data.waveform, rows, out, offsets)
            return ADC_SUMS, 0, out.data, offsets.tolist()
        out = self._room("adc", kind, len(rows) * adc_encode.samples_bound(*shape))
        suppress = self.zero_suppression and data.read_out is not None
        read_out = data.read_out if suppress else None
        if read_out is None:
            read_out = np.empty((0, shape[1]), np.bool_)
        adc_encode.encode_samples(data.waveform, rows, read_out, suppress, out, offsets)
        return ADC_SAMPLES, int(suppress), out.data, offsets.tolist()

    def _images(
        self, kind: int, data: TelescopeData, rows: NDArray[np.int64]
    ) -> tuple[int, memoryview, list[int]]:
        n_pixels = data.waveform.shape[2]
        version = 2 if n_pixels <= MOST_PIXELS_V2 else 3
        n_pe = int((data.pe_offsets[rows + 1] - data.pe_offsets[rows]).sum())
        bound = photoelectron_encode.photoelectrons_bound(len(rows), n_pe)
        out, offsets = self._room("images", kind, bound), np.empty(len(rows) + 1, np.int64)
        photoelectron_encode.encode_photoelectrons(
            data.pe_pixel, data.pe_time, data.pe_offsets, rows, n_pixels, version, out, offsets
        )
        return version, out.data, offsets.tolist()

    def _room(self, name: str, kind: int, size: int) -> NDArray[np.uint8]:
        space = self._space.get((name, kind))
        if space is None or len(space) < size:
            space = self._space[name, kind] = np.empty(size, np.uint8)
        return space
