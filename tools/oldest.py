"""Print the oldest versions that pyproject.toml allows, as constraints for pip: `make oldest`."""

import argparse
import itertools
import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
# Tools that do not run the package; any version will do.
TOOLS = ("mypy", "ruff")
# matplotlib 3.9 warns when it is imported with a later one.
PARTNERS = ["pyparsing<3.3"]


def oldest(text, torch=None):
    """Return a constraint, such as "numpy==2.0", for each dependency with a lower bound."""
    project = tomllib.loads(text)["project"]
    lines = itertools.chain(project["dependencies"], *project["optional-dependencies"].values())
    bounds = dict(line.split(">=") for line in lines if re.fullmatch(r"[\w-]+>=[\d.]+", line))
    if torch:
        bounds["torch"] = torch
    return [f"{name}=={bound}" for name, bound in bounds.items() if name not in TOOLS] + PARTNERS


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", help="version of torch instead of the oldest")
    print("\n".join(oldest(PROJECT.read_text(), parser.parse_args().torch)))
