"""The error of a fit that needs more memory than the machine has."""

import contextlib

__all__ = ["naming_memory"]

# What torch says in a RuntimeError, on a CPU and on a GPU.
SAID = ("can't allocate memory", "out of memory", "not enough memory")
# Parameters that determine how much memory a fit needs.
LARGE = ("batch_size", "hidden_layer_sizes", "menu_size", "n_shared_reports", "n_local_reports")


@contextlib.contextmanager
def naming_memory(auction):
    """Raise a MemoryError that names sizes and parameters if the block runs out of memory.

    Parameters
    ----------
    auction : LearnedMechanism
        The mechanism being fitted.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(text in str(error) for text in SAID):
            raise
        shape = zip(auction.domain.axes[1:], auction._fitted_shape())
        given = {name: getattr(auction, name) for name in LARGE if hasattr(auction, name)}
        named = ", ".join(f"{name}={value!r}" for name, value in (*shape, *given.items()))
        raise MemoryError(
            f"training needs more memory than there is, for {named}. Smaller values of "
            f"{', '.join(given)} need less"
        ) from error
