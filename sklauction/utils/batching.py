"""Profiles in blocks: memory stays bounded whatever the number of profiles."""

import numpy as np

__all__ = ["CHUNK_ENTRIES", "blocks", "run_in_blocks"]

# Bid entries per chunk of a network: with 32 hidden float64 units an entry this stays near a
# core's cache, where an eighth to a quarter more profiles go through than in chunks eight times
# as large (`python benchmarks/bundle_pricing.py --parts speed`).
CHUNK_ENTRIES = 1 << 14
# Chunks per block of a prediction. A block ends where a chunk does, so that networks see the
# chunks that they would see without blocks. Sorting and searching are fastest in a core's cache.
CHUNKS = 4


def blocks(shape, n_chunks=1):
    """Yield slices of profiles, together all of them.

    Parameters
    ----------
    shape : tuple of int
        Of the profiles, (n_samples, n_bidders, n_items).
    n_chunks : int, default=1
        Chunks of :data:`CHUNK_ENTRIES` bid entries (of one profile at least) per slice.

    Yields
    ------
    slice
        With start and stop, the last one ending at ``n_samples``.

    Examples
    --------
    >>> from sklauction.utils.batching import blocks
    >>> list(blocks((5000, 2, 2)))
    [slice(0, 4096, None), slice(4096, 5000, None)]
    """
    n_samples, n_bidders, n_items = shape
    n_rows = n_chunks * max(1, CHUNK_ENTRIES // (n_bidders * n_items))
    for start in range(0, n_samples, n_rows):
        yield slice(start, min(start + n_rows, n_samples))


def run_in_blocks(run, shape):
    """Run an auction on blocks of profiles; what it holds beside the outcome is bounded so.

    Parameters
    ----------
    run : callable
        Takes a slice of the profiles and returns ``(allocations, payments)`` for them.
    shape : tuple of int
        Of the profiles, (n_samples, n_bidders, n_items).

    Returns
    -------
    allocations, payments : ndarray
        All rows of them; of a single block what ``run`` returned.
    """
    whole = None
    for rows in blocks(shape, CHUNKS):
        outcome = run(rows)
        if rows.stop - rows.start == shape[0]:
            return outcome
        if whole is None:
            whole = [np.empty((shape[0], *part.shape[1:]), part.dtype) for part in outcome]
        for array, part in zip(whole, outcome, strict=True):
            array[rows] = part
    return whole
