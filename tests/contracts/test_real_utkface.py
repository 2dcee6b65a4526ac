"""What the shipped study says of UTKFace, held against a copy of it."""

import os
from pathlib import Path

import pytest

from core import runs
from core.data.catalog import load_dataset
from core.data.manifest import TEST, split_fingerprint
from core.study import load_study

pytestmark = pytest.mark.real_data


def test_protocol_gives_the_shipped_split_and_report() -> None:
    copy = Path(os.environ["EQUIPOISE_UTKFACE"])
    loaded = load_dataset(load_study("utkface"), copy)
    shipped = runs.shipped_manifest("utkface")
    assert split_fingerprint(loaded.manifest) == split_fingerprint(shipped)
    assert loaded.report == runs.data_report("utkface")


def test_published_set_has_five_malformed_names_and_a_full_test_set() -> None:
    report = runs.data_report("utkface")
    assert len(report["counts"]["malformed"]) == 5
    manifest = runs.shipped_manifest("utkface")
    test = manifest[manifest["split"] == TEST]
    strata = test.groupby(["gender", "ethnicity", test["age"] // 10]).size()
    assert len(strata) == 64
    assert set(strata) == {10}
