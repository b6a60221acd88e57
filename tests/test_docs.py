"""The code in README and docs runs as it stands, at reduced size."""

import re
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md",
    "docs/index.md",
    "docs/regret.md",
    "docs/bundle_pricing.md",
    "docs/menus.md",
    "docs/optimal.md",
    "docs/regret_family.md",
    "docs/algnet.md",
]
# Sizes in the pages -> sizes here. A page whose sizes these miss would be slow, not wrong.
SMALLER = {
    "100_000": "300",
    "10_000": "200",
    "[:1000]": "[:20]",
    "size=(1000,": "size=(20,",
    "RegretNetAuction(n_bidders=2, max_iter=30, random_state=0)": (
        "RegretNetAuction(n_bidders=2, max_iter=1, batch_size=4, n_cached_steps=1,"
        " hidden_layer_sizes=(4,), validation_fraction=0, random_state=0)"
    ),
    "max_iter=30": "max_iter=1",
    "BundlePricingAuction(n_bidders=2, random_state=0)": (
        "BundlePricingAuction(n_bidders=2, random_state=0, max_iter=1)"
    ),
    "RochetNetAuction(random_state=0)": "RochetNetAuction(random_state=0, max_iter=1)",
    "AffineMaximizerAuction(n_bidders=2, random_state=0)": (
        "AffineMaximizerAuction(n_bidders=2, random_state=0, max_iter=1)"
    ),
    "ALGNetAuction(n_bidders=2, n_items=2, random_state=0": (
        "ALGNetAuction(n_bidders=2, n_items=2, max_iter=1, random_state=0"
    ),
}


@pytest.mark.parametrize("page", PAGES)
def test_code_blocks_run(page):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)
    assert blocks
    namespace = {}
    for block in blocks:
        for text, smaller in SMALLER.items():
            block = block.replace(text, smaller)
        exec(block, namespace)
    plt.close("all")


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md"])
def test_links_to_files_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text())
    for target in targets:
        assert ((ROOT / page).parent / target).exists(), target
