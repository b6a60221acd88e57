"""Checkpoints: the state of a fit in a file, to resume it after the process was killed."""

import hashlib
import os

import numpy as np

from sklauction.persistence.codec import Decoder, Encoder
from sklauction.persistence.container import (
    LONGEST_HEADER,
    pack,
    read_container,
    write_atomically,
)
from sklauction.utils.warning import warn_user

__all__ = ["Checkpoint", "canonical", "digest"]

KIND = "checkpoint"


def digest(valuations):
    """Return a hash of valuations."""
    return hashlib.blake2b(np.ascontiguousarray(valuations).data, digest_size=16).hexdigest()


def canonical(value):
    """Return a parameter as a string that is the same in every process."""
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    return repr(list(value) if isinstance(value, tuple) else value)


class Checkpoint:
    """A file with the state of a fit.

    Parameters
    ----------
    path : str or path-like
    every : int
        Iterations between two writes.
    subject : dict
        Identifies the fit, in plain JSON: ``auction``, ``data``, ``parameters`` and ``seed``.
    """

    def __init__(self, path, every, subject):
        self.path, self.every, self.subject = path, every, subject
        self.written, self.failed = None, False

    @classmethod
    def read(cls, path, every, subject):
        """Return the checkpoint of an earlier run of the same fit, and its state.

        Parameters
        ----------
        path, every, subject :
            See the class. A ``seed`` of None matches any.

        Returns
        -------
        checkpoint : Checkpoint
        state : object
            Of the net. It is not checked.
        ended : int or None
            ``max_iter`` of the fit, if it ended.

        Raises
        ------
        FileNotFoundError
            If it does not exist.
        ValueError
            If it is damaged, or of another fit.
        """
        content, arrays = read_container(path, KIND)
        try:
            kept = {name: content[name] for name in ("auction", "data", "parameters", "seed")}
            differences = _differences(kept, subject)
            state, ended = Decoder(arrays).decode(content["state"]), content["ended"]
            _check_count(kept["seed"], "seed", 0)
            if ended is not None:
                _check_count(ended, "ended", 1)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            text = f"it lacks {error}" if isinstance(error, KeyError) else error
            raise ValueError(f"{os.fspath(path)} is not a saved checkpoint: {text}") from error
        if differences:
            raise ValueError(
                f"resume=True must find the checkpoint of the same fit in {os.fspath(path)}; got "
                f"another: {'; '.join(differences)}. Use another file, or resume=False to start "
                "again and replace it"
            )
        return cls(path, every, kept), state, ended

    def try_out(self, state):
        """Write a checkpoint and remove it.

        Raises
        ------
        ValueError
            If the file exists and is neither empty nor a checkpoint. A damaged one is replaced.
        OSError
            If writing fails.
        """
        try:
            self._check_replaceable()
            write_atomically(self.path, self._pack(state, None), keep=False)
        except OSError as error:
            raise OSError(
                error.errno,
                f"checkpoint must be a file that can be written ({error.strerror})",
                os.fspath(self.path),
            ) from error

    def _check_replaceable(self):
        """Raise ValueError if a file of another kind would be replaced."""
        path = os.fspath(self.path)
        if os.path.isfile(path) and os.path.getsize(path) and not _begins_as_checkpoint(path):
            raise ValueError(f"checkpoint must be a new file or a checkpoint; {path} is neither")

    def offer(self, n_iter, state):
        """Write the state after an iteration, if ``every`` iterations have passed."""
        if (n_iter - state["attributes"]["first_iter_"]) % self.every == 0:
            self.write(n_iter, state)

    def write(self, n_iter, state, ended=None):
        """Write a state; a failure is reported once in a warning, so that training continues.

        Parameters
        ----------
        n_iter : int
            Total number of iterations.
        state : dict
            Of the net.
        ended : int, optional
            ``max_iter`` of a fit that ended.
        """
        if self.written == (n_iter, ended):
            return
        try:
            write_atomically(self.path, self._pack(state, ended))
        except (OSError, ValueError) as error:  # a full disk, or a history too long for a file
            if not self.failed:
                reason = getattr(error, "strerror", None) or error
                last = "none" if self.written is None else f"that of iteration {self.written[0]}"
                warn_user(
                    f"the checkpoint after {n_iter} iterations could not be written to "
                    f"{os.fspath(self.path)} ({reason}). Training continues; the last "
                    f"checkpoint is {last}"
                )
            self.failed = True
            return
        self.written, self.failed = (n_iter, ended), False

    def _pack(self, state, ended):
        encoder = Encoder()
        content = {**self.subject, "state": encoder.encode(state, "state"), "ended": ended}
        return pack(KIND, content, encoder.arrays)


def _begins_as_checkpoint(path):
    """Return whether a file has the header of a checkpoint. The rest may be damaged."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = file.read(min(size, LONGEST_HEADER))
    return header.startswith(b'{"__metadata__"') and f'"sklauction":"{KIND}"'.encode() in header


def _check_count(value, name, least):
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**31:
        raise ValueError(f"its {name} must be an integer of at least {least}; got {value!r:.40}")


def _differences(kept, wanted):
    """Return the differences between the subjects of two fits, as strings."""
    found = []
    if kept["auction"] != wanted["auction"]:
        return [f"it is of {kept['auction']!s:.200}, not {wanted['auction']}"]
    before, now = kept["parameters"], wanted["parameters"]
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            found.append(f"{name} was {before.get(name)!s:.200} and is {now.get(name)!s:.200}")
    if wanted["seed"] is not None and kept["seed"] != wanted["seed"]:
        found.append("random_state was different")
    if kept["data"] != wanted["data"]:
        found.append("X was different")
    return found
