"""Combination of telescope predictions, alone and against ctapipe's StereoMeanCombiner."""

import numpy as np
import pytest
from ctapipe.reco import StereoMeanCombiner

from ctabatch.errors import InputError, OptionError
from ctabatch.stages.combine import (
    WEIGHTINGS,
    DispPredictions,
    combine_directions,
    combine_energy,
    combine_scores,
    mean_directions,
    telescope_weights,
)

#: Our name of a weighting -> name in ctapipe 0.28, which does not know the last: there our weights
#: stand in its column of intensities, so that still its means are compared.
CTAPIPE_WEIGHTS = {
    "none": "none",
    "intensity": "intensity",
    # 0.28 calls it by the name of its author
    "aspect-weighted-intensity": next(
        name
        for name in ("konrad", "aspect-weighted-intensity")
        if name in StereoMeanCombiner.weights.values
    ),
    "containment-weighted-intensity": "intensity",
}


class Predictions:
    """Random telescope rows of `n_events` events; every third row of some events is not valid."""

    def __init__(self, n_events=400, seed=0):
        rng = np.random.default_rng(seed)
        n_tels = np.minimum(1 + rng.poisson(2.5, n_events), 13)
        self.offsets = np.r_[0, np.cumsum(n_tels)]
        n = self.offsets[-1]
        self.event_id = np.repeat(np.arange(n_events) + 7, n_tels)
        self.tel_id = np.concatenate([np.arange(1, m + 1) for m in n_tels])
        self.valid = rng.random(n) < 0.7
        self.energy = np.exp(rng.normal(0, 2, n))
        self.score = rng.random(n)
        self.alt, self.az = 70 + rng.normal(0, 0.5, n), (rng.normal(0, 1.5, n)) % 360
        self.parameters = {
            "hillas_intensity": np.exp(rng.normal(6, 1.5, n)),
            "hillas_width": rng.uniform(0.02, 0.2, n),
            "hillas_length": rng.uniform(0.2, 0.6, n),
            "leakage_intensity_width_2": rng.uniform(0, 0.9, n),
        }

    def weights(self, kind):
        return telescope_weights(kind, self.parameters, len(self.valid))

    def ctapipe(self, what, weights, log_target=False):
        import astropy.units as u
        from astropy.table import Table
        from ctapipe.reco.reconstructor import ReconstructionProperty
        from ctapipe.reco.stereo_combination import StereoMeanCombiner

        table = Table({
            "obs_id": np.ones(len(self.valid), int),
            "event_id": self.event_id,
            "tel_id": self.tel_id,
            "P_tel_is_valid": self.valid,
            "P_tel_energy": self.energy * u.TeV,
            "P_tel_prediction": self.score,
            "P_tel_alt": self.alt * u.deg,
            "P_tel_az": self.az * u.deg,
            **self.parameters,
        })  # fmt: skip
        if weights == "containment-weighted-intensity":
            table["hillas_intensity"] = self.weights(weights)
        combiner = StereoMeanCombiner(
            prefix="P",
            property=ReconstructionProperty[what],
            weights=CTAPIPE_WEIGHTS[weights],
            log_target=log_target,
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            return combiner.predict_table(table)


@pytest.fixture(scope="module")
def predictions():
    return Predictions()


@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize("weights", CTAPIPE_WEIGHTS)
def test_energy_agrees_with_ctapipe(predictions, weights, log_target):
    """Relative 1e-9. With log_target ctapipe's uncertainty is the factor exp(std of ln E)."""
    p = predictions
    found = combine_energy(p.offsets, p.energy, p.valid, p.weights(weights), log_target=log_target)
    expected = p.ctapipe("ENERGY", weights, log_target)
    np.testing.assert_allclose(found.value, expected["P_energy"].value, rtol=1e-9)
    uncert = np.exp(found.uncert / found.value) if log_target else found.uncert
    np.testing.assert_allclose(uncert, expected["P_energy_uncert"].value, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(found.is_valid, expected["P_is_valid"])
    assert found.n_tels.tolist() == [len(tels) for tels in expected["P_telescopes"]]
    assert 0 < found.is_mono.sum() < found.is_valid.sum() < len(found.value)


@pytest.mark.parametrize("weights", CTAPIPE_WEIGHTS)
def test_scores_agree_with_ctapipe(predictions, weights):
    """Relative 1e-9."""
    p = predictions
    found = combine_scores(p.offsets, p.score, p.valid, p.weights(weights))
    expected = p.ctapipe("PARTICLE_TYPE", weights)
    np.testing.assert_allclose(found.value, expected["P_prediction"], rtol=1e-9)
    np.testing.assert_array_equal(found.is_valid, expected["P_is_valid"])


def same_directions(found, expected):
    """Directions to 1e-9 deg; R to 1e-14, since ctapipe's spread is sqrt of a rounded 1 - R."""
    alt, az, spread, n_tels = found
    valid = np.asarray(expected["P_is_valid"])
    assert (n_tels > 0).tolist() == valid.tolist()
    np.testing.assert_allclose(alt, expected["P_alt"].value, atol=1e-9)
    apart = (az - expected["P_az"].value + 180) % 360 - 180
    np.testing.assert_allclose(apart[valid] * np.cos(np.radians(alt[valid])), 0, atol=1e-9)
    theirs = np.nan_to_num(expected["P_ang_distance_uncert"].value[valid])  # R just above 1
    squares = np.radians(spread[valid]) ** 2, np.radians(theirs) ** 2
    np.testing.assert_allclose(*squares, atol=2e-14)
    stereo = n_tels[valid] > 1
    np.testing.assert_allclose(spread[valid][stereo], theirs[stereo], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("weights", CTAPIPE_WEIGHTS)
def test_mean_directions_agree_with_ctapipe(predictions, weights):
    p = predictions
    found = mean_directions(p.offsets, p.alt, p.az, p.valid, p.weights(weights))
    same_directions(found, p.ctapipe("GEOMETRY", weights))


def test_the_plain_mean_of_disp_agrees_with_ctapipe(predictions):
    """From the disp over the telescopes' directions to the mean of the event."""
    p = predictions
    rng = np.random.default_rng(4)
    n = len(p.valid)
    disp = disp_predictions(
        disp=rng.normal(0, 1, n),
        sign_score=rng.random(n),
        fov_lon=rng.normal(0, 1, n),
        fov_lat=rng.normal(0, 1, n),
        psi=rng.uniform(-90, 90, n),
    )
    found = combine_directions(p.offsets, disp, p.valid, p.weights("intensity"), method="mean")
    import astropy.units as u
    from ctapipe.reco.preprocessing import telescope_to_horizontal

    psi = np.radians(disp.psi)
    alt, az = telescope_to_horizontal(
        lon=(disp.fov_lon + disp.disp * np.cos(psi)) * u.deg,
        lat=(disp.fov_lat + disp.disp * np.sin(psi)) * u.deg,
        pointing_alt=disp.pointing_alt * u.rad,
        pointing_az=disp.pointing_az * u.rad,
    )
    other = Predictions()
    other.alt, other.az = alt.to_value(u.deg), az.to_value(u.deg)
    columns = found.alt, found.az, found.ang_distance_uncert, found.n_tels
    same_directions(columns, other.ctapipe("GEOMETRY", "intensity"))
    assert not found.sign_changed.any()


def disp_predictions(pointing=(1.2, 0.3), **columns):
    columns = {name: np.array(values, float) for name, values in columns.items()}
    n = len(columns["disp"])
    zero = dict.fromkeys(("fov_lon", "fov_lat"), np.zeros(n))
    pointings = np.full(n, pointing[0]), np.full(n, pointing[1])
    return DispPredictions(
        **{**zero, **columns, "pointing_alt": pointings[0], "pointing_az": pointings[1]}
    )


def around(source, psi, disp, flipped):
    """Predictions of telescopes that see `source` (fov, deg) at `disp`; some with a wrong sign."""
    psi, disp = np.array(psi, float), np.array(disp, float)
    angle = np.radians(psi)
    sign = np.where(flipped, -1.0, 1.0)
    return {
        "disp": disp * sign,
        "psi": psi,
        "fov_lon": source[0] - disp * np.cos(angle),
        "fov_lat": source[1] - disp * np.sin(angle),
    }


def test_resolved_signs_bring_a_wrong_telescope_back_to_the_source():
    columns = around((0.0, 0.0), [10, 80, -45], [1.0, -0.7, 1.3], [False, False, True])
    predictions = disp_predictions(**columns, sign_score=[0.6, 0.8, 0.3])
    offsets, valid, weight = np.array([0, 3]), np.ones(3, bool), np.ones(3)
    resolved = combine_directions(offsets, predictions, valid, weight)
    plain = combine_directions(offsets, predictions, valid, weight, method="mean")
    assert resolved.alt[0] == pytest.approx(np.degrees(1.2), abs=1e-9)
    assert resolved.az[0] == pytest.approx(np.degrees(0.3), abs=1e-9)
    assert resolved.ang_distance_uncert[0] < 1e-6
    assert resolved.sign_changed.tolist() == [False, False, True]
    assert resolved.sign.tolist() == [1, -1, 1]
    assert plain.sign.tolist() == [1, -1, -1]
    assert plain.ang_distance_uncert[0] > 0.5


def test_signs_of_simulated_directions_are_mostly_right():
    """Three telescopes of 0.15 deg error whose signs are right in 80 %: 95 % are afterwards."""
    rng = np.random.default_rng(1)
    n = 3 * 3000
    p = rng.uniform(0.6, 1.0, n)
    wrong = rng.random(n) > p
    disp = rng.uniform(0.5, 1.5, n) * rng.choice([-1, 1], n)
    columns = around((0.3, 0.2), rng.uniform(-90, 90, n), disp, wrong)
    columns["disp"] += rng.normal(0, 0.15, n)
    columns["fov_lon"] += rng.normal(0, 0.05, n)
    predictions = disp_predictions(**columns, sign_score=2 * p - 1)
    offsets = np.arange(0, n + 1, 3)
    found = combine_directions(offsets, predictions, np.ones(n, bool), np.ones(n))
    right = found.sign_changed == wrong
    assert 0.75 < 1 - wrong.mean() < 0.85
    assert right.mean() > 0.95


def test_a_mono_event_keeps_the_direction_of_its_telescope():
    columns = around((0.0, 0.0), [10, 80], [1.0, -0.7], [True, False])
    predictions = disp_predictions(**columns, sign_score=[0.1, 0.0])
    valid = np.array([True, False])
    offsets = np.array([0, 2])
    found = combine_directions(offsets, predictions, valid, np.ones(2))
    plain = combine_directions(offsets, predictions, valid, np.ones(2), method="mean")
    assert found.is_mono.tolist() == [True]
    assert found.sign.tolist() == [-1, 0]
    assert (found.alt[0], found.az[0]) == (plain.alt[0], plain.az[0])
    assert found.ang_distance_uncert[0] == 0.0


def test_an_event_without_telescopes_is_not_valid_and_no_error():
    none = np.zeros(0)
    predictions = DispPredictions(*[none] * 7)
    directions = combine_directions(np.array([0, 0]), predictions, none > 0, none)
    energy = combine_energy(np.array([0, 0]), none, none > 0, none)
    assert not directions.is_valid[0]
    assert not energy.is_valid[0]
    assert np.isnan([directions.alt[0], directions.az[0], energy.value[0], energy.uncert[0]]).all()


def test_no_events_give_empty_columns():
    none = np.zeros(0)
    assert combine_scores(np.array([0]), none, none > 0, none).value.shape == (0,)


@pytest.mark.parametrize("method", ["disp-signs", "mean"])
def test_an_unknown_disp_or_an_infinite_weight_drops_its_row_only(method):
    columns = around((0.0, 0.0), [10, 80, -45, 30], [1.0, 0.7, 1.3, 1.0], [False] * 4)
    columns["disp"][0] = np.nan
    predictions = disp_predictions(**columns, sign_score=[0.9] * 4)
    weight = np.array([1.0, np.inf, 1.0, 1.0])
    offsets = np.array([0, 2, 4])
    found = combine_directions(offsets, predictions, np.ones(4, bool), weight, method=method)
    assert found.n_tels.tolist() == [0, 2]
    assert found.sign.tolist() == [0, 0, 1, 1]
    assert not found.sign_changed.any()


def test_float32_columns_are_combined_too():
    values, weight = np.array([1, 3], np.float32), np.ones(2, np.float32)
    found = combine_energy(np.array([0, 2], np.int32), values, values > 0, weight, log_target=False)
    assert found.value[0] == 2.0


def test_weights_follow_their_formulas():
    parameters = {
        "hillas_intensity": [100.0],
        "hillas_width": [0.1],
        "hillas_length": [0.4],
        "leakage_intensity_width_2": [0.5],
    }
    found = {kind: telescope_weights(kind, parameters, 1)[0] for kind in WEIGHTINGS}
    assert found == {
        "none": 1.0,
        "intensity": 100.0,
        "aspect-weighted-intensity": pytest.approx(400.0),
        "containment-weighted-intensity": pytest.approx(75.0**2 / 16),
    }
    assert telescope_weights("konrad", parameters, 1)[0] == pytest.approx(400.0)


def test_a_weighting_with_a_typo_names_the_nearest():
    with pytest.raises(OptionError, match="Did you mean 'intensity'"):
        telescope_weights("intensty", {}, 1)


def test_a_weighting_without_its_parameters_says_which_are_missing():
    with pytest.raises(InputError, match="leakage_intensity_width_2"):
        telescope_weights("containment-weighted-intensity", {"hillas_intensity": np.ones(1)}, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "signs"}, "Did you mean 'disp-signs'"),
        ({"scale": 0.0}, "scale must be a positive"),
        ({"scale": np.inf}, "scale must be a positive"),
        ({"floor": 0.0}, "floor must be a probability"),
        ({"floor": 0.6}, "floor must be a probability"),
    ],
)
def test_unusable_options_of_the_direction_are_refused(options, message):
    predictions = DispPredictions(*[np.ones(1)] * 7)
    with pytest.raises(OptionError, match=message):
        combine_directions(np.array([0, 1]), predictions, np.ones(1, bool), np.ones(1), **options)


@pytest.mark.parametrize("offsets", [[], [0], [1, 2], [0, 3], [0, 2, 1, 2]])
def test_offsets_that_do_not_fit_the_rows_are_refused(offsets):
    with pytest.raises(InputError, match="offsets must rise from 0"):
        combine_scores(np.array(offsets, int), np.ones(2), np.ones(2, bool), np.ones(2))


def test_columns_of_different_length_are_refused():
    with pytest.raises(InputError, match="differ in shape"):
        combine_scores(np.array([0, 2]), np.ones(2), np.ones(3, bool), np.ones(2))
