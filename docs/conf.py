"""Configuration of the documentation site: `make docs`."""

import re

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml

import sklauction

project = "sklauction"
author = "The sklauction developers"
copyright = "2026, the sklauction developers"
version = release = sklauction.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "api/backreferences", "sg_execution_times.rst"]

smartquotes = False  # "auto" is an argument, not a quotation
# A reference that leads nowhere is an error, as every warning is in `make docs`.
nitpicky = True
# Classes of other packages, whose sites are not asked while building.
nitpick_ignore_regex = [(r"py:.*", r"(numpy|pandas|scipy|sklearn|skorch|torch|matplotlib)\..*")]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "sklauction"
html_theme_options = {
    "logo": {"text": "sklauction"},
    "navbar_align": "left",
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
html_show_sourcelink = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "api/backreferences",
    "doc_module": ("sklauction",),
    "reference_url": {"sklauction": None},
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "parallel": 2,
    "show_signature": False,
}


def link_gallery(app, name, content):
    """Let links to examples lead to their pages in the gallery.

    Pages link to ``../examples/plot_x.py``, which exists in the repository; the site has a page of
    the gallery for it.
    """
    text = content[0].replace("](../examples)", "](auto_examples/index.rst)")
    content[0] = re.sub(r"\]\(\.\./examples/(\w+)\.py\)", r"](auto_examples/\1.rst)", text)


def to_mathml(node, as_block):
    """Return a formula as MathML: browsers show it without fetching a script from elsewhere."""
    formula = tex2mathml(node.astext(), as_block=as_block)
    # Braces would grow beyond what they enclose.
    for brace in "{}":
        formula = formula.replace(f"<mo>{brace}</mo>", f'<mo stretchy="false">{brace}</mo>')
    return formula


def write_math(translator, node):
    """Write a formula within a line."""
    translator.body.append(to_mathml(node, as_block=False))
    raise SkipNode


def write_displayed_math(translator, node):
    """Write a formula that stands by itself, scrolling where it is too wide."""
    style = "overflow: auto hidden; padding: 0.3em 0; margin: 0.7em 0"
    translator.body.append(f'<div style="{style}">{to_mathml(node, as_block=True)}</div>')
    raise SkipNode


def setup(app):
    """Register the links to the gallery and the writers of formulas."""
    app.connect("source-read", link_gallery)
    app.add_html_math_renderer("mathml", (write_math, None), (write_displayed_math, None))
