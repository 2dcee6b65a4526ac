import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from core.data import file_fingerprints
from core.data.file_fingerprints import (
    EDGE_BYTES,
    add_digests,
    content_key,
    digest_edges,
    same_files,
    stat_files,
)


@pytest.mark.parametrize("length", [1, EDGE_BYTES, EDGE_BYTES + 1, 5 * EDGE_BYTES])
def test_the_digest_is_of_the_beginning_and_the_end(
    tmp_path: Path, length: int
) -> None:
    content = np.random.default_rng(length).bytes(length)
    path = tmp_path / "picture"
    path.write_bytes(content)
    rest = content[EDGE_BYTES:]
    expected = hashlib.blake2b(
        content[:EDGE_BYTES] + rest[-EDGE_BYTES:], digest_size=16
    ).digest()
    assert digest_edges(str(path)) == expected


def test_only_what_was_written_since_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [str(tmp_path / f"{i}") for i in range(3)]
    for i, file in enumerate(files):
        Path(file).write_bytes(bytes([i] * 10))
    first = stat_files(files)
    add_digests(first, files)
    read: list[str] = []

    def note(file: str) -> bytes:
        read.append(file)
        return digest_edges(file)

    monkeypatch.setattr(file_fingerprints, "digest_edges", note)
    again = stat_files(files)
    add_digests(again, files, [first])
    assert read == []
    assert (again == first).all()
    times = Path(files[1]).stat()
    Path(files[1]).write_bytes(bytes([9] * 10))
    # Even one that hides when it was written: the system keeps when it changed.
    os.utime(files[1], ns=(times.st_atime_ns, times.st_mtime_ns))
    changed = stat_files(files)
    assert same_files(changed, first).tolist() == [True, False, True]
    steps: list[tuple[int, int]] = []
    add_digests(
        changed,
        files,
        [first],
        progress=lambda done, total: steps.append((done, total)),
    )
    assert read == [files[1]]
    assert steps == [(1, 1)]
    assert content_key(changed) != content_key(first)


def test_what_is_no_file_has_no_facts(tmp_path: Path) -> None:
    files = ["avatar:3", str(tmp_path / "absent"), "a\0b"]
    facts = stat_files(files)
    add_digests(facts, files)
    assert facts["size"].tolist() == [0, 0, 0]
    assert content_key(facts) == bytes(3 * (8 + 8 + 16))
