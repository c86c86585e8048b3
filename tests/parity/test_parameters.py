"""Image parameters, of the reconstructed and of the true images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.parity.closeness import EXACT, Tolerance, assert_close
from tests.parity.conftest import Pair
from tests.parity.our_tables import Columns

PARAMETERS = "/dl1/event/telescope/parameters"
TRUE_PARAMETERS = "/simulation/event/telescope/parameters"
TRUE_IMPACT = "/simulation/event/telescope/impact"

RATIO = Tolerance(relative=1e-4, absolute=1e-9)
POSITION = Tolerance(absolute=1e-4)  # deg
AXIS = Tolerance(absolute=1e-4, period=180)  # deg, without head and tail
ANGLE = Tolerance(absolute=1e-4, period=360)  # deg
#: ctapipe computes these moments in single precision.
MOMENT = Tolerance(relative=1e-3, absolute=1e-3)
#: Part of an image that the line fit of ctapipe is asked to describe.
TRIM = 0.85


def tolerance(column: str) -> Tolerance:
    """What is asked of a column."""
    column = column.removeprefix("true_")
    if column in ("hillas_psi", "core_psi"):
        return AXIS
    if column == "hillas_phi":
        return ANGLE
    if column in ("hillas_fov_lon", "hillas_fov_lat", "hillas_r"):
        return POSITION
    if column.startswith("morphology") or column in ("obs_id", "event_id", "tel_id"):
        return EXACT
    if column.startswith(("intensity_", "peak_time_")) and column.endswith(
        ("skewness", "kurtosis")
    ):
        return MOMENT
    return RATIO


def test_parameters_agree(pair: Pair) -> None:
    for _, ours, theirs, keys in pair.telescopes(PARAMETERS, "dl1/parameters"):
        for column in theirs.colnames:
            if column.startswith("timing_"):
                continue
            mine, reference = ours[column], np.asarray(theirs[column])
            if column == "core_psi":  # ours is there for every image, see test_deviations
                given = np.isfinite(reference)
                assert np.isfinite(mine[given]).all()
                mine = np.where(given, mine, np.nan)
            assert_close(
                f"parameters.{column}", mine, reference, tolerance(column), pair.name, keys
            )


def test_parameters_of_true_images_agree(pair: Pair) -> None:
    n = 0
    for _, ours, theirs, keys in pair.telescopes(TRUE_PARAMETERS, "dl1/parameters"):
        for column in theirs.colnames:
            present = ~np.ma.getmaskarray(ours[column])
            reference = theirs[column][present]
            n += len(reference)
            assert_close(
                f"parameters.{column}", np.ma.getdata(ours[column])[present], reference,
                tolerance(column), pair.name, [k for k, p in zip(keys, present, strict=True) if p],
            )  # fmt: skip
            # null stands for ctapipe's parameters of an image of only -1
            absent = np.asarray(theirs[column][~present], float)
            assert (np.isnan(absent) | (absent == -1)).all(), (pair.name, column)
    if pair.theirs.telescopes(TRUE_PARAMETERS) and pair.name in ("sst1m", "prod6", "astri"):
        assert n


def test_distances_from_the_simulated_axis_agree(pair: Pair) -> None:
    """ctapipe has them for every telescope that triggered, we for those with data."""
    for tel_id, theirs in pair.theirs.telescopes(TRUE_IMPACT).items():
        ours = pair.ours.telescope("dl1/parameters", tel_id)
        if not ours:
            continue
        keep = np.isin(ours["event_id"], pair.common_events)
        rows = {int(event): k for k, event in enumerate(theirs["event_id"])}
        events = ours["event_id"][keep].tolist()
        reference = theirs[[rows[event] for event in events]]
        for column in ("true_impact_distance", "true_impact_distance_uncert"):
            mine = np.ma.filled(ours[column][keep].astype(float), np.nan)
            assert_close(
                f"parameters.{column}", mine, reference[column], RATIO, pair.name,
                [(event, tel_id) for event in events],
            )  # fmt: skip


def test_every_image_without_parameters_has_nan_and_minus_one(pair: Pair) -> None:
    for _, ours, theirs, _ in pair.telescopes(PARAMETERS, "dl1/parameters"):
        empty = np.isnan(np.asarray(theirs["hillas_intensity"]))
        for column in theirs.colnames[3:]:
            missing = -1 if column.startswith("morphology") else np.nan
            np.testing.assert_array_equal(ours[column][empty].astype(float), missing)


def test_time_gradients_fit_at_least_as_well_as_those_of_ctapipe(pair: Pair) -> None:
    """Our line leaves at most 1 % more than ctapipe's, and each deviation belongs to its line."""
    from tests.parity.closeness import WORST, Worst

    worst = WORST.setdefault("parameters.timing: RSS / ctapipe - 1", Worst("at most 0.01"))
    images = {
        tel_id: (columns, table)
        for tel_id, columns, table, _ in pair.telescopes(
            "/dl1/event/telescope/images", "dl1/images"
        )
    }
    for tel_id, ours, theirs, keys in pair.telescopes(PARAMETERS, "dl1/parameters"):
        lon, lat = pixel_positions(pair, tel_id)
        for column in ("timing_slope", "timing_intercept", "timing_deviation"):
            np.testing.assert_array_equal(np.isnan(ours[column]), np.isnan(theirs[column]))
        for k in np.flatnonzero(np.isfinite(ours["timing_slope"])):
            mask = images[tel_id][0]["image_mask"][k]
            time = images[tel_id][0]["peak_time"][k][mask].astype(float)
            mine = residuals(ours, k, lon[mask], lat[mask], time)
            reference = residuals(theirs, k, lon[mask], lat[mask], time)
            for source, left in ((ours, mine), (theirs, reference)):
                rms = np.sqrt(np.mean(left**2))
                assert source["timing_deviation"][k] == pytest.approx(rms, rel=1e-4, abs=1e-9)
            kept = int(TRIM * mask.sum())
            rss, expected = (np.sort(r**2)[:kept].sum() for r in (mine, reference))
            worst.n += 1
            excess = rss / expected - 1 if expected > 1e-9 else 0.0
            if worst.n == 1 or excess > worst.relative:
                worst.relative, worst.place = excess, f"{pair.name} {keys[k]}"
            worst.n_identical += abs(excess) < 1e-9
            assert rss <= 1.01 * expected + 1e-9, (pair.name, keys[k], rss, expected)


def residuals(source: Any, k: int, lon: Any, lat: Any, time: Any) -> Any:
    """What is left of the peak times after the line of row `k`, ns."""
    psi = np.radians(source["hillas_psi"][k])
    along = (lon - source["hillas_fov_lon"][k]) * np.cos(psi)
    along += (lat - source["hillas_fov_lat"][k]) * np.sin(psi)
    return time - source["timing_slope"][k] * along - source["timing_intercept"][k]


def pixel_positions(pair: Pair, tel_id: int) -> tuple[Any, Any]:
    """Longitude and latitude of the pixels of a telescope, deg; from our subarray tables."""
    telescopes: Columns = pair.ours.table("subarray/telescopes")
    [row] = np.flatnonzero(telescopes["tel_id"] == tel_id)
    pixels = pair.ours.table("subarray/pixels")
    own = pixels["camera_index"] == telescopes["camera_index"][row]
    return pixels["fov_lon"][own], pixels["fov_lat"][own]
