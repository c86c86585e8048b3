"""Where array events come from: files, stored levels of a dataset, and sources of other packages.

Everything that gives events does it as `EventBlock`, see `protocol`.
"""
