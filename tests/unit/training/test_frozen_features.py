"""What frozen layers give is kept once, and training with it ends in the same model."""

import threading
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from core import runs
from core.data import cache_entries
from core.data.cache import ImageCache
from core.data.cache_entries import LIMIT_VARIABLE, list_entries
from core.models.build import build_models
from core.models.frozen_prefix import cut_backbone
from core.models.model_file import read_architecture
from core.models.saved import load_model
from core.study import Augmentation, MethodTable, Study
from core.tasks import Binary
from core.training import frozen_features
from core.training.frozen_features import FrozenFeatures, open_frozen_features
from core.training.frozen_worker import BATCH, NotCachedError
from core.training.jobs import Listener, train_study
from tests.tiny import killed_at, tiny_study

AUGMENTATION = Augmentation(rotation_degrees=8.0, horizontal_flip=True)
# Two convolutions; the second learns.
OPTIONS = {"filters": [4, 6], "dense": [], "batch_norm": True, "summary": "average"}
TASK = Binary("yes", "Yes", ("no", "yes"))
ROWS = {"plain": np.array([0, 3]), "training": np.array([1, 2, 5, 6])}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(runs, "shipped_store", lambda: tmp_path / "shipped")
    monkeypatch.setenv(runs.STORE_VARIABLE, str(tmp_path / "runs"))
    return tmp_path


def study_of(methods=None, *, dropout=0.0, trainable=1, **training) -> Study:
    """The tiny study with its first convolution frozen."""
    study = tiny_study(**training)
    changes = {
        "trainable": trainable,
        "options": {**OPTIONS, "dropout": dropout},
        "feature_dropout": 0.1,
    }
    model = study.model.model_copy(update=changes)
    methods = {"baseline": study.methods["baseline"], **(methods or {})}
    return study.model_copy(update={"model": model, "methods": methods})


def models_of(study: Study, *, cut: bool = True, seed: int = 0):
    return build_models(
        study.model, (TASK,), augmentation=AUGMENTATION, seed=seed, cut=cut
    )


def images_of(count: int = 8, key: str = "images") -> ImageCache:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (count, 32, 32, 3))
    light = rng.uniform(0.1, 1.0, (count, 1, 1, 3))
    pixels = (noise * light).astype(np.uint8)
    return ImageCache(pixels, {}, key)


def opened(cut, images=None, **changes) -> FrozenFeatures:
    asked = {"augmentation": AUGMENTATION, "variants": 3, **ROWS, **changes}
    return open_frozen_features(cut, images or images_of(), **asked)


def train(study: Study, out: Path, **asked):
    return train_study(study, out=out, **asked)


def test_the_rest_of_the_network_gives_what_the_whole_gives():
    models, images = models_of(study_of()), images_of()
    found = opened(models.cut, images)
    places = found.plain_places(0, ROWS["plain"])
    answers = models.training(found.array[places], training=False)
    whole = models.plain(images.images[ROWS["plain"]], training=False)
    # Half precision has eleven bits.
    np.testing.assert_allclose(answers["yes"], whole["yes"], rtol=2e-3, atol=2e-3)
    assert found.array.dtype == np.float16
    assert np.ptp(whole["yes"]) > 0.005


def test_variants_are_augmented_and_differ():
    images = images_of()
    found = opened(models_of(study_of()).cut, images)
    assert found.array.shape == (2 + 3 * 4, *models_of(study_of()).cut.shape)
    rows = np.repeat(ROWS["training"], 40)
    places = found.drawn_places(0)(0, rows)
    for row in ROWS["training"]:
        drawn = np.unique(places[rows == row])
        assert len(drawn) == 3
        variants = found.array[drawn].astype("f4").reshape(3, -1)
        assert np.abs(variants - variants[0]).max(axis=1)[1:].min() > 0.01


def test_without_anything_at_random_one_variant_is_the_image_itself():
    models, images = models_of(study_of()), images_of()
    found = opened(models.cut, images, augmentation=Augmentation())
    assert found.variants == 1
    places = found.drawn_places(0)(0, ROWS["training"])
    expected = models.cut.prefix(images.images[ROWS["training"]], training=False)
    np.testing.assert_allclose(
        found.array[places].astype("f4"), expected, rtol=2e-3, atol=2e-3
    )


def test_dropout_of_frozen_layers_is_drawn_too():
    study = study_of(dropout=0.5)
    found = opened(models_of(study).cut, augmentation=Augmentation())
    assert found.variants == 3
    first, second = (
        found.array[2 + 4 * variant : 6 + 4 * variant] for variant in (0, 1)
    )
    assert (first != second).any()
    # What is seen as it is loses nothing.
    share = [(part == 0).mean() for part in (found.array[:2], first)]
    assert share[1] > share[0] + 0.2


def test_each_seed_and_epoch_draws_other_variants_the_same_again():
    found = opened(models_of(study_of()).cut)
    rows = np.tile(ROWS["training"], 20)
    draws = [
        found.drawn_places(seed)(epoch, rows) for seed in (0, 1) for epoch in (0, 1)
    ]
    assert len({tuple(draw) for draw in draws}) == 4
    np.testing.assert_array_equal(draws[0], found.drawn_places(0)(0, rows))


def test_seeds_and_names_share_what_is_kept():
    first = opened(models_of(study_of()).cut)
    assert first.computed_s > 0
    again = models_of(study_of(), cut=False)
    keras.utils.set_random_seed(1)
    assert opened(cut_backbone(again.backbone, 1)).computed_s == 0
    assert len(list_entries()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"augmentation": Augmentation(rotation_degrees=9.0, horizontal_flip=True)},
        {"variants": 4},
        {"images": images_of(key="others")},
        {"plain": np.array([0, 4])},
        {"training": np.array([1, 2, 5, 7])},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_decides_the_numbers_makes_another_entry(change):
    cut = models_of(study_of()).cut
    opened(cut)
    images = change.pop("images", None)
    assert opened(cut, images, **change).computed_s > 0
    assert len(list_entries()) == 2


def test_other_weights_and_another_cut_make_another_entry():
    opened(models_of(study_of()).cut)
    opened(models_of(study_of(), seed=1).cut)
    opened(models_of(study_of(trainable="head")).cut)
    assert len(list_entries()) == 3


def test_several_processes_compute_what_one_does(place, monkeypatch):
    monkeypatch.setattr(frozen_features, "BATCHES", 1)
    cut = models_of(study_of()).cut
    images = images_of(BATCH + 10)
    np.save(place / "images.npy", images.images)
    mapped = replace(images, images=np.load(place / "images.npy", mmap_mode="r"))
    asked = {"plain": np.arange(3), "training": np.arange(3, BATCH + 10)}
    alone = np.array(opened(cut, mapped, **asked).array)
    monkeypatch.setattr(frozen_features, "_processes", lambda images: 2)
    seen = []
    both = opened(
        cut,
        replace(mapped, key="again"),
        **asked,
        progress=lambda what, done, total: seen.append((what, done, total)),
    )
    np.testing.assert_allclose(both.array, alone, rtol=1e-3, atol=1e-3)
    count = 3 + 3 * (BATCH + 7)
    assert seen[-1] == ("Computing frozen layers", count, count)
    assert len(seen) == 1 + 2 * 3


def test_one_process_is_enough_for_few_images():
    assert frozen_features._processes(frozen_features.IMAGES_A_PROCESS) == 1
    assert frozen_features._processes(0) == 1


def test_a_computation_broken_off_leaves_nothing(place):
    def stop(what, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        opened(models_of(study_of()).cut, progress=stop)
    assert list((place / "cache" / "features").iterdir()) == []
    assert opened(models_of(study_of()).cut).computed_s > 0


def test_a_second_process_waits_for_the_first(monkeypatch):
    monkeypatch.setattr(cache_entries, "_LOOK_AGAIN_S", 0.01)
    cut = models_of(study_of()).cut
    images = images_of()
    wanted = frozen_features.Wanted(
        images, **ROWS, variants=3, augmentation=AUGMENTATION
    )
    whole = np.array(opened(cut, images).array)
    (entry,) = list_entries()
    assert cache_entries.remove_entry(entry)
    waited = threading.Event()
    found = []

    def second():
        progress = lambda what, done, total: waited.set()  # noqa: E731
        found.append(opened(cut, images, progress=progress))

    other = threading.Thread(target=second)
    with cache_entries.new_entry("features", wanted.key(cut), needed_bytes=0) as folder:
        other.start()
        assert waited.wait(30)
        np.save(folder / "features.npy", whole)
    other.join()
    np.testing.assert_array_equal(found[0].array, whole)


def test_too_little_room_is_the_reason(monkeypatch):
    cut = models_of(study_of()).cut
    monkeypatch.setenv(LIMIT_VARIABLE, "0.0000001")
    with pytest.raises(NotCachedError, match="there is room for"):
        opened(cut)


def test_a_cache_that_cannot_be_written_is_the_reason(place, monkeypatch):
    cut = models_of(study_of()).cut
    (place / "file").write_text("")
    monkeypatch.setenv("EQUIPOISE_CACHE", str(place / "file"))
    with pytest.raises(NotCachedError, match="could not be written"):
        opened(cut)


def test_numbers_beyond_half_precision_are_the_reason():
    cut = models_of(study_of()).cut
    first, *others = cut.prefix.get_weights()
    cut.prefix.set_weights([1e9 * first, *others])
    with pytest.raises(NotCachedError, match="half precision"):
        opened(cut)
    assert list_entries() == []


# From study to run.


@pytest.fixture
def runs_of(place):
    """One run with cached variants, and one without, of the same study."""

    def both(methods=None, method="baseline", **changes):
        found = []
        for variants in (3, 0):
            study = study_of(methods, cached_variants=variants, **changes)
            out = place / f"out-{variants}"
            (run,) = train(study, out, methods=[method])
            found.append(run)
        return found

    return both


def test_the_run_says_what_it_was_trained_with_and_is_the_same_model(runs_of):
    cached, plain = runs_of(epochs=1)
    said = cached.info["frozen_layers"]
    assert said["cached_variants"] == 3
    assert said["computed_s"] > 0
    assert plain.info["frozen_layers"] == {
        "cached_variants": 0,
        "because": "the study asks for it",
    }
    assert read_architecture(cached.model_path) == read_architecture(plain.model_path)
    for name in ("parameters", "parameters_trained"):
        assert cached.info[name] == plain.info[name]
    ours, theirs = (load_model(run.model_path) for run in (cached, plain))
    frozen = [w for w in ours.weights if not w.trainable]
    assert frozen
    same = [
        np.array_equal(a, b)
        for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True)
    ]
    assert any(same)
    assert not all(same)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs of one study by method, and the entries of the cache that they left."""
    use = {
        "tried": {"mixup": {"on": "hair"}},
        "adjusted": {"post-hoc-logit-adjustment": {"on": "hair"}},
    }
    methods = {name: MethodTable(label=name, use=own) for name, own in use.items()}
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EQUIPOISE_CACHE", str(folder / "cache"))
        patch.setattr(runs, "shipped_store", lambda: folder / "shipped")
        patch.setenv(runs.STORE_VARIABLE, str(folder / "runs"))
        found = train(study_of(methods, epochs=1), folder / "out")
        return {run.method: run for run in found}, list_entries()


def test_eight_variants_are_kept_unless_the_study_says_otherwise(trained):
    run, entries = trained[0]["baseline"], trained[1]
    assert run.info["frozen_layers"]["cached_variants"] == 8
    (entry,) = [entry for entry in entries if entry.kind == "features"]
    manifest = runs.manifest_of(run)
    seen = manifest["split"].isin(["training", "validation"]).sum()
    assert entry.about == {
        "studies": ["tiny"],
        "images": seen,
        "side_pixels": 32,
        "variants": 8,
        "backbone": "cnn",
    }


def test_without_frozen_layers_nothing_is_kept(place):
    study = tiny_study(epochs=1)
    (run,) = train(study, place / "out", methods=["baseline"])
    assert "frozen_layers" not in run.info
    assert {entry.kind for entry in list_entries()} == {"images"}


@pytest.mark.parametrize(
    ("trainable", "use"),
    [
        ("head", {"fds": {"on": "age"}, "oversample": {"on": "hair"}}),
        (
            1,
            {
                "group-dro": {"on": "hair", "groups": "group"},
                "ins": {"on": "hair", "start": 0.5},
            },
        ),
    ],
    ids=["gathered features, drawn rows", "group shares, two phases"],
)
def test_a_broken_off_training_goes_on_as_if_unbroken(place, trainable, use):
    tried = {"tried": MethodTable(label="Tried", use=use)}
    study = study_of(tried, trainable=trainable, epochs=3)
    asked = {"methods": ["tried"]}
    whole, broken = place / "whole", place / "broken"
    listener = Listener(epoch_done=killed_at({2: broken}, whole))
    (unbroken,) = train(study, whole, **asked, listener=listener)
    epochs = []
    listener = Listener(epoch_done=lambda method, seed, epoch, v: epochs.append(epoch))
    (resumed,) = train(study, broken, **asked, resume=True, listener=listener)
    assert epochs == [2, 3]
    pd.testing.assert_frame_equal(resumed.history(), unbroken.history())
    pd.testing.assert_frame_equal(resumed.predictions(), unbroken.predictions())
    assert resumed.info["frozen_layers"]["computed_s"] == 0


def test_a_method_that_makes_new_images_trains_without(trained):
    said = {name: run.info["frozen_layers"] for name, run in trained[0].items()}
    assert said["baseline"]["cached_variants"] == 8
    assert said["tried"] == {
        "cached_variants": 0,
        "because": "the method makes new images",
    }


def test_a_full_cache_is_told_and_trained_without(place, monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, "0.0001")
    told = []
    (run,) = train(
        study_of(epochs=1),
        place / "out",
        methods=["baseline"],
        listener=Listener(noted=told.append),
    )
    assert run.info["frozen_layers"]["cached_variants"] == 0
    assert "there is room for" in run.info["frozen_layers"]["because"]
    assert any("there is room for" in sentence for sentence in told)


def test_what_takes_a_finished_run_says_how_that_was_trained(trained):
    first, second = (trained[0][name] for name in ("baseline", "adjusted"))
    assert second.info["trained_with"] == "baseline"
    assert second.info["frozen_layers"] == first.info["frozen_layers"]


def test_methods_and_seeds_of_a_study_share_one_entry(place):
    methods = {"tried": MethodTable(label="Tried", use={"ins": {"on": "hair"}})}
    study = study_of(methods, epochs=1)
    # From scratch the frozen weights are the seed's own; those of a run are not.
    train(tiny_study(epochs=1), place / "runs", methods=["baseline"])
    model = tiny_study().model.model_copy(
        update={"weights": "run:tiny/baseline", "trainable": "head"}
    )
    study = study.model_copy(update={"model": model, "name": "other"})
    pairs = [("baseline", 0), ("baseline", 1), ("tried", 0)]
    found = train(study, place / "runs", pairs=pairs)
    assert len(found) == 3
    assert sum(run.info["frozen_layers"]["computed_s"] > 0 for run in found) == 1
    assert len([entry for entry in list_entries() if entry.kind == "features"]) == 1
