"""Selected gains, calibrated waveforms, images, peak times, cleaning masks and true images."""

from __future__ import annotations

import numpy as np

from tests.parity.closeness import EXACT, Tolerance, assert_close
from tests.parity.conftest import Pair

CHARGE = Tolerance(relative=1e-4, absolute=1e-3)
THRESHOLDS = (5.0, 10.0)  # p.e., of the cleaning


def test_selected_gains_and_calibrated_waveforms_agree(pair: Pair) -> None:
    for tel_id, ours, theirs, keys in pair.telescopes("/r1/event/telescope", "r1"):
        gain, waveform = theirs["selected_gain_channel"], theirs["waveform"]
        assert waveform.ndim == 3 + 1, (pair.name, tel_id)
        assert_close(
            "r1.selected_gain_channel", ours["selected_gain_channel"], gain, EXACT, pair.name, keys
        )
        images = pair.ours.telescope("dl1/images", tel_id)
        keep = np.isin(images["event_id"], pair.common_events)
        np.testing.assert_array_equal(images["selected_gain_channel"][keep], gain)
        assert_close(
            "r1.waveform", ours["waveform"], np.asarray(waveform)[:, 0], CHARGE, pair.name, keys
        )


def test_images_and_peak_times_agree_in_every_pixel(pair: Pair) -> None:
    n = 0
    for _, ours, theirs, keys in pair.telescopes("/dl1/event/telescope/images", "dl1/images"):
        for column in ("image", "peak_time"):
            assert_close(f"images.{column}", ours[column], theirs[column], CHARGE, pair.name, keys)
        assert_close("images.is_valid", ours["is_valid"], theirs["is_valid"], EXACT, pair.name)
        n += len(theirs)
    rows = pair.ours.table("trigger")
    assert n or not len(pair.common_events)
    assert len(rows["event_id"]) >= len(pair.common_events)


def test_every_telescope_event_of_ours_is_one_of_ctapipe(pair: Pair) -> None:
    theirs = pair.theirs.telescopes("/dl1/event/telescope/images")
    expected = {(int(e), t) for t, table in theirs.items() for e in table["event_id"]}
    for name in ("dl1/images", "dl1/parameters", "r1", "pointing"):
        found = set()
        for columns in pair.ours._read(name):
            pairs = zip(columns["event_id"].tolist(), columns["tel_id"].tolist(), strict=True)
            found |= {key for key in pairs if key[0] in pair.common_events}
        assert found == expected, (pair.name, name)


def test_cleaning_masks_are_the_same_away_from_the_thresholds(pair: Pair) -> None:
    for _, ours, theirs, keys in pair.telescopes("/dl1/event/telescope/images", "dl1/images"):
        image = np.asarray(theirs["image"], float)
        near = np.any([np.abs(image - level) < 1e-5 * level for level in THRESHOLDS], axis=0)
        mask = np.where(near, theirs["image_mask"], ours["image_mask"])
        assert_close("images.image_mask", mask, theirs["image_mask"], EXACT, pair.name, keys)


def test_true_images_agree(pair: Pair) -> None:
    """ctapipe's image of only -1 is null in ours."""
    folder = "/simulation/event/telescope/images"
    for _, ours, theirs, keys in pair.telescopes(folder, "dl1/images"):
        if "true_image" in theirs.colnames:
            mine = np.ma.filled(ours["true_image"], -1)
            assert_close("images.true_image", mine, theirs["true_image"], EXACT, pair.name, keys)
        else:
            assert np.ma.getmaskarray(ours["true_image"]).all()
        mine = np.ma.filled(ours["true_image_sum"], -1)
        assert_close(
            "images.true_image_sum", mine, theirs["true_image_sum"], EXACT, pair.name, keys
        )
