"""Training: repeatable, the same from memory and from a file, never on its own test rows."""

from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint

import lightgbm
import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor

from ctabatch.errors import InputError, OptionError
from ctabatch.learn import lightgbm_trainer, mapped_rows, trainers
from ctabatch.learn.cross_fitting import cross_fit
from ctabatch.learn.trainers import FittedModel, trainer
from ctabatch.learn.trees import Trees

SETTINGS = {"classification": False, "options": {"rounds": 20, "num_leaves": 15}, "seed": 3}
CLASSIFY = {**SETTINGS, "classification": True}


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5000, 6)).astype(np.float32)
    y = x[:, 0] * np.sin(2 * x[:, 1]) + x[:, 2] + rng.normal(size=len(x)) / 5
    return x, y, rng.uniform(0.5, 2, len(x))


def test_lightgbm_makes_the_model_that_it_makes_by_itself(sample):
    x, y, weight = sample
    fitted = trainer("lightgbm").fit(x, y, weight, **SETTINGS)
    parameters = {
        "objective": "regression", "num_leaves": 15, "learning_rate": 0.15, "max_bin": 63,
        "seed": 3, "num_threads": 1, "verbosity": -1,
        "deterministic": True, "force_row_wise": True, "use_missing": False,
    }  # fmt: skip
    booster = lightgbm.train(parameters, lightgbm.Dataset(x, y, weight=weight), 20)
    np.testing.assert_array_equal(fitted.trees.predict(x), booster.predict(x))
    gain = booster.feature_importance("gain")
    np.testing.assert_allclose(fitted.importance, gain / gain.sum(), rtol=1e-12)
    assert fitted.best_iteration == fitted.trees.n_trees == 20
    assert fitted.info["settings"]["num_leaves"] == 15


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_quantized_grad": True},
        {"bagging_fraction": 0.5, "bagging_freq": 1, "feature_fraction": 0.5},
        {"extra_trees": True, "max_bin": 63},
    ],
)
def test_two_fits_give_the_same_digest(sample, options):
    settings = {**SETTINGS, "options": {**SETTINGS["options"], **options}}
    digests = {trainer("lightgbm").fit(*sample, **settings).trees.digest() for _ in range(2)}
    if "use_quantized_grad" not in options:  # each thread draws numbers of its own there
        digests.add(trainer("lightgbm").fit(*sample, n_threads=2, **settings).trees.digest())
    assert len(digests) == 1


def test_the_seed_matters_where_chance_does(sample):
    settings = {**SETTINGS, "options": {"rounds": 5, "extra_trees": True}}
    one = trainer("lightgbm").fit(*sample, **settings)
    other = trainer("lightgbm").fit(*sample, **{**settings, "seed": 4})
    assert one.trees.digest() != other.trees.digest()


def test_fits_side_by_side_do_not_disturb_each_other(sample):
    x, y, weight = sample
    alone = [trainer("lightgbm").fit(x, y * k, weight, **SETTINGS).trees.digest() for k in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        made = pool.map(
            lambda k: trainer("lightgbm").fit(x, y * k, weight, **SETTINGS).trees.digest(),
            (1, 2, 1, 2),
        )
        assert list(made) == alone * 2


def test_slices_of_rows_are_as_good_as_copies(sample):
    every_other = [column[::2] for column in sample]
    copies = [column.copy() for column in every_other]
    one, two = (trainer("lightgbm").fit(*rows, **SETTINGS) for rows in (every_other, copies))
    assert one.trees.digest() == two.trees.digest()


def mapped(path, x):
    np.memmap(path, np.float32, "w+", shape=x.shape)[:] = x
    return np.memmap(path, np.float32, "r", shape=x.shape)


@pytest.mark.parametrize("name", ["lightgbm", "sklearn:ExtraTreesRegressor"])
def test_rows_of_a_mapped_file_give_the_same_model(sample, tmp_path, monkeypatch, name):
    x, y, weight = sample
    sampled = {"bin_construct_sample_cnt": 1000}  # bins are made from a part of the rows
    settings = {**SETTINGS, "options": sampled if name == "lightgbm" else {}}
    released = []
    monkeypatch.setattr(lightgbm_trainer, "MAPPED_BYTES", 1 << 14)
    monkeypatch.setattr(lightgbm_trainer, "release", released.append)
    memory = trainer(name).fit(x, y, weight, **settings)
    assert not released
    file = trainer(name).fit(mapped(tmp_path / "x", x), y, weight, **settings)
    assert file.trees.digest() == memory.trees.digest()
    assert bool(released) == (name == "lightgbm")


def test_a_mapped_array_is_unchanged_after_its_pages_were_given_back(sample, tmp_path):
    x = sample[0]
    found = mapped(tmp_path / "x", x)
    assert np.array_equal(found, x)
    mapped_rows.release(found)
    assert np.array_equal(found, x)
    private = np.memmap(tmp_path / "x", np.float32, "c", shape=x.shape)
    private[:] = 7
    mapped_rows.release(private)
    assert (private == 7).all()


def test_the_classifier_predicts_probabilities(sample):
    x, y, weight = sample
    fitted = trainer("lightgbm").fit(x, (y > 0).astype(float), weight, **CLASSIFY)
    found = fitted.trees.predict(x)
    assert found.min() > 0
    assert found.max() < 1
    assert found[y > 1].mean() > 0.8 > 0.3 > found[y < -1].mean()


def test_it_stops_early_on_the_rows_kept_for_that(sample):
    x, y, _ = sample
    options = {"rounds": 500, "early_stopping_rounds": 3, "learning_rate": 0.5}
    halves = (x[:2500], y[:2500], None), (x[2500:], y[2500:], None)
    fitted = trainer("lightgbm").fit(
        *halves[0], valid=halves[1], **{**SETTINGS, "options": options}
    )
    assert 2 < fitted.best_iteration < 100
    assert fitted.trees.n_trees == fitted.best_iteration
    error = np.mean((fitted.trees.predict(x[2500:]) - y[2500:]) ** 2)
    assert fitted.info["scores"] == {"valid_0 l2": pytest.approx(error, rel=1e-6)}


@pytest.mark.parametrize(
    "name", ["ExtraTreesRegressor", "RandomForestRegressor", "DecisionTreeRegressor",
             "HistGradientBoostingRegressor"],
)  # fmt: skip
def test_scikit_learn_is_repeatable_behind_the_seam(sample, name):
    settings = {**SETTINGS, "options": {"max_depth": 5}}
    one, two = (trainer(f"sklearn:{name}").fit(*sample, **settings) for _ in range(2))
    assert one.trees.digest() == two.trees.digest()
    assert one.importance.sum() == pytest.approx(1)
    assert np.argmax(one.importance) in (0, 1, 2)
    assert one.info["settings"]["random_state"] == 3


def test_scikit_learn_makes_the_forest_that_it_makes_by_itself(sample):
    x, y, weight = sample
    settings = {**SETTINGS, "options": {"n_estimators": 10, "max_depth": 10}}
    fitted = trainer("sklearn:ExtraTreesRegressor").fit(x, y, weight, **settings)
    forest = ExtraTreesRegressor(n_estimators=10, max_depth=10, random_state=3).fit(x, y, weight)
    np.testing.assert_array_equal(fitted.trees.predict(x), forest.predict(x))


# -- cross-validation


def test_every_row_is_predicted_by_a_model_that_has_not_seen_it(sample):
    x, y, weight = sample
    fold = np.arange(len(y)) % 3
    result = cross_fit(trainer("lightgbm"), x, y, weight, fold, 3, **SETTINGS)
    assert len(result.models) == 3
    for k in range(3):
        own = fold == k
        np.testing.assert_array_equal(
            result.predictions[own], result.models[k].trees.predict(x[own])
        )
        changed = np.where(own, 100.0, y)  # the rows of the fold itself do not count
        again = cross_fit(trainer("lightgbm"), x, changed, weight, fold, 3, final=False, **SETTINGS)
        assert again.models[k].trees.digest() == result.models[k].trees.digest()
        assert again.final is None
    alone = trainer("lightgbm").fit(x, y, weight, **SETTINGS)
    assert result.final.trees.digest() == alone.trees.digest()


def test_folds_from_a_mapped_file_are_the_same(sample, tmp_path, monkeypatch):
    x, y, weight = sample
    monkeypatch.setattr(mapped_rows, "BLOCK_ROWS", 700)
    fold = np.arange(len(y)) % 2
    memory = cross_fit(trainer("lightgbm"), x, y, weight, fold, 2, **SETTINGS)
    rows = mapped(tmp_path / "x", x)
    file = cross_fit(trainer("lightgbm"), rows, y, weight, fold, 2, **SETTINGS)
    np.testing.assert_array_equal(file.predictions, memory.predictions)
    assert file.final.trees.digest() == memory.final.trees.digest()


def test_early_folds_tell_the_final_model_how_long_to_learn(sample):
    x, y, weight = sample
    options = {"rounds": 500, "early_stopping_rounds": 3, "learning_rate": 0.5}
    fold = np.arange(len(y)) % 2
    result = cross_fit(
        trainer("lightgbm"), x, y, weight, fold, 2, **{**SETTINGS, "options": options}
    )
    rounds = [model.best_iteration for model in result.models]
    assert max(rounds) < 100
    assert result.final.trees.n_trees == round(sum(rounds) / 2)


def test_a_trainer_that_prepares_nothing_can_be_cross_validated(sample):
    x, y, weight = sample
    fold = np.arange(len(y)) % 2
    settings = {**SETTINGS, "options": {"max_depth": 4}}
    made = trainer("sklearn:DecisionTreeRegressor")
    result = cross_fit(made, x, y, weight, fold, 2, **settings)
    alone = made.fit(x[fold == 1], y[fold == 1], weight[fold == 1], **settings)
    np.testing.assert_array_equal(result.predictions[fold == 0], alone.trees.predict(x[fold == 0]))
    assert result.final.trees.digest() == made.fit(x, y, weight, **settings).trees.digest()


@pytest.mark.parametrize(
    ("fold", "n_folds", "complaint"),
    [
        (np.zeros(10, int), 2, "fold 0"),
        (np.arange(10) % 3, 2, "fold from 0 to 1"),
        (np.arange(10) - 1, 10, "fold from 0"),
        (np.arange(9) % 2, 2, "10 rows"),
        (np.arange(10) % 2, 1, "fold"),
        (np.arange(10) % 2, 3, "fold 2 has no rows"),
        ((np.arange(10) < 5).astype(int), 2, "only one class"),
    ],
)
def test_unusable_folds_are_refused(fold, n_folds, complaint):
    x, y = np.zeros((10, 2), np.float32), (np.arange(10) < 5).astype(float)
    with pytest.raises(InputError, match=complaint):
        cross_fit(trainer("lightgbm"), x, y, None, fold, n_folds, **CLASSIFY)


# -- bad input


@pytest.mark.parametrize("name", ["lightgbm", "sklearn:ExtraTreesClassifier"])
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"y": np.ones(10)}, "all 10 rows are of class 1"),
        ({"y": np.arange(10.0)}, "classes must be 0 and 1"),
        ({"y": np.full(10, np.nan)}, "row 0: the target is not finite"),
        ({"x": np.zeros((0, 2), np.float32), "y": np.zeros(0)}, "no row"),
        ({"y": np.zeros(9)}, "do not fit together"),
        ({"weight": -np.ones(10)}, "not negative"),
        ({"x": np.where(np.arange(20).reshape(10, 2) == 7, np.nan, 0)}, "row 3: feature 1"),
    ],
)
def test_rows_that_nothing_can_be_learned_from_are_refused(name, change, complaint):
    rows = {"x": np.zeros((10, 2), np.float32), "y": np.arange(10.0) % 2, "weight": None, **change}
    with pytest.raises(InputError, match=complaint):
        trainer(name).fit(*rows.values(), **{**CLASSIFY, "options": {}})


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("lightgbm", {"num_leave": 3}, "Did you mean 'num_leaves'"),
        ("lightgbm", {"num_threads": 3}, "unknown option"),
        ("lightgbm", {"num_leaves": -1}, "lightgbm: .*num_leaves"),
        ("lightgbm", {"max_bin": 1}, "lightgbm: .*max_bin"),
        ("lightgbm", {"rounds": 0}, "rounds"),
        ("lightgbm", {"regression_objective": "hubert"}, "Did you mean 'huber'"),
        ("sklearn:ExtraTreesRegressor", {"max_dept": 3}, "Did you mean 'max_depth'"),
        ("sklearn:ExtraTreesRegressor", {"max_depth": -3}, "max_depth"),
    ],
)
def test_an_unusable_option_is_refused(sample, name, options, complaint):
    with pytest.raises(OptionError, match=complaint):
        trainer(name).fit(*sample, **{**SETTINGS, "options": options})


def test_a_regressor_cannot_classify(sample):
    x, y, weight = sample
    with pytest.raises(OptionError, match="needs a Classifier"):
        trainer("sklearn:ExtraTreesRegressor").fit(x, y, weight, **CLASSIFY)


def test_features_without_information_make_the_mean():
    x, y = np.ones((100, 2), np.float32), np.arange(100.0)
    fitted = trainer("lightgbm").fit(x, y, None, **SETTINGS)
    np.testing.assert_allclose(fitted.trees.predict(x), 49.5, rtol=1e-6)
    assert fitted.importance.tolist() == [0, 0]


# -- names


def test_an_unknown_trainer_is_told_with_the_nearest_name():
    with pytest.raises(OptionError, match="Did you mean 'lightgbm'"):
        trainer("lightgmb")
    with pytest.raises(OptionError, match="sklearn:ExtraTreesRegressor"):
        trainer("sklearn:ExtraTreeRegressor")


class MeanTrainer:
    """A third party's trainer."""

    def fit(self, x, y, weight, *, classification, options, seed, valid=None, n_threads=1):
        leaf = {"feature": [-1], "threshold": [0.0], "left": [-1], "right": [-1], "root": [0]}
        trees = Trees(**leaf, value=[np.mean(y)], n_features=x.shape[1])
        return FittedModel(trees, 1, np.zeros(x.shape[1]))


def test_a_plugin_is_found_by_its_entry_point(sample, monkeypatch):
    points = [EntryPoint(name, value, trainers.ENTRY_POINTS) for name, value in (
        ("mean", f"{__name__}:MeanTrainer"), ("broken", "nowhere_at_all:x"))]  # fmt: skip
    monkeypatch.setattr(
        trainers, "entry_points", lambda group: points if group == "ctabatch.trainers" else []
    )
    monkeypatch.setattr(EntryPoint, "load", lambda self: (
        MeanTrainer if self.name == "mean" else __import__("nowhere_at_all")))  # fmt: skip
    x, y, weight = sample
    assert trainer("mean").fit(x, y, weight, **SETTINGS).trees.predict(x[:1])[0] == np.mean(y)
    fold = np.arange(len(y)) % 2
    result = cross_fit(trainer("mean"), x, y, weight, fold, 2, **SETTINGS)
    assert result.predictions[0] == np.mean(y[1::2])
    with pytest.raises(OptionError, match=r"'broken' \(nowhere_at_all:x\)"):
        trainer("broken")
    with pytest.raises(OptionError, match="Did you mean 'mean'"):
        trainer("meen")
