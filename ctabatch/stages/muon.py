"""The muon stage: rings in cleaned images, their parameters, and the telescope's efficiency."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.errors import OptionError
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.instrument.optics import OpticsDescription
from ctabatch.kernels import muon_efficiency, muon_rings, radial_light, ring_features
from ctabatch.kernels.circle_fit import RADIUS
from ctabatch.kernels.muon_fits import fit_muons
from ctabatch.schemas.muon import MUON

from .columns import record_batch
from .events import TelescopeEvents
from .muon_options import MuonOptions

FIT_METHODS: dict[str, int] = {
    "kundu_chaudhuri": muon_rings.KUNDU_CHAUDHURI,
    "taubin": muon_rings.TAUBIN,
    "kundu_chaudhuri_taubin": muon_rings.WEIGHTED_TAUBIN,
}
#: Area of the inner circle of a pixel in units of the pixel's.
_CIRCLE_SHARE = {"hexagon": math.pi / (2 * math.sqrt(3)), "square": math.pi / 4, "circle": 1.0}
#: The ring is fitted so often, first to the cleaned image, then to the pixels near it.
_N_FITS = 3
#: Pixels are near a ring within so many of its radii.
_REACH = 0.4
#: Where the fit of width and efficiency starts, pixel radii and p.e. per photon.
_START_WIDTH, _START_EFFICIENCY = 3.0, 0.1


def muon_rows(
    events: TelescopeEvents,
    image: NDArray[np.float32],
    mask: NDArray[np.bool_],
    optics: OpticsDescription,
    options: MuonOptions,
) -> pa.RecordBatch:
    """Analyse the images of a batch as rings of muons.

    Parameters
    ----------
    events : TelescopeEvents
        Telescope events of one type: keys and geometry are used.
    image : float32 array of shape (n, n_pixels), p.e.
    mask : bool array of shape (n, n_pixels)
        Pixels selected by the cleaning.
    optics : OpticsDescription
        Of the telescope type.
    options : MuonOptions

    Returns
    -------
    pyarrow.RecordBatch
        Rows of the table dl1/muon, one for each event. Images that fail the criteria, or come from
        telescopes with more than one mirror, have NaN and false.

    Raises
    ------
    OptionError
        Unknown fit.
    """
    if options.fit_method not in FIT_METHODS:
        raise OptionError.unknown_name("circle fit", options.fit_method, FIT_METHODS)
    if optics.n_mirrors == 1:
        rows = _candidates(image, mask, options)
    else:
        rows = np.empty(0, np.int64)
    image = np.ascontiguousarray(image[rows])
    mask = np.ascontiguousarray(mask[rows])
    return record_batch(
        MUON,
        {
            **events.keys(),
            **_spread(_columns(image, mask, events.geometry, optics, options), rows, len(events)),
        },
    )


def _candidates(
    image: NDArray[np.float32], mask: NDArray[np.bool_], options: MuonOptions
) -> NDArray[np.int64]:
    """Rows that pass the criteria of images."""
    rows = np.flatnonzero(np.count_nonzero(mask, axis=1) > options.min_pixels)
    with np.errstate(invalid="ignore"):  # infinite charges of both signs
        charge = np.sum(image[rows], axis=1, where=mask[rows], dtype=np.float64)
    return rows[charge > options.min_intensity]


def _columns(
    image: NDArray[np.float32],
    mask: NDArray[np.bool_],
    geometry: CameraGeometry,
    optics: OpticsDescription,
    options: MuonOptions,
) -> dict[str, NDArray[Any]]:
    n = len(image)
    lon, lat = geometry.fov_lon, geometry.fov_lat
    ring, near = np.empty((n, len(muon_rings.COLUMNS))), np.empty(mask.shape, np.bool_)
    method = FIT_METHODS[options.fit_method]
    muon_rings.fit_rings(image, mask, lon, lat, method, _N_FITS, _REACH, near, ring)

    features = np.empty((n, len(ring_features.COLUMNS)))
    ring_features.ring_features(
        image,
        mask,
        lon,
        lat,
        geometry.pixel_width_deg,
        ring,
        geometry.radius_deg,
        float(options.completeness_threshold),
        float(options.ratio_width),
        float(options.ring_integration_width),
        float(options.outer_ring_width),
        features,
    )
    light = np.empty((n, len(radial_light.COLUMNS)))
    radial_light.radial_light(image, lon, lat, ring, light)

    good = np.isfinite(ring[:, RADIUS])
    good &= np.count_nonzero(near, axis=1) > options.min_ring_pixels
    good &= features[:, ring_features.CONTAINMENT] > options.min_containment
    fits = np.full((n, len(muon_efficiency.COLUMNS)), np.nan)
    fits[:, muon_efficiency.FLAGS] = 0
    fits[good] = _fits(image[good], near[good], ring[good], geometry, optics, options)

    columns = {f"muonring_{name}": ring[:, i] for i, name in enumerate(muon_rings.COLUMNS)}
    for names, values in ((ring_features.COLUMNS, features), (radial_light.COLUMNS, light)):
        columns |= {f"muonparameters_{name}": values[:, i] for i, name in enumerate(names)}
    columns |= {
        f"muonefficiency_{name}": fits[:, i] for i, name in enumerate(muon_efficiency.COLUMNS)
    }
    return columns


def _fits(
    image: NDArray[np.float32],
    near: NDArray[np.bool_],
    ring: NDArray[np.float64],
    geometry: CameraGeometry,
    optics: OpticsDescription,
    options: MuonOptions,
) -> NDArray[np.float64]:
    out = np.empty((len(image), len(muon_efficiency.COLUMNS)))
    pixel_radius = math.sqrt(geometry.pixel_area[0] / math.pi) / optics.equivalent_focal_length
    fit_muons(
        image,
        near,
        geometry.fov_lon,
        geometry.fov_lat,
        ring,
        float(geometry.pixel_width_deg[0]),
        _CIRCLE_SHARE[geometry.pixel_shape],
        math.sqrt(optics.mirror_area / math.pi),
        options.hole_radius(optics.size_type),
        float(options.min_lambda),
        float(options.max_lambda),
        float(options.spe_width),
        float(options.pedestal),
        int(options.oversampling),
        math.degrees(_START_WIDTH * pixel_radius),
        _START_EFFICIENCY,
        out,
    )
    return out


def _spread(
    columns: dict[str, NDArray[Any]], rows: NDArray[np.int64], n: int
) -> dict[str, NDArray[Any]]:
    """Columns of some rows as columns of all, in the types of the table."""
    out: dict[str, NDArray[Any]] = {}
    for name, values in columns.items():
        dtype = MUON.field(name).type.to_pandas_dtype()
        if np.issubdtype(dtype, np.floating):
            whole = np.full(n, np.nan)
            whole[rows] = values
        else:
            absent = 0 if dtype is np.bool_ else -1
            whole = np.full(n, absent, dtype)
            whole[rows] = np.where(np.isnan(values), absent, values).astype(dtype)
        out[name] = whole
    return out


__all__ = ["FIT_METHODS", "MuonOptions", "muon_rows"]
