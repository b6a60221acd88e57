"""Every public name is documented: shapes, units, errors and source, with an example that runs."""

import ast
import inspect
import re
import textwrap
from dataclasses import is_dataclass
from pathlib import Path
from pkgutil import resolve_name

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

import sklauction
from sklauction import audit, datasets, economics

REFERENCE = Path(__file__).parents[1] / "docs/api.rst"
# Of the reference, names alone on their line; data have a directive of their own.
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
# Each once, by the class that defines it; those of scikit-learn and of tuples are theirs.
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

# Sections and parameters agree with the signature, parameters and results are described; see
# numpydoc's list of error codes.
CODES = {
    *("GL03", "GL06", "GL07", "GL08", "PR01", "PR02", "PR03", "PR04", "PR06", "PR07", "PR10"),
    *("RT01", "RT03", "SS01", "SS02", "SS03", "SS06", "YD01"),
}
# One line says all, as in scipy.stats, whose signatures these are: x or q in, an array of its
# shape out.
AS_IN_SCIPY = ("cdf", "mean", "pdf", "pmf", "ppf", "sf", "support")
SCIPY_METHODS = {
    f"sklauction.datasets.distributions.{cls}.{method}"
    for cls in ("Discrete", "Mixture")
    for method in AS_IN_SCIPY
}
DISPLAYS = tuple(name.rpartition(".")[2] for name in PUBLIC if name.endswith("Display"))
# What raises nothing of its own. A class is here for its constructor.
RAISES_NOTHING = (
    *("list_settings", "show_versions"),  # take no argument
    # Displays are made by their from_ methods, which check what is drawn.
    *DISPLAYS,
    *(f"{name}.plot" for name in DISPLAYS),
)
# What is from no paper.
NO_SOURCE = (
    "CallableAuction",  # the auction is the caller's
    "AuctionSetting",  # its field `source` says where its figures are from
    *("list_settings", "show_versions"),  # names
    "make_valuations",  # independent draws
    *DISPLAYS,  # drawings of what other names compute, and give the source of
)


def problems(name):
    # Of a display's plot, that it returns the display says all.
    codes = CODES - {"RT03"} if name.endswith("Display.plot") else CODES
    return [error for error in validate(name)["errors"] if error[0] in codes]


def short(name):
    """Return a public name without its module; a method's with its class."""
    return ".".join(name.split(".")[-2:] if name in METHODS else name.split(".")[-1:])


@pytest.mark.parametrize("name", [*PUBLIC, *METHODS])
def test_docstring_agrees_with_signature(name):
    if name in SCIPY_METHODS:
        assert TEXTS[name]["Summary"]
    else:
        assert problems(name) == []


@pytest.mark.parametrize("name", PUBLIC)
def test_has_an_example(name):
    # Doctests run the examples; here they must exist.
    assert ">>>" in "".join(TEXTS[name]["Examples"]), f"{name} has no example"


@pytest.mark.parametrize("name", [*PUBLIC, *METHODS])
def test_arrays_have_shapes(name):
    sections = ("Parameters", "Attributes", "Returns")
    for part in (part for section in sections for part in TEXTS[name][section]):
        words = " ".join([part.name, part.type, *part.desc])
        if "ndarray" in part.type or "array-like" in part.type:
            assert re.search(r"shape|broadcast", words), f"{name}: {words}"


@pytest.mark.parametrize("name", PUBLIC)
def test_units_are_named(name):
    # Of names there are none.
    if short(name) not in ("list_settings", "show_versions"):
        assert re.search(r"money|unit of the|probabilit", inspect.getdoc(PUBLIC[name]), re.I)


@pytest.mark.parametrize("name", [*PUBLIC, *METHODS])
def test_says_what_it_raises(name):
    if short(name) not in RAISES_NOTHING and name not in SCIPY_METHODS:
        assert TEXTS[name]["Raises"], f"{name} does not say what it raises"
        assert all(error.desc for error in TEXTS[name]["Raises"])


def own_code(thing):
    """Return the syntax tree of a function, or of a class's own constructor."""
    if inspect.isclass(thing):
        thing = None if is_dataclass(thing) else vars(thing).get("__init__")
    source = inspect.getsource(thing) if thing else ""
    return ast.walk(ast.parse(textwrap.dedent(source)))


@pytest.mark.parametrize("name", [name for name in TEXTS if not TEXTS[name]["Raises"]])
def test_what_raises_nothing_checks_nothing(name):
    code = list(own_code({**PUBLIC, **METHODS}[name]))
    called = {getattr(node.func, "id", "") for node in code if isinstance(node, ast.Call)}
    assert not any(isinstance(node, ast.Raise) for node in code)
    assert not any(function.startswith(("check_", "_check_")) for function in called)


@pytest.mark.parametrize("name", PUBLIC)
def test_names_its_source(name):
    if short(name) not in NO_SOURCE:
        assert TEXTS[name]["References"], f"{name} has no reference"


@pytest.mark.parametrize("name", [*PUBLIC, *METHODS])
def test_references_are_cited_in_the_text(name):
    text = inspect.getdoc({**PUBLIC, **METHODS}[name])
    entries = re.findall(r"^\.\. \[(\d+)\]", text, re.MULTILINE)
    assert {*entries} == {*re.findall(r"\[(\d+)\]_", text)}
    assert entries == [str(number + 1) for number in range(len(entries))]
    assert bool(entries) == bool(TEXTS[name]["References"])
    # A summary stands in tables, far from its references.
    assert "]_" not in text.splitlines()[0]


@pytest.mark.parametrize("exception", sorted({*RAISES_NOTHING, *NO_SOURCE}))
def test_exceptions_are_public(exception):
    assert exception in {short(name) for name in TEXTS}
