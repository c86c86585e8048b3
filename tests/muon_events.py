"""Telescope events of which only keys and camera matter."""

import numpy as np

from ctabatch.stages.dl1 import TelescopeEvents


def muon_events(event_id, tel_id, geometry, obs_id=1):
    """Telescope events without samples."""
    n = len(event_id)
    return TelescopeEvents(
        obs_id=obs_id, event_id=np.asarray(event_id, np.int64), tel_id=np.asarray(tel_id, np.int64),
        waveform=np.empty((0, 0, 0, 0), np.uint16), read_out=None,
        calibration_row=np.zeros(n, np.int64), calibration=None, geometry=geometry,
        true_image=None, true_image_sum=np.full(n, -1), position=np.zeros((n, 3)),
        pointing=np.zeros((n, 2)), array_pointing=np.zeros((n, 2)), axis=np.full((n, 4), np.nan),
    )  # fmt: skip
