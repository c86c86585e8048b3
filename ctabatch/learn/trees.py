"""Forests of binary decision trees as plain arrays: checked, stored, digested, predicted."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from ctabatch.errors import InputError

from .tree_layouts import Layout, tree_layout
from .tree_validation import check_trees

Link = Literal["identity", "logistic"]

#: Columns of the stored table; `node` is the number of the row.
TREES = pa.schema(
    [
        pa.field("tree", pa.int32(), nullable=False),
        pa.field("node", pa.int32(), nullable=False),
        pa.field("feature", pa.int32(), nullable=False),
        pa.field("threshold", pa.float64(), nullable=False),
        pa.field("left", pa.int32(), nullable=False),
        pa.field("right", pa.int32(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
_DTYPES = {
    "feature": np.int32,
    "threshold": np.float64,
    "left": np.int32,
    "right": np.int32,
    "value": np.float64,
    "root": np.int32,
}


@dataclass(frozen=True, eq=False)
class Trees:
    """A forest. A row goes left where ``x[feature] <= threshold``; leaves hold values.

    Parameters
    ----------
    feature : int32 array of shape (n_nodes,)
        Column that a node looks at, -1 in leaves. Nodes of a tree stand together.
    threshold : float64 array of shape (n_nodes,)
    left, right : int32 arrays of shape (n_nodes,)
        Nodes for rows at or below the threshold, and above; larger than the node's own number, -1
        in leaves.
    value : float64 array of shape (n_nodes,)
        What a leaf adds.
    root : int32 array of shape (n_trees,)
    n_features : int
    average : bool
        Mean over the trees instead of their sum.
    link : "identity" or "logistic"
        What is done to it: nothing, or 1 / (1 + exp(-x)).

    Raises
    ------
    InputError
        The arrays are no forest; the message names the first bad node.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    root: np.ndarray
    n_features: int
    average: bool = False
    link: Link = "identity"

    def __post_init__(self) -> None:
        for name, dtype in _DTYPES.items():
            array = np.array(getattr(self, name), dtype=dtype, order="C")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if self.link not in ("identity", "logistic"):
            raise InputError(f"trees: link {self.link!r} is neither 'identity' nor 'logistic'")
        check_trees(
            self.feature, self.threshold, self.left, self.right, self.value, self.root,
            self.n_features,
        )  # fmt: skip

    @property
    def n_trees(self) -> int:
        return len(self.root)

    @property
    def n_nodes(self) -> int:
        return len(self.feature)

    @functools.cached_property
    def layout(self) -> Layout:
        """The arrays that the kernel reads."""
        return tree_layout(
            self.feature, self.threshold, self.left, self.right, self.value, self.root
        )

    def raw(self, x: np.ndarray) -> np.ndarray:
        """Sums or means before the link.

        Parameters
        ----------
        x : float32 array of shape (n, n_features)
            Other floats are rounded to float32.

        Returns
        -------
        float64 array of shape (n,)
            NaN for rows with NaN.

        Raises
        ------
        InputError
            Another number of features.
        """
        if x.ndim != 2 or x.shape[1] != self.n_features:
            raise InputError(
                f"trees over {self.n_features} features got an array of shape {x.shape}"
            )
        out = np.empty(len(x))
        self.layout.kernel(np.ascontiguousarray(x, np.float32), *self.layout.arguments, out)
        if self.average:
            out /= self.n_trees
        return out

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Values after the link; of a classifier, probabilities of class 1. As for `raw`."""
        out = self.raw(x)
        if self.link == "logistic":
            with np.errstate(over="ignore"):  # exp of more than 709: the probability is 0
                np.exp(np.negative(out, out=out), out=out)
            out += 1.0
            np.reciprocal(out, out=out)
        return out

    def digest(self) -> str:
        """sha256 of everything that enters a prediction, as 64 hexadecimal digits."""
        head = ["ctabatch trees 1", self.n_features, bool(self.average), self.link]
        head += [self.n_nodes, self.n_trees]
        digest = hashlib.sha256(json.dumps(head).encode())
        for name, dtype in _DTYPES.items():
            digest.update(getattr(self, name).astype(np.dtype(dtype).newbyteorder("<")).tobytes())
        return digest.hexdigest()

    def to_table(self) -> pa.Table:
        """The forest as a table of nodes, see `TREES`."""
        number = np.arange(self.n_nodes, dtype=np.int32)
        tree = np.searchsorted(self.root, number, side="right").astype(np.int32) - np.int32(1)
        columns = [tree, number, self.feature, self.threshold, self.left, self.right, self.value]
        metadata = {"average": json.dumps(bool(self.average)), "link": self.link}
        return pa.Table.from_arrays(
            [pa.array(column) for column in columns], schema=TREES.with_metadata(metadata)
        )

    @classmethod
    def from_table(cls, table: pa.Table, n_features: int) -> Trees:
        """The forest of a table made by `to_table`.

        Raises
        ------
        InputError
            The table is malformed; the message names column or row.
        """
        metadata = table.schema.metadata or {}
        try:
            average = {b"true": True, b"false": False}[metadata[b"average"]]
            link: Any = metadata[b"link"].decode(errors="replace")
        except KeyError:
            raise InputError(
                "table of trees: the metadata must hold average (true or false) and link"
            ) from None
        arrays = {}
        for field in TREES:
            if table.schema.get_all_field_indices(field.name) == []:
                raise InputError(f"table of trees: no column {field.name}")
            if len(table.schema.get_all_field_indices(field.name)) > 1:
                raise InputError(f"table of trees: two columns {field.name}")
            column = table.column(field.name)
            if column.type != field.type or column.null_count:
                raise InputError(
                    f"table of trees: column {field.name} must be {field.type} without nulls, "
                    f"not {column.type} with {column.null_count}"
                )
            arrays[field.name] = column.to_numpy()
        tree, node = arrays.pop("tree"), arrays.pop("node")
        wrong = np.flatnonzero(node != np.arange(len(node)))
        if wrong.size:
            raise InputError(f"table of trees: row {wrong[0]}: node must be the number of the row")
        step = np.diff(tree, prepend=np.int32(-1)).astype(np.int64)
        wrong = np.flatnonzero((step < 0) | (step > 1) | (tree < 0))
        if wrong.size:
            raise InputError(
                f"table of trees: row {wrong[0]}: tree {tree[wrong[0]]} is out of order; trees are "
                "numbered from 0, without gaps"
            )
        root = np.flatnonzero(step == 1)
        return cls(**arrays, root=root, n_features=n_features, average=average, link=link)

    @classmethod
    def from_lightgbm(cls, booster: Any) -> Trees:
        """The forest of a `lightgbm.Booster`; see `ctabatch.learn.tree_import.lightgbm_trees`."""
        from .tree_import import lightgbm_trees

        return cls(**lightgbm_trees(booster))

    @classmethod
    def from_sklearn(cls, estimator: Any) -> Trees:
        """The forest of a fitted estimator; see `ctabatch.learn.tree_import.sklearn_trees`."""
        from .tree_import import sklearn_trees

        return cls(**sklearn_trees(estimator))
