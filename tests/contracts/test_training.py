"""Every registered entry trains, is saved, is loaded, and then predicts the same."""

import numpy as np
import pandas as pd
import pytest

from core import runs
from core.data.avatars import INFO
from core.methods.entries import ENTRIES
from core.methods.registry import TAKES_GROUPS
from core.models.ensemble import load_model
from core.study import MethodTable, Study
from core.training.jobs import Listener, load_data, train_study
from tests import tiny_backbone
from tests.tiny import tiny_study

TASKS = {task.kind: task.name for task in INFO.tasks}
LOSSES = [entry for entry in ENTRIES.values() if entry.part in ("loss", "objective")]


def cases() -> dict[str, dict[str, dict[str, str]]]:
    """A method for each entry; a loss once on each kind of task that it takes."""
    used = {}
    for entry in ENTRIES.values():
        kinds = entry.task_kinds if entry in LOSSES else entry.task_kinds[-1:]
        for kind in kinds:
            given = {"on": TASKS[kind]}
            if entry.part in TAKES_GROUPS:
                given["groups"] = "group"
            used[f"{entry.name}.{kind}"] = {entry.name: given}
    return used


def small_study(methods: dict[str, MethodTable], **training: int) -> Study:
    plain = tiny_study(**training)
    model = plain.model.model_copy(update={"backbone": tiny_backbone.TINY.name})
    methods = {"baseline": plain.methods["baseline"], **methods}
    return plain.model_copy(update={"methods": methods, "model": model})


@pytest.fixture(scope="module", autouse=True)
def _surroundings(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        cache = tmp_path_factory.mktemp("cache")
        monkeypatch.setenv("EQUIPOISE_CACHE", str(cache))
        tiny_backbone.register(monkeypatch)
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


@pytest.mark.parametrize("name", cases())
def test_what_is_saved_predicts_what_was_recorded(name, study, trained):
    from core.data.cache import build_image_cache
    from core.data.catalog import renderer
    from core.training.fit import Data, predict

    run = trained[name]
    loaded, _ = load_data(study, None, Listener().progress)
    paths = loaded.manifest["path"].tolist()
    cache = build_image_cache(paths, 32, render=renderer(study))
    data = Data(cache, loaded.manifest, INFO.tasks, tuple(INFO.sensitive_features))
    again = predict(load_model(run.model_path), data)
    numbers = again.select_dtypes("floating").columns
    recorded = run.predictions()
    np.testing.assert_allclose(again[numbers], recorded[numbers], atol=1e-5)
    history = run.history()
    assert history["epoch"].max() == study.training.epochs
    assert np.isfinite(history["value"]).all()


@pytest.mark.parametrize(
    "use",
    [
        {"balanced-mse": {"on": "age"}, "fds": {"on": "age"}},
        {"lds": {"on": "age"}, "hmloss": {"on": "hair", "start": 0.5}},
        # All classes but the largest are rare, and left alone half of the time.
        {"softmax-equalization": {"on": "hair", "threshold": 0.3, "gamma": 0.5}},
        {
            "group-dro": {"on": "hair", "groups": "group", "step_size": 1.0},
            "balanced-batches": {"on": "group"},
        },
    ],
    ids=["what is learned and gathered", "two phases", "random masks", "group shares"],
)
def test_a_broken_off_training_goes_on_as_if_unbroken(use, tmp_path):
    study = small_study({"tried": MethodTable(label="Tried", use=use)}, epochs=3)

    class Stop(Exception):
        pass

    def stop(method: str, seed: int, epoch: int, values: object) -> None:
        if epoch == 2:
            raise Stop

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    (unbroken,) = train_study(study, methods=["tried"], out=whole)
    with pytest.raises(Stop):
        train_study(
            study, methods=["tried"], out=broken, listener=Listener(epoch_done=stop)
        )
    (resumed,) = train_study(study, methods=["tried"], out=broken, resume=True)
    pd.testing.assert_frame_equal(resumed.history(), unbroken.history())
    pd.testing.assert_frame_equal(resumed.predictions(), unbroken.predictions())
    assert runs.read_run(resumed.folder).info["epochs"] == 3
