"""Border fractions of one image."""

import numpy as np


def leakage(charge, border1, border2):
    if len(charge) < 2 or not charge.sum() > 0:
        return np.full(4, np.nan)
    return np.array(
        [
            border1.mean(),
            border2.mean(),
            charge[border1].sum() / charge.sum(),
            charge[border2].sum() / charge.sum(),
        ]
    )
