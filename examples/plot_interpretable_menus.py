"""
Learned auctions that can be read
=================================

What has an auction learned, in words and numbers that a seller could post? Three kinds of learned
auctions are not black boxes: a price list for one buyer, price sheets that the other bids write,
and a menu of whole allocations. Each can be printed as a table or as sentences.
"""

import os

import matplotlib.pyplot as plt

from sklauction import (
    AffineMaximizerAuction,
    BundlePricingAuction,
    MyersonAuction,
    PriceDisplay,
    RochetNetAuction,
)
from sklauction.datasets import make_valuations

SIZE = float(os.environ.get("SKLAUCTION_EXAMPLE_SIZE", 1))
n_samples = int(10_000 * SIZE) + 100

# %%
# One buyer: a price list
# -----------------------
#
# Three items, values uniform on [0, 1]. ``menu_`` lists what the buyer can choose from: the
# probability of each item, the price, and the share of the buyers seen in training that choose
# it. The buyer takes what serves it best, so there is no reason to misreport, whatever was
# learned.
lots = make_valuations(n_samples, n_bidders=1, n_items=3, random_state=0)
buyer_auction = RochetNetAuction(menu_size=16, max_iter=max(1, int(20 * SIZE)), random_state=0).fit(
    lots
)
print(buyer_auction.menu_.to_frame().round(3).to_string())

# %%
# A shorter list may be worth a little revenue. ``simplify`` drops rows as long as revenue stays
# within a tolerance, 1 % here.
simple = buyer_auction.menu_.simplify(lots[:, 0], tolerance=0.01)
print(simple)
full_revenue, simple_revenue = (menu.revenue(lots[:, 0]) for menu in (buyer_auction.menu_, simple))
print(f"{len(simple.prices)} rows earn {simple_revenue:.4f}, all of them {full_revenue:.4f}")

# %%
# Several bidders: price sheets
# -----------------------------
#
# Two bidders, two items. Each bidder is handed a price sheet that depends on the other one's
# bids only: a price for each item, and one for both.
# :meth:`~sklauction.BundlePricingAuction.explain` tells one auction as a story.
V = make_valuations(n_samples, n_bidders=2, n_items=2, random_state=0)
sheets = BundlePricingAuction(n_bidders=2, max_iter=max(1, int(20 * SIZE)), random_state=0).fit(V)
print(sheets.explain([[0.9, 0.5], [0.4, 0.7]]))

# %%
# The same for several auctions, as a table.
table = sheets.price_sheets(V[:3]).to_frame()
print(table[["price_item_0", "price_item_1", "discount_2_items", "payment"]].round(3).to_string())

# %%
# How prices depend on the other bid: bidder 0's price sheet while bidder 1's bid for item 0
# rises. Left, bidder 1 bids nothing for item 1, right 0.7. Item-wise Myerson would ask the
# larger of its reserve price (dotted) and the other bid, for each item.
reserve = MyersonAuction(n_bidders=2).fit(V).reserve_prices_[0, 0]
figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for ax, other in zip(axes, (0.0, 0.7), strict=True):
    display = PriceDisplay.from_estimator(sheets, bidder=0, bids=[[0, 0], [0, other]]).plot(ax)
    ax.axhline(reserve, color="black", ls=":", lw=1)
    ax.set(title=f"bidder 1 bids {other:g} for item 1", ylim=(0, 1.8))
plt.show()

# %%
# Several bidders: a menu of allocations
# --------------------------------------
#
# An affine maximizer picks, of a list of whole allocations, the one with the largest sum of bids
# and boost, and charges every bidder what its presence costs the others. ``print(menu_)`` says
# which rows were chosen most often. A negative boost works like a reserve price: so much the
# bids for what the row sells must exceed in total before selling it beats selling nothing.
maximizer = AffineMaximizerAuction(
    n_bidders=2, deterministic=True, max_iter=max(1, int(15 * SIZE)), random_state=0
).fit(V)
print(maximizer.menu_)

# %%
# What does it cost to be readable? The revenues of both auctions for two bidders on fresh
# profiles, beside Myerson's auction item by item. Affine maximizers are exactly truthful; for
# price sheets ``certify`` bounds the regret.
fresh = make_valuations(5 * n_samples, n_bidders=2, n_items=2, random_state=1)
auctions = {
    "item by item (Myerson)": MyersonAuction(n_bidders=2).fit(V),
    "price sheets": sheets,
    "affine maximizer": maximizer,
}
for name, auction in auctions.items():
    print(f"{name:<24}{auction.predict(fresh).payments.sum(axis=1).mean():.4f}")
print(f"regret of the price sheets, at most: {sheets.certify(fresh).mean_bound:.1e} on average")
