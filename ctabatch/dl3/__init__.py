"""Event lists: observations, real or drawn from simulations, written for gammapy (GADF v0.3)."""
