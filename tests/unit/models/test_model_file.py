"""Saved models read without Keras, and written in half precision."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from core.errors import RunError
from core.models.model_file import (
    LEAST_HALVED,
    WEIGHTS,
    read_ahead,
    read_model_file,
    write_halved,
)
from core.models.saved import load_groups, load_model

WIDE = 128


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A model with one large kernel and one small one."""
    pixels = keras.Input((WIDE,))
    x = keras.layers.Dense(WIDE, activation="relu", name="large")(pixels)
    x = keras.layers.BatchNormalization()(x)
    model = keras.Model(pixels, {"age": keras.layers.Dense(1, name="small")(x)})
    assert WIDE < LEAST_HALVED <= WIDE * WIDE
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 0.2, w.shape) for w in model.get_weights()])
    place = tmp_path_factory.mktemp("model") / "model.keras"
    model.save(place)
    return place


def rewrite(path, out, change):
    """A copy of a model whose weights ``change`` has worked on."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    file = io.BytesIO(parts[WEIGHTS])
    with h5py.File(file, "r+") as weights:
        change(weights)
    with zipfile.ZipFile(out, "w") as archive:
        for name, part in (parts | {WEIGHTS: file.getvalue()}).items():
            archive.writestr(name, part)


def test_arrays_are_those_that_keras_loads(path):
    found = sorted(read_model_file(path).arrays.values(), key=np.sum)
    expected = sorted(load_model(path).get_weights(), key=np.sum)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_reading_does_not_import_keras(path):
    code = (
        "import sys; from pathlib import Path;"
        "from core.models.model_file import read_model_file;"
        "read_model_file(Path(sys.argv[1]));"
        "sys.exit('keras' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[3]
    arguments = [sys.executable, "-c", code, str(path)]
    assert subprocess.run(arguments, cwd=root).returncode == 0


def test_weights_in_another_file_are_not_followed(path, tmp_path):
    secret = tmp_path / "secret.raw"
    secret.write_bytes(bytes(4 * WIDE * WIDE))

    def point_outside(weights):
        del weights["layers/dense/vars/0"]
        weights["layers/dense/vars"].create_dataset(
            "0",
            (WIDE, WIDE),
            np.float32,
            external=[(str(secret), 0, 4 * WIDE * WIDE)],
        )

    foreign = tmp_path / "model.keras"
    rewrite(path, foreign, point_outside)
    groups, faults = load_groups(read_ahead([foreign]))
    assert groups == [] or groups[0].members == []
    assert "is damaged" in str(faults[0])


def test_a_faulty_file_is_named_and_the_others_are_loaded(path, tmp_path):
    groups, faults = load_groups(read_ahead([tmp_path / "none.keras", path]))
    assert [group.members for group in groups] == [[1]]
    assert "There is no none.keras" in str(faults[0])


def test_who_loads_is_told_of_each_before(path, tmp_path):
    told = []
    load_groups(read_ahead([tmp_path / "none.keras", path]), loading=told.append)
    assert told == [0, 1]


def test_large_weights_are_halved_and_load_as_float32(path, tmp_path):
    half = tmp_path / "half.keras"
    write_halved(path, half)
    kinds = {a.size: a.dtype for a in read_model_file(half).arrays.values()}
    assert kinds == {WIDE * WIDE: np.float16, WIDE: np.float32, 1: np.float32}
    assert half.stat().st_size < 0.6 * path.stat().st_size
    loaded, full = load_model(half), load_model(path)
    assert {weight.dtype for weight in loaded.weights} == {"float32"}
    for ours, theirs in zip(loaded.get_weights(), full.get_weights(), strict=True):
        rounded = theirs.astype(np.float16) if theirs.size > WIDE else theirs
        np.testing.assert_array_equal(ours, rounded.astype(np.float32))
    x = np.random.default_rng(0).uniform(size=(4, WIDE)).astype("float32")
    before, after = (m.predict(x, verbose=0)["age"] for m in (full, loaded))
    np.testing.assert_allclose(after, before, rtol=1e-3)
    assert not np.array_equal(after, before)
    groups, _ = load_groups(read_ahead([half]))
    for ours, theirs in zip(groups[0].weights[0], loaded.get_weights(), strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_array_equal(ours, theirs)


def test_what_is_no_model_is_not_halved(tmp_path):
    file = tmp_path / "model.keras"
    file.write_text("no model")
    with pytest.raises(RunError, match="is damaged"):
        write_halved(file, tmp_path / "half.keras")
    assert not (tmp_path / "half.keras").exists()
