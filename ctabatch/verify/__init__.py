"""Checks of what was computed against the truth of simulations."""
