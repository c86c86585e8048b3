"""All tables by name."""

from __future__ import annotations

from functools import cache

import pyarrow as pa

from . import (
    calibration,
    cut_flow,
    cuts,
    geometry,
    images,
    irf,
    muon,
    parameters,
    reconstruction,
    reduced_waveforms,
    simulation,
    subarray,
    trigger,
    verification,
    waveforms,
)


@cache
def catalog() -> dict[str, pa.Schema]:
    """Table name -> schema, in the order of processing.

    Tensors are those of a camera of 1855 pixels with 40 samples, predictions those of ``PREFIX``.
    """
    return {
        "run": simulation.RUN,
        "shower": simulation.SHOWER,
        "shower_distribution": simulation.SHOWER_DISTRIBUTION,
        "trigger": trigger.TRIGGER,
        "telescope_trigger": trigger.TELESCOPE_TRIGGER,
        "pointing": trigger.POINTING,
        "r0": waveforms.RAW_DATA,
        "r0_stream": waveforms.RAW_STREAM,
        "r1": waveforms.calibrated_waveforms(1855, 40),
        "calibration": calibration.calibration(2, 1855),
        "r1_gains": waveforms.calibrated_waveforms_of_all_gains(2, 1855, 40),
        "dl0": reduced_waveforms.reduced_waveforms(1855, 40),
        "dl1/images": images.images(1855),
        "dl1/parameters": parameters.PARAMETERS,
        "dl1/parameters:both": parameters.parameters("both"),
        "dl1/muon": muon.MUON,
        "dl2/geometry": geometry.GEOMETRY,
        "dl2/impact": geometry.IMPACT,
        "dl2/telescope": reconstruction.telescope_predictions("PREFIX"),
        "dl2/subarray": reconstruction.event_predictions("PREFIX"),
        "cut_flow": cut_flow.CUT_FLOW,
        "subarray/telescopes": subarray.TELESCOPES,
        "subarray/cameras": subarray.CAMERAS,
        "subarray/pixels": subarray.PIXELS,
        "subarray/optics": subarray.OPTICS,
        "subarray/readout": subarray.READOUT,
        "irf": irf.IRF,
        "cuts": cuts.CUTS,
        "verify/charge": verification.CHARGE_RESOLUTION,
    }


__all__ = ["catalog"]
