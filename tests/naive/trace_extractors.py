"""Extractors of calibrated traces, pixel by pixel with plain numpy."""

import numpy as np


def window(trace, peak, width, shift):
    """(charge, time in samples) of the window clipped to the trace."""
    inside = [s for s in range(peak - shift, peak - shift + width) if 0 <= s < len(trace)]
    values = np.asarray(trace, float)[inside]
    positive = values > 0
    total = values[positive].sum()
    time = (values * inside)[positive].sum() / total if positive.any() else peak
    return values.sum(), time


def first_largest(values):
    """First sample of the largest value; NaN never is."""
    values = np.where(np.isnan(values), -np.inf, values)
    return int(np.argmax(values)) if len(values) else 0


def neighbor_sum(traces, neighbors, pixel, weight):
    """Sum of the traces of a pixel and its neighbours in the precision of the traces."""
    total = traces[pixel] * traces.dtype.type(weight)
    for neighbor in neighbors[pixel]:
        total = total + traces[neighbor]
    return total


def neighbor_charges(samples, neighbors, baseline, weight, width, shift):
    """(charge, time in samples) of one event; `baseline` is (begin, end) or None."""
    if baseline is not None:
        with np.errstate(all="ignore"):
            some = samples[:, slice(*baseline)]
            n = some.shape[1]
            samples = samples - (some.sum(axis=1) / n if n else np.nan * samples[:, 0])[:, None]
    found = [
        window(trace, first_largest(neighbor_sum(samples, neighbors, p, weight)), width, shift)
        for p, trace in enumerate(samples)
    ]
    return np.array(found).reshape(-1, 2).T


def deconvolved(trace, pole, upsampling):
    """Subtract the pole, repeat every sample, average ahead and back: all as it is said."""
    trace = np.asarray(trace, float)
    short = np.concatenate([[0.0], trace[1:] - pole * trace[:-1]])
    fine = np.repeat(short, upsampling)
    for _ in range(2):
        n = len(fine)
        left = upsampling // 2 if upsampling % 2 else upsampling // 2 - 1
        places = np.arange(n)[:, None] + np.arange(-left, upsampling - left)
        fine = fine[places.clip(0, n - 1)].mean(axis=1)[::-1]
    return fine


def centroid(fine, peak, limit):
    """Mean sample around the peak, while samples are above the limit."""
    if not fine[peak] >= 0:
        return float(peak)
    lowest, used = limit * fine[peak], []
    for places in (range(peak, -1, -1), range(peak + 1, len(fine))):
        for s in places:
            if not fine[s] > lowest:
                break
            used.append(s)
    return np.average(used, weights=fine[used]) if used else float(peak)


def flashcam_charges(samples, neighbors, parameters, options):
    """(charge, time in upsampled samples) of one event."""
    pole, gain, edge_shift = parameters
    fine = np.array([deconvolved(trace, pole, options.upsampling) for trace in samples])
    level = options.neighbour_sum_clipping
    bounded = fine
    if level and np.isfinite(level):
        x = fine / level
        bounded = np.maximum(x / (1 + np.abs(x)), 0)
    found = []
    for p, trace in enumerate(samples):
        total = neighbor_sum(bounded, neighbors, p, options.local_weight)
        # what is equal but for rounding is equal: the place of the peak does not depend on it
        peak = first_largest(np.round(total, 12))
        charge, time = window(fine[p], peak, options.window_width, options.window_shift)
        if options.leading_edge_timing:
            place = int(np.clip(np.rint(peak - edge_shift), 0, fine.shape[1] - 1))
            edges = deconvolved(trace, 1.0, options.upsampling)
            time = centroid(edges, place, options.leading_edge_rel_descend_limit)
        found.append((charge / gain, time))
    return np.array(found).reshape(-1, 2).T


def first_pass(samples):
    """(charge, time in samples) of one event."""
    found = []
    for trace in samples:
        sums = [float(sum(trace[s - 1 : s + 2].astype(float))) for s in range(2, len(trace) - 2)]
        found.append(window(trace, first_largest(np.float32(sums)) + 2, 5, 2))
    return np.array(found).reshape(-1, 2).T


def brightest_island(charge, mask, neighbors):
    """The connected group of selected pixels with most charge."""
    waiting, best, largest = set(np.flatnonzero(mask)), set(), 0.0
    while waiting:
        island, todo = set(), [min(waiting)]
        while todo:
            p = todo.pop()
            if p in waiting:
                waiting.remove(p)
                island.add(p)
                todo += neighbors[p]
        total = sum(float(charge[p]) for p in sorted(island))
        if total > largest:
            best, largest = island, total
    return np.isin(np.arange(len(mask)), sorted(best))


def second_pass_window(sample, n_samples):
    """(peak, width, shift) of the window for a predicted time in samples."""
    peak = round(sample)
    if peak < 2:
        return 0, 5, 0
    if peak > n_samples - 3:
        return n_samples - 1, 6, 4
    return (peak, 6, 4) if peak == n_samples - 3 else (peak, 5, 2)
