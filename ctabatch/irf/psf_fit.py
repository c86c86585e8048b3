"""Parametric point spread functions: three Gaussians and the King profile, fitted to counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import OptionError
from ctabatch.irf.axes import Axis
from ctabatch.irf.products import Product

Floats = NDArray[np.float64]
_STEPS = 3000
_TOLERANCE = 1e-10
#: Fewer events than this fit no profile.
MIN_EVENTS = 20


@dataclass(frozen=True, eq=False)
class GaussianFit:
    """Sum of Gaussians in each bin of energy and offset; 0 where there are too few events.

    Attributes
    ----------
    fraction : float64 (n_energy, n_offset, 3)
        Of the events in each Gaussian, the narrowest first.
    sigma : float64 (n_energy, n_offset, 3)
        deg.
    valid : bool (n_energy, n_offset)
    """

    energy: Axis
    offset: Axis
    fraction: Floats
    sigma: Floats
    valid: NDArray[np.bool_]

    def contained(self, radius: Floats) -> Floats:
        """Fraction of events within radii (deg), shape (n_energy, n_offset, n_radius)."""
        sigma = np.where(self.sigma > 0, self.sigma, 1.0)[..., None]
        inside = -np.expm1(-(np.asarray(radius) ** 2) / (2 * sigma**2))
        return np.asarray((self.fraction[..., None] * inside).sum(axis=-2))

    def columns(self) -> dict[str, Floats]:
        """SCALE (sr-1), SIGMA_1, AMPL_2, ... as PSF_3GAUSS of GADF v0.3 defines them."""
        sigma = np.where(self.sigma > 0, np.radians(self.sigma), 1.0)
        peak = self.fraction / (2 * np.pi * sigma**2)
        scale = peak[..., 0]
        safe = np.where(scale > 0, scale, 1.0)
        found = {"SCALE": scale}
        for k in range(3):
            found[f"SIGMA_{k + 1}"] = self.sigma[..., k]
            if k:
                found[f"AMPL_{k + 1}"] = peak[..., k] / safe
        return found


@dataclass(frozen=True, eq=False)
class KingFit:
    """King profile in each bin of energy and offset; 0 where there are too few events.

    Attributes
    ----------
    sigma : float64 (n_energy, n_offset)
        deg.
    gamma : float64 (n_energy, n_offset)
        Above 1; the larger, the smaller the tails.
    valid : bool (n_energy, n_offset)
    """

    energy: Axis
    offset: Axis
    sigma: Floats
    gamma: Floats
    valid: NDArray[np.bool_]

    def contained(self, radius: Floats) -> Floats:
        """Fraction of events within radii (deg), shape (n_energy, n_offset, n_radius)."""
        sigma = np.where(self.valid, self.sigma, 1.0)[..., None]
        gamma = np.where(self.valid, self.gamma, 2.0)[..., None]
        return np.where(self.valid[..., None], _king(np.asarray(radius), sigma, gamma), 0.0)


def fit_gaussians(psf: Product) -> GaussianFit:
    """Fit three Gaussians to the counts of a PSF table by maximum likelihood.

    Notes
    -----
    Expectation and maximisation for a mixture in t = r^2, in which a Gaussian is an exponential:
    exact integrals over the bins, events outside the range of radii are not used.
    """
    counts, rad = _counts(psf)
    t = rad.edges**2
    fraction, sigma = np.zeros((*counts.shape[:2], 3)), np.zeros((*counts.shape[:2], 3))
    valid = counts.sum(axis=-1) >= MIN_EVENTS
    for cell in np.argwhere(valid):
        i, j = cell.tolist()
        weight, scale = _mixture(counts[i, j], t)
        order = np.argsort(scale)
        fraction[i, j], sigma[i, j] = weight[order], np.sqrt(scale[order] / 2)
    return GaussianFit(psf.axis("energy"), psf.axis("offset"), fraction, sigma, valid)


def fit_king(psf: Product) -> KingFit:
    """Fit a King profile to the counts of a PSF table by maximum likelihood.

    Notes
    -----
    The likelihood is scanned on grids of log sigma and log (gamma - 1) that close in on its
    maximum; its profile in the plane has one.
    """
    counts, rad = _counts(psf)
    sigma, gamma = np.zeros(counts.shape[:2]), np.zeros(counts.shape[:2])
    valid = counts.sum(axis=-1) >= MIN_EVENTS
    for cell in np.argwhere(valid):
        i, j = cell.tolist()
        n = counts[i, j]
        start = np.sqrt((n * (rad.lo + rad.hi) ** 2 / 4).sum() / n.sum() / 2)
        centre, half = np.array([np.log(start), np.log(2.0)]), np.array([3.0, 5.0])
        for _ in range(30):
            s, g = (np.linspace(c - h, c + h, 13) for c, h in zip(centre, half, strict=True))
            grid = np.meshgrid(s, g, indexing="ij")
            inside = _king(rad.edges, np.exp(grid[0])[..., None], 1 + np.exp(grid[1])[..., None])
            norm = np.maximum(inside[..., -1:] - inside[..., :1], 1e-300)
            p = np.maximum(np.diff(inside, axis=-1) / norm, 1e-300)
            best = np.unravel_index(int((n * np.log(p)).sum(axis=-1).argmax()), grid[0].shape)
            centre = np.array([grid[0][best], grid[1][best]])
            half = half * 0.6
        sigma[i, j], gamma[i, j] = np.exp(centre[0]), 1 + np.exp(centre[1])
    return KingFit(psf.axis("energy"), psf.axis("offset"), sigma, gamma, valid)


def _counts(psf: Product) -> tuple[Floats, Axis]:
    if [axis.name for axis in psf.axes] != ["energy", "offset", "rad"]:
        raise OptionError(f"{psf.quantity}: profiles are fitted to a psf of energy, offset and rad")
    return psf.n_events.astype(np.float64), psf.axes[2]


def _king(radius: Floats, sigma: Floats, gamma: Floats) -> Floats:
    # integral of (1 - 1/gamma) (1 + r^2 / (2 sigma^2 gamma))^-gamma / (2 pi sigma^2)
    exponent = (1 - gamma) * np.log1p(radius**2 / (2 * sigma**2 * gamma))
    return np.asarray(-np.expm1(exponent))


def _mixture(counts: Floats, t: Floats) -> tuple[Floats, Floats]:
    """Weights and means of three exponentials in t, given counts between the edges t."""
    total = counts.sum()
    mean = float((counts * (t[1:] + t[:-1]) / 2).sum() / total)
    weight, scale = np.array([0.6, 0.3, 0.1]), mean * np.array([0.4, 1.2, 4.0])
    for _ in range(_STEPS):
        low, high = np.exp(-t[:-1] / scale[:, None]), np.exp(-t[1:] / scale[:, None])
        p = low - high  # share of each exponential in each bin
        # mean of t in the bin, times the share
        moment = low * (t[:-1] + scale[:, None]) - high * (t[1:] + scale[:, None])
        reach = p.sum(axis=1)
        model = np.maximum((weight[:, None] * p).sum(axis=0), 1e-300)
        share = weight[:, None] * counts / model
        missing = total / float(weight @ reach) * weight  # events of the model outside the range
        outside = missing * (1 - reach)
        outer = missing * (scale - moment.sum(axis=1))
        n = (share * p).sum(axis=1) + outside
        new_scale = ((share * moment).sum(axis=1) + outer) / np.maximum(n, 1e-300)
        new_scale = np.clip(new_scale, t[1] * 1e-3, t[-1] * 4)
        new_weight = n / n.sum()
        moved = np.abs(new_weight - weight).max() + np.abs(new_scale / scale - 1).max()
        weight, scale = new_weight, new_scale
        if moved < _TOLERANCE:
            break
    return weight, scale
