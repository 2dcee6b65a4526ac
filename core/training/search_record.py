"""The study that a search comes to, with the record of everything that it tried."""

from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

from core.study import Search, Study, Trial
from core.training.jobs import with_epochs
from core.training.search_space import with_settings
from core.training.trial_storage import storage_faults
from core.training.tuned_file import write_tuned
from core.training.tuning import (
    SETTINGS,
    MethodSearch,
    Searched,
    SearchListener,
    best_trial,
    finished,
    prepare_search,
    recipe,
    record_trial,
    search,
    shortened,
)

FEWEST = 8
"""Fewest complete trials of a method for which importance is computed."""
_TUNED = ", tuned"


def search_and_write(
    study: Study,
    storage: optuna.storages.RDBStorage,
    methods: Sequence[str],
    trials: int,
    place: Path,
    *,
    epochs: int | None = None,
    data: Path | None = None,
    listener: SearchListener,
) -> Study:
    """Search methods of a study, and write the study that comes out of it.

    Parameters
    ----------
    study : Study
    storage : RDBStorage
        Where the trials are; those of an earlier call count.
    methods : sequence of str
    trials : int
        Of each method.
    place : Path
        The tuned study's TOML file; its name is the study's.
    epochs : int, optional
        Of a trial, in place of the study's.
    data : Path, optional
        Where the dataset is; a generated one needs none.
    listener : SearchListener

    Returns
    -------
    Study
        The tuned one.

    Raises
    ------
    EquipoiseError
        If the study or the data cannot be used, or the file cannot be written.
    """
    budget = with_epochs(study, epochs)
    searched = prepare_search(budget, storage, data=data, listener=listener)
    search(searched, methods, trials, listener)
    tuned = tuned_study(searched, study, place.stem)
    write_tuned(tuned, place)
    return tuned


def tuned_study(searched: Searched, study: Study, name: str) -> Study:
    """The study with the best settings of every method whose search is finished.

    Parameters
    ----------
    searched : Searched
    study : Study
        As it was given, before weights brought anything along.
    name : str
        Of the tuned one.

    Returns
    -------
    Study
        With its record; tries of earlier searches stay in it.
    """
    found = _finished_searches(searched)
    trials: list[Trial] = []
    importance: dict[str, dict[str, float]] = {}
    for method, tried in found.items():
        best = best_trial(tried)
        if best is not None:
            study = with_settings(study, method, best.user_attrs[SETTINGS])
        for trial in finished(tried):
            is_best = best is not None and trial.number == best.number
            record = record_trial(method, trial)
            trials.append(record.model_copy(update={"chosen": is_best}))
        if shares := _importance(tried):
            importance[method] = shares
    before = [
        trial.model_copy(update={"chosen": trial.chosen and trial.method not in found})
        for trial in study.search.trials
    ]
    found_all = Search(
        trials=(*before, *trials),
        of=study.name,
        seed=searched.seed,
        split=searched.split,
        importance=importance,
    )
    title = study.title.removesuffix(_TUNED) + _TUNED
    return study.model_copy(update={"name": name, "title": title, "search": found_all})


def _finished_searches(searched: Searched) -> dict[str, optuna.Study]:
    study = searched.study
    # The recipe of the baseline comes before what was tried under it.
    ordered = sorted(study.methods, key=lambda name: name != study.baseline)
    found: dict[str, optuna.Study] = {}
    with storage_faults():
        for method in ordered:
            own = MethodSearch(searched, recipe(searched, method), method)
            if (tried := own.find()) is not None:
                found[method] = tried
    return found


def _importance(trials: optuna.Study) -> dict[str, float]:
    """Share of each setting in the variance of the skill; empty if it is not known."""
    complete = trials.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    skills = {trial.value for trial in complete}
    if len(complete) < FEWEST or len(skills) < 2:
        return {}
    shares = get_param_importances(trials, evaluator=FanovaImportanceEvaluator(seed=0))
    return shortened(shares)
