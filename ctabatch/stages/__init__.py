"""Processing stages: pure functions from arrays of one telescope type to record batches."""
