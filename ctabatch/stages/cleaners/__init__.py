"""Image cleaners, with names, options and defaults of ctapipe's classes."""
