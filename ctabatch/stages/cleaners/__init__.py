"""Image cleaners: one file each, a dataclass of options and what it does with a batch."""
