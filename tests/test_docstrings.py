"""Every public name is documented as its signature says, with an example that runs."""

import inspect

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

import sklauction
from sklauction import audit, datasets, economics

MODULES = {
    "sklauction": sklauction,
    "sklauction.audit": audit,
    "sklauction.datasets": datasets,
    "sklauction.economics": economics,
}
PUBLIC = {
    f"{module}.{name}": getattr(owner, name)
    for module, owner in MODULES.items()
    for name in owner.__all__
    if callable(getattr(owner, name))
}
# Sections and parameters agree with the signature; see numpydoc's list of error codes.
CODES = {"GL08", "PR01", "PR02", "PR03", "PR04", "PR06", "PR10", "RT01", "SS01", "SS02", "YD01"}

RECORDS = ("AllocationMenu", "Consistency", "RegretCertificate", "RegretReport", "SheetReading")
METHODS = (
    *("fit", "predict", "score", "partial_fit", "plot", "from_report", "from_estimator"),
    *("certify", "explain", "price_sheets", "regret_bounds", "to_frame"),
    *("choose", "revenue", "simplify"),
)


def problems(name):
    return [error for error in validate(name)["errors"] if error[0] in CODES]


@pytest.mark.parametrize("name", PUBLIC)
def test_docstring_agrees_with_signature(name):
    assert problems(name) == []


@pytest.mark.parametrize("name", PUBLIC)
def test_example_runs_and_parameters_are_described(name):
    # Doctests run the examples; here they must exist, but for records of fields.
    text = NumpyDocString(inspect.getdoc(PUBLIC[name]))
    if name.rpartition(".")[2] not in RECORDS:
        assert text["Examples"], f"{name} has no example"
    assert all("".join(parameter.desc) for parameter in text["Parameters"] if parameter.name)


@pytest.mark.parametrize(
    "name",
    [
        f"{name}.{method}"
        for name, cls in PUBLIC.items()
        if inspect.isclass(cls)
        for method in METHODS
        if hasattr(cls, method)
    ],
)
def test_estimator_methods_are_documented(name):
    assert problems(name) == []
