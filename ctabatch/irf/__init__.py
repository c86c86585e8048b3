"""Instrument response: events, weights, cuts, histograms, products, hand-over to gammapy."""
