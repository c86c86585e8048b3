"""ctapipe's muon analysis run live: images, masks and what it makes of them."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import astropy.units as u
import numpy as np
from ctapipe.calib import CameraCalibrator
from ctapipe.image import ImageProcessor
from ctapipe.image.muon import MuonProcessor, fitting
from ctapipe.io import EventSource
from iminuit import Minuit
from traitlets.config import Config

import ctabatch
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.instrument.optics import OpticsDescription
from ctabatch.stages.muon import muon_rows
from ctabatch.stages.muon_options import MuonOptions
from tests.muon_events import muon_events

#: Toy telescopes see few pixels of a muon: what counts here is that rings are fitted.
MIN_PIXELS, MIN_INTENSITY = 10, 100.0


class PatientMinuit(Minuit):
    """Minimisation that goes on until rounding ends it; ctapipe's stops at 2e-4 of its function."""

    def migrad(self, *args: Any, **more: Any) -> Any:
        self.strategy, self.tol = 2, 1e-9
        for _ in range(5):
            super().migrad(*args, **more)
        return self


@contextlib.contextmanager
def patient_circle_fits() -> Iterator[None]:
    """Let ctapipe's circle fits run to the end."""
    with mock.patch.object(fitting, "Minuit", PatientMinuit):
        yield


@dataclass
class Muons:
    """Telescope events of one camera with ctapipe's results.

    Attributes
    ----------
    event_id, tel_id : (n,) int
    image, mask : (n, n_pixels) arrays
    theirs : dict
        Column -> (n,) array, angles in deg, lengths in m.
    geometry, optics
        Ours.
    """

    event_id: np.ndarray
    tel_id: np.ndarray
    image: np.ndarray
    mask: np.ndarray
    theirs: dict[str, np.ndarray]
    geometry: CameraGeometry
    optics: OpticsDescription

    def ours(self, fit_method: str) -> dict[str, np.ndarray]:
        """Our results for the same images, with the same criteria."""
        options = MuonOptions(
            fit_method=fit_method,  # type: ignore[arg-type]
            min_pixels=MIN_PIXELS,
            min_intensity=MIN_INTENSITY,
        )
        events = muon_events(self.event_id, self.tel_id, self.geometry)
        batch = muon_rows(events, self.image, self.mask, self.optics, options)
        return {
            name: batch.column(name).to_numpy(zero_copy_only=False) for name in batch.schema.names
        }


def their_muons(path: Path, fit_method: str, max_events: int | None = None) -> list[Muons]:
    """Run ctapipe on a file; one group for each camera."""
    criteria = [
        ("pixels", f"dl1_params.morphology.n_pixels > {MIN_PIXELS}"),
        ("intensity", f"dl1_params.hillas.intensity > {MIN_INTENSITY}"),
    ]
    config = Config(
        {
            "ImageParameterQuery": {"quality_criteria": criteria},
            "MuonRingFitter": {"fit_method": fit_method},
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with ctabatch.open(path, focal_length="equivalent") as source:
            subarray = source.subarray
        found: dict[int, list[dict[str, Any]]] = {}
        with EventSource(path, focal_length_choice="EQUIVALENT", max_events=max_events) as events:
            steps = [CameraCalibrator(subarray=events.subarray),
                     ImageProcessor(subarray=events.subarray),
                     MuonProcessor(subarray=events.subarray, config=config)]  # fmt: skip
            for event in events:
                for step in steps:
                    step(event)
                for tel_id, muon in event.muon.tel.items():
                    row = _row(muon) | {
                        "event_id": event.index.event_id,
                        "tel_id": tel_id,
                        "image": event.dl1.tel[tel_id].image,
                        "mask": event.dl1.tel[tel_id].image_mask,
                    }
                    found.setdefault(id(subarray.telescopes[tel_id].geometry), []).append(row)
    groups = []
    for rows in found.values():
        columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        telescope = subarray.telescopes[int(columns["tel_id"][0])]
        keys = (columns.pop(name) for name in ("event_id", "tel_id", "image", "mask"))
        groups.append(Muons(*keys, columns, telescope.geometry, telescope.optics))
    return groups


def _row(muon: Any) -> Mapping[str, Any]:
    row = {}
    for container in (muon.ring, muon.parameters, muon.efficiency):
        for name, value in container.items(add_prefix=True):
            if name.endswith("center_phi"):
                value = value.to(u.deg)
            row[name] = getattr(value, "value", value)
    return row
