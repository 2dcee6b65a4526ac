"""Search a study's settings on its validation images; its test images are not there.

Each method is tried with as many settings as any other, the study's own first. The
baseline comes first: its best recipe is the study's, and so the recipe under which the
other methods are tried.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import optuna
import pandas as pd
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from core import runs
from core.data.manifest import (
    LEFT_OUT,
    TEST,
    TRAINING,
    VALIDATION,
    LoadedDataset,
    split_fingerprint,
)
from core.errors import DivergedError, StudyError
from core.evaluation.skill import Skill, build_skill
from core.language import N_, gettext
from core.methods.registry import ResolvedMethod, resolve_method
from core.study import Study, Trial, Tried
from core.text import listed
from core.training.decisions import check_decisions, decide
from core.training.fit import fit, predict
from core.training.jobs import Listener, load_data, load_images
from core.training.progress import BatchProgress
from core.training.resume import STATE
from core.training.reuse import run_key
from core.training.search_space import (
    Setting,
    is_only_afterwards,
    search_space,
    with_settings,
)
from core.training.training_rows import Data
from core.training.transfer import Origin, check_unseen, resolve_weights
from core.training.trial_storage import (
    FOLDER,
    give_up_lost,
    storage_faults,
    try_again,
)
from core.tunable import Span, Words

LOOK_AGAIN_S = 1.0
_DONE = (TrialState.COMPLETE, TrialState.PRUNED)
# Complete trials before the first one is pruned. None is pruned in the first quarter of
# the epochs: the learning rate still rises then.
_UNPRUNED_TRIALS, _UNPRUNED_EPOCHS = 5, 4
_DIGITS, _DECIMALS = 3, 6
# Attributes of a trial beside those of Optuna.
SETTINGS, EPOCHS, METRICS, DIVERGED = "settings", "epochs", "metrics", "diverged"
OWN = "own"
# Attribute of all trials of a method: how many were requested.
_ASKED = "asked"


class _SurplusError(Exception):
    """Another worker has begun the last requested trial."""


@dataclass(frozen=True)
class SearchListener(Listener):
    """Receives the progress of a search.

    Parameters
    ----------
    trial_done : callable
        ``(trial, done, trials)``: a trial of this worker is finished.
    untuned : callable
        ``(method)``: it has nothing that could be searched.
    waiting : callable
        ``(method)``: other workers are at its last trials, and are waited for.
    """

    trial_done: Callable[[Trial, int, int], None] = lambda trial, done, trials: None
    untuned: Callable[[str], None] = lambda method: None
    waiting: Callable[[str], None] = lambda method: None


@dataclass(frozen=True)
class Searched:
    """A study that is searched, with the images that the search may see.

    Parameters
    ----------
    study : Study
        With all that its weights bring along, and with the epochs of a trial.
    images : mapping of str to Data
        By method; training and validation images alone.
    skill : Skill
        How a model is judged.
    origins : mapping of str to Origin
        What each method begins with.
    seed : int
        That every trial is trained with: none of the study's, which are fresh then.
    split : str
        Fingerprint of the split.
    store : Path
        The user's store.
    storage : RDBStorage
        Where the trials are.
    """

    study: Study
    images: Mapping[str, Data]
    skill: Skill
    origins: Mapping[str, Origin]
    seed: int
    split: str
    store: Path
    storage: RDBStorage


def prepare_search(
    study: Study,
    storage: RDBStorage,
    *,
    data: Path | None = None,
    listener: Listener,
) -> Searched:
    """Load the data of a search: training and validation images only.

    Parameters
    ----------
    study : Study
    storage : RDBStorage
    data : Path, optional
        Where the dataset is; a generated one needs none.
    listener : Listener

    Raises
    ------
    EquipoiseError
        If the study or the data cannot be used.
    """
    store = runs.user_store()
    study, origins = resolve_weights(study, list(study.methods), store)
    loaded, report = load_data(study, data, listener.progress)
    for origin in origins.values():
        check_unseen(origin, study.dataset.name, loaded.manifest)
    seen = without_test(loaded)
    images, manifest, _ = load_images(
        {name: study.for_method(name) for name in study.methods},
        seen,
        report,
        data,
        listener,
        splits=(TRAINING, VALIDATION),
    )
    return Searched(
        study=study,
        images=images,
        skill=build_skill(
            manifest[manifest["split"] == TRAINING],
            manifest[manifest["split"] == VALIDATION],
            loaded.info.tasks,
            study.headline,
        ),
        origins=origins,
        seed=search_seed(study),
        split=split_fingerprint(loaded.manifest),
        store=store,
        storage=storage,
    )


def without_test(loaded: LoadedDataset) -> LoadedDataset:
    """The dataset whose test images are left out, so that nothing can predict them."""
    manifest = loaded.manifest
    split = manifest["split"].where(manifest["split"] != TEST, LEFT_OUT)
    return replace(loaded, manifest=manifest.assign(split=split))


def search_seed(study: Study) -> int:
    """A seed that no run of the study has: the number after its largest."""
    return 1 + max(max(study.seeds_of(method)) for method in study.methods)


@dataclass(frozen=True)
class MethodSearch:
    """The search of one method.

    Parameters
    ----------
    searched : Searched
    study : Study
        Under which recipe it is tried.
    method : str
    """

    searched: Searched
    study: Study
    method: str

    @property
    def space(self) -> tuple[Setting, ...]:
        """The varied settings; empty without any."""
        return search_space(self.study, self._resolve(self.study), self.data.tasks)

    @property
    def data(self) -> Data:
        """The images."""
        return self.searched.images[self.method]

    @property
    def key(self) -> str:
        """Hash of everything that decides a skill, and of the search space."""
        own = run_key(self.study, self.method, self.searched.seed, self.searched.split)
        parts = [own, repr(self.space), self.searched.skill.keys]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """Name of its trials in the storage."""
        return f"{self.study.name}/{self.method}/{self.key}"

    @property
    def states(self) -> Path:
        """Folder of its unfinished trainings."""
        return self.searched.store / FOLDER / self.study.name / self.key

    def find(self) -> optuna.Study | None:
        """Its trials, if the requested number is finished."""
        try:
            trials = optuna.load_study(
                study_name=self.name, storage=self.searched.storage
            )
        except KeyError:
            return None
        asked = trials.user_attrs.get(_ASKED, math.inf)
        return trials if len(finished(trials)) >= asked else None

    def run(self, wanted: int, listener: SearchListener) -> None:
        """Try settings until so many trials are finished, by whichever worker.

        Parameters
        ----------
        wanted : int
            Finished trials, those of earlier calls included.
        listener : SearchListener
        """
        trials = self._open(wanted)
        told = False
        while (done := len(finished(trials))) < wanted:
            listener.progress(f"Trials of {self.method}", done, wanted)
            give_up_lost(trials)
            running = len(_in(trials, TrialState.RUNNING))
            if done + running < wanted:
                self._run_one(trials, wanted, listener)
                continue
            if not told:
                listener.waiting(self.method)
                told = True
            time.sleep(LOOK_AGAIN_S)
        listener.progress(f"Trials of {self.method}", done, wanted)
        shutil.rmtree(self.states, ignore_errors=True)

    def _open(self, wanted: int) -> optuna.Study:
        epochs = self.study.for_method(self.method).training.epochs
        trials = optuna.create_study(
            storage=self.searched.storage,
            study_name=self.name,
            direction="maximize",
            load_if_exists=True,
            # Without a seed: with one, every worker and every call would try the same
            # settings.
            sampler=optuna.samplers.TPESampler(),
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=_UNPRUNED_TRIALS,
                n_warmup_steps=epochs // _UNPRUNED_EPOCHS,
            ),
        )
        trials.set_user_attr(_ASKED, wanted)
        if not trials.get_trials(deepcopy=False):
            trials.enqueue_trial(
                {s.place: _name(s.tried, s.own) for s in self.space},
                skip_if_exists=True,
            )
        return trials

    def _run_one(
        self, trials: optuna.Study, wanted: int, listener: SearchListener
    ) -> None:
        begun: list[int] = []
        over: list[int] = []

        def objective(trial: optuna.Trial) -> float:
            begun.append(trial.number)
            try:
                score = self._try(trials, trial, wanted, listener)
            except optuna.exceptions.UpdateFinishedTrialError:
                over.append(trial.number)
                raise optuna.TrialPruned from None
            over.append(trial.number)
            return score

        def tell(trials: optuna.Study, trial: FrozenTrial) -> None:
            if trial.state in _DONE:
                done = len(finished(trials))
                listener.trial_done(record_trial(self.method, trial), done, wanted)

        try:
            trials.optimize(
                objective, n_trials=1, catch=(_SurplusError,), callbacks=[tell]
            )
        except KeyboardInterrupt:
            for number in begun:
                try_again(trials, trials.get_trials(deepcopy=False)[number])
            raise
        except ValueError:
            # Optuna raises it if this worker was silent for long, perhaps asleep, and
            # another worker has given its trial up.
            if not over:
                raise
        finally:
            # Keras keeps every model in memory until the session is cleared.
            keras.utils.clear_session()

    def _try(
        self,
        trials: optuna.Study,
        trial: optuna.Trial,
        wanted: int,
        listener: SearchListener,
    ) -> float:
        """Train with the settings of one trial, and measure the skill."""
        alive = _in(trials, *_DONE, TrialState.RUNNING)
        if sum(other.number < trial.number for other in alive) >= wanted:
            raise _SurplusError
        settings = {s.place: _suggest(trial, s) for s in self.space}
        own = {s.place: _listed(s.own) for s in self.space}
        trial.set_user_attr(SETTINGS, settings)
        trial.set_user_attr(OWN, settings == own)
        study = with_settings(self.study, self.method, settings)
        try:
            score, metrics = self._train(study, trial, listener)
        except DivergedError as error:
            trial.set_user_attr(DIVERGED, True)
            raise optuna.TrialPruned(error.problem) from None
        trial.set_user_attr(METRICS, metrics)
        return score

    def _train(
        self, study: Study, trial: optuna.Trial, listener: SearchListener
    ) -> tuple[float, dict[str, float]]:
        seed, split = self.searched.seed, self.searched.split
        resolved = self._resolve(study)
        check_decisions(resolved, self.data)
        # A method that only acts on finished models is trained once for all its
        # settings.
        only_afterwards = is_only_afterwards(resolved)
        trained_as = _trained_as(study, resolved) if only_afterwards else study
        key = run_key(trained_as, self.method, seed, split)
        state = self.states / key / STATE

        def watch(epoch: int, model: keras.Model) -> None:
            score, metrics = self._judge(model, resolved)
            trial.set_user_attr(EPOCHS, epoch)
            trial.set_user_attr(METRICS, metrics)
            trial.report(score, epoch - 1)
            if trial.should_prune():
                shutil.rmtree(state.parent, ignore_errors=True)
                raise optuna.TrialPruned

        fitted = fit(
            study.for_method(self.method),
            resolved,
            seed,
            self.data,
            state=state,
            state_key=key,
            report=lambda epoch, values: None,
            callbacks=[BatchProgress(N_("This try"), listener.progress)],
            source=self.searched.origins[self.method].source,
            progress=listener.progress,
            watch=None if only_afterwards else watch,
        )
        trial.set_user_attr(EPOCHS, fitted.epochs)
        if not only_afterwards:
            shutil.rmtree(state.parent, ignore_errors=True)
        return self._judge(fitted.models.inference, resolved)

    def _judge(
        self, model: keras.Model, resolved: ResolvedMethod
    ) -> tuple[float, dict[str, float]]:
        """Skill and headline metrics on the validation images.

        Raises
        ------
        DivergedError
            If an answer is not a finite number.
        """
        mirrored = resolved.mirrored_answers
        answers = predict(model, self.data, mirrored=mirrored)
        numbers = answers.select_dtypes("number").to_numpy(np.float64)
        if not np.isfinite(numbers).all():
            raise DivergedError(gettext("The model's answers are not finite numbers."))
        table, _ = decide(answers, resolved, self.data.tasks, self.searched.seed)
        score, metrics = self.searched.skill.measure(_only_validation(table))
        known = {key: value for key, value in metrics.items() if math.isfinite(value)}
        return score, known

    def _resolve(self, study: Study) -> ResolvedMethod:
        data = self.data
        return resolve_method(study, self.method, data.tasks, data.sensitive_features)


def _only_validation(table: pd.DataFrame) -> pd.DataFrame:
    """The table, which must not hold any image but validation images."""
    if set(table["split"]) != {VALIDATION}:
        raise AssertionError("A search has seen other images than those to choose by.")
    return table


def _trained_as(study: Study, method: ResolvedMethod) -> Study:
    """The study without parts that act on a method's finished model."""
    table = study.method(method.name)
    parts = (*method.adjustments.values(), *method.decisions.values())
    afterwards = {part.entry.name for part in parts}
    use = {name: own for name, own in table.use.items() if name not in afterwards}
    plain = table.model_copy(update={"use": use})
    return study.model_copy(update={"methods": {**study.methods, method.name: plain}})


def search(
    searched: Searched,
    methods: Sequence[str],
    trials: int,
    listener: SearchListener,
) -> None:
    """Search methods of a study one after the other, the baseline first.

    Parameters
    ----------
    searched : Searched
    methods : sequence of str
    trials : int
        Finished trials of each, those of earlier calls and other workers included.
    listener : SearchListener

    Raises
    ------
    EquipoiseError
        If no method has anything to search, or the storage fails.
    """
    baseline = searched.study.baseline
    ordered = sorted(methods, key=lambda name: name != baseline)
    any_tuned = False
    with storage_faults():
        for method in ordered:
            found = MethodSearch(searched, recipe(searched, method), method)
            if found.space:
                any_tuned = True
                found.run(trials, listener)
            else:
                listener.untuned(method)
    if not any_tuned:
        raise StudyError(
            gettext(
                "Nothing of {methods} in the study '{study}' can be tuned.",
                study=searched.study.name,
                methods=listed(ordered),
            ),
            expected=gettext(
                "a method that trains, or that has a parameter with a range."
            ),
            remedy=gettext("choose another method; `equipoise methods` lists them."),
        )


def recipe(searched: Searched, method: str) -> Study:
    """The study under which a method is tried: with the best recipe of the baseline.

    For the baseline itself, and until the storage holds a finished search of it, it is
    the study's own recipe.
    """
    study, baseline = searched.study, searched.study.baseline
    if method == baseline:
        return study
    found = MethodSearch(searched, study, baseline).find()
    best = None if found is None else best_trial(found)
    if best is None:
        return study
    return with_settings(study, baseline, best.user_attrs[SETTINGS])


def finished(trials: optuna.Study) -> list[FrozenTrial]:
    """The trials that are complete or pruned, in the order in which they were begun."""
    return _in(trials, *_DONE)


def best_trial(trials: optuna.Study) -> FrozenTrial | None:
    """The complete trial with the highest skill, the first of equals, if any."""
    known = [
        trial
        for trial in _in(trials, TrialState.COMPLETE)
        if trial.value is not None and math.isfinite(trial.value)
    ]
    return max(known, key=lambda trial: trial.value or 0.0, default=None)


def _in(trials: optuna.Study, *states: TrialState) -> list[FrozenTrial]:
    return trials.get_trials(deepcopy=False, states=states)


def _suggest(trial: optuna.Trial, setting: Setting) -> Tried:
    """The value of one setting in a trial, as the study's file takes it."""
    place, tried = setting.place, setting.tried
    if isinstance(tried, Words):
        value = tried.values[trial.suggest_categorical(place, list(tried.values))]
        listed: Tried = _listed(value)
        return listed
    if tried.step is not None:
        low, high = int(tried.low), int(tried.high)
        return trial.suggest_int(place, low, high, step=tried.step)
    given = trial.suggest_float(place, tried.low, tried.high, log=tried.by_powers)
    # Few digits, so that a person can read them; the study's own value stays as it is.
    if given == setting.own:
        return float(given)
    return min(max(float(f"{given:.{_DIGITS}g}"), tried.low), tried.high)


def _listed(value: Any) -> Any:
    """A value as a study's file has it: there are lists, and no tuples."""
    return list(value) if isinstance(value, tuple) else value


def _name(tried: Span | Words, own: Any) -> Any:
    """How Optuna knows a study's own value."""
    if isinstance(tried, Words):
        return next(name for name, value in tried.values.items() if value == own)
    return own


def record_trial(method: str, trial: FrozenTrial) -> Trial:
    """The record of a finished trial in a study."""
    attributes, score = trial.user_attrs, trial.value
    state: Literal["complete", "pruned", "diverged"] = "complete"
    if trial.state != TrialState.COMPLETE:
        state = "diverged" if attributes.get(DIVERGED) else "pruned"
    return Trial(
        method=method,
        settings=attributes[SETTINGS],
        state=state,
        epochs=attributes.get(EPOCHS),
        score=None if score is None else round(score, _DECIMALS),
        metrics=shortened(attributes.get(METRICS, {})),
        own=bool(attributes.get(OWN)),
    )


def shortened(values: Mapping[str, float]) -> dict[str, float]:
    """Values with as many decimals as a record keeps."""
    return {name: round(float(value), _DECIMALS) for name, value in values.items()}
