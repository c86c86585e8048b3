"""Forests: prediction, validation, digest, import from LightGBM and scikit-learn."""

import dataclasses

import lightgbm
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import ensemble, tree

from ctabatch.errors import InputError
from ctabatch.kernels.tree_masks import sum_by_masks
from ctabatch.kernels.trees import sum_by_steps
from ctabatch.learn import tree_layouts
from ctabatch.learn.trees import TREES, Trees
from tests.naive import trees as naive

COSTS = pytest.mark.parametrize(("step_cost", "kernel"), [(10**9, sum_by_masks), (0, sum_by_steps)])


def random_forest_arrays(rng, n_trees, n_leaves, n_features=4, grow="random"):
    """Nodes of trees grown by splitting random leaves; "left" and "right" make chains."""
    feature, threshold, left, right, value, root = [], [], [], [], [], []

    def add():
        for column, entry in zip(
            (feature, threshold, left, right, value),
            (-1, 0.0, -1, -1, rng.normal()), strict=True,
        ):  # fmt: skip
            column.append(entry)
        return len(feature) - 1

    for _ in range(n_trees):
        root.append(len(feature))
        leaves = [add()]
        for _ in range(n_leaves - 1):
            pick = {"random": rng.integers(len(leaves)), "left": -2, "right": -1}[grow]
            node = leaves.pop(max(pick, -len(leaves)))
            feature[node], threshold[node] = int(rng.integers(n_features)), rng.normal()
            left[node], right[node], value[node] = add(), add(), 0.0
            leaves += [left[node], right[node]]
    return {
        "feature": feature, "threshold": threshold, "left": left, "right": right, "value": value,
        "root": root, "n_features": n_features,
    }  # fmt: skip


def rows(rng, n, n_features=4):
    return rng.normal(size=(n, n_features)).astype(np.float32)


def twin(forest, x):
    return naive.predict(
        x, forest.feature, forest.threshold, forest.left, forest.right, forest.value, forest.root
    )


@COSTS
@given(
    seed=st.integers(0, 1000),
    n_trees=st.integers(1, 5),
    n_leaves=st.sampled_from([1, 2, 3, 63, 64, 65, 128, 129, 200]),
    grow=st.sampled_from(["random", "left", "right"]),
    n_rows=st.sampled_from([0, 1, 7, 255, 256, 257, 600]),
)
@settings(max_examples=40)
def test_both_kernels_give_the_sums_of_the_twin(step_cost, kernel, seed, n_trees, n_leaves, grow, n_rows):  # fmt: skip # noqa: E501
    rng = np.random.default_rng(seed)
    forest = Trees(**random_forest_arrays(rng, n_trees, n_leaves, grow=grow))
    x = rows(rng, n_rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree_layouts, "STEP_COST", step_cost)
        if n_leaves > 1:
            assert forest.layout.kernel is kernel
        np.testing.assert_array_equal(forest.predict(x), twin(forest, x))


@COSTS
def test_plain_python_and_compiled_kernel_agree_also_on_nan_and_infinity(
    step_cost, kernel, monkeypatch
):
    rng = np.random.default_rng(5)
    monkeypatch.setattr(tree_layouts, "STEP_COST", step_cost)
    forest = Trees(**random_forest_arrays(rng, 3, 70))
    x = rows(rng, 30)
    x[3, 1], x[4, 2], x[5] = np.nan, np.inf, -np.inf
    x.flags.writeable = False
    layout = forest.layout
    assert layout.kernel is kernel
    compiled, plain = np.full((2, len(x)), 9.0)
    kernel(x, *layout.arguments, compiled)
    kernel.py_func(x, *layout.arguments, plain)
    np.testing.assert_array_equal(compiled, plain)
    np.testing.assert_array_equal(compiled, twin(forest, x))
    assert np.isnan(compiled).tolist() == [i == 3 for i in range(30)]


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(width=32, allow_nan=False))
def test_a_rounded_threshold_parts_float32_as_the_exact_one_does(threshold, x):
    rounded = tree_layouts.round_down(np.array([threshold]))[0]
    assert rounded.dtype == np.float32
    assert (np.float32(x) <= rounded) == (x <= threshold)
    with np.errstate(over="ignore"):
        near = np.nextafter(rounded, np.float32(np.inf))
    assert float(near) > threshold


@pytest.mark.parametrize("n_leaves", [2, 31, 63, 127, 400])
@pytest.mark.parametrize("objective", ["regression", "binary", "cross_entropy", "huber"])
def test_sums_equal_raw_scores_of_lightgbm_exactly(n_leaves, objective):
    rng = np.random.default_rng(n_leaves)
    x = rng.normal(size=(8000, 6)).astype(np.float32)
    x[:, 5] = np.round(x[:, 5])  # ties with thresholds
    y = x[:, 0] * np.sin(3 * x[:, 1]) + x[:, 5] + rng.normal(size=len(x)) / 5
    if objective in ("binary", "cross_entropy"):
        y = (y > 0).astype(float)
    parameters = {
        "objective": objective, "num_leaves": n_leaves, "verbosity": -1, "num_threads": 1,
        "use_missing": False, "min_data_in_leaf": 5,
    }  # fmt: skip
    booster = lightgbm.train(parameters, lightgbm.Dataset(x, y), 30)
    forest = Trees.from_lightgbm(booster)
    np.testing.assert_array_equal(forest.raw(x), booster.predict(x, raw_score=True))
    np.testing.assert_allclose(forest.predict(x), booster.predict(x), rtol=1e-15)
    # values at the thresholds themselves
    at = np.array(forest.threshold[forest.feature >= 0], np.float32)
    x = np.resize(at, (len(at) // 6 + 1, 6))
    np.testing.assert_array_equal(forest.raw(x), booster.predict(x, raw_score=True))


def test_a_random_forest_of_lightgbm_is_averaged():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2000, 3)).astype(np.float32)
    parameters = {
        "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5, "verbosity": -1,
        "use_missing": False, "num_threads": 1,
    }  # fmt: skip
    booster = lightgbm.train(parameters, lightgbm.Dataset(x, x[:, 0].copy()), 7)
    forest = Trees.from_lightgbm(booster)
    assert forest.average
    np.testing.assert_array_equal(forest.predict(x), booster.predict(x))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"objective": "poisson"}, "poisson"),
        ({"objective": "regression", "reg_sqrt": True}, "sqrt"),
        ({"objective": "binary", "sigmoid": 2.0}, "sigmoid"),
        ({"objective": "multiclass", "num_class": 2}, "several classes"),
        ({"objective": "regression", "linear_tree": True}, "linear"),
        ({"objective": "regression", "use_missing": True}, "missing"),
        ({"objective": "regression", "categorical_feature": "1"}, "category"),
    ],
)
def test_a_lightgbm_model_that_cannot_be_reproduced_is_refused(change, complaint):
    rng = np.random.default_rng(2)
    x = np.column_stack([rng.normal(size=2000), rng.integers(0, 9, 2000)])
    y = (rng.normal(size=2000) + (x[:, 1] % 3) + x[:, 0] > 1).astype(float)
    if "use_missing" in change:
        x[::3, 0] = np.nan
    parameters = {"verbosity": -1, "num_threads": 1, "use_missing": False, **change}
    data = lightgbm.Dataset(x, y, categorical_feature=[1] if "categorical" in str(change) else [])
    parameters.pop("categorical_feature", None)
    booster = lightgbm.train(parameters, data, 5)
    with pytest.raises(InputError, match=complaint):
        Trees.from_lightgbm(booster)


@pytest.mark.parametrize(
    "made",
    [
        ensemble.ExtraTreesRegressor(10, max_depth=10, random_state=0),
        ensemble.RandomForestRegressor(10, min_samples_leaf=5, random_state=0),
        ensemble.ExtraTreesClassifier(10, max_depth=10, random_state=0),
        ensemble.RandomForestClassifier(10, max_leaf_nodes=40, random_state=0),
        tree.DecisionTreeRegressor(random_state=0),
        tree.DecisionTreeClassifier(max_depth=6, random_state=0),
        tree.ExtraTreeRegressor(random_state=0),
        ensemble.HistGradientBoostingRegressor(max_iter=20, random_state=0),
        ensemble.HistGradientBoostingClassifier(max_iter=20, random_state=0),
    ],
    ids=lambda made: type(made).__name__,
)
def test_predictions_equal_those_of_scikit_learn(made):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(3000, 5)).astype(np.float32)
    y = x[:, 0] * np.sin(3 * x[:, 1]) + rng.normal(size=len(x)) / 5
    classifier = "Classifier" in type(made).__name__
    made.fit(x, y > 0 if classifier else y)
    expected = made.predict_proba(x)[:, 1] if classifier else made.predict(x)
    found = Trees.from_sklearn(made).predict(x)
    if "HistGradientBoostingC" in type(made).__name__:
        np.testing.assert_allclose(found, expected, rtol=1e-15)
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("made", "y", "complaint"),
    [
        (ensemble.GradientBoostingRegressor(n_estimators=2), [0.0, 1, 2, 3], "not supported"),
        (tree.DecisionTreeClassifier(), [0, 1, 2, 2], "3 classes"),
        (tree.DecisionTreeRegressor(), [[0, 1], [1, 2], [2, 2], [3, 4]], "2 outputs"),
        (tree.DecisionTreeRegressor(), None, "not fitted"),
        (ensemble.HistGradientBoostingRegressor(loss="poisson"), [0.0, 1, 2, 3], "poisson"),
    ],
)
def test_an_estimator_that_cannot_be_reproduced_is_refused(made, y, complaint):
    if y is not None:
        made.fit(np.arange(4.0).reshape(4, 1), y)
    with pytest.raises(InputError, match=complaint):
        Trees.from_sklearn(made)


# -- tables


def forest_of(seed=1, **changes):
    return Trees(**{**random_forest_arrays(np.random.default_rng(seed), 4, 20), **changes})


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("link", ["identity", "logistic"])
def test_a_forest_survives_its_table(average, link):
    forest = forest_of(average=average, link=link)
    again = Trees.from_table(forest.to_table(), 4)
    assert again.digest() == forest.digest()
    x = rows(np.random.default_rng(2), 50)
    np.testing.assert_array_equal(again.predict(x), forest.predict(x))
    raw = twin(forest, x) / (4 if average else 1)
    np.testing.assert_array_equal(forest.raw(x), raw)
    expected = raw if link == "identity" else 1 / (1 + np.exp(-raw))
    np.testing.assert_array_equal(forest.predict(x), expected)


def test_the_digest_changes_with_everything_that_enters_a_prediction():
    forest = forest_of()
    arrays = {f.name: getattr(forest, f.name) for f in dataclasses.fields(forest)}
    digests = {forest.digest()}
    changes = [{"n_features": 5}, {"average": True}, {"link": "logistic"}]
    inner = np.flatnonzero(forest.feature >= 0)[0]
    for name, index, add in (("feature", inner, -1), ("threshold", inner, 1e-9), ("value", 3, 1)):
        changed = arrays[name].copy()
        changed[index] = changed[index] + add if name != "feature" else 3 - changed[index]
        changes.append({name: changed})
    swapped = {name: arrays[name].copy() for name in ("left", "right")}
    for name, other in (("left", "right"), ("right", "left")):
        swapped[name][inner] = arrays[other][inner]
    changes.append(swapped)
    for change in changes:
        digests.add(Trees(**{**arrays, **change}).digest())
    assert len(digests) == len(changes) + 1


def small_table():
    """Two trees: one split, and a single leaf."""
    columns = {
        "tree": [0, 0, 0, 1], "node": [0, 1, 2, 3], "feature": [0, -1, -1, -1],
        "threshold": [0.5, 0, 0, 0], "left": [1, -1, -1, -1], "right": [2, -1, -1, -1],
        "value": [0.0, 1, 2, 10],
    }  # fmt: skip
    return columns, {"average": "false", "link": "identity"}


def build(columns, metadata):
    return pa.table(columns, schema=TREES.with_metadata(metadata))


def test_a_table_written_by_hand_predicts_what_it_says():
    forest = Trees.from_table(build(*small_table()), 1)
    assert forest.predict(np.array([[0.5], [0.6]], np.float32)).tolist() == [11, 12]


@pytest.mark.parametrize(
    ("column", "row", "value", "complaint"),
    [
        ("left", 0, 0, "row 0: left"),
        ("right", 0, 0, "row 0: right"),
        ("left", 0, 3, "row 0: left"),
        ("right", 0, 4, "row 0: right"),
        ("right", 0, 2**31 - 1, "row 0: right"),
        ("left", 0, -(2**31), "row 0: left"),
        ("right", 0, 1, "row 1: a node must be the child of one"),
        ("feature", 0, 1, "row 0: feature"),
        ("feature", 1, 0, "row 1: left"),
        ("feature", 2, -2, "row 2: feature"),
        ("left", 1, 2, "row 1: a leaf"),
        ("threshold", 0, np.nan, "row 0: threshold"),
        ("threshold", 0, np.inf, "row 0: threshold"),
        ("value", 3, -np.inf, "row 3: value"),
        ("tree", 0, 1, "row 0: tree"),
        ("tree", 3, 2, "row 3: tree"),
        ("tree", 3, -1, "row 3: tree"),
        ("tree", 3, 0, "row 3: a node must be the child of one"),
        ("node", 2, 1, "row 2: node"),
    ],
)
def test_a_malformed_row_is_named(column, row, value, complaint):
    columns, metadata = small_table()
    columns[column][row] = value
    with pytest.raises(InputError, match=complaint):
        Trees.from_table(build(columns, metadata), 1)


def test_a_table_of_another_form_is_refused():
    columns, metadata = small_table()
    table = build(columns, metadata)
    cases = [
        (table.drop_columns("left"), "no column left"),
        (table.append_column("left", table["left"]), "two columns left"),
        (table.set_column(3, "threshold", table["threshold"].cast("float32")), "threshold must be"),
        (table.set_column(2, "feature", pa.array([0, None, -1, -1], pa.int32())), "without nulls"),
        (table.replace_schema_metadata({}), "metadata"),
        (table.replace_schema_metadata({"average": "1", "link": "identity"}), "metadata"),
        (table.replace_schema_metadata({"average": "true", "link": "probit"}), "probit"),
        (table.slice(0, 0), "no tree"),
    ]
    for changed, complaint in cases:
        with pytest.raises(InputError, match=complaint):
            Trees.from_table(changed, 1)


@given(st.data())
@settings(max_examples=200)
def test_any_table_of_numbers_is_refused_or_predicts(data):
    columns, metadata = small_table()
    numbers = st.integers(-2, 5)
    for _ in range(data.draw(st.integers(1, 4))):
        name = data.draw(st.sampled_from(TREES.names))
        columns[name][data.draw(st.integers(0, 3))] = data.draw(numbers)
    try:
        forest = Trees.from_table(build(columns, metadata), 2)
    except InputError:
        return
    x = np.array([[0, 1], [1, 0], [-3, 7]], np.float32)
    np.testing.assert_array_equal(forest.predict(x), twin(forest, x))


def test_rows_with_another_number_of_features_are_refused():
    with pytest.raises(InputError, match=r"4 features got .* \(3, 5\)"):
        forest_of().predict(np.zeros((3, 5), np.float32))
    with pytest.raises(InputError, match="4 features"):
        forest_of().predict(np.zeros(4, np.float32))


def test_a_very_deep_tree_is_no_problem():
    forest = Trees(**random_forest_arrays(np.random.default_rng(0), 1, 5000, grow="right"))
    x = rows(np.random.default_rng(1), 20)
    np.testing.assert_array_equal(forest.predict(x), twin(forest, x))
