"""Views of a study's data: its split, what was left out, classes, weights, labels."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.label_noise import count_flipped
from core.data.manifest import (
    SPLITS,
    TEST,
    TRAINING,
    VALIDATION,
    split_fingerprint,
)
from core.data.near_copies import COMPARED, REPORT, SIDE, say_near_copies
from core.errors import NothingToShow, ViewError
from core.language import N_, gettext, in_form, ngettext
from core.methods.weights import DenseWeight
from core.plots import data as plots
from core.plots.data import Column
from core.runs import data_report, shipped_manifest
from core.tasks import Regression
from core.text import code, number, percent, strong
from core.views.caching import Fingerprint, cached, data_fingerprint
from core.views.drawing import Drawn, Numbers, draws
from core.views.study_view import StudyView

Named = TypeVar("Named")
ALPHA = 0.25
"""DenseWeight's strength, unless another is asked for."""
HIGHEST_ALPHA = 2.0
# By the split of the images, and that of their copies.
_WITH_A_COPY = {
    (TEST, TRAINING): N_("Test images with a copy in training"),
    (VALIDATION, TRAINING): N_("Validation images with a copy in training"),
    (TEST, VALIDATION): N_("Test images with a copy in validation"),
}


def find_manifest(study: str) -> pd.DataFrame | None:
    """One row an image, as the study was split; None where it is not here yet.

    Raises
    ------
    EquipoiseError
        If it cannot be read.
    """
    return _manifest(data_fingerprint(study), study)


def load_manifest(view: StudyView) -> pd.DataFrame:
    """As ``find_manifest``.

    Raises
    ------
    NothingToShow
        If it is not here yet.
    """
    manifest = find_manifest(view.study.name)
    if manifest is None:
        raise NothingToShow(
            gettext(
                "The manifest of {title} is not here yet: it is written with the "
                "first run.",
                title=strong(gettext(view.study.title)),
            )
        )
    return manifest


def load_report(study: str) -> dict[str, Any]:
    """What was found in the data; empty where it is not known.

    Raises
    ------
    EquipoiseError
        If it cannot be read.
    """
    return _report(data_fingerprint(study), study)


def load_columns(view: StudyView) -> dict[str, Column]:
    """Targets and sensitive features of the manifest, by name."""
    return plots.columns_of(view.dataset, load_manifest(view))


@draws("data-split", N_("How many images each split has"))
def draw_split(view: StudyView) -> Drawn:
    """Sizes and fingerprint of the split."""
    manifest, report = load_manifest(view), load_report(view.study.name)
    sizes = manifest["split"].value_counts()
    found = (report.get("counts") or {}).get("found", len(manifest))
    rows = {
        gettext("Training images"): int(sizes.get(TRAINING, 0)),
        gettext("Validation images"): int(sizes.get(VALIDATION, 0)),
        gettext("Test images"): int(sizes.get(TEST, 0)),
        gettext("Images found"): found,
    }
    key = report.get("split_fingerprint") or split_fingerprint(manifest)
    takeaway = gettext(
        "{sizes}: the same for every method and seed.", sizes=_sizes_text(sizes)
    )
    return Drawn(
        title=gettext("The split of the images"),
        name=f"{view.study.name}_split",
        takeaway=takeaway,
        data=manifest[["image_id", "split"]],
        numbers=_tiles(
            {name: number(count, 0) for name, count in rows.items()},
            takeaway,
            gettext(
                "Split fingerprint {key}: a hash of which image is in which "
                "split, the same for every method and seed of this study.",
                key=code(key),
            ),
        ),
    )


def _sizes_text(sizes: "pd.Series[int]") -> str:
    """How many images each split has, in words."""
    return ", ".join(
        gettext("{n} {split} images", n=sizes[name], split=gettext(name))
        for name in SPLITS
        if name in sizes
    )


@draws("data-accounting", N_("Where every image went"))
def draw_accounting(view: StudyView) -> Drawn:
    """Images left out, by reason, and images of each split."""
    accounting = plots.account_images(load_report(view.study.name))
    if accounting.empty:
        raise NothingToShow(
            gettext(
                "The study {title} has no account of its images.",
                title=strong(gettext(view.study.title)),
            )
        )
    return Drawn(
        title=gettext("Where every image went"),
        name="data_accounting",
        takeaway=plots.takeaway_accounting(accounting),
        figures={gettext("Images"): plots.plot_accounting(accounting)},
        data=accounting,
        note=plots.thinning_note(accounting),
    )


@draws("data-unreadable", N_("Pictures that cannot be read"))
def draw_unreadable(view: StudyView) -> Drawn:
    """The pictures that cannot be read, and why."""
    table = plots.list_unreadable(load_report(view.study.name))
    if table.empty:
        raise NothingToShow(
            gettext(
                "No picture of the study {title} is known to be unreadable.",
                title=strong(gettext(view.study.title)),
            )
        )
    said = ngettext(
        "{count} picture cannot be read, left out",
        "{count} pictures cannot be read, left out",
        len(table),
    )
    return Drawn(
        title=said,
        name="data_unreadable",
        takeaway=f"{said}.",
        data=table,
        numbers=Numbers(
            _said_unreadable(table),
            gettext(
                "Pictures that cannot be read, the split that each was drawn into, and "
                "what is wrong with it"
            ),
            note=gettext("No count on this page and no prediction has them."),
            is_long=True,
        ),
    )


def _said_unreadable(table: pd.DataFrame) -> pd.DataFrame:
    """The table of unreadable pictures, its headings and splits as they are said."""
    return table.assign(**{"drawn for": table["drawn for"].map(gettext)}).rename(
        columns={
            "picture": gettext("picture"),
            "drawn for": gettext("drawn for"),
            "why": gettext("why"),
        }
    )


@draws("data-near-copies", N_("Near-copies between the splits"))
def draw_near_copies(view: StudyView) -> Drawn:
    """How many test and validation images have a near-copy in another split."""
    report = load_report(view.study.name)
    sentence = say_near_copies(report, drawn=view.dataset.generated)
    if not sentence:
        raise NothingToShow(
            gettext(
                "Near-copies were not looked for in the study {title}.",
                title=strong(gettext(view.study.title)),
            )
        )
    shares = {
        gettext(_WITH_A_COPY[of, at]): percent(table["share"], 1)
        for of, at in COMPARED
        if (table := report[REPORT].get(f"{of}_in_{at}"))
    }
    return Drawn(
        title=gettext("Near-copies between the splits"),
        name="data_near_copies",
        takeaway=sentence,
        numbers=_tiles(
            shares,
            sentence,
            gettext(
                "Compared at {side} pixels, mirrored too, by their lowest "
                "frequencies as they differ from the other pictures'. Looked at "
                "by eye, nearly all that was found on CIFAR-10 and UTKFace showed "
                "the same photo. Copies that are shifted or cut are not found: of "
                "CIFAR-10's test images this finds 2.8 % in all training images, "
                "and people found 3.3 % (Barz and Denzler, 2020).",
                side=SIDE,
            ),
        ),
    )


@draws("data-twins", N_("What two labels of one photo say about all labels"))
def draw_twins(view: StudyView) -> Drawn:
    """How far the labels of two copies of a photo differ."""
    report = load_report(view.study.name)
    sentence = plots.takeaway_twins(report)
    if not sentence:
        raise NothingToShow(
            gettext(
                "In the study {title} no two labels of one photo were compared.",
                title=strong(gettext(view.study.title)),
            )
        )
    twins = report["twins"]
    noise = twins["label_noise"]
    rows = {gettext("Pairs of the same photo"): number(twins["pairs"], 0)}
    if "age_mean_difference" in noise:
        rows[gettext("Mean difference in age")] = gettext(
            "{years} years", years=number(noise["age_mean_difference"], 1)
        )
    ending = "_disagreement"
    rows |= {
        gettext("Differ in {feature}", feature=gettext(name.removesuffix(ending))): (
            percent(share, 1)
        )
        for name, share in noise.items()
        if name.endswith(ending)
    }
    return Drawn(
        title=gettext("Near-duplicates measure the labels"),
        name="data_twins",
        takeaway=sentence,
        numbers=_tiles(
            rows,
            sentence,
            gettext(
                "Two photos count as the same one when their 256-bit perceptual hashes "
                "differ in at most {bits} bits. Copies of test photos, and spare "
                "copies, were removed before training.",
                bits=twins.get("threshold_bits", "–"),
            ),
        ),
    )


@draws("data-flipped", N_("Labels flipped on purpose"))
def draw_flipped(view: StudyView) -> Drawn:
    """Labels that the study flipped on purpose, by group."""
    noise, manifest = view.study.label_noise, load_manifest(view)
    if noise is None or (table := count_flipped(manifest, noise)).empty:
        raise NothingToShow(
            gettext(
                "The study {title} has flipped no label on purpose.",
                title=strong(gettext(view.study.title)),
            )
        )
    takeaway = plots.takeaway_flipped(table, view.dataset.task(noise.task), noise.by)
    shown = table.assign(
        split=table["split"].map(gettext),
        labels=[number(count, 0) for count in table["labels"]],
        flipped=[number(count, 0) for count in table["flipped"]],
        percent=[number(value, 1) for value in table["percent"]],
    ).rename(
        columns={
            "group": gettext(noise.by or "images"),
            "split": gettext("split"),
            "labels": gettext("labels"),
            "flipped": gettext("flipped"),
            "percent": gettext("flipped (%)"),
        }
    )
    return Drawn(
        title=gettext("Labels flipped on purpose"),
        name="data_flipped",
        takeaway=takeaway,
        data=table,
        numbers=Numbers(_with_headings(shown), takeaway),
    )


@draws("data-noise", N_("Label noise by group, where the truth is known"))
def draw_known_noise(view: StudyView, *, feature: str = "") -> Drawn:
    """Label noise in the groups of a feature, where the dataset knows the truth."""
    known = features_with_noise(view)
    if not known:
        raise NothingToShow(
            gettext(
                "Nobody knows the true values of the study {title} beside its labels.",
                title=strong(gettext(view.study.title)),
            )
        )
    name, noise = _named(known, feature, N_("feature with known label noise"))
    takeaway = gettext(
        "These pictures are generated, so the true values are known beside the labels "
        "that the methods are trained on and measured with."
    )
    shown = noise.map(lambda v: number(v, 2) if isinstance(v, float) else v).rename(
        columns={name: gettext(name)}
    )
    return Drawn(
        title=gettext("Label noise by {name}", name=gettext(name.replace("_", " "))),
        name=f"data_noise_{name}",
        takeaway=takeaway,
        data=noise,
        numbers=Numbers(_with_headings(shown), takeaway),
    )


def features_with_noise(view: StudyView) -> dict[str, pd.DataFrame]:
    """Label noise by group, for each feature of which the truth is known."""
    manifest = load_manifest(view)
    # What was flipped on purpose is shown by itself.
    flipped = view.study.label_noise and view.study.label_noise.task
    tasks = tuple(task for task in view.dataset.tasks if task.name != flipped)
    info = replace(view.dataset, tasks=tasks)
    tables = {
        name: plots.known_label_noise(manifest, info, name)
        for name in info.sensitive_features
    }
    return {name: table for name, table in tables.items() if not table.empty}


@draws("data-classes", N_("The classes of a target or a sensitive feature, by split"))
def draw_classes(view: StudyView, *, column: str = "", share: bool = True) -> Drawn:
    """Images of each class in each split, or their share of it."""
    name, chosen = _named(load_columns(view), column, N_("target or sensitive feature"))
    counts = plots.count_classes(load_manifest(view), chosen)
    return Drawn(
        title=gettext("{label} by split", label=chosen.label),
        name="data_classes",
        takeaway=plots.takeaway_classes(counts, chosen.label),
        figures={name: plots.plot_classes(counts, chosen.label, as_share=share)},
        data=counts,
        note=gettext("Before any method draws from or weighs the training images."),
    )


@draws("data-imbalance", N_("Imbalance of the training images"))
def draw_imbalance(view: StudyView) -> Drawn:
    """Largest and smallest training class of every column, and their ratio."""
    manifest = load_manifest(view)
    if TRAINING not in splits_of(manifest):
        raise NothingToShow(
            gettext(
                "The study {title} has no training images.",
                title=strong(gettext(view.study.title)),
            )
        )
    summary = plots.summarise_columns(manifest, load_columns(view).values())
    ratios = [in_form(f"{ratio:g}") for ratio in summary["imbalance ratio"]]
    takeaway = plots.takeaway_columns(summary)
    shown = summary.assign(**{"imbalance ratio": ratios}).rename(
        columns={
            "column": gettext("column"),
            "classes": gettext("classes"),
            "largest": gettext("Largest"),
            "smallest": gettext("Smallest"),
            "imbalance ratio": gettext("imbalance ratio"),
        }
    )
    return Drawn(
        title=gettext("Imbalance of the training images"),
        name="data_imbalance",
        takeaway=takeaway,
        numbers=Numbers(
            _with_headings(shown),
            takeaway,
            note=gettext(
                "Imbalance ratio: largest class over smallest; 1 is balanced."
            ),
        ),
    )


def usual_crossing(columns: Mapping[str, Column]) -> tuple[str, str]:
    """Rows and columns of the crossing that is shown first."""
    names = list(columns)
    # A phone has room for the many classes below one another.
    across, down = sorted(
        (names[0], names[-1]), key=lambda name: len(columns[name].classes)
    )
    return down, across


@draws("data-crossing", N_("Images of every pair of classes of two columns"))
def draw_crossing(
    view: StudyView, *, rows: str = "", columns: str = "", split: str = ""
) -> Drawn:
    """Heat map of the images in each pair of classes; training images first."""
    manifest, known = load_manifest(view), load_columns(view)
    if len(known) < 2:
        raise NothingToShow(
            gettext(
                "A crossing needs two columns; the study {title} has one.",
                title=strong(gettext(view.study.title)),
            )
        )
    down, across = usual_crossing(known)
    name, shown_down = _named(known, rows or down, N_("column"))
    others = {other: column for other, column in known.items() if other != name}
    _, shown_across = _named(
        others, columns or (across if across in others else ""), N_("other column")
    )
    splits = {one: one for one in splits_of(manifest)}
    chosen, _ = _named(splits, split, N_("split"))
    table = plots.count_crossing(
        manifest[manifest["split"] == chosen], shown_down, shown_across
    )
    title = f"{shown_down.label} × {shown_across.label}, {gettext(chosen)}"
    return Drawn(
        title=title,
        name="data_crossing",
        takeaway=plots.takeaway_crossing(table, chosen),
        figures={title: plots.plot_crossing(table)},
        data=table.reset_index(),
        note=gettext(
            "Each cell holds its number of images; the colour follows its logarithm."
        ),
    )


def splits_of(manifest: pd.DataFrame) -> list[str]:
    """Splits that have images, in their order."""
    there = set(manifest["split"].unique())
    return [name for name in SPLITS if name in there]


def weighed_tasks(view: StudyView) -> list[Regression]:
    """The tasks whose numbers DenseWeight can weigh.

    Raises
    ------
    NothingToShow
        If there is none.
    """
    manifest = load_manifest(view)
    tasks = [
        task
        for task in view.tasks
        if isinstance(task, Regression) and task.name in manifest
    ]
    if not tasks:
        raise NothingToShow(
            gettext(
                "DenseWeight weighs numbers, and the study {title} predicts "
                "classes only.",
                title=strong(gettext(view.study.title)),
            )
        )
    return tasks


@draws("data-weights", N_("DenseWeight over the training images"))
def draw_weights(view: StudyView, *, task: str = "", alpha: float = ALPHA) -> Drawn:
    """DenseWeight over the real histogram; ``alpha`` is its strength."""
    asked, values = _targets(view, task)
    if not 0 <= alpha <= HIGHEST_ALPHA:
        raise ViewError(
            gettext(
                "DenseWeight's alpha is {alpha}.",
                alpha=in_form(f"{alpha:g}"),
            ),
            expected=gettext(
                "a number from 0 to {highest_alpha}.",
                highest_alpha=in_form(f"{HIGHEST_ALPHA:g}"),
            ),
            remedy=gettext(
                "correct it, or leave it out for {alpha}.",
                alpha=in_form(f"{ALPHA:g}"),
            ),
        )
    name = view.study.name
    density = _density(data_fingerprint(name), name, asked.name, values)
    table = plots.weights_by_value(values, density.with_alpha(alpha).training_weights)
    return Drawn(
        title=gettext("DenseWeight over the training images"),
        name="data_weights",
        takeaway=plots.takeaway_weights(table, asked, alpha),
        figures={gettext(asked.label): plots.plot_weights(table, asked, alpha)},
        data=table,
        note=gettext(
            "Weights have mean 1 over the training images. Steininger et al., 2021: "
            "Gaussian kernel, bandwidth {bandwidth} {unit}.",
            bandwidth=number(density.bandwidth, 2),
            unit=gettext(asked.unit),
        ),
    )


@draws("data-logarithm", N_("A number that is predicted, and its logarithm"))
def draw_logarithm(view: StudyView, *, task: str = "") -> Drawn:
    """Histograms of the training targets and of their logarithm."""
    asked, values = _targets(view, task)
    if values.min() <= 0:
        raise NothingToShow(
            gettext(
                "In the study {title} {label} can be zero or less, which has no "
                "logarithm.",
                title=strong(gettext(view.study.title)),
                label=gettext(asked.label).lower(),
            )
        )
    note = gettext(
        "A model that learns the logarithm is held to relative errors: one year off at "
        "five counts as much as ten off at fifty."
    )
    logs = {asked.name: values, f"log_{asked.name}": np.log(values)}
    return Drawn(
        title=gettext("{label} and its logarithm", label=gettext(asked.label)),
        name="data_log",
        takeaway=plots.takeaway_log_target(values, asked),
        figures={gettext(asked.label): plots.plot_log_target(values, asked)},
        data=pd.DataFrame(logs),
        note=note if asked.unit == "years" else "",
    )


def _targets(view: StudyView, name: str) -> tuple[Regression, NDArray[np.float64]]:
    """A task that predicts a number, and its training targets."""
    tasks = {task.name: task for task in weighed_tasks(view)}
    _, task = _named(tasks, name, N_("task that predicts a number"))
    manifest = load_manifest(view)
    training = manifest[manifest["split"] == TRAINING]
    values = training[task.name].to_numpy(dtype=np.float64)
    if len(values) < 2 or np.ptp(values) == 0:
        raise NothingToShow(
            gettext(
                "The study {title} has too few different training targets to weigh.",
                title=strong(gettext(view.study.title)),
            )
        )
    return task, values


def _named(known: Mapping[str, Named], name: str, what: str) -> tuple[str, Named]:
    """One of several by its name; the first where none is named."""
    if name and name not in known:
        raise ViewError(
            gettext("There is no {what} '{name}' here.", what=gettext(what), name=name),
            expected=gettext("one of {known}.", known=", ".join(known)),
            remedy=gettext("correct the name, or leave it out."),
        )
    name = name or next(iter(known))
    return name, known[name]


def _tiles(values: Mapping[str, str], takeaway: str, note: str) -> Numbers:
    """A few numbers, each with what it counts."""
    frame = pd.DataFrame(
        {gettext("What"): list(values), gettext("Value"): list(values.values())}
    )
    return Numbers(frame, takeaway, note=note)


def _with_headings(table: pd.DataFrame) -> pd.DataFrame:
    """The table with columns that begin with a capital, as headings do."""
    return table.rename(columns=lambda name: name[:1].upper() + name[1:])


@cached(entries=4)
def _manifest(key: Fingerprint, study: str) -> pd.DataFrame | None:
    return shipped_manifest(study)


@cached(entries=8)
def _report(key: Fingerprint, study: str) -> dict[str, Any]:
    return data_report(study) or {}


@cached(entries=8)
def _density(
    key: Fingerprint, study: str, task: str, _values: NDArray[np.float64]
) -> DenseWeight:
    """Fitted once; its strength is set later."""
    return DenseWeight.fit(_values)
