"""Response functions and benchmarks as one long table, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.irf.axes import Axis
from ctabatch.irf.histograms import WITH_THETA_CUT
from ctabatch.irf.products import Product
from ctabatch.schemas.irf import IRF, POINT_LIKE

#: Name of an axis -> beginning of its columns, and its unit.
_COLUMNS = {
    "energy": ("energy", "TeV"),
    "offset": ("offset", "deg"),
    "migra": ("x", ""),
    "rad": ("x", "deg"),
    "fov_lon": ("fov_lon", "deg"),
    "fov_lat": ("fov_lat", "deg"),
}

#: Beginnings of the names of benchmarks that have no value where there are too few events.
MAY_LACK_VALUES = (
    *("energy_", "theta_", "sensitivity", "flux_sensitivity", "relative_sensitivity"),
    *("n_signal", "significance"),
)


def long_table(products: Iterable[Product]) -> pa.Table:
    """One row per bin of each product, in the schema `ctabatch.schemas.irf.IRF`.

    NaN in a benchmark (`MAY_LACK_VALUES`) means that there is no value: it becomes null.

    Raises
    ------
    InputError
        A value of a response is NaN.
    """
    listed = list(products)
    tables = [_rows(product) for product in listed]
    point_like = any(product.point_like for product in listed)
    metadata = {**IRF.metadata, POINT_LIKE: str(point_like).lower().encode()}
    whole = pa.concat_tables(tables) if tables else IRF.empty_table()
    return whole.replace_schema_metadata(metadata)


def products_of(table: pa.Table) -> list[Product]:
    """The products in a long table, those of benchmarks too.

    Raises
    ------
    InputError
        Columns are missing, or the rows of a product do not fill its axes.
    """
    missing = set(IRF.names) - set(table.column_names)
    if missing:
        raise InputError(f"no table of response functions: lacks {', '.join(sorted(missing))}")
    point_like = (table.schema.metadata or {}).get(POINT_LIKE) == b"true"
    frame = pl.DataFrame(pl.from_arrow(table.select(IRF.names)))
    return [
        _product(rows, point_like)
        for rows in frame.partition_by("quantity", "group", maintain_order=True)
    ]


def _rows(product: Product) -> pa.Table:
    shape = tuple(axis.n_bins for axis in product.axes)
    n_rows = int(np.prod(shape, dtype=np.int64))
    known = not (np.isnan(product.value).any() or np.isnan(product.error).any())
    if not known and not product.quantity.startswith(MAY_LACK_VALUES):
        raise InputError(f"{product.quantity} of group {product.group!r}: some values are NaN")
    columns: dict[str, pa.Array] = {}
    for axis, index in zip(product.axes, np.indices(shape), strict=True):
        name, _ = _COLUMNS[axis.name]
        columns[f"{name}_lo"] = pa.array(axis.lo[index.ravel()])
        columns[f"{name}_hi"] = pa.array(axis.hi[index.ravel()])
    columns |= {
        "quantity": pa.repeat(product.quantity, n_rows),
        "group": pa.repeat(product.group, n_rows),
        "value": _flat(product.value, shape),
        "error": _flat(product.error, shape),
        "unit": pa.repeat(product.unit, n_rows),
        "n_events": pa.array(np.broadcast_to(product.n_events, shape).astype(np.int64).ravel()),
    }
    if product.n_simulated is not None:
        columns["n_simulated"] = _flat(product.n_simulated, shape)
    return pa.table(
        [columns.get(f.name, pa.nulls(n_rows, f.type)) for f in IRF], schema=IRF
    )  # fmt: skip


def _flat(values: NDArray[np.float64], shape: Sequence[int]) -> pa.Array:
    return pa.array(np.broadcast_to(values, shape).astype(np.float64).ravel(), from_pandas=True)


def _product(rows: pl.DataFrame, point_like: bool) -> Product:
    quantity, group = rows["quantity"][0], rows["group"][0]
    third = "rad" if quantity.startswith("psf") else "migra"
    axes, order = [], []
    for name in ("energy", "fov_lon", "fov_lat", "offset", third):
        prefix, unit = _COLUMNS[name]
        if rows[f"{prefix}_lo"].null_count() == rows.height:
            continue
        lo = np.unique(rows[f"{prefix}_lo"].to_numpy())
        hi = np.unique(rows[f"{prefix}_hi"].to_numpy())
        if len(lo) != len(hi) or not np.array_equal(lo[1:], hi[:-1]):
            raise InputError(f"{quantity} of group {group!r}: bins of {prefix} have gaps")
        axes.append(Axis(name, np.append(lo, hi[-1]), unit))
        order.append(np.searchsorted(lo, rows[f"{prefix}_lo"].to_numpy()))
    if third == "migra" and axes and axes[-1].name == "migra":  # it stands before the position
        axes.insert(1, axes.pop())
        order.insert(1, order.pop())
    shape = tuple(axis.n_bins for axis in axes)
    cell = np.ravel_multi_index(tuple(order), shape) if shape else np.zeros(1, np.int64)
    if len(cell) != int(np.prod(shape)) or len(np.unique(cell)) != len(cell):
        raise InputError(f"{quantity} of group {group!r}: the rows do not fill its {shape} bins")

    def dense(name: str) -> NDArray[np.float64]:
        out = np.empty(len(cell))
        out[cell] = rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return out.reshape(shape)

    known = rows["n_simulated"].null_count() < rows.height
    return Product(
        quantity, group, tuple(axes), dense("value"), dense("error"), rows["unit"][0],
        dense("n_events").astype(np.int64), dense("n_simulated") if known else None,
        point_like and quantity.removesuffix("_outside") in (*WITH_THETA_CUT, "rad_max"),
    )  # fmt: skip
