"""Cameras that store one sum instead of samples, so that there is nothing to extract."""

from __future__ import annotations

from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.location import Location


def types_with_sums(root: Location) -> set[str]:
    """Telescope types of a dataset whose cameras store sums.

    Raises
    ------
    InputError
        A table of the array is damaged.
    """
    folder = DatasetFolder(root)
    found = set()
    for path in (root / "subarray" / "readout").glob("[!.]*.parquet"):
        readouts = folder.subarray_rows("readout", path.stem)
        summed = {row["camera_index"] for row in readouts if row["n_samples"] == 1}
        if summed:
            telescopes = folder.subarray_rows("telescopes", path.stem)
            found |= {row["tel_type"] for row in telescopes if row["camera_index"] in summed}
    return found


__all__ = ["types_with_sums"]
