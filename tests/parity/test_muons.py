"""Muon rings and optical efficiency against ctapipe's MuonProcessor on the same images.

ctapipe's Taubin fit stops when its function is within 2e-4 of the minimum, which leaves rings a few
thousandths of a degree off it. It is compared as it is, and carried to the end: then both agree.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from ctapipe.image.muon import intensity_fitter
from ctapipe.image.muon.fitting import (
    kundu_chaudhuri_circle_fit,
    make_loss_function,
    taubin_circle_fit,
)
from ctapipe.instrument.camera import PixelShape

from ctabatch.kernels.muon_rings import fit_rings
from ctabatch.schemas.column import unit_of
from ctabatch.schemas.muon import MUON
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.files import simulate_file
from ctabatch.simulate.options import SimulationOptions
from ctabatch.stages.muon import FIT_METHODS
from tests.naive import muons as naive
from tests.parity import ctapipe_oracle
from tests.parity.closeness import EXACT, Tolerance, assert_close
from tests.parity.muon_oracle import MIN_PIXELS, Muons, patient_circle_fits, their_muons

#: lst-muons: three muons in an LST; simulated ones in LSTs and MSTs.
FILES = ("lst-muons", "simulated-lst", "simulated-mst")
DEFAULT = "kundu_chaudhuri_taubin"
RING = [name for name in MUON.names if name.startswith("muonring_")]
PARAMETERS = [name for name in MUON.names if name.startswith("muonparameters_")]
CIRCLE = ["muonring_center_fov_lon", "muonring_center_fov_lat", "muonring_radius"]

#: Rounding, and the last step of a minimiser in a parabola. The closed form divides by a sum of
#: charges in single precision, which negative ones make small.
ANGLE = {
    DEFAULT: Tolerance(absolute=1e-6),
    "kundu_chaudhuri": Tolerance(absolute=1e-4),
    "taubin": Tolerance(absolute=1e-6),
}
#: The centre may be as near as 0.01 deg to that of the field.
POLAR_ANGLE = Tolerance(absolute=1e-2, period=360)
#: Both come from second derivatives, ctapipe's from differences.
UNCERTAINTY = Tolerance(relative=0.05)
#: Charges are summed in single precision there.
CHARGE = Tolerance(relative=1e-4, absolute=1e-3)
#: Moments over all pixels, in which noise of both signs cancels.
MOMENT = Tolerance(relative=1e-2, absolute=1e-2)
#: One sector of thirty may hold just the threshold, one pixel just touch a band.
RATIO = Tolerance(relative=1e-3)


def tolerance(column: str, method: str) -> Tolerance:
    """What is asked of a column of rings and parameters."""
    if column.endswith("_err"):
        return Tolerance(relative=1e-4) if method == "kundu_chaudhuri" else UNCERTAINTY
    if column == "muonring_center_phi":
        return POLAR_ANGLE
    if column in RING:
        return ANGLE[method]
    if column == "muonparameters_n_pixels_in_ring":
        return EXACT
    if column.endswith(("skewness", "kurtosis", "radial_std_dev")):
        return MOMENT
    if column.endswith(("intensity", "outside_ring")):
        return CHARGE
    return RATIO


@pytest.fixture(scope="module")
def muons(
    example_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str, bool], list[Muons]]:
    """ctapipe's results by file, fit method, and whether circle fits are carried to the end."""
    folder = tmp_path_factory.mktemp("muons")

    @cache
    def path(name: str) -> Path:
        if name in example_files:
            return example_files[name]
        array = {"simulated-lst": "lst1", "simulated-mst": "mst1"}[name]
        simulate_file(
            SimulationOptions(primary="muon", n_showers=40, array=load_array(array), seed=21),
            folder / f"{name}.simtel.zst",
        )
        return folder / f"{name}.simtel.zst"

    @cache
    def run(name: str, method: str, to_the_end: bool) -> list[Muons]:
        if not to_the_end:
            return their_muons(path(name), method)
        with patient_circle_fits():
            return their_muons(path(name), method)

    return run


def believed(group: Muons, ours: dict[str, np.ndarray]) -> np.ndarray:
    """Rows in which both programs have a ring in the same place, or none.

    Where negative charges outweigh others the function that is minimised has a pole, and ctapipe's
    minimiser may end on its other side, often at a limit. Circles of more than 2 deg are no rings
    (muons have at most 1.4 deg in air) but arcs of ten pixels, too short to determine them.
    """
    mine, theirs = ours[CIRCLE[2]], group.theirs[CIRCLE[2]]
    no_ring = np.isnan(mine) & np.isnan(theirs)
    return no_ring | ((np.abs(mine - theirs) < 0.5) & (theirs < 2))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("method", list(FIT_METHODS))
def test_rings_agree_with_fits_that_are_carried_to_the_end(name, method, muons):
    n_rings = n_left = 0
    for group in muons(name, method, True):
        ours = group.ours(method)
        rows = believed(group, ours)
        n_rings += np.isfinite(group.theirs[CIRCLE[2]]).sum()
        n_left += (~rows).sum()
        for column in RING + PARAMETERS:
            mine, reference = ours[column][rows], group.theirs[column][rows]
            assert_close(
                f"muons.{method}.{column}", mine, reference,
                tolerance(column, method), name,
            )  # fmt: skip
    assert n_rings >= 3
    # with equal weights the second fit is one of a band of noise, which grows to 2 deg and more
    assert n_left <= (0.2 if method == "taubin" else 0.1) * n_rings


@pytest.mark.parametrize("name", FILES)
def test_rings_are_within_a_fraction_of_the_uncertainty_of_the_fits_as_they_are(name, muons):
    for group in muons(name, DEFAULT, False):
        ours = group.ours(DEFAULT)
        rows = believed(group, ours) & np.isfinite(ours[CIRCLE[2]])
        pulls = [(ours[c] - group.theirs[c])[rows] / group.theirs[f"{c}_err"][rows] for c in CIRCLE]
        # sqrt(2e-4), the distance at which the minimiser may stop in units of its uncertainty, is
        # 0.014; pixels at the edge of the ring's band, and with them the next fit, follow from it
        assert np.median(np.abs(pulls)) < 0.014
        assert np.quantile(np.abs(pulls), 0.9) < 0.2


def test_three_real_muons_have_the_rings_of_ctapipe_within_a_thousandth_of_a_degree(muons):
    [group] = muons("lst-muons", DEFAULT, False)
    ours = group.ours(DEFAULT)
    for column in CIRCLE:
        assert_close(column, ours[column], group.theirs[column], Tolerance(absolute=1e-3), "lst")
    for column in PARAMETERS[:4]:
        # the mean squared error feels the ring's 7e-4 deg
        wanted = Tolerance(relative=3e-3) if column.endswith("error") else RATIO
        assert_close(column, ours[column], group.theirs[column], wanted, "lst-muons")
    efficiency = "muonefficiency_optical_efficiency"
    # a hundredth of a standard deviation (5 %), about what the minimiser leaves
    assert_close(
        efficiency, ours[efficiency], group.theirs[efficiency], Tolerance(relative=5e-3), "lst"
    )


@pytest.mark.parametrize("name", FILES)
def test_no_circle_of_ctapipe_has_a_smaller_ratio(name, muons):
    n = 0
    for group in muons(name, DEFAULT, False):
        lon, lat = group.geometry.fov_lon, group.geometry.fov_lat
        ring, near = np.empty((1, 8)), np.empty((1, len(lon)), bool)
        for image, mask in zip(group.image, group.mask, strict=True):
            if np.count_nonzero(mask) <= MIN_PIXELS:
                continue
            for _ in range(2):  # pixels of the cleaning, then those near the ring: noise and all
                code = FIT_METHODS[DEFAULT]
                fit_rings(image[None], mask[None], lon, lat, code, 1, 0.4, near, ring)
                x, y, w = lon[mask], lat[mask], image[mask]
                start = kundu_chaudhuri_circle_fit(x * u.deg, y * u.deg, w, nan_errors_flag=True)
                r, cx, cy, *_ = taubin_circle_fit(lon * u.deg, lat * u.deg, mask, image, *start[:3])
                loss = make_loss_function(x, y, w)
                theirs = loss(cx.value, cy.value, r.value)
                if np.isfinite(theirs) and np.isfinite(ring[0, 2]):
                    n += 1
                    # rounding of two sums over hundreds of pixels
                    assert loss(*ring[0, :3]) <= theirs * (1 + 1e-9)
                mask = near[0].copy()
    assert n >= 6


@pytest.mark.parametrize("name", FILES)
def test_efficiencies_agree_where_both_fits_find_the_same_minimum(name, muons):
    n = n_same = n_worse = 0
    for group in muons(name, DEFAULT, True):
        ours = {k.removeprefix("muonefficiency_"): v for k, v in group.ours(DEFAULT).items()}
        theirs = {k.removeprefix("muonefficiency_"): v for k, v in group.theirs.items()}
        both = believed(group, group.ours(DEFAULT)) & theirs["is_valid"] & ours["is_valid"]
        # few pixels on noise are no ring
        both &= group.mask.sum(axis=1) > 25
        higher = (ours["likelihood_value"] - theirs["likelihood_value"])[both]
        n, n_worse = n + both.sum(), n_worse + (higher > 0.3).sum()
        same = np.flatnonzero(both)[np.abs(higher) < 0.01]
        n_same += len(same)
        # 0.01 of the likelihood is a seventh of a standard deviation: of 5 % for the efficiency,
        # 10 % for the width and 1 m for the impact
        for column, wanted in (
            ("optical_efficiency", Tolerance(relative=7e-3)),
            ("width", Tolerance(relative=1.5e-2)),
            ("impact_x", Tolerance(absolute=0.15)),
            ("impact_y", Tolerance(absolute=0.15)),
        ):
            assert_close(f"muons.{column}", ours[column][same], theirs[column][same], wanted, name)
    # the others are better here, by up to hundreds, or differ by hundredths: see `muon_search`
    assert n_same >= max(1, n // 3)
    assert n_worse <= 0.1 * n


@pytest.mark.parametrize("shape", ["hexagon", "square", "circle"])
@pytest.mark.parametrize("hole", [0.0, 0.7])
def test_predicted_images_agree(shape, hole):
    rng = np.random.default_rng(1)
    lon, lat = np.radians(rng.uniform(-2, 2, (2, 500)))
    pixel = np.radians(0.1)
    factor = {"hexagon": np.pi / 2 / np.sqrt(3), "square": np.pi / 4, "circle": 1.0}[shape]
    for distance, phi in ((0.3, 0.5), (3.0, -2.0), (5.9, 3.0), (9.0, 1.0)):
        circle, width = np.radians([0.2, -0.1, 1.2]), np.radians(0.05)
        impact = distance * np.cos(phi), distance * np.sin(phi)
        ours = naive.predict(lon, lat, circle, width, *impact, 6.0, hole, pixel, factor)
        theirs = intensity_fitter.image_prediction(
            6.0 * u.m, hole * u.m, distance * u.m, phi * u.rad, *(circle * u.rad), width * u.rad,
            lon * u.rad, lat * u.rad, pixel * u.rad, pix_type=PixelShape.from_string(shape),
        )  # fmt: skip
        # 1e-8: digits of the fine structure constant
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9 * theirs.max())


def test_table_and_columns_are_those_of_ctapipes_files(example_files, tmp_path):
    output = tmp_path / "muons.h5"
    ctapipe_oracle.process(
        example_files["lst-muons"], output, "--DataWriter.write_muon_parameters=True",
        "--SimTelEventSource.focal_length_choice=EQUIVALENT",
    )  # fmt: skip
    [table] = ctapipe_oracle.Output(output).telescopes("/dl1/event/telescope/muon").values()
    assert set(table.colnames) == set(MUON.names)
    assert len(table) == 3
    for name in MUON.names:
        unit = str(table[name].unit or "").replace("deg2", "deg**2")
        assert unit == unit_of(MUON.field(name)), name
