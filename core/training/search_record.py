"""The study that a search comes to, with the record of everything that it tried."""

import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

from core.study import Search, Study, Trial
from core.training.search_space import with_settings
from core.training.trial_storage import storage_faults
from core.training.tuning import (
    SETTINGS,
    MethodSearch,
    Searched,
    best_trial,
    finished,
    recipe,
    record_trial,
    shortened,
)

FEWEST = 8
"""Fewest complete trials of a method for which importance is computed."""
_TUNED = ", tuned"


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
    search = Search(
        trials=(*before, *trials),
        of=study.name,
        seed=searched.seed,
        split=searched.split,
        importance=importance,
    )
    title = study.title.removesuffix(_TUNED) + _TUNED
    return study.model_copy(update={"name": name, "title": title, "search": search})


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
