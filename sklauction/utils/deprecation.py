"""Warnings about names and parameters that a later version removes."""

import functools
import importlib
import inspect

from sklauction.utils.warning import warn_user

__all__ = ["moved_module", "renamed", "renamed_parameters", "warn_deprecated"]

# A deprecated name works for this many minor versions.
MINOR_VERSIONS_KEPT = 2


def warn_deprecated(name, *, since, use):
    """Warn that a name is deprecated.

    Parameters
    ----------
    name : str
        What is deprecated, such as ``"old_function"`` or ``"the parameter old of fit"``.
    since : str
        First version with the warning, such as ``"0.2"``. The name is removed two minor versions
        later.
    use : str
        What to use instead.

    Examples
    --------
    >>> import warnings
    >>> from sklauction.utils.deprecation import warn_deprecated
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     warn_deprecated("old", since="0.2", use="new")
    >>> print(caught[0].message)
    old is deprecated since 0.2 and will be removed in 0.4; use new
    """
    warn_user(
        f"{name} is deprecated since {since} and will be removed in {removal_of(since)}; use {use}",
        FutureWarning,
    )


def removal_of(since):
    """Return the version that removes a name.

    Parameters
    ----------
    since : str
        First version with the warning.

    Returns
    -------
    str

    Examples
    --------
    >>> from sklauction.utils.deprecation import removal_of
    >>> removal_of("0.9")
    '0.11'
    """
    major, minor = since.split(".")
    return f"{major}.{int(minor) + MINOR_VERSIONS_KEPT}"


def renamed(new, old_name, *, since):
    """Return a function or class under its old name; each call warns.

    Parameters
    ----------
    new : callable
        Under its new name.
    old_name : str
    since : str
        First version with the warning.

    Returns
    -------
    function

    Examples
    --------
    >>> import warnings
    >>> from sklauction.utils.deprecation import renamed
    >>> length = renamed(len, "length", since="0.2")
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     length([1, 2])
    2
    >>> print(caught[0].message)
    length is deprecated since 0.2 and will be removed in 0.4; use len
    """

    @functools.wraps(new, updated=())
    def old(*args, **kwargs):
        warn_deprecated(old_name, since=since, use=new.__name__)
        return new(*args, **kwargs)

    old.__name__ = old.__qualname__ = old_name
    return old


def renamed_parameters(*, since, **names):
    """Let a function or estimator take parameters under their old names, with a warning.

    The signature and ``get_params`` show the new names only. For an estimator, decorate the class:
    its constructor and ``set_params`` then take the old names.

    Parameters
    ----------
    since : str
        First version with the warning.
    **names : str
        New name of each old name, as in ``old="new"``.

    Returns
    -------
    callable
        The decorator.

    Examples
    --------
    >>> import warnings
    >>> from sklauction.utils.deprecation import renamed_parameters
    >>> @renamed_parameters(since="0.2", n="number")
    ... def double(number):
    ...     return 2 * number
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     double(n=3)
    6
    >>> print(caught[0].message)
    the parameter n of double is deprecated since 0.2 and will be removed in 0.4; use number
    """

    def decorate(target):
        if not inspect.isclass(target):
            return _translating(target, target.__name__, names, since)
        for method in ("__init__", "set_params"):
            new = _translating(getattr(target, method), target.__name__, names, since)
            setattr(target, method, new)
        return target

    return decorate


def _translating(function, owner, names, since):
    """Return a function that takes keyword arguments under their old names."""

    @functools.wraps(function)
    def translate(*args, **kwargs):
        for old in names.keys() & kwargs.keys():
            if names[old] in kwargs:
                raise ValueError(
                    f"{owner} takes {names[old]} or its old name {old}, not both; got both"
                )
            what = f"the parameter {old} of {owner}"
            warn_deprecated(what, since=since, use=names[old])
            kwargs[names[old]] = kwargs.pop(old)
        return function(*args, **kwargs)

    return translate


def moved_module(old, new, *, since):
    """Return a ``__getattr__`` for the old path of a module; each use of a name warns.

    Parameters
    ----------
    old : str
        Path of the module that calls this, ``__name__``.
    new : str
        Path of the module that has the names.
    since : str
        First version with the warning.

    Returns
    -------
    function
        To be stored as ``__getattr__`` of the old module.

    Examples
    --------
    >>> import warnings
    >>> from sklauction.utils.deprecation import moved_module
    >>> find = moved_module("old_statistics", "statistics", since="0.2")
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     find("mean")([1, 3])
    2
    >>> print(caught[0].message)
    old_statistics is deprecated since 0.2 and will be removed in 0.4; use statistics
    """

    def find(name):
        module = importlib.import_module(new)
        if name not in module.__all__:
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        warn_deprecated(old, since=since, use=new)
        return getattr(module, name)

    return find
