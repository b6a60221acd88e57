"""
Interpretable learned auctions
==============================

This example prints the rules of three kinds of learned auctions: a menu for one buyer, price sheets
that depend on the other bids, and a menu of allocations. Each can be printed as a table or as
sentences.
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
# One buyer: a menu
# -----------------
#
# There are three items with values uniform on [0, 1]. Each row of ``menu_`` has the probability of
# each item, the price, and the share of the training profiles that choose the row. The buyer
# chooses the row with the largest utility, so the auction is truthful for any learned menu.
values = make_valuations(n_samples, n_bidders=1, n_items=3, random_state=0)
buyer_auction = RochetNetAuction(menu_size=16, max_iter=max(1, int(20 * SIZE)), random_state=0)
menu = buyer_auction.fit(values).menu_
print(menu.to_frame().round(3).to_string())

# %%
# A shorter menu may lose little revenue. ``simplify`` drops rows as long as the loss of revenue is
# within a tolerance, here 1 %.
simple = menu.simplify(values[:, 0], tolerance=0.01)
print(simple)
full_revenue, simple_revenue = (one.revenue(values[:, 0]) for one in (menu, simple))
print(f"{len(simple.prices)} rows earn {simple_revenue:.4f}, all rows {full_revenue:.4f}")

# %%
# Several bidders: price sheets
# -----------------------------
#
# There are two bidders and two items. The price sheet of a bidder has a price for each item and
# one for both, and depends only on the other bidder's bids.
# :meth:`~sklauction.BundlePricingAuction.explain` describes the outcome of a profile.
V = make_valuations(n_samples, n_bidders=2, n_items=2, random_state=0)
sheets = BundlePricingAuction(n_bidders=2, max_iter=max(1, int(20 * SIZE)), random_state=0).fit(V)
print(sheets.explain([[0.9, 0.5], [0.4, 0.7]]))

# %%
# The price sheets of several profiles as a table.
table = sheets.price_sheets(V[:3]).to_frame()
print(table[["price_item_0", "price_item_1", "discount_2_items", "payment"]].round(3).to_string())

# %%
# Prices for bidder 0 as a function of bidder 1's bid on item 0. Bidder 1 bids 0 on item 1 in the
# left panel and 0.7 in the right one. The price of an item in Myerson's auction is the maximum of
# the reserve price (dotted) and the other bid.
reserve = MyersonAuction(n_bidders=2).fit(V).reserve_prices_[0, 0]
figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for ax, other in zip(axes, (0.0, 0.7), strict=True):
    display = PriceDisplay.from_estimator(sheets, bidder=0, bids=[[0, 0], [0, other]]).plot(ax)
    ax.axhline(reserve, color="black", ls=":", lw=1)
    ax.set(title=f"bidder 1 bids {other:g} on item 1", ylim=(0, 1.8))
plt.show()

# %%
# Several bidders: a menu of allocations
# --------------------------------------
#
# An affine maximizer has a menu of allocations to all bidders, each with a boost. It chooses the
# allocation with the largest sum of bids and boost, and each bidder pays its externality on the
# others. ``print(menu_)`` shows the rows chosen most often. A negative boost acts as a reserve
# price: the bids on the allocation must exceed it in total.
maximizer = AffineMaximizerAuction(
    n_bidders=2, deterministic=True, max_iter=max(1, int(15 * SIZE)), random_state=0
).fit(V)
print(maximizer.menu_)

# %%
# Compare the revenue of both auctions for two bidders with separate Myerson auctions, on fresh
# profiles. Affine maximizers are exactly truthful. For price sheets, ``certify`` computes an upper
# bound on the regret.
fresh = make_valuations(5 * n_samples, n_bidders=2, n_items=2, random_state=1)
auctions = {
    "separate (Myerson)": MyersonAuction(n_bidders=2).fit(V),
    "price sheets": sheets,
    "affine maximizer": maximizer,
}
for name, auction in auctions.items():
    print(f"{name:<24}{auction.predict(fresh).payments.sum(axis=1).mean():.4f}")
print(f"mean regret of the price sheets: at most {sheets.certify(fresh).mean_bound:.1e}")
