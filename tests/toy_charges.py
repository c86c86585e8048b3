"""Datasets that hold nothing but images, with charges and true photo-electrons as a test wants."""

import numpy as np
import pyarrow as pa

from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.parquet import PartFiles
from ctabatch.schemas.images import images

OPTIONS = {"extractor": "LocalPeakWindowSum", "window_width": 7}


def write_images(
    root,
    image,
    true_image,
    *,
    part="part",
    tel_type="LST_LST_LSTCam",
    extraction=OPTIONS,
    has_truth=None,
    is_valid=None,
    read_out=None,
    pieces=1,
):
    """Add a part to a dataset; `has_truth` and `read_out` may leave rows null."""  # fmt: skip
    n, n_pixels = image.shape
    schema = images(n_pixels)
    has_truth = np.ones(n, bool) if has_truth is None else has_truth

    def tensors(name, values, present=None):
        dtype = schema.field(name).type
        rows = [row if present is None or present[k] else None for k, row in enumerate(values)]
        lists = pa.array([None if r is None else r.tolist() for r in rows], dtype.storage_type)
        return pa.ExtensionArray.from_storage(dtype, lists)

    zeros = np.zeros((n, n_pixels))
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array(np.full(n, 1), pa.int32()),
            pa.array(np.arange(n), pa.int64()),
            pa.array(np.full(n, 1), pa.int16()),
            tensors("image", image.astype(np.float32)),
            tensors("peak_time", zeros),
            tensors("image_mask", zeros.astype(bool)),
            pa.array(np.ones(n, bool) if is_valid is None else is_valid),
            tensors("selected_gain_channel", zeros.astype(np.int8)),
            tensors("is_read_out", zeros.astype(bool), np.zeros(n, bool))
            if read_out is None
            else tensors("is_read_out", read_out, read_out.any(axis=1)),
            tensors("is_saturated", zeros.astype(bool), np.zeros(n, bool)),
            tensors("true_image", true_image.astype(np.int32), has_truth),
            pa.array(true_image.sum(axis=1), pa.int32(), mask=~has_truth),
        ],
        schema=schema,
    )
    folder = DatasetFolder(root)
    folder.create()
    files = PartFiles(root, part, own_thread=False)
    writer_rows = np.array_split(np.arange(n), pieces)
    for rows in writer_rows:
        files.write(f"dl1/images/tel_type={tel_type}", batch.slice(rows[0], len(rows)))
        for table in files._tables():  # a row group of each piece
            table._writer.write_table(table._take())
    config = {} if extraction is None else {"extraction": extraction}
    folder.commit(files, {"part": part, "input": {"name": part}, "config": config})


def smeared(seed=0, n=40, n_pixels=100, bias=0.0, spread=1.0):
    """Charges normal around (1 + bias) times the truth, with a standard deviation in p.e."""
    rng = np.random.default_rng(seed)
    true = np.floor(10 ** rng.uniform(-0.5, 3.3, (n, n_pixels))).astype(np.int32)
    return rng.normal((1 + bias) * true, spread).astype(np.float32), true
