from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from core import runs
from core.data import near_copies as module
from core.data.cache import render_file
from core.data.catalog import load_dataset
from core.data.manifest import LEFT_OUT, TEST, TRAINING, VALIDATION, split_fingerprint
from core.data.near_copies import (
    REMOVED,
    describe_pictures,
    say_near_copies,
    search_near_copies,
)
from core.errors import DatasetError
from core.study import Study, shipped_studies
from core.training.jobs import load_data

SIDE = 48


def picture(rng, template=0.0):
    """A coloured blur, as a photo is at that size; more or less like a template."""
    coarse = (1 - template) * rng.integers(0, 256, (8, 8, 3)) + template * np.arange(
        0, 192
    ).reshape(8, 8, 3)
    small = Image.fromarray(coarse.astype(np.uint8))
    return small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def recolour(image):
    values = np.asarray(image, dtype=float) ** 1.2 * (0.3, 0.25, 0.2) + 20
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def smaller(image):
    return image.resize((24, 24), Image.Resampling.BILINEAR).resize((SIDE, SIDE))


CHANGES = (lambda image: image.copy(), recolour, ImageOps.mirror, smaller)


def write(folder, images):
    paths = []
    for number, image in enumerate(images):
        paths.append(str(folder / f"{number:04d}.jpg"))
        image.save(paths[-1], quality=80)
    return paths


@pytest.fixture(scope="module", params=[0.0, 0.6], ids=["all unlike", "all alike"])
def pictures(request, tmp_path_factory):
    """200 training, 40 validation and 60 test images; four of the last are copies."""
    rng = np.random.default_rng(3)
    images = [picture(rng, request.param) for _ in range(300)]
    for place, change in enumerate(CHANGES):
        images[240 + place] = change(images[10 * place])
    split = [TRAINING] * 200 + [VALIDATION] * 40 + [TEST] * 60
    paths = write(tmp_path_factory.mktemp("pictures"), images)
    return pd.DataFrame({"path": paths, "split": split})


def render(path, size):
    return np.asarray(Image.open(path).convert("RGB").resize((size, size)))


@pytest.mark.parametrize("few", [10, 1000], ids=["cached", "at once"])
def test_copies_are_found_recoloured_mirrored_and_shrunk_and_nothing_else(
    pictures, few, monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "FEW", few)
    told = []
    found = search_near_copies(
        pictures,
        render_file,
        progress=lambda what, done, total: told.append((what, done, total)),
    )
    pairs = {name: rows.tolist() for name, rows in found.pairs.items()}
    assert pairs == {
        (TEST, TRAINING): [[240, 0], [241, 10], [242, 20], [243, 30]],
        (VALIDATION, TRAINING): [],
        (TEST, VALIDATION): [],
    }
    assert found.training_rows.tolist() == [0, 10, 20, 30]
    assert found.as_dict()["test_in_training"] == {
        "images": 60,
        "with_a_copy": 4,
        "share": pytest.approx(4 / 60),
    }
    assert (module.SEARCHING, 160, 160) in told


def test_rows_left_out_are_not_looked_at(pictures) -> None:
    manifest = pictures.copy()
    manifest.loc[[0, 240, 241], "split"] = LEFT_OUT
    found = search_near_copies(manifest, render)
    assert found.pairs[TEST, TRAINING].tolist() == [[242, 20], [243, 30]]


def test_flat_pictures_show_nothing_to_compare(tmp_path) -> None:
    rng = np.random.default_rng(0)
    grey = [Image.new("RGB", (SIDE, SIDE), (g, g, g)) for g in (90, 90, 200)]
    paths = write(tmp_path, [*grey, *(picture(rng) for _ in range(20))])
    split = [TRAINING, TEST, TEST, *[TRAINING, TEST] * 10]
    found = search_near_copies(pd.DataFrame({"path": paths, "split": split}), render)
    assert len(found.pairs[TEST, TRAINING]) == 0


def test_descriptions_are_the_standardised_waves_by_hand() -> None:
    rng = np.random.default_rng(1)
    waves = rng.normal(5, 3, (6, len(module._MIRROR))).astype(np.float32)
    plain, mirrored = describe_pictures(waves)
    wanted = (waves - waves.mean(0)) / waves.std(0)
    wanted = np.sign(wanted) * np.abs(wanted) ** 0.5
    wanted /= np.sqrt((wanted**2).sum(1, keepdims=True))
    np.testing.assert_allclose(plain, wanted, atol=1e-5)
    assert np.abs(mirrored - plain).max() > 0.01


def test_mirroring_waves_is_mirroring_the_picture() -> None:
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (3, 32, 32, 3), np.uint8)
    waves = module._transform(pixels)
    mirrored = module._transform(pixels[:, :, ::-1])
    np.testing.assert_allclose(mirrored, waves * module._MIRROR, atol=1e-2)


def study(**options) -> Study:
    return Study.model_validate(
        {
            "name": "copies",
            "title": "Copies",
            "baseline": "baseline",
            "seeds": [0],
            "dataset": {"name": "image-table", "options": options},
            "model": {"backbone": "cnn", "image_size": 32},
            "training": {"epochs": 1, "batch_size": 8, "learning_rate": 0.01},
            "methods": {"baseline": {"label": "Baseline"}},
        }
    )


@pytest.fixture
def folder(tmp_path):
    """Class folders in which a test picture of cats is also a training picture."""
    rng = np.random.default_rng(5)
    for part, count in (("train", 20), ("val", 5), ("test", 10)):
        for name in ("cat", "dog"):
            place = tmp_path / "set" / part / name
            place.mkdir(parents=True)
            write(place, [picture(rng) for _ in range(count)])
    twin = tmp_path / "set" / "test" / "cat" / "0003.jpg"
    (tmp_path / "set" / "train" / "cat" / "0007.jpg").write_bytes(twin.read_bytes())
    return tmp_path / "set"


def test_near_copies_are_reported_and_kept_unless_asked(folder) -> None:
    kept = load_dataset(study(), folder)
    found = kept.report["near_copies"]
    assert found["test_in_training"] == {"images": 20, "with_a_copy": 1, "share": 0.05}
    assert found["removed_from_training"] == 0
    assert (kept.manifest["split"] == TRAINING).sum() == 40
    assert "1 of 20 test images (5.0\xa0%) in training" in say_near_copies(kept.report)
    assert "They are kept" in say_near_copies(kept.report)
    assert "so none is a copy" in say_near_copies(kept.report, drawn=True)
    assert "so none is a copy" not in say_near_copies(kept.report)


def test_removed_copies_are_left_out_and_counted(folder) -> None:
    loaded = load_dataset(study(remove_copies=True), folder)
    gone = loaded.manifest[loaded.manifest["split"] == LEFT_OUT]
    assert gone["image_id"].tolist() == ["train/cat/0007.jpg"]
    counts = loaded.report["counts"]
    assert counts["left_out_by"] == {REMOVED: 1}
    assert counts["per_split"] == {TRAINING: 39, VALIDATION: 10, TEST: 20}
    assert counts["found"] == 70
    assert loaded.report["split_fingerprint"] == split_fingerprint(loaded.manifest)
    assert loaded.report["classes"]["images_of_the_smallest"] == 34
    assert "leaves these 1 training" in say_near_copies(loaded.report)
    again = load_dataset(study(remove_copies=True), folder, shipped=loaded.manifest)
    assert again.manifest["split"].tolist() == loaded.manifest["split"].tolist()


def test_a_class_of_copies_alone_is_refused(folder) -> None:
    for path in (folder / "train" / "dog").iterdir():
        path.unlink()
    twin = folder / "test" / "dog" / "0000.jpg"
    (folder / "train" / "dog" / "a.jpg").write_bytes(twin.read_bytes())
    with pytest.raises(DatasetError, match="All training images of 'dog'"):
        load_dataset(study(remove_copies=True, validation_share=0.1), folder)


def test_a_split_from_before_is_searched_once(folder, tmp_path, monkeypatch) -> None:
    store = tmp_path / "runs"
    monkeypatch.setenv("EQUIPOISE_RUNS", str(store))
    loaded = load_dataset(study(), folder)
    old = {name: v for name, v in loaded.report.items() if name != "near_copies"}
    runs.write_study_files(store, study(), loaded.manifest, old)
    _, report = load_data(study(), folder, lambda what, done, total: None)
    assert report == loaded.report
    runs.write_study_files(store, study(), loaded.manifest, report)
    monkeypatch.setattr(
        "core.training.jobs.report_near_copies", lambda *a, **k: pytest.fail("again")
    )
    _, report = load_data(study(), folder, lambda what, done, total: None)
    assert report == loaded.report


@pytest.mark.parametrize(
    "name", [n for n in shipped_studies() if runs.list_runs(n).runs]
)
def test_shipped_reports_say_how_many_near_copies_there_are(name: str) -> None:
    report = runs.data_report(name)
    found = report["near_copies"]
    sizes = report["counts"]["per_split"]
    for of, at in module.COMPARED:
        table = found[f"{of}_in_{at}"]
        assert table["images"] == sizes[of]
        assert table["share"] == table["with_a_copy"] / table["images"]
    assert found["removed_from_training"] == 0
    assert Path(runs.shipped_store() / name / "data.json").is_file()
