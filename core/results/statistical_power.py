"""How large a difference a study can find with so many seeds: said before training."""

from collections.abc import Iterator

from core.errors import EquipoiseError
from core.evaluation.metrics import metric_info
from core.language import gettext, ngettext
from core.results.sentences import detectable_text
from core.results.study_runs import StudyRuns, load_study_runs
from core.results.tables import distinct_metrics
from core.study import Study


def planned_differences(study: Study) -> tuple[str, ...]:
    """Say before training which differences a study can find, from its runs so far.

    How many seeds the study plans, and a line for each headline metric; or why nothing
    can be said yet. Empty for a study of one method.
    """
    if len(study.methods) < 2:
        return ()
    planned = _planned_seeds(study)
    try:
        runs = load_study_runs(study.name)
        said = tuple(_by_metric(runs))
    except EquipoiseError:
        said = ()
    if said:
        known = gettext(
            "By its {count} runs so far, a difference from the baseline is found with"
            " 80 % power from about (median over the methods):",
            count=len(runs.runs),
        )
        return (f"{planned} {known}", *said)
    unknown = gettext(
        "Which difference they can find is not known yet: that takes two seeds of the"
        " baseline and one run of another method. One seed of a method says nothing of"
        " how its trainings vary."
    )
    return (f"{planned} {unknown}",)


def _by_metric(runs: StudyRuns) -> Iterator[str]:
    comparison = runs.compare()
    for key, *_ in distinct_metrics(comparison, runs.headline(comparison)[0]):
        info = metric_info(key, runs.info.tasks)
        if found := detectable_text(comparison.table, info):
            said = gettext("{metric}: {found}.", metric=info.label, found=found)
            yield f"  {said}"


def _planned_seeds(study: Study) -> str:
    counts = {len(study.seeds_of(method)) for method in study.methods}
    low, high = min(counts), max(counts)
    if low == high:
        return ngettext(
            "The study plans {count} seed a method.",
            "The study plans {count} seeds a method.",
            low,
        )
    return gettext(
        "The study plans {low} to {high} seeds a method.", low=low, high=high
    )
