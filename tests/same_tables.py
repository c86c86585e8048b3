"""Whether two datasets hold the same rows in all columns of all tables, to the last bit."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

KEYS = ["obs_id", "event_id", "tel_id"]


def tables(root):
    return {p.relative_to(root).as_posix(): p for p in sorted(root.rglob("*.parquet"))}


def check_same(found_root, expected_root, *, but=()):
    """All tables of `expected_root` but some are in `found_root`, and no others."""
    expected = {n: p for n, p in tables(expected_root).items() if not n.startswith(tuple(but))}
    found = {n: p for n, p in tables(found_root).items() if not n.startswith(tuple(but))}
    assert found.keys() == expected.keys()
    for name in expected:
        check_same_table(read(found[name]), read(expected[name]), name)


def read(path):
    return pq.read_table(path, partitioning=None)


def check_same_table(found, expected, name=""):
    found, expected = _without_provenance(found), _without_provenance(expected)
    assert found.schema.equals(expected.schema, check_metadata=True), name
    assert len(found) == len(expected), name
    orders = [_order(table) for table in (found, expected)]
    for column in expected.schema.names:
        pair = [_flat(t[column], order) for t, order in zip((found, expected), orders, strict=True)]
        for a, b in zip(*pair, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=f"{name}: {column}")


def _without_provenance(table):
    """Who made it may differ where the rows must not."""
    metadata = table.schema.metadata or {}
    kept = {k: v for k, v in metadata.items() if not k.startswith((b"CTA ", b"ctabatch:"))}
    return table.replace_schema_metadata(kept)


def _order(table):
    keys = [table[key].to_numpy() for key in reversed(KEYS) if key in table.schema.names]
    if not keys or len(table) == 0:
        return np.arange(len(table))
    return np.lexsort(keys)


def _flat(column, order):
    """What is null, and the numbers of the rows that are not, in an order."""
    array = pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0)
    storage = getattr(array, "storage", array)
    null = ~np.asarray(storage.is_valid())[order]
    rows = storage.take(pa.array(order[~null]))
    lengths = []
    while pa.types.is_nested(rows.type):
        lengths.append(np.asarray(rows.value_lengths()) if pa.types.is_list(rows.type) else [])
        rows = rows.flatten()
    values = rows.to_numpy(zero_copy_only=False)
    return [null, values, *lengths]
