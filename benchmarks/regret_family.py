"""The regret-based family: unit demand, RegretNet's brittleness, and the overhead of fit.

Run from the root of the repository::

    python benchmarks/regret_family.py [--parts unit brittleness overhead] [--seeds 0]

* unit: ALGNetAuction with default parameters on one bidder and two items with unit demand,
  compared with the known optimum.
* brittleness: RegretNet trained with the schedules of other settings (Table 1 of Rahme et al., ICLR
  2021), compared with the defaults of ALGNet. Schedules are shortened in proportion to training.
* overhead: updates per second of a fit, compared with a bare torch loop of the same updates.

P* is ``(sqrt(P) - sqrt(R))**2``: revenue on fresh profiles, total regret by the default audit.
"""

import argparse
import statistics
import time

import numpy as np
import torch

from sklauction import ALGNetAuction, RegretNetAuction, measure_regret
from sklauction.datasets import load_setting
from sklauction.learned.training import AVERAGING
from sklauction.two_player.misreporters import Groups, draw_truths, perturb
from sklauction.two_player.objectives import square_root_loss

UNIT = ("unit_1x2_uniform", "unit_1x2_uniform_23")

# Published schedules: total updates; initial values, increments and periods of the multipliers.
PUBLISHED_UPDATES = 400_000
SCHEDULES = {
    "1x2": {"lambda_init": 5, "rho_init": 1, "rho_increment": 50, "rho_every": 10_000},
    "3x10": {"lambda_init": 5, "rho_init": 1, "rho_increment": 1, "rho_every": 10_000},
    "5x10": {"lambda_init": 1, "rho_init": 0.25, "rho_increment": 0.25, "rho_every": 100_000},
}
HIDDEN = {"1x2": (100, 100), "3x10": (100,) * 5, "5x10": (100,) * 5}
# Revenue and regret of RegretNet in Table 1 of Rahme et al.
PUBLISHED = {
    "1x2": {"1x2": (0.552, 0.0001), "3x10": (0.573, 0.0012), "5x10": (0.332, 0.0179)},
    "3x10": {"1x2": (4.825, 0.0007), "3x10": (5.527, 0.0017), "5x10": (5.88, 0.0047)},
    "5x10": {"1x2": (4.768, 0.0006), "3x10": (5.424, 0.0033), "5x10": (6.749, 0.0047)},
}
# Iterations of ALGNet; the default of 100 would take too long.
ALGNET_ITERATIONS = {"1x2": 60, "3x10": 20, "5x10": 12}


def evaluate(auction, setting, seed, n_revenue=20_000, n_audited=500):
    """Return revenue, total regret and P* on fresh profiles."""
    fresh = setting.sample(n_revenue, random_state=1000 + seed)
    revenue = auction.predict(fresh).payments.sum(axis=1).mean()
    report = measure_regret(
        auction, fresh[:n_audited], support=setting.support, random_state=seed, verbose=False
    )
    regret = report.total_regret
    return revenue, regret, max(np.sqrt(revenue) - np.sqrt(regret), 0) ** 2


def timed_fit(auction, valuations):
    """Fit an auction; return it and the seconds."""
    started = time.perf_counter()
    return auction.fit(valuations), time.perf_counter() - started


def run_unit(seeds):
    """Compare unit-demand auctions with the optimum."""
    print("| setting | seed | fit, s | revenue | regret | P* | of optimum |")
    print("|---|---|---|---|---|---|---|")
    for name in UNIT:
        setting = load_setting(name)
        for seed in seeds:
            auction = ALGNetAuction(n_bidders=1, demand="unit", random_state=seed)
            auction, seconds = timed_fit(auction, setting.sample(20_000, random_state=seed))
            revenue, regret, p_star = evaluate(auction, setting, seed, 100_000, 1000)
            print(
                f"| {name} | {seed} | {seconds:.0f} | {revenue:.5f} | {regret:.1e} | {p_star:.5f} "
                f"| {p_star / setting.optimal_revenue:.4f} |",
                flush=True,
            )


def shortened(schedule, n_updates):
    """Return a published schedule with periods shortened in proportion to the updates."""
    share = n_updates / PUBLISHED_UPDATES
    periods = {"lambda_every": 100, "rho_every": schedule["rho_every"]}
    return schedule | {name: max(1, round(period * share)) for name, period in periods.items()}


def run_brittleness(seeds, n_updates, systems):
    """Print Table 1, all settings with all schedules, published and measured."""
    print("| setting | auction | seed | fit, s | revenue | regret | P* | published |")
    print("|---|---|---|---|---|---|---|---|")
    for place, hidden in HIDDEN.items():
        setting = load_setting(f"additive_{place}_uniform")
        for seed in seeds:
            V = setting.sample(10_000, random_state=seed)
            for other, schedule in SCHEDULES.items() if "regretnet" in systems else ():
                auction = RegretNetAuction(
                    setting.n_bidders,
                    hidden_layer_sizes=hidden,
                    max_iter=n_updates // 100,
                    validation_fraction=0,
                    random_state=seed,
                    **shortened(schedule, n_updates),
                )
                auction, seconds = timed_fit(auction, V)
                revenue, regret, p_star = evaluate(auction, setting, seed)
                printed = " / ".join(map(str, PUBLISHED[place][other]))
                print(
                    f"| {place} | RegretNet, schedule of {other} | {seed} | {seconds:.0f} "
                    f"| {revenue:.4f} | {regret:.4f} | {p_star:.4f} | {printed} |",
                    flush=True,
                )
            if "algnet" not in systems:
                continue
            auction = ALGNetAuction(
                setting.n_bidders,
                max_iter=ALGNET_ITERATIONS[place],
                validation_fraction=0,
                random_state=seed,
            )
            auction, seconds = timed_fit(auction, V)
            revenue, regret, p_star = evaluate(auction, setting, seed)
            known = setting.published.get("ALGNet")
            print(
                f"| {place} | ALGNet, defaults, {ALGNET_ITERATIONS[place]} iterations | {seed} "
                f"| {seconds:.0f} | {revenue:.4f} | {regret:.4f} | {p_star:.4f} "
                f"| {known[0]} / {known[1]} |",
                flush=True,
            )


def bare_loop(auction, n_updates):
    """Run the updates of a fitted auction in a bare torch loop; return the seconds."""
    net, rules = auction.net_, auction.net_.rules
    module = net.module_
    pool = torch.rand(18_000, rules.design.n_bidders, rules.design.n_items)
    box = torch.as_tensor(net.support / net.scale, dtype=torch.float32)
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-4, fused=True)
    generator = torch.Generator().manual_seed(0)
    weights = list(module.state_dict().values())
    averages = [weight.clone() for weight in weights]
    revenue_sum = regret_sum = loss_sum = 0.0
    started = time.perf_counter()
    for step in range(n_updates):
        for group in optimizer.param_groups:
            group["lr"] = 1e-4 / (1 + step)
        profiles = pool[torch.randint(len(pool), (net.batch_size,), generator=generator)]
        truths = draw_truths(profiles, pool, 1 + rules.n_shared_reports, generator)
        others = perturb(truths, rules.n_local_reports, box, generator)
        play = Groups(net.domain, module, profiles).play(truths, torch.cat([truths, others], dim=2))
        loss = square_root_loss(play.objective, play.regrets.sum())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        torch._foreach_lerp_(averages, weights, (AVERAGING + 1) / (step + 1 + AVERAGING))
        revenue_sum = revenue_sum + play.objective.detach()
        regret_sum = regret_sum + play.regrets.sum().detach()
        loss_sum = loss_sum + loss.detach()
    return time.perf_counter() - started


def run_overhead(repeats=5, n_iter=5):
    """Print updates per second of fit and of the bare loop."""
    setting = load_setting("additive_2x2_uniform")
    V = setting.sample(18_000, random_state=0)
    fits, loops = [], []
    for repeat in range(repeats + 1):
        # As in the bare loop: shared and local reports.
        auction = ALGNetAuction(
            2, max_iter=n_iter, n_ascents=0, n_remembered=0, validation_fraction=0, random_state=0
        )
        auction, seconds = timed_fit(auction, V)
        bare = bare_loop(auction, 100 * n_iter)
        if repeat:  # the first round is a warm-up
            fits.append(100 * n_iter / seconds)
            loops.append(100 * n_iter / bare)
    shares = [fit / loop for fit, loop in zip(fits, loops)]
    print(
        f"2x2, shared and local reports: {statistics.median(fits):.0f} updates per second in fit, "
        f"{statistics.median(loops):.0f} in a bare loop; median share of {repeats}: "
        f"{statistics.median(shares):.3f} ({min(shares):.3f} to {max(shares):.3f})"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = ("unit", "brittleness", "overhead")
    parser.add_argument("--parts", nargs="+", default=parts, choices=parts)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    systems = ("regretnet", "algnet")
    parser.add_argument("--systems", nargs="+", default=systems, choices=systems)
    parser.add_argument("--updates", type=int, default=3000, help="of RegretNet, in brittleness")
    arguments = parser.parse_args()
    if "unit" in arguments.parts:
        run_unit(arguments.seeds)
    if "brittleness" in arguments.parts:
        run_brittleness(arguments.seeds, arguments.updates, arguments.systems)
    if "overhead" in arguments.parts:
        run_overhead()


if __name__ == "__main__":
    main()
