"""Misreports during training: networks that propose them, and their evaluation in groups.

For each profile of a batch and each agent (bidder) there is a *group* of reports of this agent; the
others report their types. A group contains

* *truths*: the agent's type in the profile and, if agents are independent, its types in other
  profiles;
* *reports*: the truths, each a misreport for the other truths of the group, perturbations of them,
  and the reports found by :mod:`sklauction.two_player.searchers`.

The mechanism is evaluated once per report. The domain then gives the worth of all outcomes to all
truths; for auctions that is one matrix product, ``<v_k, a_l> - p_l``. In the published game a group
has one truth and one misreport.

Shapes: ``d`` agents, ``g`` profiles, ``k`` truths, ``l`` reports, ``m`` entries of a report. Axis 0
of a group is the agent whose report varies.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from sklauction.domains.base import Domain
from sklauction.two_player.layers import DenseBody, ExchangeableBody

__all__ = [
    "MISREPORTERS",
    "DenseMisreporter",
    "ExchangeableMisreporter",
    "Groups",
    "Play",
    "climb",
    "draw_truths",
    "own_proposals",
    "perturb",
    "place_reports",
    "refine",
    "take_reports",
]


# Range of the first step sizes of refinement, as shares of the range of reports, and the factor
# by which the step size falls.
STEP_SIZES = (0.005, 0.2)
SHRINK = 0.5


class Misreporter(nn.Module):
    """Base class of networks that map a profile to a report of each bidder in the support.

    A subclass implements ``propose(standardised profile) -> logits`` of the same shape.
    """

    def __init__(self, design):
        super().__init__()
        self.n_bidders, self.n_items = design.n_bidders, design.n_items
        self.register_buffer("low", torch.zeros(self.n_bidders, self.n_items))
        self.register_buffer("high", torch.ones(self.n_bidders, self.n_items))

    def forward(self, valuations):
        """Return proposed reports of shape (n, n_bidders, n_items)."""
        width = (self.high - self.low).clamp_min(1e-12)
        standardised = (valuations - self.low) / width * 2 - 1
        return self.low + torch.sigmoid(self.propose(standardised)) * (self.high - self.low)


class DenseMisreporter(Misreporter):
    """The published misreporter: a dense network."""

    def __init__(self, design):
        super().__init__(design)
        self.body = DenseBody(*design.dense())
        self.head = nn.Linear(self.body.n_outputs, design.n_bidders * design.n_items)

    def propose(self, profiles):
        """Return logits of the reports."""
        return self.head(self.body(profiles)).view(-1, self.n_bidders, self.n_items)


class ExchangeableMisreporter(Misreporter):
    """A misreporter of exchangeable layers."""

    def __init__(self, design):
        super().__init__(design)
        self.body = ExchangeableBody(*design.exchangeable())
        self.head = nn.Linear(self.body.n_outputs, 1)

    def propose(self, profiles):
        """Return logits of the reports."""
        return self.head(self.body(profiles.unsqueeze(-1))).squeeze(-1)


# Misreporter for each architecture. Networks of the user have a dense one.
MISREPORTERS = {
    "mlp": DenseMisreporter,
    "equivariant": ExchangeableMisreporter,
    "attention": ExchangeableMisreporter,
}


class Play(NamedTuple):
    """Result of :meth:`Groups.play`, in units of the scale.

    Attributes
    ----------
    objective : Tensor of shape ()
        Mean objective of the domain over truthful profiles; of auctions, the revenue.
    regrets : Tensor of shape (d,)
        Mean regret of each agent over the reports of its groups.
    best_reports : Tensor of shape (d, g, k)
        Index of the best report of each truth.
    gains : Tensor of shape (d, g, k)
        Utility of the best report minus that of the truth; without gradient.
    types : Tensor of shape (d, g, k, d, m)
        The truthful profiles.
    outcome : tuple of Tensor of shape (d, g, k, ...)
        Their outcomes.
    """

    objective: torch.Tensor
    regrets: torch.Tensor
    best_reports: torch.Tensor
    gains: torch.Tensor
    types: torch.Tensor | None = None
    outcome: tuple = ()


class Groups(NamedTuple):
    """A mechanism, and the profiles in which one agent's report varies.

    Attributes
    ----------
    domain : Domain
    mechanism : callable
        Maps reports (n, d, m) to the fields of outcomes, differentiably.
    profiles : Tensor of shape (g, d, m)
    """

    domain: Domain
    mechanism: Callable
    profiles: torch.Tensor

    def play(self, truths, reports):
        """Evaluate the mechanism once per report; find the best report of each truth.

        Parameters
        ----------
        truths : Tensor of shape (d, g, k, m)
        reports : Tensor of shape (d, g, l, m)
            The first k are the truths.

        Returns
        -------
        Play
        """
        if truths.shape[2] > 1:
            return self._play(truths, reports)
        # Find the best report without gradients, then play truth and best report.
        with torch.no_grad():
            utilities = self.utilities(truths.expand_as(reports), reports)
        best = utilities.argmax(dim=2, keepdim=True)
        pair = torch.cat([truths, take_reports(reports, best)], dim=2)
        return self._play(truths, pair)._replace(best_reports=best)

    def _play(self, truths, reports):
        """Play all reports against all truths."""
        n_truths, domain = truths.shape[2], self.domain
        profiles, outcome = self._outcomes(reports)
        part = self._own(outcome)
        with torch.no_grad():
            best = domain.worths(truths, part).argmax(dim=3)
        # Gains of the best reports only: gradients of all pairs would take much memory.
        chosen = [take_reports(field, best) for field in part]
        gained = domain.gain(truths, chosen, [field[:, :, :n_truths] for field in part])
        types, truthful = profiles[:, :, :n_truths], [field[:, :, :n_truths] for field in outcome]
        objective = domain.objective(types, truthful).mean()
        regrets = gained.mean(dim=(1, 2))
        return Play(objective, regrets, best, gained.detach(), types, tuple(truthful))

    def utilities(self, truths, reports):
        """Return each agent's utility from one report per truth, (d, g, l), in units of the scale.

        Parameters
        ----------
        truths, reports : Tensor of shape (d, g, l, m)
        """
        return self.domain.worth(truths, self._own(self._outcomes(reports)[1]))

    def _outcomes(self, reports):
        """Return the profiles (d, g, l, d, m) and the fields of their outcomes (d, g, l, ...)."""
        profiles = place_reports(self.profiles, reports)
        outcome = self.mechanism(profiles.flatten(0, 2))
        return profiles, [field.view(*profiles.shape[:3], *field.shape[1:]) for field in outcome]

    def _own(self, outcome):
        """Return the part of the reporting agent: a list of Tensor of shape (d, g, l, ...)."""
        agents = range(len(self.profiles[0]))
        parts = [self.domain.part([field[i] for field in outcome], i) for i in agents]
        return [torch.stack(fields) for fields in zip(*parts)]


def draw_truths(batch, pool, n_truths, generator):
    """Return each bidder's valuation and ``n_truths - 1`` of its valuations in other profiles.

    Parameters
    ----------
    batch : Tensor of shape (g, d, m)
    pool : Tensor of shape (n, d, m)
        Profiles to draw from.
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
    """Return random reports near the truths.

    Their largest distances are log-uniform between 0.1 % and 30 % of the range of reports.

    Parameters
    ----------
    truths : Tensor of shape (d, g, k, m)
    n_reports : int
        Number of reports per group; the truths are used in turn.
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
    low, high = _limits(support)
    moved = base + shift.to(truths) * (high - low)
    # Truths can be outside of a support given by the user.
    return moved.clamp(torch.minimum(low, base), torch.maximum(high, base))


def _limits(support):
    """Return lowest and highest reports, of shape (d, 1, 1, m), from a support (d, m, 2)."""
    return support.unsqueeze(1).unsqueeze(1).unbind(-1)


def place_reports(batch, reports):
    """Return the profiles of a batch with the report of one bidder replaced.

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


def take_reports(values, index):
    """Return entries (d, g, k, ...) of values (d, g, l, ...) at the reports index (d, g, k)."""
    own = values.shape[3:]
    index = index.view(*index.shape, *(1 for _ in own))
    return values.gather(2, index.expand(*index.shape[:3], *own))


def climb(groups, truths, reports, support, n_steps, step_size):
    """Improve reports by gradient ascent with Adam, as in RegretNet's released code [1]_.

    Parameters
    ----------
    groups : Groups
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
    low, high = _limits(support)
    current = reports.detach().clone().requires_grad_(True)
    optimizer = torch.optim.Adam([current], lr=step_size, maximize=True)
    for _ in range(n_steps):
        utilities = groups.utilities(truths, current)
        (current.grad,) = torch.autograd.grad(utilities.sum(), current)
        optimizer.step()
        with torch.no_grad():
            current.clamp_(low, high)
    return current.detach()


def own_proposals(misreporter, batch, truths):
    """Return the misreporter's report for each truth.

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
    proposed = misreporter(profiles.flatten(0, 2)).view(profiles.shape)
    return torch.stack([proposed[i, :, :, i] for i in range(len(proposed))])


def refine(groups, truths, reports, support, n_steps, generator):
    """Improve reports by a few steps of normalised gradient ascent.

    Step ``s`` moves a report by ``size * 0.5**s`` times the range of reports, in the direction of
    the gradient divided by its largest component. ``size`` is drawn per report, log-uniformly
    between 0.5 % and 20 %, because the best misreports differ in their distance from the truth.

    Parameters
    ----------
    groups : Groups
    truths, reports : Tensor of shape (d, g, l, m)
    support : Tensor of shape (d, m, 2)
    n_steps : int
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    Tensor of shape (d, g, l, m)
        Without gradient. A step can make a report worse.
    """
    low, high = _limits(support)
    smallest, largest = STEP_SIZES
    drawn = torch.rand(*reports.shape[:3], 1, generator=generator).to(reports)
    size = smallest * (largest / smallest) ** drawn
    current = reports.detach()
    for step in range(n_steps):
        current.requires_grad_(True)
        utilities = groups.utilities(truths, current)
        (slope,) = torch.autograd.grad(utilities.sum(), current)
        slope = slope / slope.abs().amax(dim=3, keepdim=True).clamp_min(1e-12)
        moved = current.detach() + slope * (size * SHRINK**step) * (high - low)
        current = moved.clamp(low, high)
    return current.detach()
