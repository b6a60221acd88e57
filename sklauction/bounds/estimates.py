"""Means of samples shifted by their standard errors, and scaling of bounds."""

import numpy as np

from sklauction.utils.numbers import scale_by_power_of_two

__all__ = ["N_ERRORS", "SLOW_PROFILES", "scale_back", "shifted_mean"]

# Standard errors by which sampled bounds are shifted to the safe side.
N_ERRORS = 2.0
# Largest number of profiles for matchings, which are computed one by one in Python.
SLOW_PROFILES = 10_000


def shifted_mean(sample, n_errors):
    """Return the mean of a sample plus a multiple of its standard error."""
    sample, exponent = scale_by_power_of_two(sample)
    shifted = sample.mean() + n_errors * sample.std(ddof=1) / np.sqrt(len(sample))
    return float(np.ldexp(shifted, exponent))


def scale_back(bounds, exponent):
    """Return a dict of bounds, each times ``2 ** exponent``."""
    return {name: float(np.ldexp(bound, exponent)) for name, bound in bounds.items()}
