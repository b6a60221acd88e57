"""show_versions: versions of Python, the package and its dependencies."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys

from sklauction import __version__

__all__ = ["show_versions"]

# Names of distributions.
DEPENDENCIES = ("numpy", "scipy", "scikit-learn", "torch", "skorch")
OPTIONAL = ("matplotlib", "pandas", "rich", "safetensors", "dask", "distributed")


def show_versions() -> None:
    """Print versions of Python, the package and its dependencies, for bug reports.

    The dependencies are not imported. The version of torch contains its build, as in ``2.9.0+cpu``,
    if it was installed from PyTorch's own index.

    See Also
    --------
    sklearn.show_versions : The same for scikit-learn, with numerical libraries and thread pools.

    Examples
    --------
    >>> from sklauction import show_versions
    >>> show_versions()  # doctest: +ELLIPSIS
    System:
              python: 3...
    ...
    """
    system = {
        "python": sys.version.replace("\n", " "),
        "executable": sys.executable,
        "platform": platform.platform(),
        "CPUs": os.cpu_count(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
    }
    packages = {"sklauction": __version__, **{name: _version(name) for name in DEPENDENCIES}}
    optional = {name: _version(name) for name in OPTIONAL}
    for title, rows in ("System", system), ("Packages", packages), ("Optional packages", optional):
        print(f"{title}:", *(f"{name:>16}: {text}" for name, text in rows.items()), sep="\n")


def _version(name):
    """Return the version of a distribution without importing it."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
