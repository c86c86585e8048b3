"""Several forests as one that predicts their mean."""

import numpy as np
import pytest

from ctabatch.errors import InputError
from ctabatch.learn.tree_mean import mean_trees
from ctabatch.learn.trees import Trees


def forest(*values, link="identity", average=False, n_features=2):
    """Trees of one split each, at 0 of the last feature: left and right value."""
    n = len(values)
    number = 3 * np.arange(n)
    leaf = np.full(n, -1)
    return Trees(
        feature=np.column_stack([leaf + n_features, leaf, leaf]).ravel(),
        threshold=np.zeros(3 * n),
        left=np.column_stack([number + 1, leaf, leaf]).ravel(),
        right=np.column_stack([number + 2, leaf, leaf]).ravel(),
        value=np.column_stack([np.zeros(n), np.array(values)]).ravel(),
        root=number,
        n_features=n_features,
        link=link,
        average=average,
    )


ROWS = np.array([[0, -1], [0, 1]], np.float32)


def test_sums_of_trees_are_averaged_over_the_forests():
    mean = mean_trees([forest((1.0, 2.0), (10.0, 20.0)), forest((3.0, 6.0))])
    assert mean.n_trees == 3
    np.testing.assert_allclose(mean.predict(ROWS), [(11 + 3) / 2, (22 + 6) / 2], rtol=1e-15)


def test_forests_that_average_count_alike_whatever_their_number_of_trees():
    forests = [forest((1.0, 2.0), (3.0, 6.0), average=True), forest((4.0, 8.0), average=True)]
    mean = mean_trees(forests)
    assert not mean.average
    np.testing.assert_allclose(mean.predict(ROWS), [(2 + 4) / 2, (4 + 8) / 2], rtol=1e-15)


def test_the_link_comes_after_the_mean():
    mean = mean_trees([forest((1.0, 0.0), link="logistic"), forest((3.0, 0.0), link="logistic")])
    np.testing.assert_allclose(mean.predict(ROWS), [1 / (1 + np.exp(-2)), 0.5], rtol=1e-15)


def test_one_forest_is_its_own_mean():
    one = forest((1.0, 2.0))
    assert mean_trees([one]).digest() == one.digest()


def test_the_mean_of_trees_survives_its_table():
    mean = mean_trees([forest((1.0, 2.0)), forest((3.0, 5.0))])
    again = Trees.from_table(mean.to_table(), 2)
    assert again.digest() == mean.digest()


@pytest.mark.parametrize(
    ("forests", "complaint"),
    [
        ([], "there is none"),
        ([forest((1.0, 2.0)), forest((1.0, 2.0), n_features=3)], "different features"),
        ([forest((1.0, 2.0)), forest((1.0, 2.0), link="logistic")], "or links"),
    ],
)
def test_forests_that_do_not_fit_are_refused(forests, complaint):
    with pytest.raises(InputError, match=complaint):
        mean_trees(forests)
