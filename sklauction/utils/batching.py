"""Iteration over large arrays in blocks of rows, to bound memory."""

import math

import numpy as np

__all__ = ["CHUNK_ENTRIES", "TABLE_ENTRIES", "blocks", "join", "run_in_blocks"]

# Bid entries per chunk of a network. With 32 hidden float64 units per entry, activations fit in
# a core's cache; chunks eight times as large are an eighth to a quarter slower
# (`python benchmarks/bundle_pricing.py --parts speed`).
CHUNK_ENTRIES = 1 << 14
# Entries of a table with a row per profile and a column per menu row: 2 MiB in float64.
TABLE_ENTRIES = 1 << 18
# Chunks per block of a prediction: analytic auctions sort and search fastest at this size.
CHUNKS = 4


def blocks(shape, entries=None):
    """Yield consecutive slices of the first axis of an array.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array, (n_rows, ...).
    entries : int, default=None
        Maximum number of array entries per slice; a slice has at least one row. None
        means :data:`CHUNK_ENTRIES`.

    Yields
    ------
    slice
        Has integer ``start`` and ``stop``; the last one stops at ``n_rows``.

    Examples
    --------
    >>> from sklauction.utils.batching import blocks
    >>> list(blocks((5000, 2, 2)))
    [slice(0, 4096, None), slice(4096, 5000, None)]
    """
    entries = CHUNK_ENTRIES if entries is None else entries
    size = max(1, entries // math.prod(shape[1:]))
    for start in range(0, shape[0], size):
        yield slice(start, min(start + size, shape[0]))


def join(pieces, n_rows, dtype=None):
    """Return arrays of all rows, made of pieces.

    Parameters
    ----------
    pieces : iterable of (slice, sequence of arrays)
        The rows of each piece, and its arrays.
    n_rows : int
    dtype : numpy dtype, default=None
        None means that of the arrays of the first piece.

    Returns
    -------
    list of ndarray
    """
    whole = None
    for rows, arrays in pieces:
        if whole is None:
            whole = [np.empty((n_rows, *part.shape[1:]), dtype or part.dtype) for part in arrays]
        for array, part in zip(whole, arrays, strict=True):
            array[rows] = part
    return whole


def run_in_blocks(run, shape):
    """Run a mechanism on blocks of profiles, to bound the memory of intermediate arrays.

    Parameters
    ----------
    run : callable
        Takes a slice of the profiles and returns the fields of their outcomes.
    shape : tuple of int
        Shape of the profiles, (n_samples, n_agents, n_entries).

    Returns
    -------
    sequence of ndarray
        For all profiles. If there is one block, exactly what ``run`` returned.
    """
    # A whole number of chunks, so that networks see the same chunks as without blocks.
    row_size = math.prod(shape[1:])
    entries = CHUNKS * max(row_size, CHUNK_ENTRIES // row_size * row_size)
    parts = list(blocks(shape, entries))
    return run(parts[0]) if len(parts) == 1 else join(((p, run(p)) for p in parts), shape[0])
