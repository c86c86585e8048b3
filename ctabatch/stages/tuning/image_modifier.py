"""Images of a simulation with a worse point spread and more noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.charge_noise import add_charge_noise
from ctabatch.kernels.psf_smearing import smear_psf
from ctabatch.stages.component import option

from .keys import event_keys


@dataclass(frozen=True)
class ImageModifier:
    """Tune the charges of images; options and what they do are those of ctapipe's class.

    Noise differs between dim and bright pixels, since extraction at the peak of the noise shifts
    the charge of dim pixels. Every random number belongs to seed, observation, event, telescope and
    pixel: results do not depend on how events are grouped or on threads.
    """

    psf_smear_factor: float = option(
        0.0, "Mean share of its charge that a pixel gives to its neighbours", ge=0.0, le=1.0
    )
    noise_transition_charge: float = option(
        0.0, "Pixels above this charge are bright, others dim", unit="p.e."
    )
    noise_bias_dim_pixels: float = option(
        0.0, "Charge added to dim pixels, if any noise is added", unit="p.e."
    )
    noise_level_dim_pixels: float = option(
        0.0, "Mean number of photo-electrons of noise in dim pixels", unit="p.e.", ge=0.0
    )
    noise_level_bright_pixels: float = option(
        0.0, "Mean number of photo-electrons of noise in bright pixels", unit="p.e.", ge=0.0
    )
    noise_correct_bias: bool = option(
        True, "Take the mean of the noise away again, so that only fluctuations are added"
    )
    rng_seed: int = option(1337, "Seed of the random numbers", ge=0)

    @property
    def has_noise(self) -> bool:
        """Whether noise is added; without, there is no bias either (as in ctapipe)."""
        return self.noise_level_dim_pixels > 0 or self.noise_level_bright_pixels > 0

    @property
    def has_effect(self) -> bool:
        """Whether images change at all."""
        return self.psf_smear_factor > 0 or self.has_noise

    def modify(
        self,
        image: NDArray[np.float32],
        geometry: CameraGeometry,
        obs_id: int | NDArray[Any],
        event_id: NDArray[Any],
        tel_id: NDArray[Any],
        read_out: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float32]:
        """Images with light smeared and noise added.

        Parameters
        ----------
        image : (n, n_pixels) float32, p.e.
        geometry : CameraGeometry
            Neighbours are those of the camera frame.
        obs_id : int or (n,) int
        event_id, tel_id : (n,) int
        read_out : (n, n_pixels) bool, optional
            Pixels with data; others keep their value, and light that is moved there is lost.

        Returns
        -------
        (n, n_pixels) float32
            `image` itself if there is nothing to change.
        """
        if not self.has_effect:
            return image
        keys = event_keys(obs_id, event_id, tel_id)
        before = np.ascontiguousarray(image, np.float32)
        out = before
        if self.psf_smear_factor > 0:
            indptr, indices = geometry.neighbors
            out = np.empty_like(before)
            smear_psf(
                before, *keys, indptr, indices, int(np.diff(indptr).max(initial=0)),
                float(self.psf_smear_factor), self.rng_seed, out,
            )  # fmt: skip
        if self.has_noise:
            charge, out = out, np.empty_like(before)
            add_charge_noise(
                charge, *keys, float(self.noise_transition_charge),
                float(self.noise_level_dim_pixels), float(self.noise_level_bright_pixels),
                float(self.noise_bias_dim_pixels), bool(self.noise_correct_bias),
                self.rng_seed, out,
            )  # fmt: skip
        return out if read_out is None else np.where(read_out, out, before)


__all__ = ["ImageModifier"]
