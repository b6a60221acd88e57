"""show_versions: what a report of a bug should say of the system and the packages."""

import ast
import importlib.metadata
import importlib.util
import os
import platform
import sys
from pathlib import Path

__all__ = ["show_versions"]

# Names as pip knows them.
NEEDED = ("numpy", "scipy", "scikit-learn", "torch", "skorch")
OPTIONAL = ("matplotlib", "pandas", "rich", "safetensors", "dask", "distributed")
# Variables that say how many threads numpy and torch start.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# What torch can be built for, by the names in its version file.
BUILDS = {"cuda": "CUDA", "hip": "ROCm", "xpu": "XPU"}


def show_versions():
    """Print versions of Python, this package and its dependencies, for reports of bugs.

    Nothing is loaded for it: versions are those of the installed packages, and what torch is built
    for stands in a file of it. Threads that torch uses are asked of it only where it is loaded
    already. GPUs are not looked for, as that starts their driver, which takes seconds.

    See Also
    --------
    sklearn.show_versions : The same of scikit-learn, with the libraries behind numpy.

    Examples
    --------
    >>> from sklauction import show_versions
    >>> show_versions()  # doctest: +ELLIPSIS
    System:
          python: 3...
      executable: ...
        platform: ...
            CPUs: ...
    <BLANKLINE>
    Packages:
      sklauction: ...
           numpy: 2...
    ...
    """
    sections = {
        "System": {
            "python": sys.version.replace("\n", " "),
            "executable": sys.executable,
            "platform": platform.platform(),
            "CPUs": _cpus(),
        },
        "Packages": {
            "sklauction": sys.modules[__package__].__version__,
            **{name: _version(name) for name in NEEDED},
        },
        "Optional packages": {name: _version(name) for name in OPTIONAL},
        "torch": {"built for": _torch_build(), "threads": _torch_threads()},
    }
    width = max(len(name) for rows in sections.values() for name in rows)
    texts = [
        "\n".join([f"{title}:", *(f"  {name:>{width}}: {text}" for name, text in rows.items())])
        for title, rows in sections.items()
    ]
    print("\n\n".join(texts))


def _version(name):
    """Return the version of an installed package, without loading it."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _cpus():
    """Return how many CPUs there are, and how many this process may use where that is known."""
    usable = getattr(os, "sched_getaffinity", None)
    limited = "" if usable is None else f", {len(usable(0))} usable"
    return f"{os.cpu_count()}{limited}"


def _torch_build():
    """Return what torch is built for, as its version file says: a few lines, without imports."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return "not installed"
    try:
        lines = ast.parse(Path(spec.origin).with_name("version.py").read_text()).body
    except (OSError, SyntaxError):  # another layout than the torch of today
        return "unknown"
    found = {}
    for line in lines:
        target = getattr(line, "target", None) or getattr(line, "targets", [None])[0]
        if isinstance(target, ast.Name) and isinstance(line.value, ast.Constant):
            found[target.id] = line.value.value
    built = [f"{kind} {found[name]}" for name, kind in BUILDS.items() if found.get(name)]
    return ", ".join(built) or "CPU only"


def _torch_threads():
    """Return the threads of torch where it is loaded, else what tells it how many to start."""
    if "torch" in sys.modules:
        return str(sys.modules["torch"].get_num_threads())
    told = [f"{name}={os.environ[name]}" for name in THREADS if name in os.environ]
    return f"not loaded; {', '.join(told) or 'no variable says how many'}"
