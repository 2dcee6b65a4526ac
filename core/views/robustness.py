"""Views of answers to corrupted images: by severity, in all, and the pictures."""

import io
from collections.abc import Sequence

import numpy as np
import pandas as pd
from PIL import Image

from core.data.corruptions import (
    CORRUPTIONS,
    FAMILIES,
    SEVERITIES,
    change_name,
    corrupt,
    published_side,
)
from core.data.readers import avatars
from core.errors import NothingToShow, ViewError
from core.evaluation.comparison import Comparison
from core.evaluation.metrics import MetricInfo, metric_info
from core.language import N_, gettext
from core.plots import robustness as plots
from core.results.corrupted import (
    CorruptedAnswers,
    CorruptedRuns,
    compare_corrupted,
    corrupted_counts,
    read_corrupted,
    robustness_keys,
    robustness_names,
)
from core.results.frame import table_frame
from core.results.tables import leaderboard
from core.runs import Run
from core.study import Study
from core.tasks import Task
from core.text import clauses, code, listed, strong
from core.views.caching import cached
from core.views.drawing import Drawn, Numbers, any_task_of, draws
from core.views.loads import load_tables
from core.views.study_view import StudyView

SHOWN_AVATAR = 12
"""The avatar that corruptions are shown on: no person is in the picture."""
SHOWN_SIDE = 96
"""Its pixels, where the study does not say how large its pictures are."""


@draws("robustness", N_("Answers to corrupted images, at every severity"))
def draw_robustness(view: StudyView, *, task: str = "", metric: str = "") -> Drawn:
    """One metric of one task against severity, a panel a family of corruptions."""
    asked = any_task_of(view, task)
    info = robustness_metric(view, asked, metric)
    answers = load_corrupted(view)
    look = view.look.only([m for m in view.methods if m in answers.methods])
    groups = load_conditions(view, (info.key,)).groups
    whole = load_all_corrupted(view, (info.key,))
    table = plots.severity_table(groups, info, look)
    return Drawn(
        title=gettext("{metric} under corruption", metric=info.label),
        name=f"{view.study.name}-{asked.name}-{info.name}-robustness",
        takeaway=plots.robustness_takeaway(table, whole.table, info, look),
        figures={info.label: plots.plot_severities(table, info, look)},
        data=table,
        note=_note(view, answers, whole, info),
    )


@draws("robustness-in-all", N_("Mean corruption error, with verdicts"))
def draw_mean_corruption_error(view: StudyView, *, task: str = "") -> Drawn:
    """The metrics of one task over all corruptions and severities, one row a method."""
    asked = any_task_of(view, task)
    answers = load_corrupted(view)
    look = view.look.only([m for m in view.methods if m in answers.methods])
    keys = robustness_keys((asked,))
    infos = [metric_info(key, view.tasks) for key in keys]
    whole, groups = load_all_corrupted(view, keys), load_conditions(view, keys).groups
    labels = {method: view.labels[method] for method in look.methods}
    frame = table_frame(leaderboard(whole, keys, labels, view.tasks))
    for info in infos:
        written = plots.clean_column(groups, info)
        heading = gettext("Clean: {metric}", metric=info.own_label)
        frame[heading] = [written[method] for method in look.methods]
    said = plots.in_all_takeaway(whole.table, infos[0], look)
    return Drawn(
        title=gettext("Over all corruptions and severities"),
        name=f"{view.study.name}-{asked.name}-robustness-in-all",
        takeaway=said,
        data=pd.concat(
            [plots.differences_frame(whole.table, info, look) for info in infos]
        ),
        numbers=Numbers(
            frame,
            said,
            note=" ".join(
                [
                    corrupted_counts(whole),
                    gettext(
                        "The error rate over all of them is the mean corruption error "
                        "(Hendrycks and Dietterich, ICLR 2019), not divided by that of "
                        "another network. In brackets the 95 % interval, then the "
                        "difference from the baseline with its verdict; the last "
                        "columns are of the same images without corruption."
                    ),
                ]
            ),
        ),
    )


@draws("corruptions", N_("What the corruptions do to a picture"))
def draw_corruptions(view: StudyView) -> Drawn:
    """An avatar after every corruption, at every severity."""
    side = view.study.model.image_size or SHOWN_SIDE
    strips = _strips(side)
    return Drawn(
        title=gettext("What the corruptions do to a picture"),
        name=f"{view.study.name}-corruptions",
        takeaway=gettext(
            "{count} corruptions, each at {severities} severities, on an avatar of "
            "{side} pixels: first the picture as it is, then severity 1 to "
            "{severities}.",
            count=len(CORRUPTIONS),
            severities=len(SEVERITIES),
            side=side,
        ),
        figures={
            gettext(label): plots.plot_strips(
                {
                    gettext(one.label): strips[one.name]
                    for one in CORRUPTIONS.values()
                    if one.family == family
                },
                {
                    gettext(one.label): gettext(one.explanation)
                    for one in CORRUPTIONS.values()
                },
                1 + len(SEVERITIES),
            )
            for family, label in FAMILIES.items()
        },
        note=gettext(
            "The avatar is drawn by this program: no person is shown. Corruptions of "
            "Hendrycks and Dietterich (ICLR 2019), with the strengths that were "
            "published for pictures of {published} pixels, made to the picture as the "
            "model takes it.",
            published=published_side(side),
        ),
        column_width=440,
    )


def robustness_metric(view: StudyView, task: Task, name: str = "") -> MetricInfo:
    """A metric that corrupted images are judged by; the first where none is named.

    Raises
    ------
    ViewError
        If there is no such metric.
    """
    known = robustness_names(task)
    if name and name not in known:
        raise ViewError(
            gettext("Corrupted images are not judged by '{metric}'.", metric=name),
            expected=gettext("one of {names}.", names=", ".join(known)),
            remedy=gettext("correct the name, or leave it out for the first."),
        )
    return metric_info(f"{task.name}.{name or known[0]}", view.tasks)


def require_corrupted(view: StudyView) -> None:
    """Fail where no run answered corrupted images.

    Raises
    ------
    NothingToShow
    """
    if not any(run.corrupted_images for run in view.runs):
        raise NothingToShow(
            gettext(
                "These runs of {study} were not measured on corrupted images. "
                "{command} measures your own runs that have a model.",
                study=strong(view.title),
                command=code(f"equipoise robustness {view.study.name}"),
            )
        )


def load_corrupted(view: StudyView) -> CorruptedRuns:
    """The runs that answered the same corrupted images.

    Raises
    ------
    NothingToShow
        If none did.
    """
    require_corrupted(view)
    return _measured(view.runs)


def load_all_corrupted(view: StudyView, keys: Sequence[str]) -> Comparison:
    """All methods on all corrupted images; ``NothingToShow`` as ``load_corrupted``."""
    return _compare(view, keys, by_condition=False)


def load_conditions(view: StudyView, keys: Sequence[str]) -> Comparison:
    """The same within each family and severity, and on the same images as they are."""
    return _compare(view, keys, by_condition=True)


def _compare(view: StudyView, keys: Sequence[str], *, by_condition: bool) -> Comparison:
    found = load_corrupted(view)
    baseline = _baseline(view, found)
    given = (baseline, tuple(keys), found.runs, view.tasks, view.study)
    return _compared(*given, by_condition=by_condition)


def _baseline(view: StudyView, found: CorruptedRuns) -> str:
    return view.baseline if view.baseline in found.methods else found.methods[0]


def _note(
    view: StudyView, answers: CorruptedRuns, whole: Comparison, info: MetricInfo
) -> str:
    better = {
        "higher": gettext("Higher is better."),
        "lower": gettext("Lower is better."),
    }
    kinds = clauses(
        gettext(
            "{name}: {value}",
            name=gettext(label),
            value=listed(
                [
                    gettext(one.label)
                    for one in CORRUPTIONS.values()
                    if one.family == family
                ]
            ),
        )
        for family, label in FAMILIES.items()
    )
    said = [
        better.get(info.direction, ""),
        corrupted_counts(whole),
        gettext(
            "Severity 0 is the same images as they are. Bands are 95 % intervals over "
            "the images, each drawn with all its corruptions, and over the seeds where "
            "a method has several. {kinds}.",
            kinds=kinds,
        ),
    ]
    measured = [method for method in view.methods if method in answers.methods]
    if len(plots.with_bands(measured, view.baseline)) < len(measured):
        said.append(
            gettext(
                "Of so many methods only the baseline has its band; the interval of "
                "each point is under the pointer and in the CSV."
            )
        )
    missing = [view.labels[m] for m in view.methods if m not in answers.methods]
    if missing:
        said.append(gettext("Not measured: {methods}.", methods=listed(missing)))
    if answers.others:
        names = listed([run.name for run in answers.others])
        said.append(
            gettext("Measured on other images, and left out: {runs}.", runs=names)
        )
    return " ".join(filter(None, said))


@cached(entries=16, outlives=True)
def _measured(runs: tuple[Run, ...]) -> CorruptedRuns:
    answers = _answers(runs)
    return CorruptedRuns(answers.runs, answers.others)


@cached(entries=4)
def _answers(runs: tuple[Run, ...]) -> CorruptedAnswers:
    return read_corrupted(runs)


@cached(entries=32, says=N_("Comparing the methods…"), outlives=True)
def _compared(
    baseline: str,
    keys: tuple[str, ...],
    runs: tuple[Run, ...],
    tasks: tuple[Task, ...],
    study: Study,
    *,
    by_condition: bool,
) -> Comparison:
    answers = _answers(runs)
    clean = load_tables(answers.runs) if by_condition else None
    return compare_corrupted(answers, study, tasks, keys, baseline, beside=clean)


@cached(entries=4)
def _strips(side: int) -> dict[str, bytes]:
    """The avatar as it is and at each severity, side by side as PNG, by corruption."""
    plain = avatars.render(SHOWN_AVATAR, side, avatars.AvatarsOptions())
    found = {}
    for name in CORRUPTIONS:
        changed = [corrupt(plain, change_name(name, s)) for s in SEVERITIES]
        buffer = io.BytesIO()
        strip = np.concatenate([plain, *changed], axis=1)
        Image.fromarray(strip).save(buffer, "PNG")
        found[name] = buffer.getvalue()
    return found
