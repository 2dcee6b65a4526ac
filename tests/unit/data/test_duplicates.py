from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data import duplicates as module
from core.data.duplicates import (
    DuplicatePairs,
    describe_duplicates,
    find_duplicates,
    hash_images,
)
from core.data.readers.utkface import AGE

PAIRS = DuplicatePairs(np.array([[0, 1], [1, 2], [4, 5]]), rows=6)


def test_pairs_are_those_within_the_distance() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, (600, 4), dtype=np.uint64)
    hashes[300] = hashes[7]
    hashes[300, 0] ^= np.uint64(0b111)
    hashes[599] = hashes[598]
    assert find_duplicates(hashes, max_bits=3).pairs.tolist() == [[7, 300], [598, 599]]
    assert find_duplicates(hashes, max_bits=2).pairs.tolist() == [[598, 599]]


def test_hashes_are_those_of_imagehash_in_other_processes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    paths = [str(tmp_path / f"{i}.png") for i in range(3)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8)).save(path)
    expected = [
        np.packbits(imagehash.phash(Image.open(path), hash_size=16).hash).tobytes()
        for path in paths
    ]
    for few in (module.FEW, 0):
        monkeypatch.setattr(module, "FEW", few)
        hashes, corrupt = hash_images(paths, workers=1)
        assert [row.tobytes() for row in hashes] == expected
        assert corrupt == {}


def test_pairs_with_given_rows_can_be_dropped() -> None:
    assert PAIRS.without([0, 5]).pairs.tolist() == [[1, 2]]
    assert PAIRS.without([]).pairs.tolist() == PAIRS.pairs.tolist()


def test_no_pairs_is_no_fault() -> None:
    hashes = np.array([[0], [2**63 - 1]], dtype=np.uint64)
    duplicates = find_duplicates(hashes, max_bits=1)
    assert duplicates.pairs.shape == (0, 2)
    assert describe_duplicates(duplicates, pd.DataFrame(), AGE, ())["pairs"] == 0


def test_partners_are_found_either_way_round() -> None:
    mask = np.array([False, True, False, False, False, True])
    assert PAIRS.partners_of(mask).tolist() == [0, 2, 4]


def test_one_copy_of_each_group_stays() -> None:
    everyone = np.ones(6, dtype=bool)
    spare = PAIRS.spare_copies(everyone, np.random.default_rng(0))
    left = set(range(6)) - set(spare.tolist())
    assert 3 in left
    assert len(left & {0, 1, 2}) == 1
    assert len(left & {4, 5}) == 1
    some = np.array([True, False, True, True, True, False])
    assert PAIRS.spare_copies(some, np.random.default_rng(0)).size == 0


def test_label_noise_is_how_copies_differ() -> None:
    table = pd.DataFrame(
        {"age": [20, 24, 24, 5, 70, 60], "gender": list("mmfmff")},
    )
    noise = describe_duplicates(PAIRS, table, AGE, ("gender",))["label_noise"]
    assert noise["age_mean_difference"] == (4 + 0 + 10) / 3
    assert noise["age_median"] == 4
    assert noise["gender_disagreement"] == 1 / 3
