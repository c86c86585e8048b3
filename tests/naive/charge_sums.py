"""Sums of one bin of true charge, by numpy over all pixels at once."""

import numpy as np


def charge_sums(image, true_image, low, high):
    """Sums of the pixels with a true charge of at least `low` and less than `high`."""
    inside = (true_image >= low) & (true_image < high)
    finite = inside & np.isfinite(image)
    true = true_image[finite].astype(float)
    difference = image[finite].astype(float) - true
    sums = np.zeros(9)
    sums[3:6] = [(difference**power).sum() for power in (1, 2, 4)]
    if low > 0:
        sums[:3] = true.sum(), (1 / true).sum(), (1 / true**2).sum()
        sums[6:] = [((difference / true) ** power).sum() for power in (1, 2, 4)]
    return sums, int(finite.sum()), int((inside & ~finite).sum())
