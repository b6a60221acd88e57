"""The house rules that a machine can check: directions of import, no asserts, light import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sklauction

ROOT = Path(sklauction.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))

# What each module of the package may import from the package. Dependencies point down.
ALLOWED = {
    "outcome": {"checks"},
    "economics": {"checks"},
    "blocks": set(),
    "checks": set(),
    "audit": {"audit.report"},
    "audit.ascent": set(),
    "audit.candidates": set(),
    "audit.mechanisms": {"economics", "mechanism"},
    "audit.plan": {"audit.candidates", "checks"},
    "audit.problem": {"audit.ascent"},
    "audit.report": {"checks", "economics", "plotting"},
    "audit.search": {"audit", "audit.ascent", "audit.plan", "audit.problem"},
    "plotting.allocation": {"checks", "plotting.canvas", "plotting.grid"},
    "plotting.canvas": set(),
    "plotting.comparison": {
        "checks",
        "economics",
        "plotting.canvas",
        "plotting.labels",
        "regret",
    },
    "plotting.grid": {"checks"},
    "plotting.labels": set(),
    "plotting.menu": {"checks", "economics", "plotting.canvas", "plotting.grid"},
    "plotting.payment": {"plotting.canvas", "plotting.grid"},
    "plotting.prices": {"checks", "plotting.canvas", "plotting.grid"},
    "plotting.regret": {"checks", "plotting.canvas", "plotting.grid"},
    "plotting.training": {"economics", "plotting.canvas", "plotting.grid"},
    "plotting.virtual_value": {"plotting.canvas", "plotting.grid"},
    "regret": {
        "audit.mechanisms",
        "audit.plan",
        "audit.problem",
        "audit.report",
        "audit.search",
        "blocks",
        "checks",
        "economics",
    },
    "mechanism": {"blocks"},
    "menu": {"checks", "economics"},
    "sealed_file": {""},  # the package itself, for its version
    "codec": {"codec_auctions", "codec_classes", "codec_modules"},
    "codec_auctions": {
        "base",
        "codec_classes",
        "codec_modules",
        "economics",
        "fitted_attributes",
    },
    "codec_classes": set(),
    "codec_modules": {"codec_classes"},
    "fitted_attributes": {"base", "checks", "codec_classes", "economics"},
    "persistence": {"", "base", "codec", "codec_auctions", "sealed_file"},
    "versions": set(),
    "checkpoint": {"checks", "codec", "sealed_file"},
    "base": {"blocks", "checks", "monitoring", "outcome", "regret"},
    "monitoring": {"checks", "scorers"},
    "callable_auction": {"audit.mechanisms", "base", "blocks"},
    "truthful": {"base", "checks", "menu"},
    "scorers": {"checks", "economics", "regret"},
    "_settings": set(),
    "distributions": {"checks"},
    "priors": {"checks", "distributions"},
    "known_revenues": {"checks"},
    "datasets": {"checks", "distributions", "known_revenues", "priors", "_settings"},
    "training": {"economics", "mechanism", "regret"},
    "learned_auction": {
        "base",
        "checkpoint",
        "checks",
        "mechanism",
        "monitoring",
        "training",
    },
    "sample_tests": set(),
    "menus.certificate": {"checks", "economics"},
    "menus.reading": {"checks", "economics", "menu"},
    "menus.price_sheets": set(),
    "menus.affine": set(),
    "menus.affine_mechanism": {"menus.affine"},
    "menus.annealed_net": {"training"},
    "menus.menu_rows": set(),
    "menus.free_menu": {"menus.affine", "menus.menu_rows"},
    "menus.constant_menu": {"menus.affine", "menus.free_menu", "menus.menu_rows"},
    "menus.transformer_menu": {"menus.affine", "menus.free_menu", "menus.menu_rows"},
    "menus.affine_net": {
        "menus.affine",
        "menus.affine_mechanism",
        "menus.annealed_net",
        "menus.free_menu",
        "menus.menu_rows",
        "training",
    },
    "menus.affine_rules": {
        "menus.affine_net",
        "menus.menu_rows",
        "menus.pricing_rules",
        "sample_tests",
    },
    "menus.allocation_menu": {"checks", "economics", "menu"},
    "menus.learned_menu": {
        "checks",
        "menus.affine_net",
        "menus.affine_rules",
        "learned_auction",
        "training",
    },
    "menus.rochetnet": {
        "menus.affine",
        "menus.affine_mechanism",
        "menus.free_menu",
        "menus.learned_menu",
        "menu",
    },
    "menus.menunet": {"checks", "menus.constant_menu", "menus.rochetnet"},
    "menus.affine_maximizer": {
        "checks",
        "menus.allocation_menu",
        "menus.free_menu",
        "menus.learned_menu",
        "menus.menu_rows",
        "menus.transformer_menu",
    },
    "menus.thresholds": set(),
    "menus.sheet_network": {"menus.price_sheets"},
    "menus.pricing_mechanism": {"menus.price_sheets"},
    "menus.pricing_net": {
        "menus.annealed_net",
        "menus.price_sheets",
        "menus.pricing_mechanism",
        "menus.sheet_network",
        "training",
    },
    "menus.pricing_rules": {
        "analytic.myerson",
        "analytic.virtual_value",
        "menus.pricing_net",
        "menus.sheet_network",
        "menus.thresholds",
        "sample_tests",
    },
    "menus.certified": {"blocks", "checks", "menus.certificate", "menus.reading"},
    "menus.bundle_pricing": {
        "checks",
        "menus.certified",
        "menus.pricing_net",
        "menus.pricing_rules",
        "learned_auction",
        "training",
    },
    "two_player.layers": set(),
    "two_player.heads": set(),
    "two_player.networks": {"two_player.heads", "two_player.layers"},
    "two_player.own_network": set(),
    "two_player.misreporters": {"two_player.layers"},
    "two_player.searchers": {"two_player.layers", "two_player.misreporters"},
    "two_player.objectives": set(),
    "two_player.game": {
        "training",
        "two_player.layers",
        "two_player.networks",
        "two_player.misreporters",
        "two_player.objectives",
        "two_player.own_network",
        "two_player.searchers",
    },
    "two_player.family": {
        "checks",
        "sample_tests",
        "learned_auction",
        "training",
        "two_player.game",
        "two_player.heads",
        "two_player.layers",
        "two_player.networks",
        "two_player.objectives",
        "two_player.own_network",
    },
    "two_player.regretnet": {"two_player.family"},
    "two_player.algnet": {
        "menus.certified",
        "menus.pricing_net",
        "menus.pricing_rules",
        "two_player.family",
    },
}


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imports_of(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sklauction"):
            found.add(node.module.removeprefix("sklauction").removeprefix("."))
        elif isinstance(node, ast.Import):
            found |= {
                a.name.removeprefix("sklauction.") for a in node.names if "sklauction" in a.name
            }
    return found


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_point_down(path):
    name = name_of(path)
    if name.endswith("__init__"):
        return
    if name.startswith("analytic."):
        allowed = {"base", "checks", "distributions", "economics", "menu", "priors"}
        allowed |= {"sample_tests"} | {n for n in imports_of(path) if n.startswith("analytic.")}
    else:
        allowed = ALLOWED[name]
    assert imports_of(path) <= allowed


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_library_code_neither_asserts_nor_seeds_globally(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree))
    for forbidden in ("torch.manual_seed", "np.random.seed", "set_num_threads"):
        assert forbidden not in text
    assert text.count("\n") <= 500


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
