"""Views of a study's data: its split, what was left out, classes, weights, labels."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.label_noise import count_flipped
from core.data.leakage import COMPARED, REPORT, SIDE, say_near_copies
from core.data.manifest import SPLITS, TRAINING, split_fingerprint
from core.errors import NothingToShow, ViewError
from core.methods.weights import DenseWeight
from core.plots import data as plots
from core.plots.data import Column
from core.runs import data_report, shipped_manifest
from core.tasks import Regression
from core.text import code, plural, strong
from core.views.caching import Fingerprint, cached, data_fingerprint
from core.views.drawing import Drawn, Numbers, draws
from core.views.study_view import StudyView

Named = TypeVar("Named")
ALPHA = 0.25
"""DenseWeight's strength, unless another is asked for."""
HIGHEST_ALPHA = 2.0


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
            f"The manifest of {strong(view.study.title)} is not here yet: it is "
            "written with the first run."
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


@draws("data-split", "How many images each split has")
def draw_split(view: StudyView) -> Drawn:
    """Sizes and fingerprint of the split."""
    manifest, report = load_manifest(view), load_report(view.study.name)
    sizes = manifest["split"].value_counts()
    found = (report.get("counts") or {}).get("found", len(manifest))
    rows = {f"{name.capitalize()} images": int(sizes.get(name, 0)) for name in SPLITS}
    rows["Images found"] = found
    key = report.get("split_fingerprint") or split_fingerprint(manifest)
    used = _sizes_text(sizes)
    return Drawn(
        title="The split of the images",
        name=f"{view.study.name}_split",
        takeaway=f"{used}: the same for every method and seed.",
        data=manifest[["image_id", "split"]],
        numbers=_tiles(
            {name: f"{count:,}" for name, count in rows.items()},
            f"{used}: the same for every method and seed.",
            f"Split fingerprint {code(key)}: a hash of which image is in which split, "
            "the same for every method and seed of this study.",
        ),
    )


def _sizes_text(sizes: "pd.Series[int]") -> str:
    """How many images each split has, in words."""
    parts = [f"{sizes[name]:,} {name} images" for name in SPLITS if name in sizes]
    return ", ".join(parts)


@draws("data-accounting", "Where every image went")
def draw_accounting(view: StudyView) -> Drawn:
    """Images left out, by reason, and images of each split."""
    accounting = plots.account_images(load_report(view.study.name))
    if accounting.empty:
        raise NothingToShow(
            f"The study {strong(view.study.title)} has no account of its images."
        )
    return Drawn(
        title="Where every image went",
        name="data_accounting",
        takeaway=plots.takeaway_accounting(accounting),
        figures={"Images": plots.plot_accounting(accounting)},
        data=accounting,
        note=plots.thinning_note(accounting),
    )


@draws("data-unreadable", "Pictures that cannot be read")
def draw_unreadable(view: StudyView) -> Drawn:
    """The pictures that cannot be read, and why."""
    table = plots.list_unreadable(load_report(view.study.name))
    if table.empty:
        raise NothingToShow(
            f"No picture of the study {strong(view.study.title)} is known to be "
            "unreadable."
        )
    said = f"{plural(len(table), 'picture')} cannot be read, left out"
    return Drawn(
        title=said,
        name="data_unreadable",
        takeaway=f"{said}.",
        data=table,
        numbers=Numbers(
            table,
            "Pictures that cannot be read, the split that each was drawn into, and"
            " what is wrong with it",
            note="No count on this page and no prediction has them.",
            is_long=True,
        ),
    )


@draws("data-near-copies", "Near-copies between the splits")
def draw_near_copies(view: StudyView) -> Drawn:
    """How many test and validation images have a near-copy in another split."""
    report = load_report(view.study.name)
    sentence = say_near_copies(report, drawn=view.dataset.generated)
    if not sentence:
        raise NothingToShow(
            f"Near-copies were not looked for in the study {strong(view.study.title)}."
        )
    shares = {
        f"{of.capitalize()} images with a copy in {at}": f"{table['share']:.1%}"
        for of, at in COMPARED
        if (table := report[REPORT].get(f"{of}_in_{at}"))
    }
    return Drawn(
        title="Near-copies between the splits",
        name="data_near_copies",
        takeaway=sentence,
        numbers=_tiles(
            shares,
            sentence,
            f"Compared at {SIDE} pixels, mirrored too, by their lowest frequencies as"
            " they differ from the other pictures'. Looked at by eye, nearly all that"
            " was found on CIFAR-10 and UTKFace showed the same photo. Copies that are"
            " shifted or cut are not found: of CIFAR-10's test images this finds 2.8 %"
            " in all training images, and people found 3.3 % (Barz and Denzler, 2020).",
        ),
    )


@draws("data-twins", "What two labels of one photo say about all labels")
def draw_twins(view: StudyView) -> Drawn:
    """How far the labels of two copies of a photo differ."""
    report = load_report(view.study.name)
    sentence = plots.takeaway_twins(report)
    if not sentence:
        raise NothingToShow(
            f"In the study {strong(view.study.title)} no two labels of one photo were "
            "compared."
        )
    twins = report["twins"]
    noise = twins["label_noise"]
    rows = {"Pairs of the same photo": f"{twins['pairs']:,}"}
    if "age_mean_difference" in noise:
        rows["Mean difference in age"] = f"{noise['age_mean_difference']:.1f} years"
    ending = "_disagreement"
    rows |= {
        f"Differ in {name.removesuffix(ending)}": f"{share:.1%}"
        for name, share in noise.items()
        if name.endswith(ending)
    }
    return Drawn(
        title="Near-duplicates measure the labels",
        name="data_twins",
        takeaway=sentence,
        numbers=_tiles(
            rows,
            sentence,
            "Two photos count as the same one when their 256-bit perceptual hashes"
            f" differ in at most {twins.get('threshold_bits', '–')} bits. Copies of"
            " test photos, and spare copies, were removed before training.",
        ),
    )


@draws("data-flipped", "Labels flipped on purpose")
def draw_flipped(view: StudyView) -> Drawn:
    """Labels that the study flipped on purpose, by group."""
    noise, manifest = view.study.label_noise, load_manifest(view)
    if noise is None or (table := count_flipped(manifest, noise)).empty:
        raise NothingToShow(
            f"The study {strong(view.study.title)} has flipped no label on purpose."
        )
    takeaway = plots.takeaway_flipped(table, view.dataset.task(noise.task), noise.by)
    shown = table.assign(percent=table["percent"].map("{:.1f}".format)).rename(
        columns={"group": noise.by or "images", "percent": "flipped (%)"}
    )
    return Drawn(
        title="Labels flipped on purpose",
        name="data_flipped",
        takeaway=takeaway,
        data=table,
        numbers=Numbers(_with_headings(shown), takeaway),
    )


@draws("data-noise", "Label noise by group, where the truth is known")
def draw_known_noise(view: StudyView, *, feature: str = "") -> Drawn:
    """Label noise in the groups of a feature, where the dataset knows the truth."""
    known = features_with_noise(view)
    if not known:
        raise NothingToShow(
            f"Nobody knows the true values of the study {strong(view.study.title)} "
            "beside its labels."
        )
    name, noise = _named(known, feature, "feature with known label noise")
    takeaway = (
        "These pictures are generated, so the true values are known beside the labels "
        "that the methods are trained on and measured with."
    )
    shown = noise.map(lambda v: f"{v:.2f}" if isinstance(v, float) else v)
    return Drawn(
        title=f"Label noise by {name}",
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


@draws("data-classes", "The classes of a target or a sensitive feature, by split")
def draw_classes(view: StudyView, *, column: str = "", share: bool = True) -> Drawn:
    """Images of each class in each split, or their share of it."""
    name, chosen = _named(load_columns(view), column, "target or sensitive feature")
    counts = plots.count_classes(load_manifest(view), chosen)
    return Drawn(
        title=f"{chosen.label} by split",
        name="data_classes",
        takeaway=plots.takeaway_classes(counts, chosen.label),
        figures={name: plots.plot_classes(counts, chosen.label, as_share=share)},
        data=counts,
        note="Before any method draws from or weighs the training images.",
    )


@draws("data-imbalance", "Imbalance of the training images")
def draw_imbalance(view: StudyView) -> Drawn:
    """Largest and smallest training class of every column, and their ratio."""
    manifest = load_manifest(view)
    if TRAINING not in splits_of(manifest):
        raise NothingToShow(
            f"The study {strong(view.study.title)} has no training images."
        )
    summary = plots.summarise_columns(manifest, load_columns(view).values())
    ratios = summary["imbalance ratio"].map("{:g}".format)
    takeaway = plots.takeaway_columns(summary)
    shown = _with_headings(summary.assign(**{"imbalance ratio": ratios}))
    return Drawn(
        title="Imbalance of the training images",
        name="data_imbalance",
        takeaway=takeaway,
        numbers=Numbers(
            shown,
            takeaway,
            note="Imbalance ratio: largest class over smallest; 1 is balanced.",
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


@draws("data-crossing", "Images of every pair of classes of two columns")
def draw_crossing(
    view: StudyView, *, rows: str = "", columns: str = "", split: str = ""
) -> Drawn:
    """Heat map of the images in each pair of classes; training images first."""
    manifest, known = load_manifest(view), load_columns(view)
    if len(known) < 2:
        raise NothingToShow(
            f"A crossing needs two columns; the study {strong(view.study.title)} has "
            "one."
        )
    down, across = usual_crossing(known)
    name, shown_down = _named(known, rows or down, "column")
    others = {other: column for other, column in known.items() if other != name}
    _, shown_across = _named(
        others, columns or (across if across in others else ""), "other column"
    )
    splits = {one: one for one in splits_of(manifest)}
    chosen, _ = _named(splits, split, "split")
    table = plots.count_crossing(
        manifest[manifest["split"] == chosen], shown_down, shown_across
    )
    title = f"{shown_down.label} × {shown_across.label}, {chosen}"
    return Drawn(
        title=title,
        name="data_crossing",
        takeaway=plots.takeaway_crossing(table, chosen),
        figures={title: plots.plot_crossing(table)},
        data=table.reset_index(),
        note="Each cell holds its number of images; the colour follows its logarithm.",
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
            f"DenseWeight weighs numbers, and the study {strong(view.study.title)} "
            "predicts classes only."
        )
    return tasks


@draws("data-weights", "DenseWeight over the training images")
def draw_weights(view: StudyView, *, task: str = "", alpha: float = ALPHA) -> Drawn:
    """DenseWeight over the real histogram; ``alpha`` is its strength."""
    asked, values = _targets(view, task)
    if not 0 <= alpha <= HIGHEST_ALPHA:
        raise ViewError(
            f"DenseWeight's alpha is {alpha:g}.",
            expected=f"a number from 0 to {HIGHEST_ALPHA:g}.",
            remedy=f"correct it, or leave it out for {ALPHA:g}.",
        )
    name = view.study.name
    density = _density(data_fingerprint(name), name, asked.name, values)
    table = plots.weights_by_value(values, density.with_alpha(alpha).training_weights)
    return Drawn(
        title="DenseWeight over the training images",
        name="data_weights",
        takeaway=plots.takeaway_weights(table, asked, alpha),
        figures={asked.label: plots.plot_weights(table, asked, alpha)},
        data=table,
        note="Weights have mean 1 over the training images. Steininger et al., 2021:"
        f" Gaussian kernel, bandwidth {density.bandwidth:.2f} {asked.unit}.",
    )


@draws("data-logarithm", "A number that is predicted, and its logarithm")
def draw_logarithm(view: StudyView, *, task: str = "") -> Drawn:
    """Histograms of the training targets and of their logarithm."""
    asked, values = _targets(view, task)
    if values.min() <= 0:
        raise NothingToShow(
            f"In the study {strong(view.study.title)} {asked.label.lower()} can be "
            "zero or less, which has no logarithm."
        )
    note = (
        "A model that learns the logarithm is held to relative errors: one year off at "
        "five counts as much as ten off at fifty."
    )
    logs = {asked.name: values, f"log_{asked.name}": np.log(values)}
    return Drawn(
        title=f"{asked.label} and its logarithm",
        name="data_log",
        takeaway=plots.takeaway_log_target(values, asked),
        figures={asked.label: plots.plot_log_target(values, asked)},
        data=pd.DataFrame(logs),
        note=note if asked.unit == "years" else "",
    )


def _targets(view: StudyView, name: str) -> tuple[Regression, NDArray[np.float64]]:
    """A task that predicts a number, and its training targets."""
    tasks = {task.name: task for task in weighed_tasks(view)}
    _, task = _named(tasks, name, "task that predicts a number")
    manifest = load_manifest(view)
    training = manifest[manifest["split"] == TRAINING]
    values = training[task.name].to_numpy(dtype=np.float64)
    if len(values) < 2 or np.ptp(values) == 0:
        raise NothingToShow(
            f"The study {strong(view.study.title)} has too few different training "
            "targets to weigh."
        )
    return task, values


def _named(known: Mapping[str, Named], name: str, what: str) -> tuple[str, Named]:
    """One of several by its name; the first where none is named."""
    if name and name not in known:
        raise ViewError(
            f"There is no {what} '{name}' here.",
            expected=f"one of {', '.join(known)}.",
            remedy="correct the name, or leave it out.",
        )
    name = name or next(iter(known))
    return name, known[name]


def _tiles(values: Mapping[str, str], takeaway: str, note: str) -> Numbers:
    """A few numbers, each with what it counts."""
    frame = pd.DataFrame({"What": list(values), "Value": list(values.values())})
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
