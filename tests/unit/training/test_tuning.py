"""A search: shared, killed, stopped, gone on with, and blind to the test images."""

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import optuna
import pytest
import sqlalchemy
from optuna.trial import FrozenTrial, TrialState

from core import runs
from core.data.manifest import TEST, TRAINING, VALIDATION
from core.errors import DatasetError, DivergedError, EquipoiseError, StudyError
from core.study import MethodTable, Study, Trial, load_study
from core.study_toml import study_toml
from core.training import jobs, trial_storage, tuning
from core.training.search_record import tuned_study
from core.training.trial_storage import default_url, open_storage
from core.training.tuned_file import check_place, check_searchable, write_tuned
from core.training.tuning import (
    MethodSearch,
    Searched,
    SearchListener,
    prepare_search,
    search,
)
from tests.tiny import tiny_study

ROOT = Path(__file__).resolve().parents[3]
POST = {"post-hoc-logit-adjustment": {"on": "hair", "tau": 1.0}}
RULE = {"threshold-optimizer": {"on": "glasses", "groups": "group"}}
SILENT = SearchListener()
# As tests have it, a worker that is silent for so long is lost.
HEARTBEAT_S, SILENCE_S = 1, 8


def searched_study() -> Study:
    """The tiny study with a learning rate at which nothing is learned."""
    tiny = tiny_study(learning_rate=1e-6, epochs=4)
    methods = {
        name: tiny.methods[name] for name in ("baseline", "ins", "denseweight-lmf")
    }
    methods["post"] = MethodTable(label="Post hoc", use=POST)
    methods["rule"] = MethodTable(label="Rule", use=RULE)
    return tiny.model_copy(update={"methods": methods, "seeds": (0, 4)})


@pytest.fixture(scope="module", autouse=True)
def _surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path_factory.mktemp("cache")))
        monkeypatch.setattr(trial_storage, "HEARTBEAT_S", HEARTBEAT_S)
        monkeypatch.setattr(trial_storage, "SILENCE_S", SILENCE_S)
        monkeypatch.setattr(tuning, "LOOK_AGAIN_S", 0.1)
        sqlalchemy.event.listen(sqlalchemy.Engine, "connect", _do_not_wait_for_disk)
        yield
        sqlalchemy.event.remove(sqlalchemy.Engine, "connect", _do_not_wait_for_disk)


def _do_not_wait_for_disk(connection: Any, _: object) -> None:
    """Hundreds of small writes are most of the time of a search that trains nothing."""
    connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    """The study with its images, and a storage that no test writes to."""
    url = f"sqlite:///{tmp_path_factory.mktemp('unused') / 'trials.sqlite'}"
    return prepare_search(searched_study(), open_storage(url), listener=SILENT)


@pytest.fixture
def searched(
    prepared: Searched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Searched:
    monkeypatch.setenv(runs.STORE_VARIABLE, str(tmp_path / "store"))
    storage = open_storage(default_url(tmp_path / "store", "tiny"))
    return replace(prepared, store=tmp_path / "store", storage=storage)


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> list[Study]:
    """Nothing is trained: the skill is the learning rate, or else the sum of all."""
    tried: list[Study] = []

    def train(
        self: MethodSearch, study: Study, trial: optuna.Trial, listener: SearchListener
    ) -> tuple[float, dict[str, float]]:
        tried.append(study)
        settings = trial.user_attrs[tuning.SETTINGS]
        numbers = [v for v in settings.values() if isinstance(v, float)]
        trial.set_user_attr(tuning.EPOCHS, 4)
        return settings.get("training.learning_rate", sum(numbers)), {"age.mae": 9.0}

    monkeypatch.setattr(MethodSearch, "_train", train)
    # There is no model to let go of, and looking for one takes long.
    monkeypatch.setattr(keras.utils, "clear_session", lambda: None)
    return tried


def all_trials(searched: Searched, method: str = "baseline") -> list[FrozenTrial]:
    """Of a method under the study's own recipe, whatever their state."""
    name = MethodSearch(searched, searched.study, method).name
    return optuna.load_study(study_name=name, storage=searched.storage).get_trials()


def states(trials: list[FrozenTrial]) -> list[str]:
    return [trial.state.name for trial in trials]


def wait_for(condition: Callable[[], bool], limit_s: float = 120.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)


def start_worker(study: Path, store: Path, trials: int) -> subprocess.Popen[bytes]:
    """Another process with the command itself."""
    program = (
        "from core.training import trial_storage as s; "
        f"s.HEARTBEAT_S, s.SILENCE_S = {HEARTBEAT_S}, {SILENCE_S}; "
        "from core.cli import main; main()"
    )
    arguments = ["tune", str(study), "--method", "baseline", "--trials", str(trials)]
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments, "--out", str(store / "a.toml")],
        cwd=ROOT,
        env={**os.environ, runs.STORE_VARIABLE: str(store)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.slow
def test_two_workers_share_a_search_that_outlives_one_and_beats_the_defaults(
    searched: Searched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = 4
    # What this worker draws is the same every time, whatever the other one draws.
    seeded = partial(optuna.samplers.TPESampler, seed=1)
    monkeypatch.setattr(optuna.samplers, "TPESampler", seeded)
    file = tmp_path / "tiny.toml"
    file.write_text(study_toml(searched_study()))
    other = start_worker(file, searched.store, wanted)
    mine: list[Trial] = []

    def running() -> list[FrozenTrial]:
        try:
            trials = all_trials(searched)
        except KeyError:
            return []
        return [trial for trial in trials if trial.state == TrialState.RUNNING]

    def kill_the_other(trial: Trial, done: int, trials: int) -> None:
        mine.append(trial)
        if other.poll() is None:
            wait_for(lambda: bool(running()))
            os.kill(other.pid, signal.SIGKILL)
            other.wait()

    try:
        wait_for(lambda: bool(running()))
        search(
            searched, ["baseline"], wanted, SearchListener(trial_done=kill_the_other)
        )
    finally:
        other.kill()
    assert other.returncode == -signal.SIGKILL
    found = all_trials(searched)
    finished = [trial for trial in found if trial.state in tuning._DONE]
    lost = [trial for trial in found if trial.state == TrialState.FAIL]
    assert len(finished) == wanted
    assert len(lost) >= 1
    assert set(states(found)) <= {"COMPLETE", "PRUNED", "FAIL"}
    # What the killed worker was at is tried again, the study's own settings too.
    tried = [trial.params.items() for trial in finished]
    assert all(any(trial.params.items() <= own for own in tried) for trial in lost)
    tuned = tuned_study(searched, searched_study(), "tiny-tuned")
    (own,) = [trial for trial in tuned.search.trials if trial.own]
    (best,) = [trial for trial in tuned.search.trials if trial.chosen]
    assert len(mine) >= 2
    assert best.score is not None
    assert own.score is not None
    assert best.score > own.score + 0.05


# It is asked for a trial that it never runs, as a worker that is killed then.
@pytest.mark.filterwarnings("ignore:Heartbeat of storage")
def test_a_worker_lost_before_its_first_heartbeat_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(default_url(tmp_path, "tiny"))
    trials = optuna.create_study(storage=storage)
    lost = trials.ask()
    trial_storage.give_up_lost(trials)
    assert states(trials.trials) == ["RUNNING"]
    monkeypatch.setattr(trial_storage, "SILENCE_S", 0)
    trial_storage.give_up_lost(trials)
    assert states(trials.trials) == ["FAIL", "WAITING"]
    assert trials.trials[1].system_attrs["failed_trial"] == lost.number


def test_nothing_of_the_test_split_is_loaded(
    prepared: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, _ = jobs.load_data(searched_study(), None, SILENT.progress)
    by_split = dict(tuple(loaded.manifest.groupby("split")["path"]))
    opened: set[str] = set()
    build = jobs.build_image_cache

    def spy(paths: list[str], *given: Any, **more: Any) -> Any:
        opened.update(paths)
        return build(paths, *given, **more)

    monkeypatch.setattr(jobs, "build_image_cache", spy)
    found = prepare_search(searched_study(), prepared.storage, listener=SILENT)
    assert opened == {*by_split[TRAINING], *by_split[VALIDATION]}
    assert not opened & set(by_split[TEST])
    for data in found.images.values():
        assert set(data.manifest["split"]) == {TRAINING, VALIDATION}
        assert len(data.rows(TEST)) == 0
        assert len(data.cache.images) == len(opened)


def test_a_table_with_a_test_image_is_refused(searched: Searched) -> None:
    manifest = searched.images["baseline"].manifest
    with pytest.raises(AssertionError, match="other images"):
        tuning._only_validation(manifest)
    rows = manifest[manifest["split"] == VALIDATION]
    assert tuning._only_validation(rows) is rows


def test_pruned_trials_count_and_are_recorded(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, int]] = []

    class EverySecond(optuna.pruners.BasePruner):
        def __init__(self, **options: int) -> None:
            given.append(options)

        def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
            return trial.number % 2 == 1 and trial.last_step == 1

    monkeypatch.setattr(optuna.pruners, "MedianPruner", EverySecond)
    search(searched, ["ins"], 2, SILENT)
    # Nothing in the first quarter of four epochs.
    assert given == [{"n_startup_trials": 5, "n_warmup_steps": 1}]
    tuned = tuned_study(searched, searched_study(), "tiny-tuned")
    complete, pruned = tuned.search.trials
    assert (complete.state, complete.epochs) == ("complete", 4)
    assert (pruned.state, pruned.epochs) == ("pruned", 2)
    assert pruned.score is not None
    assert set(complete.metrics) == set(pruned.metrics) == set(searched.skill.keys)
    assert (complete.chosen, pruned.chosen) == (True, False)
    # No state of a training is left.
    assert not list(searched.store.rglob("*.npz"))


def test_an_interrupted_trial_goes_on_from_its_last_epoch(searched: Searched) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if what == "This try" and done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(searched, ["ins"], 1, SearchListener(progress=interrupt))
    stopped, waiting = all_trials(searched, "ins")
    assert (stopped.state, waiting.state) == (TrialState.FAIL, TrialState.WAITING)
    assert waiting.params == stopped.params
    assert list(searched.store.rglob("*.npz"))
    batches: list[int] = []

    def count(what: str, done: int, total: int) -> None:
        if what == "This try":
            batches.append(done)

    search(searched, ["ins"], 1, SearchListener(progress=count))
    found = all_trials(searched, "ins")
    assert states(found) == ["FAIL", "COMPLETE"]
    assert found[1].user_attrs[tuning.EPOCHS] == 4
    # Two of the four epochs had been trained before.
    assert len(batches) == 2


def test_what_acts_afterwards_is_trained_once_for_all_its_trials(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainings: list[object] = []
    fit = keras.Model.fit

    def count(self: keras.Model, *given: Any, **more: Any) -> Any:
        trainings.append(self)
        return fit(self, *given, **more)

    monkeypatch.setattr(keras.Model, "fit", count)
    search(searched, ["post"], 3, SILENT)
    found = all_trials(searched, "post")
    assert states(found) == ["COMPLETE"] * 3
    assert len({trial.params[tuning_place()] for trial in found}) == 3
    assert len(trainings) == 1


def tuning_place() -> str:
    return "use.post-hoc-logit-adjustment.tau"


def test_resuming_adds_only_what_is_missing(
    searched: Searched, untrained: list[Study]
) -> None:
    search(searched, ["baseline"], 3, SILENT)
    before = all_trials(searched)
    search(searched, ["baseline"], 2, SILENT)
    assert len(untrained) == 3
    search(searched, ["baseline"], 5, SILENT)
    after = all_trials(searched)
    assert after[:3] == before
    assert states(after) == ["COMPLETE"] * 5
    # The study's own settings come first.
    assert [trial.user_attrs[tuning.OWN] for trial in after] == [True, *[False] * 4]


def test_a_trial_beyond_what_was_asked_for_is_dropped(
    searched: Searched, untrained: list[Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    search(searched, ["baseline"], 2, SILENT)
    own = MethodSearch(searched, searched.study, "baseline")
    # As where two workers see at once that one trial is missing, and both begin one.
    own._run_one(own._open(2), 2, SILENT)
    assert states(all_trials(searched)) == ["COMPLETE", "COMPLETE", "FAIL"]
    assert len(untrained) == 2
    search(searched, ["baseline"], 3, SILENT)
    assert len(untrained) == 3


def test_a_worker_that_was_given_up_drops_its_trial_and_goes_on(
    searched: Searched, untrained: list[Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = MethodSearch._train

    def asleep(
        self: MethodSearch, study: Study, trial: optuna.Trial, listener: SearchListener
    ) -> tuple[float, dict[str, float]]:
        if trial.number == 0:
            # What another worker does with a trial whose worker is silent.
            self.searched.storage.set_trial_state_values(
                trial._trial_id, state=TrialState.FAIL
            )
        return train(self, study, trial, listener)

    monkeypatch.setattr(MethodSearch, "_train", asleep)
    search(searched, ["baseline"], 2, SILENT)
    assert states(all_trials(searched)) == ["FAIL", "COMPLETE", "COMPLETE"]


def test_a_fault_of_a_trial_is_not_swallowed(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(MethodSearch, "_train", fail)
    with pytest.raises(ValueError, match="a bug"):
        search(searched, ["baseline"], 1, SILENT)


def test_a_trial_that_diverges_is_recorded_and_never_chosen(
    searched: Searched, untrained: list[Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = MethodSearch._train

    def diverge(
        self: MethodSearch, study: Study, trial: optuna.Trial, listener: SearchListener
    ) -> tuple[float, dict[str, float]]:
        if trial.number > 0:
            raise DivergedError("The training diverged.")
        return train(self, study, trial, listener)

    monkeypatch.setattr(MethodSearch, "_train", diverge)
    search(searched, ["baseline"], 3, SILENT)
    trials = tuned_study(searched, searched_study(), "x").search.trials
    assert [trial.state for trial in trials] == ["complete", "diverged", "diverged"]
    assert [trial.chosen for trial in trials] == [True, False, False]
    assert trials[1].score is None


def test_methods_are_tried_under_the_best_recipe_of_the_baseline(
    searched: Searched, untrained: list[Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = searched_study().training.learning_rate
    train = MethodSearch._train

    def reward_distance(
        self: MethodSearch, study: Study, trial: optuna.Trial, listener: SearchListener
    ) -> tuple[float, dict[str, float]]:
        # Drawn rates may all lie below the study's own, but none is the same.
        _, metrics = train(self, study, trial, listener)
        settings = trial.user_attrs[tuning.SETTINGS]
        rate = settings.get("training.learning_rate", own)
        return abs(math.log(rate / own)), metrics

    monkeypatch.setattr(MethodSearch, "_train", reward_distance)
    untuned: list[str] = []
    listener = SearchListener(untuned=untuned.append)
    search(searched, list(searched.study.methods), 4, listener)
    assert untuned == ["rule"]
    rates = [study.training.learning_rate for study in untrained[:4]]
    best = max(rates, key=lambda rate: abs(math.log(rate / own)))
    assert best != own
    for study in untrained[4:]:
        assert study.training.learning_rate == best
    # Each method has as many trials as any other.
    tuned = tuned_study(searched, searched_study(), "tiny-tuned")
    counts = [trial.method for trial in tuned.search.trials]
    assert counts == [
        name
        for name in ("baseline", "ins", "denseweight-lmf", "post")
        for _ in range(4)
    ]
    assert tuned.training.learning_rate == best
    chosen = {trial.method: trial for trial in tuned.search.trials if trial.chosen}
    assert len(chosen) == 4
    for name, trial in chosen.items():
        rate = trial.settings.get("training.learning_rate", best)
        assert tuned.for_method(name).training.learning_rate == rate
        for place, value in trial.settings.items():
            if place.startswith("use."):
                _, entry, parameter = place.split(".")
                assert tuned.methods[name].use[entry][parameter] == value
    assert tuned.methods["rule"] == searched_study().methods["rule"]


def test_method_by_method_adds_up_to_the_whole(
    searched: Searched, untrained: list[Study]
) -> None:
    search(searched, ["baseline"], 3, SILENT)
    search(searched, ["ins"], 2, SILENT)
    tuned = tuned_study(searched, searched_study(), "x")
    assert [t.method for t in tuned.search.trials] == ["baseline"] * 3 + ["ins"] * 2
    # Another recipe: what was tried under the earlier one no longer counts.
    search(searched, ["baseline"], 12, SILENT)
    tuned = tuned_study(searched, searched_study(), "x")
    expected = {"baseline"}
    if max(s.training.learning_rate for s in untrained[5:]) <= max(
        s.training.learning_rate for s in untrained[:3]
    ):
        expected.add("ins")
    assert {trial.method for trial in tuned.search.trials} == expected


def test_the_tuned_study_has_fresh_seeds_a_record_and_its_importance(
    searched: Searched,
    untrained: list[Study],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Of eight trials at random, another setting may seem to matter more.
    seeded = partial(optuna.samplers.TPESampler, seed=0)
    monkeypatch.setattr(optuna.samplers, "TPESampler", seeded)
    search(searched, ["baseline"], 8, SILENT)
    given = searched_study()
    before = Trial(
        method="ins", setting="by hand", metrics={"age.mae": 9.5}, chosen=True
    )
    given = given.model_copy(
        update={"search": given.search.model_copy(update={"trials": (before,)})}
    )
    tuned = tuned_study(searched, given, "tiny-tuned")
    assert searched.seed == 5
    assert searched.seed not in {s for m in tuned.methods for s in tuned.seeds_of(m)}
    record = tuned.search
    assert (record.of, record.seed, record.split) == ("tiny", 5, searched.split)
    # What was tried before stays, and so does what it had chosen for another method.
    assert record.trials[0] == before
    assert len(record.trials) == 9
    assert sum(record.importance["baseline"].values()) == pytest.approx(1, abs=1e-4)
    # The learning rate is all that this skill depends on.
    importance = record.importance["baseline"]
    assert max(importance, key=lambda place: importance[place]) == (
        "training.learning_rate"
    )
    place = tmp_path / "tiny-tuned.toml"
    write_tuned(tuned, place)
    assert load_study(place) == tuned
    assert place.read_text().startswith("# Written by `equipoise tune tiny`")
    check_place(place, given)
    with pytest.raises(EquipoiseError, match="not written by a search of 'other'"):
        check_place(place, given.model_copy(update={"name": "other"}))


def test_a_tuned_study_is_not_tested_on_what_chose_its_settings(
    searched: Searched, untrained: list[Study], tmp_path: Path
) -> None:
    search(searched, ["baseline"], 1, SILENT)
    tuned = tuned_study(searched, searched_study(), "tiny-tuned")
    other = tuned.dataset.model_copy(update={"options": {"count": 120, "seed": 1}})
    with pytest.raises(DatasetError, match="chosen on another split"):
        jobs.train_study(tuned.model_copy(update={"dataset": other}), out=tmp_path)


def test_a_tuned_study_takes_over_the_split_of_the_searched_one(
    searched: Searched, untrained: list[Study]
) -> None:
    search(searched, ["baseline"], 1, SILENT)
    tuned = tuned_study(searched, searched_study(), "tiny-tuned")
    assert runs.split_source(tuned) is None
    manifest = searched.images["baseline"].manifest
    said = {"counts": {"images": len(manifest)}, "near_copies": {"least": 0.7}}
    runs.write_study_files(searched.store, searched_study(), manifest, said)
    assert runs.split_source(tuned) == searched_study().name
    # And the whole report of how that split came about.
    assert jobs.load_data(tuned, None, SILENT.progress)[1] == said


def test_a_search_without_anything_to_tune_is_refused(searched: Searched) -> None:
    with pytest.raises(StudyError, match="Nothing of rule in the study 'tiny'"):
        search(searched, ["rule"], 1, SILENT)


def test_a_study_of_predictions_is_refused() -> None:
    study = tiny_study()
    check_searchable(study)
    model = study.model.model_copy(update={"backbone": "none"})
    with pytest.raises(EquipoiseError, match="trains nothing"):
        check_searchable(study.model_copy(update={"model": model}))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "The storage that was given cannot be opened"),
        ("nosuch://host/trials", "nosuch"),
        ("sqlite:////proc/none/trials.sqlite", "No such file or directory"),
        (
            "postgresql://me:secret@localhost/trials",
            r"postgresql://me:\*\*\*@localhost",
        ),
    ],
)
def test_a_storage_that_cannot_be_opened_is_a_fault(url: str, said: str) -> None:
    with pytest.raises(EquipoiseError, match=said) as caught:
        open_storage(url)
    assert "secret" not in str(caught.value)
    assert caught.value.remedy


def test_a_database_that_is_none_is_a_fault(tmp_path: Path) -> None:
    place = tmp_path / "trials.sqlite"
    place.write_text("no database at all, but long enough to be read as one" * 20)
    with pytest.raises(EquipoiseError, match="not a database"):
        open_storage(f"sqlite:///{place}")


@pytest.mark.parametrize("name", ["tiny.toml", "avatars.toml", "tuned", "a b.toml"])
def test_a_place_that_cannot_hold_the_tuned_study_is_refused(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(EquipoiseError):
        check_place(tmp_path / name, tiny_study())
    check_place(tmp_path / "tiny-tuned.toml", tiny_study())


def test_a_file_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    place = tmp_path / "mine.toml"
    place.write_text(study_toml(tiny_study()))
    with pytest.raises(EquipoiseError, match="exists already"):
        check_place(place, tiny_study())
    assert study_toml(tiny_study()) == place.read_text()
