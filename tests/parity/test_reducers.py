"""Data-volume reducers against ctapipe's classes, on the same calibrated waveforms."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from ctabatch.config.registry import BUILT_IN
from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.stages.reducers import NullDataVolumeReducer, TailCutsDataVolumeReducer
from ctabatch.stages.waveform_images import waveform_images
from tests.parity.cameras import FILES, cameras
from tests.parity.closeness import Tolerance, assert_close

LOW = {"picture_threshold_pe": 4.0, "boundary_threshold_pe": 2.0}
OPTIONS = [
    ({}, {}),
    ({}, LOW),
    ({"n_end_dilates": 3}, LOW),
    ({"do_boundary_dilation": False, "n_end_dilates": 0}, {**LOW, "keep_isolated_pixels": True}),
    ({"image_extractor_type": "LocalPeakWindowSum"}, LOW),
    ({"image_extractor_type": "SlidingWindowMaxSum"}, LOW),
    ({"image_extractor_type": "GlobalPeakWindowSum"}, {}),
    ({"image_extractor_type": "FullWaveformSum"}, {"picture_threshold_pe": 25.0}),
]
#: Sums of samples are in single precision here and there: charges at a threshold may differ.
CHARGE = Tolerance(relative=1e-4, absolute=1e-3)
NEAR = 1e-5


@pytest.fixture(scope="module", params=FILES)
def found(request, example_files):
    waveforms = cameras(example_files[request.param], "r1", max_events=6)
    # cameras that store sums have no waveforms to reduce
    return {n: c for n, c in waveforms.items() if c.batches[0].waveform.shape[2] > 1}


def test_at_least_four_cameras_are_compared(example_files):
    names = {name for file in FILES for name, camera in
             cameras(example_files[file], "r1", max_events=6).items()
             if camera.batches[0].waveform.shape[2] > 1}  # fmt: skip
    assert len(names) >= 4


def calibration_of(batch, tel_id):
    """What extraction needs of a telescope whose waveforms are calibrated: its pulses."""
    each = np.zeros((1, 2, batch.geometry.n_pixels), np.float32)
    return CameraCalibration(
        tel_ids=np.array([tel_id]), pedestal=each, dc_to_pe=each, time_shift=each,
        n_summed=np.ones(1, np.int64), readouts=(batch.subarray.telescopes[tel_id].readout,),
        invalid_pixels=np.zeros((1, batch.geometry.n_pixels), bool),
    )  # fmt: skip


def their_reducer(name, options, cleaning, subarray):
    """ctapipe's reducer; low-gain pixels have their place among the broken ones, see below."""
    from ctapipe.image.reducer import DataVolumeReducer
    from traitlets.config import Config

    settings = {**options, "TailcutsImageCleaner": cleaning} if name.startswith("Tail") else {}
    reducer = DataVolumeReducer.from_name(name, subarray=subarray, config=Config({name: settings}))

    def for_both_gains(extractor):
        def extract(waveforms, tel_id, selected_gain_channel, broken_pixels):
            broken = np.repeat(broken_pixels, 2, axis=0)
            return extractor(waveforms, tel_id, selected_gain_channel, broken)

        return extract

    for extractor in list(getattr(reducer, "image_extractors", {})):
        reducer.image_extractors[extractor] = for_both_gains(reducer.image_extractors[extractor])
    return reducer


def events(camera):
    """Every event: batch, row, telescope."""
    for batch in camera.batches:
        for k, tel_id in enumerate(batch.tel_id.tolist()):
            yield batch, k, tel_id


@pytest.mark.parametrize(("options", "cleaning"), OPTIONS)
def test_kept_pixels_are_those_of_ctapipe(options, cleaning, found):
    name = "TailCutsDataVolumeReducer"
    ours = TailCutsDataVolumeReducer(**options, **cleaning)
    for camera in found.values():
        theirs = their_reducer(name, options, cleaning, camera.subarray)
        extractor = theirs.image_extractors[ours.image_extractor_type]
        for batch, k, tel_id in events(camera):
            waveform, gain = batch.waveform[k : k + 1], batch.selected_gain_channel[k : k + 1]
            image = waveform_images(
                waveform, gain, np.zeros(1, np.int64), calibration_of(batch, tel_id),
                camera.geometry, ours.extractor,
            )  # fmt: skip
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = extractor(
                    waveform, tel_id, gain[0], np.zeros((1, waveform.shape[1]), bool)
                ).image
                mask = theirs.select_pixels(waveform, tel_id, gain[0])
            assert_close("dl0.image", image[0], expected, CHARGE, camera.name)
            kept = ours.select_pixels(waveform, image, camera.geometry)[0]
            if not np.array_equal(kept, mask):  # only if a charge is at a threshold
                levels = [ours.picture_threshold_pe, ours.boundary_threshold_pe]
                assert min(np.abs(expected - level).min() / level for level in levels) < NEAR
                kept = ours.select_pixels(waveform, expected[np.newaxis], camera.geometry)[0]
            np.testing.assert_array_equal(kept, mask)


def test_ctapipe_stops_at_low_gain_pixels_that_are_reduced_here(found):
    """It has one channel of broken pixels, which it asks for the second."""
    from ctapipe.image.reducer import DataVolumeReducer

    for camera in found.values():
        theirs = DataVolumeReducer.from_name(
            "TailCutsDataVolumeReducer", subarray=camera.subarray
        )  # fmt: skip
        for batch, k, tel_id in events(camera):
            gain = batch.selected_gain_channel[k]
            if gain.any():
                with pytest.raises(IndexError):
                    theirs.select_pixels(batch.waveform[k : k + 1], tel_id, gain)


def test_the_null_reducer_keeps_what_ctapipe_keeps(found):
    for camera in found.values():
        theirs = their_reducer("NullDataVolumeReducer", {}, {}, camera.subarray)
        for batch, k, tel_id in events(camera):
            waveform = batch.waveform[k : k + 1]
            kept = NullDataVolumeReducer().select_pixels(waveform, None, camera.geometry)[0]
            np.testing.assert_array_equal(kept, theirs.select_pixels(waveform, tel_id))


def test_defaults_are_those_of_ctapipe():
    from ctapipe.image.reducer import DataVolumeReducer

    classes = DataVolumeReducer.non_abstract_subclasses()
    assert set(BUILT_IN["reducer"]) == set(classes)
    traits = classes["TailCutsDataVolumeReducer"].class_traits(config=True)
    for name, trait in traits.items():
        ((_, _, value),) = trait.default()
        assert value == getattr(TailCutsDataVolumeReducer(), name), name
