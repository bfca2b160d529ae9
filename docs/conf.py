"""Sphinx configuration."""

import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # for what is in docs/ besides pages

from docs.inventories import write_inventories  # noqa: E402

project = "spikehebb"
author = "The spikehebb founders"
project_copyright = "the spikehebb founders, GPL-3.0-or-later"
version = release = version_of("spikehebb")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.intersphinx",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "docs.mathml",
]
exclude_patterns = ["_build", "gallery/*.ipynb"]
suppress_warnings = ["config.cache", "ref.python"]  # a word of a docstring that is the name of several things
# The pages that other pages take in, and those that Sphinx finds by another way
exclude_patterns += ["catalogue/models.md", "catalogue/campaign.md", "catalogue/presets.md", "catalogue/costs.md"]

html_theme = "furo"
html_title = f"spikehebb {version}"
html_static_path = ["_static"]
html_css_files = ["spikehebb.css"]
html_favicon = "_static/icon.svg"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f5fa8", "color-brand-content": "#1f5fa8"},
    "dark_css_variables": {"color-brand-primary": "#8ab8ea", "color-brand-content": "#8ab8ea"},
}
html_show_sphinx = False
html_copy_source = False

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

# The tutorials are run while the pages are built; what has not changed since is taken from the cache.
nb_execution_mode = os.environ.get("SPIKEHEBB_NOTEBOOKS", "cache")
nb_execution_cache_path = str(HERE / "_build" / "notebooks")
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True

autosummary_generate = False
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
maximum_signature_line_length = 90
napoleon_google_docstring = False
napoleon_use_rtype = False

# Inventories of others come from the network where there is one, and otherwise from the few names kept here.
intersphinx_mapping = write_inventories(HERE / "_build" / "inventories")
intersphinx_timeout = 3

copybutton_exclude = ".linenos, .gp, .go"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/\d\d_",
    "reset_argv": "docs.gallery.arguments",
    "image_scrapers": ("docs.gallery.pictures",),
    "reset_modules": (),
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1e9,
    "write_computation_times": False,
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "plot_gallery": os.environ.get("SPIKEHEBB_EXAMPLES", "True"),
    "parallel": 2,
}
