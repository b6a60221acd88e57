"""Docstrings of public names: they agree with the signature, and have an example."""

import inspect
import re
from pathlib import Path
from pkgutil import resolve_name

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

import sklauction
from sklauction import audit, datasets, domains, economics

REFERENCE = Path(__file__).parents[1] / "docs/api.rst"
# Names alone on their line; data have a directive of their own.
LISTED = re.findall(r"^   ([A-Za-z][\w.]*)$", REFERENCE.read_text(), re.MULTILINE)
PUBLIC = {
    f"{owner.__name__}.{name}": resolve_name(f"{owner.__name__}.{name}")
    for owner, names in [
        (sklauction, [*sklauction.__all__, *LISTED]),
        *((module, module.__all__) for module in (audit, datasets, economics)),
    ]
    for name in names
    if name != "__version__" and callable(resolve_name(f"{owner.__name__}.{name}"))
}
# Each once, by the class that defines it; without those of scikit-learn and of tuples.
METHODS = {
    f"{method.__module__}.{method.__qualname__}": method
    for cls in PUBLIC.values()
    if inspect.isclass(cls)
    for method in (getattr(cls, name) for name in dir(cls) if not name.startswith("_"))
    if callable(method) and getattr(method, "__module__", "").startswith("sklauction")
}
TEXTS = {
    name: NumpyDocString(inspect.getdoc(thing)) for name, thing in {**PUBLIC, **METHODS}.items()
}

# Error codes of numpydoc: sections and parameters agree with the signature, and parameters and
# results are described.
CODES = {
    *("GL03", "GL06", "GL07", "GL08", "PR01", "PR02", "PR03", "PR04", "PR06", "PR07", "PR10"),
    *("RT01", "RT03", "SS01", "SS02", "SS03", "SS06", "YD01"),
}
# Signatures of scipy.stats, documented in one line.
AS_IN_SCIPY = ("cdf", "mean", "pdf", "pmf", "ppf", "sf", "support")
SCIPY_METHODS = {
    f"sklauction.datasets.distributions.{cls}.{method}"
    for cls in ("Discrete", "Mixture")
    for method in AS_IN_SCIPY
}
# Methods of domains: those of the base class are the contract, the others add a line to it. They
# take arrays that are known to be valid.
CONTRACT = {name for name in METHODS if name.startswith("sklauction.domains.")}
CONTRACT -= {name for name in METHODS if ".outcome." in name or name.endswith(".box")}
ADD_A_LINE = {
    name
    for name in CONTRACT
    if ".base." not in name and name.rpartition(".")[2] in vars(domains.Domain)
}
DISPLAYS = tuple(name.rpartition(".")[2] for name in PUBLIC if name.endswith("Display"))
# Names that raise no errors of their own; classes stand for their constructors.
RAISES_NOTHING = (
    *("list_settings", "show_versions"),  # take no argument
    # The from_ methods of displays check their arguments.
    *DISPLAYS,
    *(f"{name}.plot" for name in DISPLAYS),
    *("Domain", "Rule"),
    *(".".join(name.split(".")[-2:]) for name in sorted(CONTRACT)),
)


def problems(name):
    # A display's plot returns the display.
    codes = CODES - {"RT03"} if name.endswith("Display.plot") else CODES
    return [error for error in validate(name)["errors"] if error[0] in codes]


def short(name):
    """Return a public name without its module; a method's with its class."""
    return ".".join(name.split(".")[-2:] if name in METHODS else name.split(".")[-1:])


@pytest.mark.parametrize("name", [*PUBLIC, *METHODS])
def test_docstring_agrees_with_signature(name):
    if name in SCIPY_METHODS | ADD_A_LINE:
        assert TEXTS[name]["Summary"]
    else:
        assert problems(name) == []


@pytest.mark.parametrize("name", PUBLIC)
def test_has_an_example(name):
    # Doctests run the examples.
    assert ">>>" in "".join(TEXTS[name]["Examples"])


@pytest.mark.parametrize("name", [*PUBLIC, *METHODS])
def test_arrays_have_shapes(name):
    sections = ("Parameters", "Attributes", "Returns")
    for part in (part for section in sections for part in TEXTS[name][section]):
        words = " ".join([part.name, part.type, *part.desc])
        if "ndarray" in part.type or "array-like" in part.type:
            assert re.search(r"shape|broadcast", words), f"{name}: {words}"


@pytest.mark.parametrize("name", [*PUBLIC, *METHODS])
def test_errors_are_documented(name):
    if short(name) not in RAISES_NOTHING and name not in SCIPY_METHODS:
        assert TEXTS[name]["Raises"]
        assert all(error.desc for error in TEXTS[name]["Raises"])


@pytest.mark.parametrize("name", [*PUBLIC, *METHODS])
def test_references_are_cited_in_the_text(name):
    text = inspect.getdoc({**PUBLIC, **METHODS}[name])
    entries = re.findall(r"^\.\. \[(\d+)\]", text, re.MULTILINE)
    assert {*entries} == {*re.findall(r"\[(\d+)\]_", text)}
    assert entries == [str(number + 1) for number in range(len(entries))]
    assert bool(entries) == bool(TEXTS[name]["References"])
    # Summaries are shown in tables without references.
    assert "]_" not in text.splitlines()[0]


@pytest.mark.parametrize("exception", RAISES_NOTHING)
def test_exceptions_are_public(exception):
    assert exception in {short(name) for name in TEXTS}
