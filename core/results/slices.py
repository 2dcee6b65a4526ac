"""The slices of a study: its images by everything known of them, and what was found."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from core.data.attributes import load_attributes
from core.data.cache import Progress
from core.data.catalog import renderer
from core.data.image_properties import PROPERTIES, measure_images
from core.data.manifest import TEST, DatasetInfo
from core.data.picture_paths import DATA_VARIABLE, copied_paths, drawn_paths, own_copy
from core.errors import EquipoiseError
from core.evaluation.alignment import AlignedPredictions, align_predictions
from core.evaluation.comparison_rows import STUDY_FAMILY
from core.evaluation.metrics import MetricInfo, metric_info
from core.evaluation.slice_features import SliceFeatures, collect_features, group_words
from core.evaluation.slices import FEWEST, SliceSearch, find_slices, pool_slices
from core.evaluation.variance import TrainingVariance
from core.language import N_, gettext, ngettext
from core.results.json_values import plain
from core.results.numbers import between, write
from core.results.study_runs import StudyRuns, study_options
from core.runs import shipped_manifest
from core.study import Study
from core.tasks import Regression, Task
from core.text import clauses, listed, strong

NO_FILE = N_("no picture has a file of its own")
SEARCHED = N_(
    "A slice is a group of one feature, or of two crossed, with 20 test images or more."
    " They are ranked by the lower end of the difference's interval. Slices are chosen"
    " on these test images, so check each one on new images."
)


def error_info(task: Task, tasks: tuple[Task, ...]) -> MetricInfo:
    """The metric that slices are compared by: the error rate, or the MAE."""
    name = "mae" if isinstance(task, Regression) else "error_rate"
    return metric_info(f"{task.name}.{name}", tasks)


def study_features(
    study: Study,
    info: DatasetInfo,
    table: pd.DataFrame,
    *,
    manifest: pd.DataFrame | None,
    paths: Mapping[str, str],
    no_pictures: str,
    progress: Progress = lambda what, done, total: None,
) -> SliceFeatures:
    """Group the test images of a study by everything that is known of them.

    Parameters
    ----------
    study : Study
    info : DatasetInfo
    table : DataFrame
        Predictions of one run.
    manifest : DataFrame, optional
        That the runs were trained on.
    paths : mapping of str to str
        Of the pictures that can be read here, by image id.
    no_pictures : str
        Why there is none.
    progress : callable

    Returns
    -------
    SliceFeatures
        Sensitive features, the truth of every task, the manifest's further columns,
        what was drawn of generated pictures, and how light, sharp and large pictures
        are.
    """
    ids = pd.Index(table["image_id"].astype(str), name="image_id")
    attributes, left_out = pd.DataFrame(index=ids), dict[str, str]()
    own = {one: paths[one] for one in ids if one in paths} if paths else {}
    if manifest is not None:
        known = _attributes(study, info, manifest[manifest["split"] == TEST])
        attributes = attributes if known is None else attributes.join(known)
    if own:
        try:
            measured = measure_images(
                own,
                study.model.image_size,
                render=renderer(study),
                study=study.name,
                progress=progress,
            )
            unknown = measured.columns[measured.isna().all()]
            left_out = dict.fromkeys(unknown, NO_FILE)
            new = measured.columns.difference([*attributes, *unknown], sort=False)
            attributes = attributes.join(measured[new])
        except EquipoiseError as error:
            left_out = dict.fromkeys(PROPERTIES, error.problem.rstrip("."))
    else:
        left_out = dict.fromkeys(PROPERTIES, no_pictures)
    grouped = collect_features(
        table, info.tasks, tuple(info.sensitive_features), attributes
    )
    return SliceFeatures(grouped.groups, {**grouped.left_out, **left_out})


def _attributes(
    study: Study, info: DatasetInfo, rows: pd.DataFrame
) -> pd.DataFrame | None:
    """What is known of images beyond their labels; None if nothing is."""
    known = {"split", *info.sensitive_features, *(task.name for task in info.tasks)}
    load = partial(load_attributes, study, tasks=info.tasks, task=info.tasks[0])
    # One row tells the columns: a million take as long as the search.
    if known >= set(load(rows.head(1)).columns):
        return None
    return load(rows).drop(columns=list(known), errors="ignore")


def study_slices(
    runs: StudyRuns,
    *,
    against: str | None = None,
    progress: Progress = lambda what, done, total: None,
) -> dict[str, dict[str, SliceSearch]]:
    """Search the slices of every method of a study.

    Parameters
    ----------
    runs : StudyRuns
    against : str, optional
        Method in whose order the images are, in place of the study's baseline.
    progress : callable

    Returns
    -------
    dict of str to dict of str to SliceSearch
        By task and method.

    Raises
    ------
    EquipoiseError
        If a copy of the pictures that the environment names cannot be read.
    """
    first = against or runs.study.baseline
    if runs.two is not None and against is None:
        first = next(iter(runs.tables))[0]
    table = runs.tables[min(run for run in runs.tables if run[0] == first)]
    manifest = shipped_manifest(runs.study.name)
    features = study_features(
        runs.study,
        runs.info,
        table,
        manifest=manifest,
        paths=_paths(runs, table, manifest),
        no_pictures=gettext(
            "the pictures are not here; set {variable} to your own copy",
            variable=DATA_VARIABLE,
        ),
        progress=progress,
    )
    options = study_options(runs.study, runs.runs, runs.tables, first)
    found = {}
    for task in runs.info.tasks:
        aligned = align_predictions(runs.tables, [task], first)
        found[task.name] = search_slices(aligned, task, features, options)
    return found


def search_slices(
    aligned: AlignedPredictions,
    task: Task,
    features: SliceFeatures,
    options: Mapping[str, Any],
    methods: Sequence[str] | None = None,
    pooled: TrainingVariance | None = None,
) -> dict[str, SliceSearch]:
    """Search slices as a study's own methods tell how much they vary.

    Parameters
    ----------
    aligned, task, features, methods, pooled
        As for ``slices.find_slices``.
    options : mapping
        From ``study_runs.study_options``.
    """
    own = _search_options(aligned, options)
    return find_slices(aligned, task, features, methods, pooled=pooled, **own)


def pool_searches(
    aligned: AlignedPredictions,
    task: Task,
    features: SliceFeatures,
    options: Mapping[str, Any],
) -> TrainingVariance | None:
    """Pool what ``search_slices`` needs to know of trainings, once for all methods."""
    return pool_slices(aligned, task, features, **_search_options(aligned, options))


def _search_options(
    aligned: AlignedPredictions, options: Mapping[str, Any]
) -> dict[str, Any]:
    families = options["families"]
    return {
        "trained": [m for m in aligned.methods if families[m] == STUDY_FAMILY],
        "trainings": options["trainings"],
        "design": options["design"],
    }


def _paths(
    runs: StudyRuns, table: pd.DataFrame, manifest: pd.DataFrame | None
) -> dict[str, str]:
    """Paths of the test pictures that are drawn, or in a copy that is here."""
    if not runs.info.has_pictures:
        return {}
    if runs.info.generated:
        return drawn_paths(runs.study, table["image_id"].astype(str))
    copy = own_copy(runs.study)
    return {} if copy is None else copied_paths(runs.study, copy, shipped=manifest)


_YES_NO = {"yes": N_("with {feature}"), "no": N_("without {feature}")}


def slice_text(row: Mapping[Any, Any] | pd.Series, tasks: Sequence[Task]) -> str:
    """A slice in words: "hair is bald and group is C", "without earrings"."""
    parts = slice_parts(row).items()
    return listed([_group_text(feature_words(f, tasks), g) for f, g in parts])


def _group_text(feature: str, group: str) -> str:
    if group in _YES_NO:
        return gettext(_YES_NO[group], feature=feature)
    # Glasses are "no glasses", and not "glasses is no glasses".
    if feature in group.lower().split():
        return group
    return gettext("{feature} is {group}", feature=feature, group=group_words(group))


def slice_parts(row: Mapping[Any, Any] | pd.Series) -> dict[str, str]:
    """The features of a slice, each with its group."""
    parts = {row["feature"]: row["group"], row["second_feature"]: row["second_group"]}
    return {str(feature): str(group) for feature, group in parts.items() if feature}


def feature_words(feature: str, tasks: Sequence[Task]) -> str:
    """A feature in the middle of a sentence: "age" for the bins of an age."""
    labels = {task.name: gettext(task.label).lower() for task in tasks}
    labels |= {f"{name}_bin": label for name, label in labels.items()}
    return labels.get(feature) or gettext(feature.replace("_", " "))


def slice_sentence(
    search: SliceSearch, label: str, info: MetricInfo, tasks: Sequence[Task]
) -> str:
    """Where a method is most certainly worse, or that it is so nowhere.

    Parameters
    ----------
    search : SliceSearch
    label : str
        Of the method.
    info : MetricInfo
        From ``error_info``.
    tasks : sequence of Task
    """
    number = search.looked_at
    if not number:
        return gettext(
            "No group has {fewest} test images, so there is no slice to look at.",
            fewest=FEWEST,
        )
    if search.found.empty:
        return ngettext(
            "{method}: None of {count} slice is certainly worse than all images.",
            "{method}: None of {count} slices is certainly worse than all images.",
            number,
            method=strong(label),
        )
    row, more = search.found.iloc[0], len(search.found) - 1
    said = ngettext(
        "{method} is most certainly worse where {where}: {metric} {error} against"
        " {overall} overall, {difference} (n = {n}), corrected for {count} slice.",
        "{method} is most certainly worse where {where}: {metric} {error} against"
        " {overall} overall, {difference} (n = {n}), corrected for {count} slices.",
        number,
        method=strong(label),
        where=slice_text(row, tasks),
        metric=info.label,
        error=info.format(row["error"], unit=True),
        overall=info.format(search.overall, unit=True),
        difference=difference_text(row, info),
        n=row["n"],
    )
    if not more:
        return said
    others = gettext("It is certainly worse in {count} more.", count=more)
    return f"{said} {others}"


def difference_text(row: Mapping[Any, Any] | pd.Series, info: MetricInfo) -> str:
    """A slice's error less the overall error, with its interval."""
    ends = between(info, row["low"], row["high"], signed=True)
    return f"{write(info, row['delta'], signed=True)} {ends}"


def not_searched(search: SliceSearch) -> str:
    """Features that were not searched, with the reasons; empty if there are none."""
    reasons: dict[str, list[str]] = {}
    for feature, reason in search.left_out.items():
        reasons.setdefault(reason, []).append(gettext(feature.replace("_", " ")))
    if not reasons:
        return ""
    said = [f"{listed(names)} ({gettext(reason)})" for reason, names in reasons.items()]
    return gettext("Not searched: {features}.", features=clauses(said))


def slices_record(
    task: Task, searches: Mapping[str, SliceSearch], tasks: tuple[Task, ...]
) -> dict[str, Any]:
    """The found slices of one task, ready for JSON.

    Returns
    -------
    dict
        ``{"task", "metric", "fewest_images", "looked_at", "same_images",
        "not_searched", "methods"}``. Each of the ``methods`` has ``name``, its
        ``overall`` error, and the ``slices`` in which it is certainly worse, the worst
        first: ``where`` (feature to group), ``n``, ``error``, ``difference`` to
        ``overall`` with its ``ci``, and ``p``.
    """
    first = next(iter(searches.values()))
    return {
        "task": task.name,
        "metric": error_info(task, tasks).key,
        "fewest_images": FEWEST,
        "looked_at": first.looked_at,
        "same_images": first.same,
        "not_searched": first.left_out,
        "methods": [
            {
                "name": method,
                "overall": plain(search.overall),
                "slices": [
                    {
                        "where": slice_parts(row),
                        "n": int(row["n"]),
                        "error": plain(row["error"]),
                        "difference": plain(row["delta"]),
                        "ci": [plain(row["low"]), plain(row["high"])],
                        "p": plain(row["p"]),
                    }
                    for row in search.found.to_dict("records")
                ],
            }
            for method, search in searches.items()
        ],
    }
