"""Charge extractors, with names, options and defaults of ctapipe's classes."""
