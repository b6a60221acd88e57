"""Fitted auctions as files, without pickle: weights in safetensors, all else as JSON."""

import os

from sklauction import __version__
from sklauction.base import BaseAuction
from sklauction.persistence.auctions import try_out
from sklauction.persistence.codec import Decoder, Encoder, value_errors_only
from sklauction.persistence.container import read_sealed, write_sealed

__all__ = ["load_auction", "save_auction"]

KIND = "auction"


def save_auction(auction, path):
    """Write an auction into one file, without pickle.

    The file is of the safetensors format [1]_: weights and other arrays as they are, parameters
    and fitted attributes as JSON in its metadata, with versions and a checksum of the whole. What
    was there before is replaced at once: a process that is killed while it writes leaves the old
    file. (A hidden file beside it that ends in ``.part`` is then left, and can be removed.)

    Kept is what a fitted auction needs to predict, to be audited, plotted and cloned: parameters,
    ``history_`` and all other fitted attributes, bit for bit, whatever the unit of the money. Not
    kept are ``net_``, the state of training, and the parameters that only matter while a fit
    runs: ``callbacks``, ``checkpoint``, ``checkpoint_every``, ``resume`` and ``verbose``, which
    have their defaults in the loaded auction. So ``fit`` and ``partial_fit`` of a loaded auction
    start anew, with ``warm_start``, too; ``checkpoint`` is for going on in another process.

    Parameters
    ----------
    auction : auction estimator
        Of this package, fitted or not.
    path : str or path-like
        Of the file. By custom it ends in ``.safetensors``.

    Raises
    ------
    TypeError
        If it is no auction of this package, or holds what a file without code cannot: a function
        (:class:`~sklauction.CallableAuction`), an ``architecture`` of your own, a distribution that
        is neither of scipy.stats nor of this package. Nothing is written then.
    ValueError
        If it would be refused when loaded, as parameters were changed after fit. Nothing is
        written then.
    OSError
        If the file cannot be written. What was there before stays.
    ImportError
        Without safetensors, which ``pip install 'sklauction[save]'`` brings.

    See Also
    --------
    load_auction : Reads it.

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
    if not isinstance(auction, BaseAuction):
        raise TypeError(
            "auction must be an auction estimator of this package, of a search its "
            f"best_estimator_, of a pipeline its last step; got {auction!r:.200}"
        )
    encoder = Encoder()
    try:
        content = {"version": __version__, "auction": encoder.encode(auction, "")}
    except RecursionError as error:
        raise TypeError("auction holds values that are nested too deeply to be saved") from error
    try:
        _restore(content, encoder.arrays)
    except ValueError as error:
        raise ValueError(
            f"auction must be one that could be loaded again; of this one {error}"
        ) from error
    write_sealed(path, KIND, content, encoder.arrays)


def load_auction(path):
    """Read an auction from a file of :func:`save_auction`'s.

    No code from the file is run. It may hold numbers, texts, arrays, and by name classes of this
    package and distributions of scipy.stats; anything else is refused. Sizes that it declares are
    held against what is there [1]_, and the auction is tried on a few profiles.

    Weights are loaded into main memory, wherever they were when the auction was saved.

    Parameters
    ----------
    path : str or path-like
        Of a file that this version or an earlier one has written.

    Returns
    -------
    auction estimator
        As it was saved, in the same unit of money; see there for what is not kept.

    Raises
    ------
    ValueError
        If the file is damaged, cut short, of another kind, of a later format, or holds what no
        such file may hold.
    OSError
        If there is none, or it cannot be read.
    ImportError
        Without safetensors, which ``pip install 'sklauction[save]'`` brings.

    See Also
    --------
    save_auction : Writes it, with an example of both.

    References
    ----------
    .. [1] Hugging Face, "Safetensors", https://huggingface.co/docs/safetensors.

    Examples
    --------
    What is not such a file is refused:

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
    content, arrays = read_sealed(path, KIND)
    try:
        return _restore(content, arrays)
    except ValueError as error:
        writer = content.get("version")
        other = f" (sklauction {writer!r:.40} wrote it, this is {__version__})"
        raise ValueError(
            f"{os.fspath(path)} is not a saved auction: {error}{other * (writer != __version__)}"
        ) from error


def _check_path(path):
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path must be a str or path-like; got {path!r:.80}")


def _restore(content, arrays):
    """Return the auction that content and arrays describe, after it was tried."""
    auction = Decoder(arrays).decode(content.get("auction"))
    if not isinstance(auction, BaseAuction):
        raise ValueError("it holds no auction")
    if hasattr(auction, "support_"):
        with value_errors_only():
            try_out(auction)
    return auction
