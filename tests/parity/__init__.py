"""Comparison with ctapipe, run live on every example file that it reads."""
