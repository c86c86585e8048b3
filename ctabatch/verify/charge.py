"""Extracted charges against true photo-electrons: the images of datasets, read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.io.location import Location, StorePath, location
from ctabatch.io.part_tables import PartTables, part_tables
from ctabatch.kernels.charge_sums import ABOVE, BELOW, N_NOT_FINITE, N_USED, NEGATIVE, NOT_READ_OUT

from .charge_bins import ChargeBins, ChargeSums
from .charge_table import charge_table
from .extraction_labels import extraction_labels
from .summed_cameras import types_with_sums

#: Told what is being done, images done, images in all.
Progress = Callable[[str, int, int], None]

_TABLE = "dl1/images/tel_type="
_COLUMNS = ("image", "true_image", "is_valid", "is_read_out")


@dataclass(frozen=True, eq=False)
class ChargeCheck:
    """Charge resolution of datasets.

    Attributes
    ----------
    table : pyarrow.Table
        Schema `CHARGE_RESOLUTION`: by telescope type, extractor and true charge.
    accounts : list of dict
        Images and pixels that were used and left out, by telescope type and extractor.
    gaps : list of str
        Telescope types and extractors without a single image to use.
    notes : list of str
        What was left out, and must be known to read the table.
    """

    table: pa.Table
    accounts: list[dict[str, Any]]
    gaps: list[str]
    notes: list[str]


def check_charges(
    datasets: Sequence[str | Location],
    bins: ChargeBins | None = None,
    progress: Progress | None = None,
) -> ChargeCheck:
    """Compare the charges of datasets with the true photo-electrons.

    Images of the same telescope type and extraction are taken together, whatever dataset they are
    of. They are read row group by row group.

    Parameters
    ----------
    datasets : sequence of path or URI
    bins : ChargeBins, optional
    progress : callable, optional

    Raises
    ------
    InputError
        There is no dataset or no image with true photo-electrons, or a file is damaged.
    OptionError
        A dataset is named twice.
    """
    bins = bins or ChargeBins()
    parts = _parts(datasets)
    found: dict[tuple[str, str], ChargeSums] = {}
    total, done = sum(part.n_rows(name) for part, _, name in parts), 0
    for part, label, name in parts:
        tel_type = name.removeprefix(_TABLE)
        sums = found.setdefault((tel_type, label), ChargeSums(bins))
        for rows in part.row_groups(name, _COLUMNS):
            for batch in rows.to_batches():
                sums.add(*_arrays(batch))
                done += len(batch)
            if progress is not None:
                progress(f"{tel_type}, {label}", done, total)
    order = sorted(found.items(), key=lambda item: item[0][0])  # extractors as they were given
    if not any(sums.n_images for _, sums in order):
        raise InputError(
            f"{', '.join(map(str, datasets))}: none of {total:,} images can be compared, they have "
            "no true photo-electrons or their charge extraction failed; observed events have "
            "none, simulations only where sim_telarray was told to save them (save_photons)"
        )
    tables = [charge_table(*key, sums) for key, sums in order]
    accounts = [_account(*key, sums) for key, sums in order]
    return ChargeCheck(
        pa.concat_tables(tables),
        accounts,
        [f"{a['tel_type']}, {a['extractor']}: no image to compare among {_n_all(a):,}"
         for a in accounts if not a["n_images"]],
        [*_notes_on_sums(datasets, accounts), *(n for a in accounts for n in _notes(a, bins))],
    )  # fmt: skip


def _parts(datasets: Sequence[str | Location]) -> list[tuple[PartTables, str, str]]:
    """Each part, the label of its extraction and the name of a table of images."""
    roots = [location(root) for root in datasets]
    for k, root in enumerate(roots):
        if _place(root) in map(_place, roots[:k]):
            raise OptionError(f"{root}: this dataset is named twice")
    parts = [part for root in roots for part in part_tables(root)]
    labels = extraction_labels([part.record for part in parts])
    tables = [
        (part, label, name)
        for part, label in zip(parts, labels, strict=True)
        for name in sorted(part.tables)
        if name.startswith(_TABLE)
    ]
    for root in roots:
        if not any(part.root == root for part, _, _ in tables):
            raise InputError(
                f"{root}: this dataset has no images; ctabatch process --write images makes them"
            )
    return tables


def _place(root: Location) -> Location:
    return root if isinstance(root, StorePath) else root.resolve()


def _arrays(batch: pa.RecordBatch) -> tuple[Any, ...]:
    """Arguments of `ChargeSums.add`, as views where Arrow's memory allows it."""
    truth, read_out = batch["true_image"], batch["is_read_out"]
    has_truth = ~truth.is_null().to_numpy(zero_copy_only=False)
    masked = None
    if read_out.null_count < len(batch):
        every = read_out.is_null().to_numpy(zero_copy_only=False)
        masked = _tensor(read_out) | every[:, None]
    is_valid = batch["is_valid"].to_numpy(zero_copy_only=False)
    return _tensor(batch["image"]), _tensor(truth), has_truth, is_valid, masked


def _tensor(column: pa.ExtensionArray) -> NDArray[Any]:
    """Values (n_rows, n_values); rows that are null hold 0."""
    lists = column.storage
    size = lists.type.list_size
    values = lists.values.slice(lists.offset * size, len(lists) * size)
    if values.null_count:  # numpy would make floats of them
        values = values.fill_null(pa.scalar(0).cast(values.type))
    return np.asarray(values.to_numpy(zero_copy_only=False)).reshape(len(lists), size)


def _account(tel_type: str, extractor: str, sums: ChargeSums) -> dict[str, Any]:
    return {
        "tel_type": tel_type,
        "extractor": extractor,
        "n_images": sums.n_images,
        "n_images_without_truth": sums.n_without_truth,
        "n_images_failed": sums.n_failed,
        "n_pixels": int(sums.counts[:, N_USED].sum()),
        "n_pixels_not_finite": int(sums.counts[:, N_NOT_FINITE].sum()),
        "n_pixels_not_read_out": int(sums.left_out[NOT_READ_OUT]),
        "n_pixels_below": int(sums.left_out[BELOW]),
        "n_pixels_above": int(sums.left_out[ABOVE]),
        "n_pixels_negative_truth": int(sums.left_out[NEGATIVE]),
    }


def _n_all(account: dict[str, Any]) -> int:
    names = ("n_images", "n_images_without_truth", "n_images_failed")
    return sum(int(account[name]) for name in names)


def _notes_on_sums(datasets: Sequence[str | Location], accounts: list[dict[str, Any]]) -> list[str]:
    summed = set().union(*(types_with_sums(location(root)) for root in datasets))
    return [
        f"{tel_type}: the camera stores sums instead of samples, so no extractor was used"
        for tel_type in sorted(summed & {account["tel_type"] for account in accounts})
    ]


def _notes(account: dict[str, Any], bins: ChargeBins) -> list[str]:
    kinds = {
        "n_images_without_truth": "images without true photo-electrons left out",
        "n_images_failed": "images whose charge extraction failed left out",
        "n_pixels_not_finite": "pixels with NaN or infinite charge left out",
        "n_pixels_not_read_out": "pixels that were not read out left out",
        "n_pixels_below": f"pixels with 1 or more but less than {bins.min_charge:g} p.e. left out",
        "n_pixels_above": f"pixels with {bins.max_charge:g} or more true p.e. left out",
        "n_pixels_negative_truth": "pixels with a negative number of true p.e. left out",
    }
    where = f"{account['tel_type']}, {account['extractor']}"
    return [f"{where}: {account[k]:,} {text}" for k, text in kinds.items() if account[k]]


__all__ = ["ChargeCheck", "check_charges"]
