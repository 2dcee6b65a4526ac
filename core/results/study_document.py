"""The document of a study's results: all sections in order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from core.evaluation.comparison import Comparison
from core.evaluation.cost import cost_table, means_by_method, settings_by_method
from core.evaluation.published import (
    published_by_group_table,
    published_table,
    published_views,
)
from core.evaluation.slices import SliceSearch
from core.language import N_, gettext
from core.results.costs import budget_notes, costs_beside, costs_table, timing_notes
from core.results.document import Document, Lines, Section
from core.results.findings import findings, gap_findings
from core.results.json_values import (
    comparison_record,
    fairness_record,
    published_records,
    two_studies_record,
)
from core.results.published import beside_published, published_notes
from core.results.sentences import comparison_notes, fairness_notes, reading_notes
from core.results.slices import (
    SEARCHED,
    error_info,
    not_searched,
    slice_sentence,
    slices_record,
)
from core.results.study_runs import StudyRuns, Views
from core.results.tables import (
    Labels,
    Table,
    distinct_metrics,
    fairness_table,
    further_gaps_table,
    groups_table,
    leaderboard,
    seeds_table,
)
from core.results.two_studies import (
    TwoStudies,
    differences_notes,
    differences_table,
    pairing_notes,
)
from core.study import Study
from core.tasks import Task

FAIRNESS_READING = N_(
    "The two groups that are farthest apart, each with its interval. A gap's interval"
    " holds for whichever groups are farthest apart; then the difference to the"
    " baseline's gap, and its verdict."
)


@dataclass(frozen=True)
class StudyResults:
    """Everything that was computed of a study.

    ``labels`` are what a reader sees of each method, in the order of the tables;
    ``keys`` are the metrics of the leaderboard; ``theirs`` and ``theirs_by_group`` are
    what others published, beside ours; ``per_run`` and ``costs`` are costs of each run
    and method. ``two`` is there beside another study, and ``slices``, by task and
    method, where they were asked for.
    """

    study: Study
    tasks: tuple[Task, ...]
    labels: Labels
    comparison: Comparison
    keys: list[str]
    fairness: Mapping[Views, Comparison]
    theirs: pd.DataFrame
    theirs_by_group: pd.DataFrame
    per_run: pd.DataFrame
    costs: pd.DataFrame
    two: TwoStudies | None = None
    slices: Mapping[str, Mapping[str, SliceSearch]] = field(default_factory=dict)


def study_results(
    runs: StudyRuns,
    comparison: Comparison,
    keys: list[str],
    fairness: Mapping[Views, Comparison],
) -> StudyResults:
    """Set costs and published numbers beside a comparison of a study's runs.

    The comparison may have any method as its baseline; ``keys`` are the leaderboard's.
    """
    study = runs.study
    own = comparison
    beside: Mapping[Views, Comparison] = {}
    if study.published and comparison.baseline != study.baseline:
        # Others' changes are to their own baseline, and so are ours beside them.
        own = runs.compare(keys)
    if study.published_by_group:
        beside, _ = runs.compare_groups(published_views(study.published_by_group))
    per_run = runs.costs()
    return StudyResults(
        study=study,
        tasks=runs.info.tasks,
        labels=runs.labels,
        comparison=comparison,
        keys=keys,
        fairness=fairness,
        theirs=published_table(study.published, own.table, study.baseline),
        theirs_by_group=published_by_group_table(
            study.published_by_group, beside.values()
        ),
        per_run=per_run,
        costs=cost_table(per_run),
        two=runs.two,
    )


def build_document(
    results: StudyResults,
    *,
    costs_beside_metrics: bool = False,
    with_cost: bool = False,
    with_groups: bool = False,
) -> Document:
    """Say all of a study's results.

    The leaderboard has columns of costs only with ``costs_beside_metrics``; every cost
    of every method is shown only ``with_cost``; every group, and every gap,
    ``with_groups``.
    """
    comparison, keys = results.comparison, results.keys
    labels, tasks = results.labels, results.tasks
    board = leaderboard(
        comparison,
        keys,
        labels,
        tasks,
        title=_title(results),
        beside=costs_beside(results.costs, labels) if costs_beside_metrics else None,
    )
    said = findings(comparison, keys, labels, tasks)
    sections = [
        Section("leaderboard", (board,)),
        Section("notes", (_notes(results, costs_beside_metrics),)),
        Section("findings", (Lines("findings", said, gettext("What it says")),)),
        Section("seeds", (seeds_table(comparison, keys, labels, tasks),)),
        *_differences(results),
        *_fairness(results, with_groups=with_groups),
        *_slices(results),
    ]
    if with_cost:
        title = gettext("What each method costs")
        table = costs_table(results.costs, labels, title=title)
        sections.append(Section("cost", (table,)))
    return Document((*sections, Section("published", tuple(_published(results)))))


def _title(results: StudyResults) -> str:
    if results.two is None:
        return gettext(results.study.title)
    own, other = (gettext(s.title) for s in (results.study, results.two.other))
    if own == other:
        return gettext("{study}, two studies", study=own)
    return gettext("{study} beside {other}", study=own, other=other)


def _differences(results: StudyResults) -> Iterator[Section]:
    """The settings in which the two studies differ; any difference is their effect."""
    if results.two is not None:
        table = differences_table(results.two)
        said = Lines("notes", differences_notes(results.two))
        yield Section("differences", (table, said))


def _notes(results: StudyResults, with_costs: bool) -> Lines:
    comparison, labels = results.comparison, results.labels
    own, other = results.study.baseline, comparison.baseline
    replaced = gettext(
        "Compared with {label} ({method}), in place of the study's baseline"
        " ({baseline}).",
        label=labels.get(other, other),
        method=other,
        baseline=own,
    )
    distinct = [first for first, *_ in distinct_metrics(comparison, results.keys)]
    notes = (
        *([replaced] if other != own else []),
        *(pairing_notes(results.two) if results.two else ()),
        *reading_notes(comparison, distinct, results.tasks),
        *comparison_notes(comparison, labels),
        *budget_notes(results.per_run, labels),
        *(timing_notes(results.per_run, labels) if with_costs else ()),
    )
    return Lines("notes", notes)


def _fairness(results: StudyResults, *, with_groups: bool) -> Iterator[Section]:
    tasks, labels = results.tasks, results.labels
    for views, comparison in results.fairness.items():
        more: list[Table] = []
        for view in views:
            title, key = view.title(tasks), view.metric
            table = fairness_table(comparison, key, labels, tasks, title=title)
            yield Section("fairness", (table,))
            said = gap_findings(comparison, key, labels, tasks)
            yield Section("gaps", (Lines("findings", said),))
            every = gettext("{title}: every group", title=title)
            more.append(groups_table(comparison, key, labels, tasks, title=every))
        by = views[0].crossing_in_words
        title = gettext("Further gaps by {features}", features=by)
        more.append(further_gaps_table(comparison, labels, tasks, title=title))
        if with_groups:
            yield Section("fairness", tuple(more))
    compared = results.fairness.values()
    notes = (note for one in compared for note in fairness_notes(one, labels))
    if compared:
        reading = Lines("notes", (_fairness_reading(results), *dict.fromkeys(notes)))
        yield Section("fairness", (reading,))


def _fairness_reading(results: StudyResults) -> str:
    pairs = results.comparison.counterparts
    if pairs is None:
        return gettext(FAIRNESS_READING)
    return gettext(
        "The two groups that are farthest apart, each with its interval. A gap's"
        " interval holds for whichever groups are farthest apart; then the difference"
        " to that of the same method in {place}, and its verdict.",
        place=pairs.where,
    )


def _slices(results: StudyResults) -> Iterator[Section]:
    """Where each method is worst, task by task."""
    tasks, labels = results.tasks, results.labels
    for task in tasks:
        searches = results.slices.get(task.name, {})
        if not searches:
            continue
        info = error_info(task, tasks)
        said = tuple(
            slice_sentence(search, labels[method], info, tasks)
            for method, search in searches.items()
        )
        missing = not_searched(next(iter(searches.values())))
        notes = (gettext(SEARCHED), *([missing] if missing else []))
        title = gettext("Where methods are worst: {metric} by slice", metric=info.label)
        blocks = (Lines("findings", said, title), Lines("notes", notes))
        yield Section("slices", blocks)


def _published(results: StudyResults) -> Iterator[Table | Lines]:
    study = results.study
    named = {name: table.label for name, table in study.methods.items()}
    labels = {**named, **results.labels}
    both = (
        (results.theirs, gettext("Ours beside the published numbers")),
        (
            results.theirs_by_group,
            gettext("Ours beside the published numbers of groups"),
        ),
    )
    for theirs, title in both:
        if theirs.empty:
            continue
        table, sources = beside_published(theirs, labels, results.tasks, title=title)
        yield table
        yield Lines("sources", sources)
        yield Lines(
            "notes",
            tuple(published_notes(study, theirs if "group" in theirs else None)),
        )


def results_record(results: StudyResults) -> dict[str, Any]:
    """The same as plain values, every metric and cost included, ready for JSON."""
    comparison, costs = results.comparison, results.costs
    labels, tasks = results.labels, results.tasks
    return {
        **comparison_record(
            comparison,
            results.study.name,
            means_by_method(costs),
            settings_by_method(costs),
        ),
        "findings": [*findings(comparison, results.keys, labels, tasks)],
        "fairness": [fairness_record(one, labels) for one in results.fairness.values()],
        **_slices_records(results),
        "published": published_records(results.theirs),
        "published_by_group": published_records(results.theirs_by_group),
        "notice": results.study.notice,
        **({"with": two_studies_record(results.two)} if results.two else {}),
    }


def _slices_records(results: StudyResults) -> dict[str, Any]:
    tasks = results.tasks
    found = [
        slices_record(task, results.slices[task.name], tasks)
        for task in tasks
        if results.slices.get(task.name)
    ]
    return {"slices": found} if found else {}
