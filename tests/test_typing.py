"""Annotations of the public API: complete, and consistent with the docstrings."""

import inspect
import re
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from numpydoc.docscrape import NumpyDocString
from test_docstrings import METHODS, PUBLIC
from typed_program import main

import sklauction

# Simple types in docstrings.
TYPES = {"bool": bool, "float": float, "int": int, "None": NoneType, "str": str}
# Special methods that a user calls.
SPECIAL = ("__init__", "__new__", "__call__")


def functions_of(cls):
    """Yield the constructor, the properties and ``__call__`` of a class, if defined here."""
    for name in dir(cls):
        owner = next(one for one in cls.__mro__ if name in vars(one))
        function = inspect.getattr_static(cls, name)
        if isinstance(function, property):
            function = function.fget
        elif name not in SPECIAL:
            continue
        function = getattr(function, "__func__", function)
        if owner.__module__.startswith("sklauction") and inspect.isfunction(function):
            yield function


def is_public(function):
    """Return whether a function is a public name, or belongs to a public class."""
    return not any(part.startswith("_") for part in function.__qualname__.split(".")[:-1])


CONSTRUCTORS = {
    name: cls.__init__
    for name, cls in PUBLIC.items()
    if inspect.isclass(cls) and inspect.isfunction(cls.__init__)
}
FUNCTIONS = {name: thing for name, thing in PUBLIC.items() if inspect.isfunction(thing)}
ALL = {
    f"{function.__module__}.{function.__qualname__}": inspect.unwrap(function)
    for function in (
        *FUNCTIONS.values(),
        *filter(inspect.isroutine, METHODS.values()),
        *(one for cls in PUBLIC.values() if inspect.isclass(cls) for one in functions_of(cls)),
    )
    if function.__module__.startswith("sklauction") and is_public(function)
}


def hints(function):
    """Return the annotations, evaluated."""
    return get_type_hints(function, localns={"RegretDisplay": sklauction.RegretDisplay})


@pytest.mark.parametrize("name", ALL)
def test_public_functions_are_annotated(name):
    signature = inspect.signature(ALL[name])
    found = hints(getattr(ALL[name], "__func__", ALL[name]))
    first = ("self", "cls")
    assert [one for one in signature.parameters if one not in (*found, *first)] == []
    assert "return" in found or name.endswith(".__init__")


def alternatives(annotation):
    """Return the strings and the other types that an annotation allows."""
    parts = get_args(annotation) if get_origin(annotation) in (UnionType, Union) else (annotation,)
    literals = [part for part in parts if get_origin(part) is Literal]
    strings = {text for part in literals for text in get_args(part)}
    return strings, {part for part in parts if part not in literals}


def documented():
    """Return (function, documented parameter, annotation), for each with simple types."""
    found = {}
    for name, function in {**CONSTRUCTORS, **FUNCTIONS, **METHODS}.items():
        text = inspect.getdoc({**PUBLIC, **METHODS}[name])
        annotations = hints(inspect.unwrap(getattr(function, "__func__", function)))
        for parameter in NumpyDocString(text)["Parameters"]:
            for one in re.split(", ", parameter.name):
                if one in annotations:
                    found[f"{name}({one})"] = parameter.type, annotations[one]
    return found


DOCUMENTED = documented()


@pytest.mark.parametrize("name", DOCUMENTED)
def test_docstring_and_annotation_agree(name):
    text, annotation = DOCUMENTED[name]
    text, _, default = text.partition(", default=")
    strings, others = alternatives(annotation)
    if {Any, object, str} & others:
        return
    assert {*re.findall(r'"(\w+)"', text)} == strings
    words = {*re.findall(r"\w+", re.sub(r'"\w+"', "", text))} - {"or"}
    if words and words <= {*TYPES} and "(" not in text:
        also = {"None"} if default == "None" else set()
        assert {TYPES[word] for word in words | also} == others


def test_a_typed_program_runs(tmp_path):
    # mypy checks the program in `make lint`.
    assert main(Path(tmp_path)) > 0
