"""Fingerprints of the content of files, without reading all of it."""

import hashlib
import os
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

EDGE_BYTES = 64 * 1024
"""How much of a file's beginning, and of its end, is read."""
CHUNK = 1024

FACTS = np.dtype(
    [("size", "<i8"), ("mtime_ns", "<i8"), ("ctime_ns", "<i8"), ("digest", "V16")]
)
_SEEN = ("size", "mtime_ns", "ctime_ns")
Facts = NDArray[np.void]


def stat_files(files: Sequence[str]) -> Facts:
    """Look at files without opening them.

    Returns
    -------
    array of FACTS, shape (files,)
        Without digests; zeros where there is no file.
    """
    facts = np.zeros(len(files), dtype=FACTS)
    for row, file in enumerate(files):
        try:
            found = os.stat(file)  # noqa: PTH116 - a Path for each takes as long again
        except (OSError, ValueError):
            continue
        facts[row] = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, b"")
    return facts


def same_files(one: Facts, other: Facts) -> NDArray[np.bool_]:
    """Which files were not written since, by size and times, shape (files,)."""
    same: NDArray[np.bool_] = np.all([one[n] == other[n] for n in _SEEN], axis=0)
    return same


def add_digests(
    facts: Facts,
    files: Sequence[str],
    known: Sequence[Facts] = (),
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Fill in the digests, in place.

    Parameters
    ----------
    facts : array of FACTS, shape (files,)
        From ``stat_files``.
    files : sequence of str
    known : sequence of arrays like ``facts``
        Earlier ones of the same files: files that were not written since are not read
        again.
    progress : callable
        ``(done, total)``: files read, of those that have to be.
    """
    unread = facts["size"] > 0
    for earlier in known:
        same = unread & same_files(facts, earlier)
        facts["digest"][same] = earlier["digest"][same]
        unread &= ~same
    rows = np.flatnonzero(unread).tolist()
    for done, row in enumerate(rows, start=1):
        facts["digest"][row] = np.void(digest_edges(files[row]))
        if done % CHUNK == 0 or done == len(rows):
            progress(done, len(rows))


def digest_edges(file: str) -> bytes:
    """16 bytes that tell a file's beginning and end; zeros if it cannot be read."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with open(file, "rb", buffering=0) as stream:  # noqa: PTH123 - as above
            digest.update(stream.read(EDGE_BYTES))
            length = os.fstat(stream.fileno()).st_size
            if length > EDGE_BYTES:
                stream.seek(max(EDGE_BYTES, length - EDGE_BYTES))
                digest.update(stream.read(EDGE_BYTES))
    except OSError:
        return bytes(16)
    return digest.digest()


def content_key(facts: Facts) -> bytes:
    """The facts that stand for the content: size, time of writing and digest."""
    return b"".join(facts[name].tobytes() for name in ("size", "mtime_ns", "digest"))
