"""Image cleaners: names, options and defaults of ctapipe's classes; see `ctabatch.config.registry`."""
