"""Slow, obvious twins of the kernels: the specification, as loops anyone can check by eye."""
