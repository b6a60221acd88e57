"""A file of arrays and JSON with a checksum, written atomically.

The file is in the safetensors format. Its metadata hold the kind of file, versions, the content as
JSON, and the SHA-256 of the whole file, computed with zeros in its place.
"""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import stat

import numpy as np

from sklauction import __version__

__all__ = ["FORMAT", "LONGEST_HEADER", "pack", "read_container", "write_atomically"]

# Increased when older versions cannot read new files.
FORMAT = 1
NO_CHECKSUM = "0" * 64
DAMAGED = "its checksum is wrong: it is damaged, cut short or of another kind"
# Largest JSON of the content, whose values take up to 40 times as much memory, and largest header,
# which holds it with escapes.
LONGEST_CONTENT, LONGEST_HEADER = 1 << 25, 3 << 24
TOO_LONG = f"its JSON must have at most {LONGEST_CONTENT:,} characters; got {{:,}}"
# Letters of a file's name at the start of its draft's name, which may have 255 bytes.
LETTERS_KEPT = 40


def _safetensors():
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "saving, loading and checkpoints need safetensors: pip install 'sklauction[save]'"
        ) from error
    return safetensors


def pack(kind, content, arrays):
    """Return the bytes of a file.

    Parameters
    ----------
    kind : str
        Kind of file, such as ``"auction"``.
    content : dict
        Plain JSON, without NaN or infinity.
    arrays : dict of {str: ndarray}
        Of bools or numbers, in the byte order of the machine.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If the file would be too large to be read.
    """
    metadata = {
        "sklauction": kind,
        "format": str(FORMAT),
        "version": __version__,
        "content": json.dumps(content, allow_nan=False),
        "checksum": NO_CHECKSUM,
    }
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    data = _safetensors().numpy.save(contiguous, metadata)
    if len(metadata["content"]) > LONGEST_CONTENT or _length_of_header(data) > LONGEST_HEADER:
        raise ValueError(TOO_LONG.format(len(metadata["content"])))
    # Quotation marks within JSON strings are escaped, so this occurs once.
    place = f'"checksum":"{NO_CHECKSUM}"'.encode()
    checksum = f'"checksum":"{hashlib.sha256(data).hexdigest()}"'.encode()
    return data.replace(place, checksum, 1)


def write_atomically(path, data, *, keep=True):
    """Write bytes into a new file next to ``path``, sync it to disk, and rename it to ``path``.

    Parameters
    ----------
    path : str or path-like
    data : bytes
    keep : bool
        False removes the new file instead of renaming it, to test whether writing would fail.

    Raises
    ------
    OSError
        If writing fails. The new file is removed, and the old file stays.
    """
    # A link is followed, not replaced.
    path = os.path.realpath(os.fsdecode(path))
    folder, name = os.path.split(path)
    mode = _mode_of(path)
    draft = os.path.join(folder, f".{name[:LETTERS_KEPT]}.{secrets.token_hex(8)}.part")

    def create(name, flags):
        # New files get the default permissions; a replaced file keeps its own.
        return os.open(name, flags, 0o666 if mode is None else mode)

    try:
        with open(draft, "xb", opener=create) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            with contextlib.suppress(OSError):
                os.chmod(draft, mode)
        if keep:
            os.replace(draft, path)
    except OSError as error:
        error.filename = path  # instead of the draft
        raise
    finally:
        with contextlib.suppress(OSError):
            os.unlink(draft)
    _sync_folder(folder)


def _mode_of(path):
    """Return the permissions of the file to be replaced; None if it does not exist."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "path must be that of a file; got a folder", path)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "path must be that of a file; got a device or a pipe", path)
    return stat.S_IMODE(mode)


def _sync_folder(folder):
    """Sync a renaming to disk, where folders can be opened (not on Windows)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def read_container(path, kind):
    """Return the content and the arrays of a file, after checking its checksum.

    Parameters
    ----------
    path : str or path-like
    kind : str
        Expected kind of file.

    Returns
    -------
    content : dict
    arrays : dict of {str: ndarray}

    Raises
    ------
    ValueError
        If the file is damaged, of another kind, or of a later format.
    OSError
        If it does not exist or cannot be read.
    """
    try:
        data = _read(path)
        return _content(_metadata(data), kind), _arrays(data)
    except (ValueError, RecursionError, MemoryError) as error:
        reason = error if isinstance(error, ValueError) else "it is too large or too deeply nested"
        raise ValueError(f"{os.fspath(path)} is not a saved {kind}: {reason}") from error


def _read(path):
    """Return the bytes of a file, after comparing the length in its header with its size."""
    with open(path, "rb", opener=_open_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a regular file")
        start = file.read(8)
        size = _length_of_header(start)
        fits = len(start) == 8 and size <= min(status.st_size - 8, LONGEST_HEADER)
        if not fits or _parse(file.read(size))[1] != status.st_size:
            raise ValueError(DAMAGED)
        file.seek(0)
        return file.read(status.st_size)


def _open_without_waiting(path, flags):
    # Opening a pipe without a writer would block.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _parse(header):
    """Return the metadata in a header and the size of the file that it declares."""
    try:
        parsed = json.loads(header.decode())
        metadata = parsed.pop("__metadata__")
        if not isinstance(metadata, dict):
            raise TypeError("metadata must be an object")
        ends = (entry["data_offsets"][1] for entry in parsed.values())
        return metadata, 8 + len(header) + max(ends, default=0)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise ValueError(DAMAGED) from error


def _length_of_header(data):
    return int.from_bytes(data[:8], "little")


def _metadata(data):
    """Return the metadata of a file, or raise ValueError if its checksum is wrong."""
    header = data[8 : 8 + _length_of_header(data)]
    start = header.find(b'"checksum":"') + len(b'"checksum":"')
    given = header[start : start + len(NO_CHECKSUM)]
    digest = hashlib.sha256(data[: 8 + start])
    digest.update(NO_CHECKSUM.encode())
    digest.update(memoryview(data)[8 + start + len(NO_CHECKSUM) :])
    if digest.hexdigest().encode() != given:
        raise ValueError(DAMAGED)
    return _parse(header)[0]


def _content(metadata, kind):
    found = metadata.get("sklauction")
    if found != kind:
        raise ValueError(f"it is a file of the kind {found!r:.40}")
    if metadata.get("format") != str(FORMAT):
        raise ValueError(
            f"it has format {metadata.get('format')!r:.20}, written by sklauction "
            f"{metadata.get('version')!r:.40}; this is sklauction {__version__}, which reads "
            f"format {FORMAT}. Load it with the version that wrote it or a later one"
        )
    text = metadata.get("content")
    if isinstance(text, str) and len(text) > LONGEST_CONTENT:
        raise ValueError(TOO_LONG.format(len(text)))
    content = json.loads(text) if isinstance(text, str) else None
    if not isinstance(content, dict):
        raise ValueError("its content is not a JSON object")
    return content


def _arrays(data):
    """Return the arrays of a file, or raise ValueError if they are malformed."""
    safetensors = _safetensors()
    try:
        arrays = safetensors.numpy.load(data)
    except (safetensors.SafetensorError, KeyError, OverflowError) as error:
        raise ValueError(f"its arrays are malformed ({error})") from error
    for name, array in arrays.items():
        # An empty array may declare any length along its other axes.
        if array.dtype.kind not in "biuf" or max(array.shape, default=0) > len(data):
            raise ValueError(f"its array {name!r:.80} is malformed")
        if array.dtype.kind == "b" and (array.view(np.uint8) > 1).any():
            raise ValueError(f"its array {name!r:.80} must hold bools; got other values")
    # Tensors can only be made from writeable arrays.
    return {name: np.require(array, requirements="W") for name, array in arrays.items()}
