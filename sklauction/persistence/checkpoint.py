"""Checkpoints: the state of a fit on disk, to go on from after the process was killed."""

import hashlib
import os
import warnings

import numpy as np

from sklauction.persistence.codec import Decoder, Encoder
from sklauction.persistence.container import pack, read_sealed, write_atomically
from sklauction.utils.validation import check_count

__all__ = ["Checkpoint", "check_checkpoint", "digest", "in_words"]

KIND = "checkpoint"


def check_checkpoint(checkpoint, every, resume):
    """Raise ValueError unless the three parameters are as an auction takes them."""
    if checkpoint is not None and not (isinstance(checkpoint, str | os.PathLike) and checkpoint):
        raise ValueError(f"checkpoint must be None or the path of a file; got {checkpoint!r}")
    check_count(every, "checkpoint_every")
    if not isinstance(resume, bool):
        raise ValueError(f"resume must be True or False; got {resume!r}")
    if resume and checkpoint is None:
        raise ValueError("resume=True must come with checkpoint, the file to go on from; got None")


def digest(valuations):
    """Return a short text that differs for other valuations."""
    return hashlib.blake2b(np.ascontiguousarray(valuations).data, digest_size=16).hexdigest()


def in_words(value):
    """Return a parameter as a text that is the same in another process."""
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    return repr(list(value) if isinstance(value, tuple) else value)


class Checkpoint:
    """One file that holds the state of one fit.

    Parameters
    ----------
    path : str or path-like
    every : int
        Iterations from one writing to the next.
    subject : dict
        What the fit is of, in plain JSON: ``auction``, ``data``, ``parameters`` and ``seed``.
    """

    def __init__(self, path, every, subject):
        self.path, self.every, self.subject = path, every, subject
        self.written, self.failed = None, False

    @classmethod
    def read(cls, path, every, subject):
        """Return the checkpoint of an earlier run of the same fit, and what it holds.

        Parameters
        ----------
        path, every, subject :
            See the class; a ``seed`` of None agrees with any.

        Returns
        -------
        checkpoint : Checkpoint
        state : dict
            Of the net.
        ended : int or None
            ``max_iter`` of the fit, if it came to its end.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If it is damaged, or of another fit.
        """
        content, arrays = read_sealed(path, KIND)
        try:
            kept = {name: content[name] for name in ("auction", "data", "parameters", "seed")}
            differences = _differences(kept, subject)
            state, ended = Decoder(arrays).decode(content["state"]), content["ended"]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{os.fspath(path)} is not a saved checkpoint: {error}") from error
        if differences:
            raise ValueError(
                f"resume=True must find the checkpoint of the same fit in {os.fspath(path)}; got "
                f"one of another: {'; '.join(differences)}. Take another file, or resume=False to "
                "begin anew and replace it"
            )
        return cls(path, every, kept), state, ended

    def try_out(self, state):
        """Write as much as a checkpoint takes, and remove it again.

        Raises
        ------
        OSError
            If that fails.
        """
        try:
            write_atomically(self.path, self._pack(state, None), keep=False)
        except OSError as error:
            raise OSError(
                error.errno,
                f"checkpoint must be a file that can be written ({error.strerror})",
                os.fspath(self.path),
            ) from error

    def offer(self, n_iter, state):
        """Write the state after an iteration, if it is time."""
        if (n_iter - state["attributes"]["first_iter_"]) % self.every == 0:
            self.write(n_iter, state)

    def write(self, n_iter, state, ended=None):
        """Write a state; where that fails, training goes on, and says so once.

        Parameters
        ----------
        n_iter : int
            Iterations done in all.
        state : dict
            Of the net.
        ended : int, optional
            ``max_iter`` of a fit that came to its end.
        """
        if self.written == (n_iter, ended):
            return
        try:
            write_atomically(self.path, self._pack(state, ended))
        except OSError as error:
            if not self.failed:
                last = (
                    "there is none" if self.written is None else f"that of {self.written[0]} stays"
                )
                warnings.warn(
                    f"the checkpoint after {n_iter} iterations could not be written to "
                    f"{os.fspath(self.path)} ({error.strerror}): {last}, and training goes on",
                    UserWarning,
                    stacklevel=2,
                )
            self.failed = True
            return
        self.written, self.failed = (n_iter, ended), False

    def _pack(self, state, ended):
        encoder = Encoder()
        content = {**self.subject, "state": encoder.encode(state, "state"), "ended": ended}
        return pack(KIND, content, encoder.arrays)


def _differences(kept, wanted):
    """Return in words what differs between the subjects of two fits."""
    found = []
    if kept["auction"] != wanted["auction"]:
        return [f"it is of {kept['auction']}, not {wanted['auction']}"]
    before, now = kept["parameters"], wanted["parameters"]
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            found.append(f"{name} was {before.get(name)} and is {now.get(name)}")
    if wanted["seed"] is not None and kept["seed"] != wanted["seed"]:
        found.append("random_state was another")
    if kept["data"] != wanted["data"]:
        found.append("X was other valuations")
    return found
