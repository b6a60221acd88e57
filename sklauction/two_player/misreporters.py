"""Who looks for lies during training: a learned network, shared reports, refined proposals.

The three compose. Around each profile of a batch and each bidder there is a *group*: the
others' valuations stay fixed while the bidder's own report varies. A group holds

* the bidder's *truths*: its value in the profile and, where bidders are independent, the
  values it has in other profiles;
* *shared reports*: every truth serves every other truth of its group as a misreport, and
  so do small perturbations of them, which catch local lies;
* *refined reports*: proposals of the misreporter network, and truths, improved by a few steps of
  gradient ascent.

The mechanism is evaluated once per report, and one matrix product ``<v_k, a_l> - p_l``
yields the utility of each truth under each report. With one truth, no perturbation and no
refinement, this is the published game.

Shapes: ``d`` bidders, ``g`` profiles, ``k`` truths, ``l`` reports, ``m`` items. Groups are
of shape (d, g): axis 0 is the bidder whose report varies.
"""

from typing import NamedTuple

import torch
from torch import nn

from sklauction.two_player.layers import DenseBody, ExchangeableBody

__all__ = [
    "MISREPORTERS",
    "DenseMisreporter",
    "ExchangeableMisreporter",
    "GroupPlay",
    "climb",
    "draw_truths",
    "own_gains",
    "own_proposals",
    "perturb",
    "place_reports",
    "play_groups",
    "refine",
]


# First steps of refinement, as shares of the range of reports, and the factor from one to the next.
STEP_SIZES = (0.005, 0.2)
SHRINK = 0.5


class Misreporter(nn.Module):
    """Base class: maps a profile to a report of each bidder inside the support.

    A subclass gives ``propose(standardised profile) -> logits`` of the same shape.
    """

    def __init__(self, shape):
        super().__init__()
        self.n_bidders, self.n_items = shape.n_bidders, shape.n_items
        self.register_buffer("low", torch.zeros(self.n_bidders, self.n_items))
        self.register_buffer("high", torch.ones(self.n_bidders, self.n_items))

    def forward(self, valuations):
        """Return the reports (n, n_bidders, n_items) proposed to bidders of a profile."""
        width = (self.high - self.low).clamp_min(1e-12)
        standardised = (valuations - self.low) / width * 2 - 1
        return self.low + torch.sigmoid(self.propose(standardised)) * (self.high - self.low)


class DenseMisreporter(Misreporter):
    """The published misreporter: a dense network from the profile to all reports."""

    def __init__(self, shape):
        super().__init__(shape)
        self.body = DenseBody(*shape.dense())
        self.head = nn.Linear(self.body.n_outputs, shape.n_bidders * shape.n_items)

    def propose(self, profiles):
        """Return logits of the reports."""
        return self.head(self.body(profiles)).view(-1, self.n_bidders, self.n_items)


class ExchangeableMisreporter(Misreporter):
    """A misreporter that treats bidders alike and items alike, up to its embeddings."""

    def __init__(self, shape):
        super().__init__(shape)
        self.body = ExchangeableBody(*shape.exchangeable())
        self.head = nn.Linear(self.body.n_outputs, 1)

    def propose(self, profiles):
        """Return logits of the reports."""
        return self.head(self.body(profiles.unsqueeze(-1))).squeeze(-1)


# The misreporter that plays against each architecture; dense against a user's own.
MISREPORTERS = {
    "mlp": DenseMisreporter,
    "equivariant": ExchangeableMisreporter,
    "attention": ExchangeableMisreporter,
}


class GroupPlay(NamedTuple):
    """What one evaluation of all groups says.

    Attributes
    ----------
    revenue : Tensor of shape ()
        Mean total payment over truthful profiles.
    regrets : Tensor of shape (d,)
        Mean regret of each bidder, as far as the reports reveal it.
    best_reports : Tensor of shape (d, g, k)
        Index of the best report of each truth.
    gains : Tensor of shape (d, g, k)
        What it is worth more than the truth; without gradient.
    """

    revenue: torch.Tensor
    regrets: torch.Tensor
    best_reports: torch.Tensor
    gains: torch.Tensor


def draw_truths(batch, pool, n_truths, generator):
    """Return each bidder's own value and ``n_truths - 1`` more from other profiles.

    Parameters
    ----------
    batch : Tensor of shape (g, d, m)
    pool : Tensor of shape (n, d, m)
        Profiles to draw further values from.
    n_truths : int
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    Tensor of shape (d, g, n_truths, m)
    """
    n_groups, n_bidders, _ = batch.shape
    own = batch.transpose(0, 1).unsqueeze(2)
    if n_truths == 1:
        return own
    shape = (n_bidders, n_groups, n_truths - 1)
    rows = torch.randint(len(pool), shape, generator=generator).to(batch.device)
    bidders = torch.arange(n_bidders, device=batch.device).view(-1, 1, 1)
    return torch.cat([own, pool[rows, bidders]], dim=2)


def perturb(truths, n_reports, support, generator):
    """Return reports near the truths, at distances from 30 % to 0.1 % of the range.

    Parameters
    ----------
    truths : Tensor of shape (d, g, k, m)
    n_reports : int
        Reports to return per group; truths are used in turn.
    support : Tensor of shape (d, m, 2)
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    Tensor of shape (d, g, n_reports, m)
    """
    n_bidders, n_groups, n_truths, n_items = truths.shape
    base = truths[:, :, torch.arange(n_reports, device=truths.device) % n_truths]
    shape = (n_bidders, n_groups, n_reports)
    size = 0.3 * 10 ** (-2.5 * torch.rand(*shape, 1, generator=generator))
    shift = (2 * torch.rand(*shape, n_items, generator=generator) - 1) * size
    low, high = (support[..., side].view(n_bidders, 1, 1, n_items) for side in (0, 1))
    moved = base + shift.to(truths) * (high - low)
    # A truth of the data may lie outside a support that the user gave too small.
    return torch.minimum(torch.maximum(moved, torch.minimum(low, base)), torch.maximum(high, base))


def place_reports(batch, reports):
    """Return the profiles in which one bidder reports and the others stay as in the batch.

    Parameters
    ----------
    batch : Tensor of shape (g, d, m)
    reports : Tensor of shape (d, g, l, m)

    Returns
    -------
    Tensor of shape (d, g, l, d, m)
    """
    n_groups, n_bidders, n_items = batch.shape
    n_reports = reports.shape[2]
    mine = torch.eye(n_bidders, dtype=torch.bool, device=batch.device)
    return torch.where(
        mine.view(n_bidders, 1, 1, n_bidders, 1),
        reports.unsqueeze(3),
        batch.view(1, n_groups, 1, n_bidders, n_items).expand(-1, -1, n_reports, -1, -1),
    )


def _own(outcome_part):
    """Pick from (d, g, l, d, ...) what concerns the reporting bidder: (d, g, l, ...)."""
    return torch.stack([outcome_part[i, :, :, i] for i in range(outcome_part.shape[0])])


def play_groups(mechanism, batch, truths, extra_reports):
    """Evaluate the mechanism once per report; return revenue, regret and best reports.

    Parameters
    ----------
    mechanism : callable
        Maps bids (n, d, m) to allocations and payments, differentiably.
    batch : Tensor of shape (g, d, m)
    truths : Tensor of shape (d, g, k, m)
    extra_reports : Tensor of shape (d, g, l - k, m)
        Candidates beside the truths themselves.

    Returns
    -------
    GroupPlay
    """
    n_truths = truths.shape[2]
    reports = torch.cat([truths, extra_reports], dim=2)
    chosen = None
    if n_truths == 1:
        # Only the truth and its best report have a gradient: find that without, then play the two.
        with torch.no_grad():
            gains = own_gains(mechanism, batch, truths.expand_as(reports), reports)
        chosen = gains.argmax(dim=2, keepdim=True)
        best = reports.gather(2, chosen.unsqueeze(-1).expand_as(truths))
        reports = torch.cat([truths, best], dim=2)
    profiles = place_reports(batch, reports)
    allocations, payments = mechanism(profiles.flatten(0, 2))
    allocations = _own(allocations.view(profiles.shape))
    payments = payments.view(profiles.shape[:-1])
    paid = _own(payments)
    with torch.no_grad():
        index = (truths @ allocations.transpose(2, 3) - paid.unsqueeze(2)).argmax(dim=3)
    # Of all pairs of truth and report only the best have a gradient: no need to keep the others'.
    got = allocations.gather(2, index.unsqueeze(-1).expand_as(truths))
    gained = (truths * (got - allocations[:, :, :n_truths])).sum(dim=3)
    gained = gained - (paid.gather(2, index) - paid[:, :, :n_truths])
    revenue = payments[:, :, :n_truths].sum(dim=3).mean()
    index = index if chosen is None else chosen
    return GroupPlay(revenue, gained.mean(dim=(1, 2)), index, gained.detach())


def climb(mechanism, batch, truths, reports, support, n_steps, step_size):
    """Improve reports by steps of a fresh Adam, as RegretNet's released code does.

    Parameters
    ----------
    mechanism : callable
    batch : Tensor of shape (g, d, m)
    truths, reports : Tensor of shape (d, g, l, m)
    support : Tensor of shape (d, m, 2)
    n_steps : int
    step_size : float
        In units of the scale.

    Returns
    -------
    Tensor of shape (d, g, l, m)
        Without gradient.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019,
       algorithm 1.
    """
    low, high = (support[..., side].unsqueeze(1).unsqueeze(1) for side in (0, 1))
    current = reports.detach().clone().requires_grad_(True)
    optimizer = torch.optim.Adam([current], lr=step_size, maximize=True)
    for _ in range(n_steps):
        gains = own_gains(mechanism, batch, truths, current)
        (current.grad,) = torch.autograd.grad(gains.sum(), current)
        optimizer.step()
        with torch.no_grad():
            current.copy_(torch.minimum(torch.maximum(current, low), high))
    return current.detach()


def own_gains(mechanism, batch, truths, reports):
    """Return each bidder's utility from one report per truth.

    Parameters
    ----------
    mechanism : callable
    batch : Tensor of shape (g, d, m)
    truths, reports : Tensor of shape (d, g, l, m)

    Returns
    -------
    Tensor of shape (d, g, l)
    """
    profiles = place_reports(batch, reports)
    allocations, payments = mechanism(profiles.flatten(0, 2))
    got = _own(allocations.view(profiles.shape))
    return (truths * got).sum(dim=3) - _own(payments.view(profiles.shape[:-1]))


def own_proposals(misreporter, batch, truths):
    """Return the misreporter's report for each truth, from the profile it stands in.

    Parameters
    ----------
    misreporter : Misreporter
    batch : Tensor of shape (g, d, m)
    truths : Tensor of shape (d, g, l, m)

    Returns
    -------
    Tensor of shape (d, g, l, m)
    """
    profiles = place_reports(batch, truths)
    return _own(misreporter(profiles.flatten(0, 2)).view(profiles.shape))


def refine(mechanism, batch, truths, reports, support, n_steps, generator):
    """Improve reports by a few steps of normalised gradient ascent.

    Step ``s`` moves each report along its gradient, divided by its largest component, by
    ``size * 0.5**s`` of the range of reports. Each report has a size of its own, between 0.5 %
    and 20 %: profitable lies are tiny near the edge of an allocation that is nearly right, and
    large elsewhere.

    Parameters
    ----------
    mechanism : callable
    batch : Tensor of shape (g, d, m)
    truths, reports : Tensor of shape (d, g, l, m)
    support : Tensor of shape (d, m, 2)
    n_steps : int
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    Tensor of shape (d, g, l, m)
        Without gradient. Where a step made a report worse nothing is lost: its group
        holds the truth and the other reports too, and the best of all counts.
    """
    low, high = (support[..., side].unsqueeze(1).unsqueeze(1) for side in (0, 1))
    smallest, largest = STEP_SIZES
    drawn = torch.rand(*reports.shape[:3], 1, generator=generator).to(reports)
    size = smallest * (largest / smallest) ** drawn
    current = reports.detach()
    for step in range(n_steps):
        current.requires_grad_(True)
        gains = own_gains(mechanism, batch, truths, current)
        (slope,) = torch.autograd.grad(gains.sum(), current)
        slope = slope / slope.abs().amax(dim=3, keepdim=True).clamp_min(1e-12)
        moved = current.detach() + slope * (size * SHRINK**step) * (high - low)
        current = torch.minimum(torch.maximum(moved, low), high)
    return current.detach()
