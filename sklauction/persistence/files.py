"""Save and load auctions without pickle: arrays in the safetensors format, the rest as JSON."""

from __future__ import annotations

import os

from sklearn.utils.validation import check_is_fitted

from sklauction import __version__
from sklauction.base import BaseAuction, BaseMechanism
from sklauction.persistence.auctions import try_out
from sklauction.persistence.codec import Decoder, Encoder, value_errors_only
from sklauction.persistence.container import pack, read_container, write_atomically
from sklauction.utils.types import FilePath

__all__ = ["load_auction", "save_auction"]

KIND = "auction"


def save_auction(auction: BaseMechanism, path: FilePath) -> None:
    """Save an auction in a file, without pickle.

    The file is in the safetensors format [1]_. It holds weights and other arrays, parameters and
    fitted attributes as JSON in its metadata, versions, and a checksum. An existing file is
    replaced atomically: if the process is killed while writing, the old file stays, and a hidden
    file next to it that ends in ``.part`` may be left.

    All parameters and fitted attributes are saved bit for bit, money in the same unit, so that the
    loaded auction predicts, plots, is audited and cloned like the saved one. Exceptions are
    ``net_``, the state of training, and parameters that only matter while ``fit`` runs:
    ``callbacks``, ``checkpoint``, ``checkpoint_every``, ``resume`` and ``verbose`` have their
    defaults in the loaded auction.
    Hence ``fit`` and ``partial_fit`` of a loaded auction start from the beginning, also with
    ``warm_start``. To resume a fit in another process use ``checkpoint``.

    Parameters
    ----------
    auction : auction estimator
        Of this package, fitted.
    path : str or path-like
        Of the file, usually ending in ``.safetensors``.

    Raises
    ------
    TypeError
        If ``auction`` is not an auction of this package, or contains a function
        (:class:`~sklauction.CallableAuction`), an ``architecture`` of your own, or a distribution
        that is neither of scipy.stats nor of this package. Nothing is written.
    NotFittedError
        If the auction is not fitted. Nothing is written.
    ValueError
        If the file could not be loaded, because parameters were changed after fit. Nothing is
        written.
    OSError
        If the file cannot be written. An existing file stays.
    ImportError
        If safetensors is missing: ``pip install 'sklauction[save]'``.

    See Also
    --------
    load_auction : Loads the auction.

    References
    ----------
    .. [1] Hugging Face, "Safetensors", https://huggingface.co/docs/safetensors.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklauction import MyersonAuction, load_auction, save_auction
    >>> auction = MyersonAuction(n_bidders=1).fit([[[1.0]], [[2.0]], [[2.0]]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "auction.safetensors")
    ...     save_auction(auction, path)
    ...     again = load_auction(path)
    >>> again.reserve_prices_
    array([[2.]])
    """
    _check_path(path)
    if not isinstance(auction, BaseMechanism):
        raise TypeError(
            "auction must be an auction estimator of this package (for a search, its "
            f"best_estimator_; for a pipeline, its last step); got {auction!r:.200}"
        )
    encoder = Encoder()
    try:
        content = {"version": __version__, "auction": encoder.encode(auction, "")}
    except RecursionError as error:
        raise TypeError("auction contains values nested too deeply to be saved") from error
    check_is_fitted(auction, msg="auction must be fitted to be saved; this %(name)s is not")
    try:
        _restore(content, encoder.arrays)
        data = pack(KIND, content, encoder.arrays)
    except ValueError as error:
        raise ValueError(f"auction must be one that can be loaded again; got: {error}") from error
    write_atomically(path, data)


def load_auction(path: FilePath) -> BaseAuction:
    """Load an auction from a file of :func:`save_auction`.

    No code from the file is run. A file may contain numbers, strings and arrays, and refer by name
    to classes of this package and distributions of scipy.stats. Sizes in the file are checked
    against its contents [1]_, and the auction is run on a few profiles.

    Weights are loaded into main memory, also if the auction was on a GPU.

    Parameters
    ----------
    path : str or path-like
        Of a file written by this version or an earlier one.

    Returns
    -------
    auction estimator
        The saved auction; see :func:`save_auction` for exceptions. Money is in the same unit.

    Raises
    ------
    ValueError
        If the file is damaged, of another kind, of a later format, or its contents are not those
        of a saved auction.
    OSError
        If it does not exist or cannot be read.
    ImportError
        If safetensors is missing: ``pip install 'sklauction[save]'``.

    See Also
    --------
    save_auction : Saves an auction, with an example of both.

    References
    ----------
    .. [1] Hugging Face, "Safetensors", https://huggingface.co/docs/safetensors.

    Examples
    --------
    Other files raise ValueError:

    >>> import os, tempfile
    >>> from sklauction import load_auction
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "auction.safetensors")
    ...     with open(path, "wb") as file:
    ...         _ = file.write(b"something else")
    ...     try:
    ...         load_auction(path)
    ...     except ValueError as error:
    ...         print("its checksum is wrong" in str(error))
    True
    """
    _check_path(path)
    content, arrays = read_container(path, KIND)
    try:
        return _restore(content, arrays)
    except ValueError as error:
        writer = content.get("version")
        other = f" (written by sklauction {writer!r:.40}; this is sklauction {__version__})"
        raise ValueError(
            f"{os.fspath(path)} is not a saved auction: {error}{other * (writer != __version__)}"
        ) from error


def _check_path(path):
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path must be a str or path-like; got {path!r:.80}")


def _restore(content, arrays):
    """Return the auction made from content and arrays, after running it if it is fitted."""
    auction = Decoder(arrays).decode(content.get("auction"))
    if not isinstance(auction, BaseMechanism):
        raise ValueError("it does not hold an auction")
    if hasattr(auction, "support_"):
        with value_errors_only():
            try_out(auction)
    return auction
