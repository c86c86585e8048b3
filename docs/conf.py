"""Sphinx configuration."""

project = "ctabatch"
author = "ctabatch developers"
copyright = "ctabatch developers, BSD-3-Clause"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
myst_heading_anchors = 3
exclude_patterns = ["_build"]
autodoc_typehints = "signature"
napoleon_google_docstring = False
