"""
Valuations in a DataFrame, in dollars
=====================================

This example fits an auction to a pandas DataFrame and turns its outcomes into a DataFrame. Two
companies bid for a licence in the north and one in the south, worth about a hundred thousand
dollars each. The values of both companies rise and fall with the market, so the bids of one
company are informative about the values of the other.
"""

import os
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import StrMethodFormatter

from sklauction import (
    BundleMyersonAuction,
    BundlePricingAuction,
    LookAheadAuction,
    MyersonAuction,
    PriceDisplay,
    VCGAuction,
)

SIZE = float(os.environ.get("SKLAUCTION_EXAMPLE_SIZE", 1))

# %%
# The table has one row per auction and one column per bidder and item, named ``bidder_item``. Here
# the rows are simulated. A value is the usual value of the licence to the company, times a market
# factor common to the row, times noise.
columns = ["Alpha_north", "Alpha_south", "Beta_north", "Beta_south"]
usual = [120_000, 80_000, 90_000, 80_000]


def simulate(n_rows, seed):
    """Return valuations in dollars, one row per auction."""
    random = np.random.default_rng(seed)
    market = random.lognormal(0.0, 0.4, size=(n_rows, 1))
    noise = random.lognormal(0.0, 0.3, size=(n_rows, len(columns)))
    return pd.DataFrame((usual * market * noise).round(), columns=columns)


table = simulate(int(5000 * SIZE) + 100, seed=0)
print(table.head(3).to_string())
print("\nRank correlations:")
print(table.corr("spearman").round(2).to_string())

# %%
# Auctions accept the table directly, and read bidders and items from the names of its columns. Do
# not scale the columns: payments would no longer be in dollars. Auctions estimate one
# scale for all columns themselves.
auction = BundlePricingAuction(max_iter=max(1, int(20 * SIZE)), random_state=0).fit(table)
print(f"bidders: {auction.bidder_names_}, items: {auction.item_names_}")

# %%
# ``predict`` returns arrays: allocations of shape (n_samples, n_bidders, n_items), payments of
# shape (n_samples, n_bidders). They can be converted to a table.
fresh = simulate(int(20_000 * SIZE) + 100, seed=1)
outcome = auction.predict(fresh)
companies, licences = auction.bidder_names_, auction.item_names_
result = pd.DataFrame(index=fresh.index)
for item, licence in enumerate(licences):
    shares = outcome.allocations[:, :, item]
    winner = np.where(shares.max(axis=1) > 0.5, np.take(companies, shares.argmax(axis=1)), "nobody")
    result[f"{licence} to"] = winner
for bidder, company in enumerate(companies):
    result[f"{company} pays, $"] = outcome.payments[:, bidder].round(2)
print(pd.concat([fresh, result], axis=1).head(5).to_string())

# %%
# The price sheets and payments of the first rows. A price sheet depends only on the other company's
# bids, so a company cannot lower its own prices. Both licences together cost the sum of their
# prices minus the discount.
sheets = auction.price_sheets(fresh.iloc[:3]).to_frame()
sheets = sheets[["price_item_north", "price_item_south", "discount_2_items", "payment"]]
print(sheets.round(2).to_string())

# %%
# Compare the revenue per auction on the fresh rows with classical auctions fitted on the same
# table, which are exactly truthful. Of these, only the look-ahead auction uses the dependence
# between the companies; the others warn that they do not. The certificate is an upper bound on the
# mean regret of the price sheets on these rows, in dollars.
classical = {
    "look-ahead": LookAheadAuction(),
    "separate (Myerson)": MyersonAuction(),
    "bundle (Myerson)": BundleMyersonAuction(),
    "VCG": VCGAuction(),
}
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", ".*dependence between bidders")
    revenues = {
        name: one.fit(table).predict(fresh).payments.sum(axis=1).mean()
        for name, one in classical.items()
    }
revenues["price sheets (learned)"] = outcome.payments.sum(axis=1).mean()
for name, revenue in revenues.items():
    print(f"{name:<24}${revenue:>12,.2f}")
regret = auction.certify(fresh).mean_bound
print(f"Mean regret of the price sheets on these rows: at most ${regret:.2f}")

# %%
# Alpha's price for the north, alone or with the south, rises with any increase of Beta's bid, as a
# high bid indicates a good market. Myerson's auction assumes independent bidders, so its price is
# constant until Beta's bid reaches Beta's reserve price.
figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
PriceDisplay.from_estimator(auction, bidder=0, opponent=1, item=0).plot(ax)
ax.set(
    xlim=(0, 300_000),
    ylim=(0, 400_000),
    xlabel="Beta's bid for the north, dollars",
    ylabel="price for Alpha, dollars",
    title="Beta's bid for the south is at its median",
)
ax.legend(["north", "south", "both"], frameon=False)
ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
plt.show()

# %%
# The unit of money does not matter. The same table in cents gives the same auction, with payments a
# hundred times as large.
in_cents = BundlePricingAuction(max_iter=max(1, int(20 * SIZE)), random_state=0)
payments = in_cents.fit(100 * table).predict(100 * fresh).payments
difference = np.abs(payments / 100 - outcome.payments).max()
print(f"Largest payment: in cents {payments.max():,.0f}, in dollars {outcome.payments.max():,.2f}")
print(f"Largest difference between payments by the two, in dollars: {difference:.1e}")
