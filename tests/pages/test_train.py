"""The Train page: what is asked for reaches the queue, and what the queue has is shown.

Nothing is trained here: the worker is not started.
"""

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import pages.train.cost
import pages.train.jobs
from core.errors import EquipoiseError, fault_record
from core.language import gettext, remembering
from core.runs import partial_folder
from core.study import load_study, own_studies
from core.training import estimate, plan, queue, worker
from core.training.live import Live, epoch_rows, write_live
from core.training.trial_storage import default_url, open_storage
from tests.pages.opening import words_of
from tests.tiny import tiny_study

Open = Callable[..., AppTest]


@pytest.fixture
def started(store: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whether a worker would have been started."""
    calls: list[str] = []
    for place in (worker, pages.train.jobs):
        monkeypatch.setattr(place, "ensure_worker", lambda: calls.append("started"))
    return calls


def choose_short(app: AppTest) -> None:
    """Two epochs at 32 pixels, of the avatars."""
    app.number_input(key="train_epochs_avatars").set_value(2).run()
    app.number_input(key="train_size_avatars").set_value(32).run()
    assert not app.exception


def test_a_training_reaches_the_queue_as_a_study_of_ones_own(
    store: Path, started: list[str], open_page: Open
) -> None:
    app = open_page("train")
    assert not app.exception
    assert "Nothing was trained here yet" in words_of(app)
    assert "2 runs are to be trained" in words_of(app)
    choose_short(app)
    assert "would not compare" in words_of(app)
    app.get_by_key("train_seeds_avatars").set_value(["0", "1"]).run()
    app.button(key="train_start").click().run()
    assert not app.exception
    (status,) = queue.list_jobs()
    assert status.job.study.name == "avatars-32px-2epochs"
    assert status.job.pairs == (
        ("baseline", 0),
        ("baseline", 1),
        ("ins", 0),
        ("ins", 1),
    )
    assert own_studies() == ("avatars-32px-2epochs",)
    assert load_study("avatars-32px-2epochs").training.epochs == 2
    assert started
    # The page of another visitor shows it too, and has nothing left to train.
    other = open_page("train")
    assert "place 1 in the queue" in other.get("progress")[0].proto.text
    choose_short(other)
    assert "2 runs are in the queue already" in words_of(other)
    assert other.button(key="train_start").disabled


def test_finished_runs_are_kept_unless_they_are_asked_for_again(
    started: list[str], fill: Callable[..., object], open_page: Open
) -> None:
    fill("avatars", methods=("baseline", "ins"), seeds=(0,))
    app = open_page("train")
    again = app.toggle(key="train_again_avatars_False")
    # There is nothing else to do: it is what one comes for.
    assert again.value
    assert app.text_input(key="train_name_avatars-again").value == "avatars-again"
    again.set_value(False).run()
    assert "There is nothing to train. 2 runs are finished already" in words_of(app)
    assert app.button(key="train_start").disabled


def test_a_job_is_watched_stopped_resumed_and_deleted(
    store: Path, started: list[str], open_page: Open
) -> None:
    job = queue.new_job("training", tiny_study(), pairs=(("baseline", 0), ("ins", 0)))
    queue.submit(job)
    place = next(iter(queue.places_of(job, store)))
    folder = partial_folder(place)
    folder.mkdir(parents=True)
    rows = [epoch_rows(e, {"loss": 2 / e, "val_loss": 3 / e}) for e in (1, 2)]
    write_live(folder, Live(epochs=4, epoch=2, steps=5, step=1, rows=sum(rows, ())))
    app = open_page("train")
    assert "Baseline, seed 0: epoch 3 of 4; batch 1 of 5" in words_of(app)
    app.toggle(key=f"train_look_{job.id}").set_value(True).run()
    assert not app.exception
    chart = app.get("plotly_chart")[0].proto
    assert "Loss" in chart.alt
    app.button(key=f"train_stop_{job.id}").click().run()
    assert queue.list_jobs()[0].state == "stopped"
    started.clear()
    app.button(key=f"train_on_{job.id}").click().run()
    assert queue.list_jobs()[0].state == "waiting"
    assert started
    app.button(key=f"train_stop_{job.id}").click().run()
    app.button(key=f"train_delete_now_{job.id}").click().run()
    assert queue.list_jobs() == ()
    assert not folder.exists()


def test_a_failed_job_says_why_and_can_be_retried(
    store: Path, started: list[str], open_page: Open
) -> None:
    job = queue.new_job("training", tiny_study(), pairs=(("ins", 0),))
    queue.submit(job)
    with queue.open_queue() as opened, remembering() as recall:
        fault = EquipoiseError(
            gettext("The model's answers are not finite numbers."),
            expected="a loss.",
            remedy="lower it.",
        )
        queue.end(job.id, opened, fault_record(fault, recall))
    french = open_page("train", lang="fr")
    assert "Les réponses du modèle ne sont pas" in french.error[0].value
    app = open_page("train")
    assert "answers are not finite" in app.error[0].value
    assert "lower it." in app.error[0].value
    app.button(key=f"train_on_{job.id}").click().run()
    assert queue.list_jobs()[0].state == "waiting"


def test_measured_costs_are_shown_before_the_start(
    store: Path, started: list[str], open_page: Open
) -> None:
    study = load_study("avatars")
    for method in ("baseline", "ins"):
        cost = estimate.MethodCost(
            epoch_s=30.0, memory_bytes=2 * 10**9, run_bytes=10**6
        )
        estimate.write_cost(estimate.cost_file(study, method, "", store), cost)
    app = open_page("train")
    shown = {each.label: each.value for each in app.metric}
    # Twelve epochs of each of two methods.
    assert shown["Time, at most"] == "12 min"
    assert shown["Memory"] == "2.0 GB"
    assert "Baseline: 30 s an epoch" in words_of(app)


def test_a_quick_look_is_chosen_at_once_and_says_how_long_it_takes(
    store: Path, started: list[str], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(
        pages.train.cost,
        "ask_costs",
        lambda study, methods, data: asked.append((study.name, list(methods))),
    )
    app = open_page("train")
    assert "64 px, 5 epochs, one seed; its time is measured first" in words_of(app)
    app.get_by_key("train_seeds_avatars").set_value(["0", "1"]).run()
    app.button(key="train_quick").click().run()
    assert not app.exception
    assert asked == [("avatars-64px-5epochs", ["baseline", "ins"])]
    assert app.get_by_key("train_seeds_avatars").value == ["0"]
    assert "2 runs are to be trained" in words_of(app)
    assert app.button(key="train_quick").disabled
    quick = plan.with_settings(
        load_study("avatars"), plan.quick_settings(load_study("avatars"))
    )
    for method in ("baseline", "ins"):
        cost = estimate.MethodCost(epoch_s=15.0, once_s=45.0)
        estimate.write_cost(estimate.cost_file(quick, method, "", store), cost)
    # Each of two runs: 45 s, and five epochs of a quarter of a minute.
    assert "at most 4 min here" in words_of(app.run())


def test_a_server_that_others_reach_trains_nothing(
    store: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = st.get_option
    given = {"server.address": "0.0.0.0"}
    monkeypatch.setattr(
        st, "get_option", lambda name: given[name] if name in given else known(name)
    )
    monkeypatch.delenv("EQUIPOISE_TRAINING", raising=False)
    app = open_page("train")
    assert not app.exception
    assert "EQUIPOISE_TRAINING" in app.info[0].value
    assert not app.button
    monkeypatch.setenv("EQUIPOISE_TRAINING", "on")
    assert open_page("train").button


def test_a_search_is_started_watched_and_its_best_is_taken(
    store: Path, started: list[str], open_page: Open
) -> None:
    app = open_page("train", way="search")
    app.number_input(key="train_trials").set_value(3).run()
    app.button(key="train_search_start").click().run()
    assert not app.exception
    (status,) = queue.list_jobs()
    job = status.job
    assert (job.kind, job.trials, job.tuned) == ("search", 3, "avatars-tuned")
    storage = open_storage(default_url(store, "avatars"))
    tries = optuna.create_study(
        storage=storage, study_name="avatars/baseline/key", direction="maximize"
    )
    span = optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True)
    for rate, skill in ((1e-3, 0.4), (1e-2, 0.6)):
        tries.add_trial(
            optuna.trial.create_trial(
                params={"training.learning_rate": rate, "model.dropout": rate},
                distributions={"training.learning_rate": span, "model.dropout": span},
                value=skill,
            )
        )
    queue.stop(job.id)
    app = open_page("train", way="search")
    assert "Baseline: 2 of 3 tries" in words_of(app)
    app.toggle(key=f"train_look_{job.id}").set_value(True).run()
    for kind in ("history", "importance", "slices", "parallel"):
        app.get_by_key(f"train_tries_kind_{job.id}").set_value(kind).run()
        assert not app.exception
        assert "a skill of 0.600" in app.get("plotly_chart")[0].proto.alt
    spec = app.get("plotly_chart")[0].proto.spec
    assert "learning rate" in spec
    assert "training.learning_rate" not in spec
    app.button(key=f"train_best_{job.id}").click().run()
    ending = next(each.job for each in queue.list_jobs() if each.job.id != job.id)
    assert (ending.methods, ending.trials) == (("baseline",), 2)
