"""What a generator draws is kept, found again, and held against the real images."""

import keras
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from core.data.cache_entries import list_entries, remove_entry
from core.data.generated_images import SAMPLE, GeneratedSample, find_sample
from core.errors import EquipoiseError
from core.methods.generation import plan_deepsmote
from core.models.deepsmote import build_generator
from core.training import generation
from core.training.generation import find_nearest, generate_images

COUNTS = (12, 8, 3)
LABELS = np.repeat([0, 1, 2], COUNTS)
IDS = np.array([f"picture-{row}" for row in range(len(LABELS))])
IMAGES = np.random.default_rng(0).integers(0, 256, (23, 20, 20, 3), dtype=np.uint8)
SMALL = {"epochs": 1, "width": 4, "latent": 2, "side": 16}


@pytest.fixture(autouse=True)
def _surroundings(tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def _untrained(monkeypatch):
    """Generators with their first weights: training takes longest."""

    def begin(pictures, plan, *, callbacks):
        keras.utils.set_random_seed(plan.seed)
        return build_generator(plan, pictures.shape[1])

    monkeypatch.setattr(generation, "train_generator", begin)


untrained = pytest.mark.usefixtures("_untrained")


def made(images=IMAGES, told=None, **parameters):
    plan = plan_deepsmote(LABELS, np.random.default_rng(0), **SMALL, **parameters)
    listening = [] if told is None else told
    return generate_images(
        images,
        plan,
        image_ids=IDS,
        classes=("common", "middle", "rare"),
        on="hair",
        study="tiny",
        progress=lambda *step: listening.append(step),
    )


def test_images_are_drawn_once_and_then_found(monkeypatch):
    told = []
    first = made(told=told)
    assert first.images.shape == (4 + 9, 20, 20, 3)
    assert first.duration_s > 0
    assert told[-1] == ("Drawing images", 13, 13)
    assert any(what == "tiny, generator on hair" for what, _, _ in told)

    def refuse(*_, **__):
        raise AssertionError("It is trained again.")

    monkeypatch.setattr(generation, "train_generator", refuse)
    again = made()
    np.testing.assert_array_equal(again.images, first.images)
    np.testing.assert_array_equal(again.between.second, first.between.second)
    assert again.duration_s == first.duration_s
    # Other images or another plan are other generated images.
    with pytest.raises(AssertionError, match="trained again"):
        made(IMAGES[::-1].copy())
    with pytest.raises(AssertionError, match="trained again"):
        made(up_to=0.9)


@untrained
def test_they_are_an_entry_of_the_cache_that_is_removed_like_others():
    drawn = made()
    (entry,) = list_entries()
    assert (entry.kind, entry.about["studies"]) == ("generated", ["tiny"])
    assert (entry.about["images"], entry.about["side_pixels"]) == (13, 20)
    # While somebody has the images, nobody removes them.
    assert not remove_entry(entry)
    del drawn
    (entry,) = list_entries()
    assert remove_entry(entry)
    assert list_entries() == []


@untrained
def test_a_place_that_cannot_be_written_is_named(monkeypatch):
    monkeypatch.setenv("EQUIPOISE_CACHE", "/proc/nowhere")
    with pytest.raises(EquipoiseError, match="could not be written"):
        made()


@untrained
def test_a_few_of_each_class_are_shown_beside_the_nearest_real_one(tmp_path):
    drawn = made()
    sample = GeneratedSample.read(drawn.sample)
    assert sample.on.tolist() == ["hair"]
    assert sample.classes.tolist() == ["middle"] * 4 + ["rare"] * 6
    np.testing.assert_array_equal(sample.images[:4], drawn.images[:4])
    np.testing.assert_array_equal(sample.images[4:], drawn.images[4:10])
    between = drawn.between
    chosen = [*range(4), *range(4, 10)]
    assert sample.first_id.tolist() == IDS[between.first[chosen]].tolist()
    assert sample.second_id.tolist() == IDS[between.second[chosen]].tolist()
    flat = IMAGES.reshape(23, -1).astype(float)
    apart = cdist(sample.images.reshape(10, -1).astype(float), flat) / np.sqrt(1200)
    np.testing.assert_allclose(sample.distance, apart.min(axis=1), rtol=1e-5)
    assert sample.nearest_id.tolist() == IDS[apart.argmin(axis=1)].tolist()
    own = cdist(flat[20:], flat[20:]) / np.sqrt(1200)
    np.fill_diagonal(own, np.inf)
    rare = sample.real_distance[-1]
    assert rare == pytest.approx(np.median(own.min(axis=1)), rel=1e-5)
    # Those of a run come first, then those of the cache.
    assert find_sample("tiny", "hair", []) is not None
    assert find_sample("tiny", "glasses", []) is None
    assert find_sample("other", "hair", []) is None
    sample.write(tmp_path / SAMPLE)
    found = find_sample("other", "hair", [tmp_path])
    np.testing.assert_array_equal(found.images, sample.images)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive at all"])
def test_a_damaged_sample_is_none(tmp_path, content):
    assert GeneratedSample.read(tmp_path / SAMPLE) is None
    (tmp_path / SAMPLE).write_bytes(content)
    assert GeneratedSample.read(tmp_path / SAMPLE) is None


def test_a_copy_is_at_no_distance():
    nearest, distance = find_nearest(IMAGES[[7, 3]], IMAGES)
    assert (nearest.tolist(), distance.tolist()) == ([7, 3], [0, 0])
    nearest, distance = find_nearest(IMAGES, IMAGES, skip_same=True)
    assert (nearest != np.arange(23)).all()
    assert (distance > 0).all()


@untrained
def test_a_class_that_is_full_has_no_sample():
    drawn = made(up_to=0.5)
    sample = GeneratedSample.read(drawn.sample)
    assert set(sample.classes) == {"rare"}
