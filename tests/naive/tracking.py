"""Pointing of one telescope event: the corrected position where it has a value."""

import numpy as np


def pointing(content, ident):
    values = np.frombuffer(content[: len(content) // 8 * 8], "<f4").reshape(-1, 2)
    kinds = [kind for kind in ("raw", "cor") if ident & {"raw": 0x100, "cor": 0x200}[kind]]
    found = dict(zip(kinds, values, strict=False))
    nan = np.full(2, np.nan, np.float32)
    raw, corrected = found.get("raw", nan), found.get("cor", nan)
    return np.where(np.isnan(corrected), raw, corrected)
