"""Sphinx configuration."""

project = "spikehebb"
author = "The spikehebb founders"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "spikehebb"
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath"]
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
