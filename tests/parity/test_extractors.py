"""Every extractor against ctapipe's class of the same name, on raw events of several cameras."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import ctabatch
from ctabatch.config import ProcessConfig
from tests.parity.closeness import Tolerance, assert_close

CHARGE = Tolerance(relative=1e-4, absolute=1e-3)
#: SST-1M; LST and NectarCam, two gains; FlashCam, LST; SCT, CHEC, NectarCam, LST, one gain.
FILES = ("sst1m", "prod6", "gamma-test-large", "gamma-test")
#: Extractors with options that are not the defaults of both.
EXTRACTORS = [
    ("NeighborPeakWindowSum", {}),
    ("LocalPeakWindowSum", {}),
    ("GlobalPeakWindowSum", {}),
    ("GlobalPeakWindowSum", {"pixel_fraction": 0.1}),
    ("GlobalPeakWindowSum", {"pixel_fraction": 0.003}),
    ("FixedWindowSum", {"peak_index": 12, "window_width": 9}),
    ("SlidingWindowMaxSum", {}),
    ("FullWaveformSum", {}),
]


def their_images(path, extractor, options):
    """(event_id, tel_id) -> image, peak time."""
    from ctapipe.calib import CameraCalibrator
    from ctapipe.io import EventSource
    from traitlets.config import Config

    config = Config({extractor: options})
    found = {}
    with EventSource(path, focal_length_choice="EQUIVALENT", max_events=12) as source:
        calibrator = CameraCalibrator(
            subarray=source.subarray, image_extractor_type=extractor, config=config
        )
        for event in source:
            calibrator(event)
            for tel_id, dl1 in event.dl1.tel.items():
                if dl1.image is not None:
                    key = event.index.event_id, tel_id
                    found[key] = np.array(dl1.image), np.array(dl1.peak_time)
    return found


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("extractor", "options"), EXTRACTORS, ids=str)
def test_images_agree(extractor, options, name, example_files):
    path = example_files[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = their_images(path, extractor, options)
    config = ProcessConfig(extraction={"extractor": extractor, **options})
    compared = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the focal length, which does not matter here
        with ctabatch.open(path, max_events=12) as source:
            for batch in source.batches("images", options=config.dl1_options()):
                keys = list(zip(batch.event_id.tolist(), batch.tel_id.tolist(), strict=True))
                known = [k for k, key in enumerate(keys) if key in theirs]
                for i, column in enumerate(("image", "peak_time")):
                    ours = getattr(batch, column)[known]
                    expected = np.array([theirs[keys[k]][i] for k in known])
                    if len(known):
                        assert_close(f"{extractor}.{column}", ours, expected, CHARGE, name)
                compared += len(known)
    assert compared == len(theirs) > 0
