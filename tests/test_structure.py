"""House rules that a machine can check: directions of imports, no asserts, light import."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

import sklauction

ROOT = Path(sklauction.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))

# The folders and top-level modules, lowest first: imports go down this list or stay in a folder.
LAYERS = (
    "utils",
    "domains",
    "economics",
    "mechanism",
    "menu",
    "datasets",
    "plotting",
    "audit",
    "base",
    "analytic",
    "bounds",
    "model_selection",
    "persistence",
    "learned",
    "menus",
    "price_sheets",
    "two_player",
    "wrappers",
)
# Parts of the game that are combined at will, and never import each other.
PARTS = {"two_player.networks", "two_player.searchers", "two_player.objectives"}
MOST_ENTRIES = 21


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imports_of(path):
    """Return the modules of the package that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.removeprefix("sklauction.") for name in found if name.startswith("sklauction.")}


# Packages only collect names; sample_tests.py at the top is a former path.
GRAPH = {
    name_of(path): imports_of(path)
    for path in SOURCES
    if path.name != "__init__.py" and path != ROOT / "sample_tests.py"
}


@pytest.mark.parametrize("name", GRAPH)
def test_imports_point_down(name):
    for imported in GRAPH[name]:
        lower, upper = (LAYERS.index(one.split(".")[0]) for one in (imported, name))
        assert lower <= upper, f"{name} imports {imported}"


def test_imports_have_no_circle():
    # Raises CycleError, which shows the circle.
    graphlib.TopologicalSorter(GRAPH).prepare()


def test_parts_of_the_game_do_not_import_each_other():
    for part in PARTS:
        assert not GRAPH[part] & PARTS


# At the top of the package beside the layers.
BESIDE = {"__init__", "py.typed", "sample_tests"}


def test_the_top_of_the_package_holds_the_layers_and_little_else():
    entries = {path.name for path in ROOT.iterdir() if not path.name.startswith((".", "__pycache"))}
    assert {name.removesuffix(".py") for name in entries} - BESIDE == set(LAYERS)
    assert len(entries) <= MOST_ENTRIES


def test_the_picture_shows_every_layer():
    picture = (ROOT.parent / "docs/layers.svg").read_text()
    assert {name for name in LAYERS if f">{name}<" not in picture} == set()


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_library_code_neither_asserts_nor_seeds_globally(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree))
    for forbidden in ("torch.manual_seed", "np.random.seed", "set_num_threads"):
        assert forbidden not in text
    assert text.count("\n") <= 500


# What compares the name of a demand, in any order and with any kind of comparison.
NAMES = {"additive", "unit"}


OTHERS = [path for path in SOURCES if path.parent.name != "domains"]


@pytest.mark.parametrize("path", OTHERS, ids=name_of)
def test_only_domains_compare_the_name_of_a_demand(path):
    compared = [
        side.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare)
        for one in (node.left, *node.comparators)
        for side in ast.walk(one)
        if isinstance(side, ast.Constant)
    ]
    assert not NAMES & set(compared)


def test_analytic_auctions_never_load_torch():
    code = (
        "import sys, numpy as np\n"
        "from sklauction import MyersonAuction, BundleMyersonAuction, VCGAuction, measure_regret\n"
        "from sklauction import LinearProgramAuction, SingleBuyerAuction, optimal_revenue_bounds\n"
        "V = np.random.RandomState(0).uniform(size=(50, 2, 2))\n"
        "for cls in (MyersonAuction, BundleMyersonAuction, VCGAuction):\n"
        "    auction = cls(n_bidders=2).fit(V)\n"
        "    auction.score(V)\n"
        "    measure_regret(auction, V, effort='quick')\n"
        "LinearProgramAuction(n_bidders=2, n_bins=2).fit(V).score(V)\n"
        "SingleBuyerAuction().fit(V[:, :1]).score(V[:, :1])\n"
        "optimal_revenue_bounds(np.tile(V, (4, 1, 1)))\n"
        "loaded = [m for m in sys.modules if m.split('.')[0] in ('torch', 'skorch')]\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_import_is_silent_and_every_export_exists():
    code = "import sklauction\nfor name in sklauction.__all__: getattr(sklauction, name)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = sklauction.Nonsense
