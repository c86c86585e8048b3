"""Run configuration, shower distribution and the tables of the array."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.parity.closeness import EXACT, Tolerance, assert_close, plain
from tests.parity.conftest import Pair

SINGLE = Tolerance(relative=1e-6)
LAYOUT = "/configuration/instrument/subarray/layout"
INSTRUMENT = "/configuration/instrument/telescope"


def test_simulation_configuration_agrees_with_the_header_in_force(pair: Pair) -> None:
    theirs = pair.theirs.table("/configuration/simulation/run")
    ours = pair.ours.table("run")
    last = ours["is_last_header"]
    assert len(theirs) == last.sum() == 1
    for column in theirs.colnames:
        assert_close(f"run.{column}", ours[column][last], theirs[column], SINGLE, pair.name)


def test_start_and_pointing_of_the_run_agree(pair: Pair) -> None:
    theirs = pair.theirs.table("/configuration/observation/observation_block")
    ours = pair.ours.table("run")
    last = ours["is_last_header"]
    for column in ("subarray_pointing_lat", "subarray_pointing_lon"):
        assert_close(
            f"run.{column}", ours[column][last], theirs[column], Tolerance(absolute=1e-4), pair.name
        )
    # whole seconds in the file, which ctapipe takes through a day count in double precision
    reference = plain(theirs, "actual_start_time")
    tolerance = Tolerance(absolute=1000)  # ns
    assert_close("run.start_time", ours["start_time"][last], reference, tolerance, pair.name)


def test_distribution_of_simulated_showers_agrees(pair: Pair) -> None:
    theirs = pair.theirs.table("/simulation/service/shower_distribution")
    folder = pair.ours.root / "shower_distribution"
    assert folder.is_dir() == (len(theirs) > 0)
    if not len(theirs):
        return
    ours = pair.ours.table("shower_distribution")
    assert len(theirs) == len(ours["obs_id"]) == 1
    for column in theirs.colnames:
        content = ours[column]
        if content.dtype == object:
            content = np.array([np.stack(row) if row.dtype == object else row for row in content])
        assert_close(f"shower_distribution.{column}", content, theirs[column], SINGLE, pair.name)


def test_telescopes_agree(pair: Pair) -> None:
    theirs, ours = pair.theirs.table(LAYOUT), pair.ours.table("subarray/telescopes")
    for column in theirs.colnames:
        if column in ("camera_index", "optics_index"):
            continue  # names of rows in other tables, which are compared below
        assert_close(
            f"telescopes.{column}", ours[column], plain(theirs, column), EXACT, pair.name,
            theirs["tel_id"].tolist(),
        )  # fmt: skip


def test_optics_of_every_telescope_agree(pair: Pair) -> None:
    layout, telescopes = pair.theirs.table(LAYOUT), pair.ours.table("subarray/telescopes")
    theirs = pair.theirs.table(f"{INSTRUMENT}/optics")[np.asarray(layout["optics_index"])]
    optics = pair.ours.table("subarray/optics")
    order = index_of(optics["optics_index"], telescopes["optics_index"])
    for column in theirs.colnames:
        ours = optics[column][order]
        if column == "effective_focal_length":
            ours = np.ma.filled(ours.astype(float), np.nan)  # null is NaN in ctapipe
        assert_close(
            f"optics.{column}", ours, plain(theirs, column), EXACT, pair.name,
            layout["tel_id"].tolist(),
        )  # fmt: skip


def test_cameras_of_every_telescope_agree(pair: Pair) -> None:
    layout, telescopes = pair.theirs.table(LAYOUT), pair.ours.table("subarray/telescopes")
    geometries = pair.theirs.group(f"{INSTRUMENT}/camera/geometry_")
    readouts = pair.theirs.group(f"{INSTRUMENT}/camera/readout_")
    cameras, pixels = pair.ours.table("subarray/cameras"), pair.ours.table("subarray/pixels")
    readout = pair.ours.table("subarray/readout")
    compared = set()
    theirs_of, ours_of = layout["camera_index"].tolist(), telescopes["camera_index"].tolist()
    for theirs, ours in zip(theirs_of, ours_of, strict=True):
        if (theirs, ours) in compared:
            continue
        compared.add((theirs, ours))
        table = geometries[theirs]
        own = pixels["camera_index"] == ours
        for column in table.colnames:
            assert_close(f"pixels.{column}", pixels[column][own], table[column], SINGLE, pair.name)
        [row] = np.flatnonzero(cameras["camera_index"] == ours)
        meta = table.meta
        assert cameras["camera_name"][row] == meta["CAM_ID"]
        assert cameras["n_pixels"][row] == len(table)
        assert cameras["pix_type"][row] == meta["PIX_TYPE"]
        assert_close(
            "cameras.pix_rotation", cameras["pix_rotation"][[row]], [meta["PIX_ROT"]],
            Tolerance(absolute=1e-4), pair.name,
        )  # fmt: skip
        [row] = np.flatnonzero(readout["camera_index"] == ours)
        assert_same_readout(pair, {c: v[row] for c, v in readout.items()}, readouts[theirs])
    assert compared


def assert_same_readout(pair: Pair, ours: dict[str, Any], theirs: Any) -> None:
    for column, word in {
        "camera_name": "CAM_ID", "n_channels": "NCHAN", "n_pixels": "NPIXELS",
        "n_samples": "NSAMPLES", "sampling_rate": "SAMPFREQ",
        "reference_pulse_sample_width": "REFWIDTH",
    }.items():  # fmt: skip
        assert ours[column] == theirs.meta[word], (pair.name, column)
    for column in theirs.colnames:
        assert_close(f"readout.{column}", ours[column], theirs[column], SINGLE, pair.name)


def index_of(names: Any, wanted: Any) -> Any:
    """Row of each wanted name."""
    rows = {name: k for k, name in enumerate(names.tolist())}
    return np.array([rows[name] for name in wanted.tolist()])
