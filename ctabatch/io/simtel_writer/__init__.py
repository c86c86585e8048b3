"""Writes sim_telarray files: descriptions, simulated showers and telescope events."""
