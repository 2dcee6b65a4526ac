import contextlib
import shutil

import pandas as pd
import pytest

from core.methods.registry import resolve_method
from core.study import LabelNoise, parse_study
from core.tasks import Multiclass
from core.training.jobs import Listener, train_study
from core.training.reuse import SharedStates, run_key
from tests.tiny_cifar import TINY_CIFAR, write_tiny_cifar

TASKS = (Multiclass("label", "Class", ("cat", "dog", "frog")),)
METHODS = """
[methods.margin]
label = "LDAM"
use = { ldam = { on = "label" } }

[methods.deferred]
label = "LDAM, weights deferred"
use = { ldam = { on = "label" }, ins = { on = "label", start = 0.5 } }

[methods.late]
label = "Weights from the second half on"
use = { ins = { on = "label", start = 0.5 } }

[methods.slow]
label = "A lower rate in the second half"
learning_rate_drops = [{ at = 0.5, factor = 0.01 }]

[methods.adjusted]
label = "Post hoc"
use = { post-hoc-logit-adjustment = { on = "label" } }

[methods.weighted]
label = "INS"
use = { ins = { on = "label" } }
"""

SAMPLED = """
[methods.half]
label = "Over-sampling in the second half"
use = { oversample = { on = "label", start = 0.5 } }

[methods.quarter]
label = "Over-sampling in the last quarter"
use = { oversample = { on = "label", start = 0.75 } }

[methods.adjusted.use]
oversample = { on = "label", start = 0.5 }
post-hoc-logit-adjustment = { on = "label" }

[methods.adjusted]
label = "Over-sampling in the second half, post hoc"
"""


@pytest.fixture
def study():
    return parse_study(TINY_CIFAR + METHODS, origin="tiny")


def shared_states(study, folder, *names):
    methods = tuple(resolve_method(study, name, TASKS) for name in names)
    return SharedStates(folder, study, methods, "split")


def test_runs_are_alike_until_something_differs(study, tmp_path):
    shared = shared_states(study, tmp_path, "baseline", "late", "slow")
    assert list(shared.places("baseline", 0)) == [1]
    assert (
        shared.places("late", 0)
        == shared.places("slow", 0)
        == shared.places("baseline", 0)
    )


def test_another_head_or_loss_is_another_beginning(study, tmp_path):
    shared = shared_states(
        study, tmp_path, "baseline", "margin", "deferred", "weighted"
    )
    assert shared.places("baseline", 0) == {}
    assert shared.places("weighted", 0) == {}
    assert shared.places("margin", 0) == shared.places("deferred", 0)
    assert list(shared.places("margin", 0)) == [1]


def test_a_sampler_that_starts_later_is_another_beginning(study, tmp_path):
    budget = study.training.model_copy(update={"epochs": 4, "schedule": None})
    text = TINY_CIFAR + SAMPLED
    cosine = parse_study(text, origin="tiny").model_copy(update={"training": budget})
    shared = shared_states(cosine, tmp_path, "half", "quarter", "adjusted")
    # Over-sampled epochs are longer: the cosine falls otherwise from its first step.
    assert shared.places("quarter", 0) == {}
    assert list(shared.places("half", 0)) == [4]
    assert shared.places("half", 0) == shared.places("adjusted", 0)


def test_another_seed_split_or_budget_is_another_beginning(study, tmp_path):
    def keys(changed, seed=0, split="split"):
        methods = shared_states(changed, tmp_path, "baseline", "late").methods
        places = SharedStates(tmp_path, changed, methods, split).places("late", seed)
        return {key for _, key in places.values()}

    budget = study.training.model_copy(update={"learning_rate": 0.01})
    other = study.model_copy(update={"training": budget})
    assert len(keys(study)) == 1
    assert not keys(study) & (keys(study, 1) | keys(study, 0, "x") | keys(other))


def test_a_key_of_the_file_that_is_left_out_changes_no_run(study):
    budget = study.training.model_copy(update={"precision": None})
    same = study.model_copy(update={"training": budget})
    assert run_key(same, "late", 0, "x") == run_key(study, "late", 0, "x")
    budget = study.training.model_copy(update={"precision": "mixed_bfloat16"})
    other = study.model_copy(update={"training": budget})
    assert run_key(other, "late", 0, "x") != run_key(study, "late", 0, "x")


def test_flipped_labels_make_another_run_of_the_same_split(study, tmp_path):
    noise = LabelNoise(task="label", share=0.1)
    noisy = study.model_copy(update={"label_noise": noise})
    key = run_key(study, "late", 0, "x")
    keys = {key, run_key(noisy, "late", 0, "x")}
    for change in ({"share": 0.2}, {"seed": 1}, {"validation": True}):
        other = noisy.model_copy(
            update={"label_noise": noise.model_copy(update=change)}
        )
        keys.add(run_key(other, "late", 0, "x"))
    assert len(keys) == 5
    shared = [
        shared_states(each, tmp_path, "baseline", "late").places("late", 0)
        for each in (study, noisy)
    ]
    assert shared[0].keys() == shared[1].keys()
    assert not {k for _, k in shared[0].values()} & {k for _, k in shared[1].values()}


def test_a_shared_beginning_gives_what_training_alone_gives(
    study, tmp_path, monkeypatch
):
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    data = write_tiny_cifar(tmp_path / "data")
    names = ("baseline", "late", "adjusted")
    together = tmp_path / "together"
    trained = train_study(study, methods=names, data=data, out=together)
    (alone,) = train_study(study, methods=["late"], data=data, out=tmp_path / "alone")
    pd.testing.assert_frame_equal(trained[1].predictions(), alone.predictions())
    pd.testing.assert_frame_equal(trained[1].history(), alone.history())
    baseline, _, adjusted = trained
    assert not baseline.predictions().equals(alone.predictions())
    # What only adjusts the logits is trained as the baseline to its end: not again.
    pd.testing.assert_frame_equal(adjusted.history(), baseline.history())
    ours, plain = (run.predictions()["label_p_truck"] for run in (adjusted, baseline))
    assert (ours >= plain).all()
    assert (ours > plain).any()
    for measured in ("duration_s", "images_per_second"):
        assert adjusted.info[measured] == baseline.info[measured] > 0
    assert [path.name for path in (together / "tiny-cifar").glob(".*")] == []


def test_only_with_resume_is_an_interrupted_call_gone_on_with(
    study, tmp_path, monkeypatch
):
    class Stop(Exception):
        pass

    def train(place, *, stop_at=0, resume=False):
        seen = []

        def told(method, seed, epoch, values):
            seen.append((method, epoch))
            if len(seen) == stop_at:
                raise Stop

        with contextlib.suppress(Stop):
            train_study(
                study,
                methods=["baseline", "late"],
                data=data,
                out=tmp_path / place,
                resume=resume,
                listener=Listener(epoch_done=told),
            )
        return seen

    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    data = write_tiny_cifar(tmp_path / "data")
    # The first epoch of "late" is that of "baseline".
    whole = [("baseline", 1), ("baseline", 2), ("late", 2)]
    assert train("anew", stop_at=2) == whole[:2]
    assert list((tmp_path / "anew" / "tiny-cifar" / ".beginnings").iterdir())
    shutil.copytree(tmp_path / "anew", tmp_path / "on")
    assert train("anew") == whole
    assert train("on", resume=True) == whole[1:]
