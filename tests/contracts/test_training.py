"""Every registered entry trains, is saved, is loaded, and then predicts the same."""

from itertools import zip_longest

import numpy as np
import pandas as pd
import pytest

from core import runs
from core.data.generated_images import SAMPLE, GeneratedSample
from core.data.manifest import TRAINING
from core.data.readers.avatars import INFO
from core.methods.entries import ENTRIES
from core.methods.entry import PARTS
from core.methods.registry import TAKES_GROUPS, resolve_method
from core.methods.temperature import scale
from core.models.saved import load_model
from core.study import MethodTable, Study
from core.tasks import Classification
from core.training.jobs import Listener, load_data, train_study
from core.training.training_rows import Data, epoch_rows
from tests.tiny import killed_at, tiny_study

TASKS = {task.kind: task.name for task in INFO.tasks}
CLASSIFICATIONS = [task for task in INFO.tasks if isinstance(task, Classification)]
Use = dict[str, dict[str, str | int]]


def on_each_task(part: str) -> list[tuple[str, str]]:
    """Entries of a part with every task that they take: names of both."""
    return [
        (entry.name, TASKS[kind])
        for entry in ENTRIES.values()
        if entry.part == part
        for kind in entry.task_kinds
    ]


def drawn_alone() -> list[tuple[str, str]]:
    """Samplers of rows with all but one of the tasks that they take: names of both.

    They hand on numbers of rows, and nothing after them knows of which task: each is
    trained on one, whose kinds take turns, and draws on the others.
    """
    alone = []
    drawing = [
        e for e in ENTRIES.values() if e.part == "sampler" and e.pixels == "kept"
    ]
    for turn, entry in enumerate(drawing):
        tasks = [task for name, task in on_each_task("sampler") if name == entry.name]
        del tasks[turn % len(tasks)]
        alone += [(entry.name, task) for task in tasks]
    return alone


def cases() -> dict[str, Use]:
    """Methods that use, all together, every entry on every kind of task it takes.

    But for what is ``drawn_alone``.

    Compiling takes most of the time of a run, so each has a loss on every head; and
    besides, as long as there are any, a sampler, weights and so on.
    """
    losses: dict[str, list[tuple[str, str]]] = {name: [] for name in TASKS.values()}
    for loss in on_each_task("loss"):
        losses[loss[1]].append(loss)
    # An entry is used once in a method: on another head it is another method's turn.
    losses["glasses"].reverse()
    others = [
        [pair for pair in on_each_task(part) if pair not in drawn_alone()]
        for part in PARTS
        if part != "loss"
    ]
    used: dict[str, Use] = {}
    for row in zip_longest(*losses.values(), *others):
        use = {name: _given(name, task) for name, task in filter(None, row)}
        used[f"tried-{len(used)}"] = use
    return used


def _given(name: str, task: str) -> dict[str, str | int]:
    groups = {"groups": "group"} if ENTRIES[name].part in TAKES_GROUPS else {}
    # A generator is trained first: a little is enough here.
    little = {"epochs": 1, "width": 4} if ENTRIES[name].pixels == "generated" else {}
    return {"on": task, **groups, **little}


def test_every_entry_is_tried_on_every_kind_of_task():
    tried = {
        (name, table["on"]) for use in cases().values() for name, table in use.items()
    }
    assert not tried & set(drawn_alone())
    tried |= set(drawn_alone())
    assert tried == {pair for part in PARTS for pair in on_each_task(part)}


def small_study(methods: dict[str, MethodTable], **training: int) -> Study:
    plain = tiny_study(**training)
    methods = {"baseline": plain.methods["baseline"], **methods}
    return plain.model_copy(update={"methods": methods})


@pytest.fixture(scope="module", autouse=True)
def _surroundings(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        cache = tmp_path_factory.mktemp("cache")
        monkeypatch.setenv("EQUIPOISE_CACHE", str(cache))
        yield


@pytest.fixture(scope="module")
def study() -> Study:
    return small_study(
        {name: MethodTable(label=name, use=use) for name, use in cases().items()}
    )


@pytest.fixture(scope="module")
def trained(study, tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    found = train_study(study, methods=list(cases()), out=store)
    return {run.method: run for run in found}


@pytest.fixture(scope="module")
def data(study):
    """The study's images, as its methods take them."""
    from core.data.cache import build_image_cache
    from core.data.catalog import renderer

    loaded, _ = load_data(study, None, Listener().progress)
    paths = loaded.manifest["path"].tolist()
    cache = build_image_cache(paths, 32, render=renderer(study))
    return Data(cache, loaded.manifest, INFO.tasks, tuple(INFO.sensitive_features))


@pytest.mark.parametrize("name", cases(), ids=map(" ".join, cases().values()))
def test_what_is_saved_predicts_what_was_recorded(name, study, data, trained):
    from core.training.fit import predict

    run = trained[name]
    again = predict(load_model(run.model_path), data)
    numbers = again.select_dtypes("floating").columns
    recorded = run.predictions()
    for task in CLASSIFICATIONS:
        # A model has its own probabilities; the rule of its run scales them.
        temperature = f"{task.name}_temperature"
        if temperature in recorded:
            columns = [f"{task.name}_p_{label}" for label in task.classes]
            again[columns] = scale(again[columns], recorded[temperature])
    np.testing.assert_allclose(again[numbers], recorded[numbers], atol=1e-5)
    history = run.history()
    assert history["epoch"].max() == study.training.epochs
    assert np.isfinite(history["value"]).all()


@pytest.mark.parametrize(("name", "task"), drawn_alone())
def test_rows_are_drawn_on_every_kind_of_task(name, task, data):
    study = small_study({"tried": MethodTable(label=name, use={name: {"on": task}})})
    method = resolve_method(study, "tried", data.tasks)
    rows = data.rows(TRAINING)
    draw = epoch_rows(data, method, rows, seed=0, epochs=2, batch_size=16)
    labels = data.manifest[task]
    for epoch in range(2):
        assert set(draw(epoch)) <= set(rows)
        assert set(labels.iloc[draw(epoch)]) == set(labels.iloc[rows])


@pytest.mark.slow
@pytest.mark.parametrize(
    "use",
    [
        # All classes but the largest are rare, and left alone half of the time.
        {
            "balanced-mse": {"on": "age"},
            "fds": {"on": "age"},
            "group-dro": {"on": "glasses", "groups": "group", "step_size": 1.0},
            "softmax-equalization": {"on": "hair", "threshold": 0.3, "gamma": 0.5},
            "balanced-batches": {"on": "group"},
        },
        {
            "lds": {"on": "age"},
            "hmloss": {"on": "hair", "start": 0.5},
            "undersample": {"on": "hair", "keep": 0.5},
        },
        # Of three epochs the first is plain, by its start, and the last by itself.
        {
            "cmo": {"on": "hair", "start": 0.3, "probability": 1.0, "plain_last": 1},
            "ins": {"on": "hair"},
            "lmf": {"on": "hair"},
        },
        {"deepsmote": {"on": "hair", "start": 0.3, "epochs": 1, "width": 4}},
    ],
    ids=[
        "what is learned, gathered, shared and drawn",
        "two phases",
        "mixes",
        "generated",
    ],
)
def test_a_broken_off_training_goes_on_as_if_unbroken(use, tmp_path):
    study = small_study({"tried": MethodTable(label="Tried", use=use)}, epochs=3)

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    listener = Listener(epoch_done=killed_at({2: broken}, whole))
    (unbroken,) = train_study(study, methods=["tried"], out=whole, listener=listener)
    epochs: list[int] = []
    listener = Listener(epoch_done=lambda m, s, epoch, v: epochs.append(epoch))
    (resumed,) = train_study(
        study, methods=["tried"], out=broken, resume=True, listener=listener
    )
    # The state of epoch 2 was not yet written when it was broken off.
    assert epochs == [2, 3]
    pd.testing.assert_frame_equal(resumed.history(), unbroken.history())
    pd.testing.assert_frame_equal(resumed.predictions(), unbroken.predictions())
    assert runs.read_run(resumed.folder).info["epochs"] == 3
    # These pictures may be shown to anyone: a few generated ones come with the run.
    sample = GeneratedSample.read(resumed.folder / SAMPLE)
    assert (sample is not None) == ("deepsmote" in use)
