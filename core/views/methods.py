"""Views of what a method changes: its formula, its curves, and its course of training.

Weights, draws and schedules are computed by NumPy alone; a loss imports Keras when it
is first drawn.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.errors import NothingToShow
from core.language import N_, gettext, ngettext
from core.methods import curves
from core.methods import phases as course
from core.methods.entry import PARTS, Entry, Value
from core.methods.formula_text import formula_text
from core.methods.registry import Part, ResolvedMethod, resolve_method
from core.plots import method_classes, schedule
from core.plots import methods as plots
from core.plots.data import weights_by_value
from core.plots.look import Look, method_styles
from core.study import load_study, shipped_studies
from core.tasks import Binary, Multiclass, Regression, Task
from core.text import BREAK, strong
from core.views.caching import Fingerprint, cached
from core.views.drawing import Drawn, Numbers, draws
from core.views.loads import load_training_rows
from core.views.study_view import StudyView

# A loss over a batch is called once for each: a slider should not wait.
ERROR_POINTS = 44
DRAW_SEED = 0
# Quantity of a class: title of its axis, the level of no remedy, and the quantity in a
# sentence.
_QUANTITIES = {
    "weight": (N_("weight"), 1.0, N_("an image weighs")),
    "shift": (N_("shift (nats, mean 0)"), 0.0, N_("what is added to its logit is")),
}


@dataclass(frozen=True)
class _Picture:
    """What one part of a method does, drawn; the second of two adds no sentence."""

    what: str
    figure: go.Figure
    takeaway: str = ""
    data: pd.DataFrame | None = None


@draws("method-curve", N_("What a method of a study changes: formula, loss or weights"))
def draw_method(view: StudyView, *, method: str = "") -> Drawn:
    """A curve of each part of a method that has one, beside training without it."""
    name = _method_of(view, method)
    label = view.study.methods[name].label
    parts = _parts_of(view, _resolved(view, name))
    pictures = [found for part in parts for found in _pictures(view, part)]
    said = " ".join(
        [picture.takeaway for picture in pictures if picture.takeaway]
        or dict.fromkeys(gettext(part.entry.summary) for part in parts)
    )
    frames = [
        picture.data.assign(figure=picture.what)
        for picture in pictures
        if picture.data is not None
    ]
    formulas = {
        part.entry.label: gettext(
            "{method}: {formula}",
            method=gettext(part.entry.label),
            formula=formula_text(part.entry.formula),
        )
        for part in parts
    }
    return Drawn(
        title=gettext("{method}: what it changes", method=label),
        name=f"methods-{view.study.name}-{name}-curve",
        takeaway=said,
        figures={picture.what: picture.figure for picture in pictures},
        data=pd.concat(frames, ignore_index=True) if frames else None,
        note=BREAK.join(formulas.values()),
        numbers=Numbers(
            _parts_frame(view, parts),
            ngettext(
                "{method} changes {count} part of training.",
                "{method} changes {count} parts of training.",
                len(parts),
                method=label,
            )
            if view.study.methods[name].use
            else gettext("{method} is trained without a remedy.", method=label),
        ),
        column_width=340,
    )


@draws("method-schedule", N_("Learning rate and phases of a method of a study"))
def draw_schedule(view: StudyView, *, method: str = "", images: int = 0) -> Drawn:
    """The course of a method's training, of so many images; 0 for those of the split.

    A method may have a budget, an optimiser and a schedule of its own.
    """
    name = _method_of(view, method)
    if not images:
        rows = load_training_rows(view.study.name)
        if rows is None:
            raise NothingToShow(
                gettext(
                    "The study {study} has no split here yet, so it is not known how "
                    "many images an epoch has.",
                    study=strong(gettext(view.study.title)),
                )
            )
        images = len(rows)
    study, resolved = view.study.for_method(name), _resolved(view, name)
    budget = study.training
    steps = [max(1, images // budget.batch_size)] * budget.epochs
    epochs, rates = course.rate_line(study, name, steps)
    table = pd.DataFrame({"epoch": epochs, "rate": rates})
    warmup = course.warmup_epochs(study, steps)
    phases = [
        (phase.first, phase.end, phase.name)
        for phase in course.phases_of(study, resolved, view.tasks, warmup=warmup)
    ]
    drops = course.drops_of(study, name)
    label = study.methods[name].label
    batches = gettext(
        "Batches of {batch_size} images, {steps} an epoch, from {images} training "
        "images where nothing is drawn.",
        batch_size=budget.batch_size,
        steps=steps[0],
        images=images,
    )
    kept = (
        gettext("The weights of the last epoch are kept.")
        if budget.keep == "last"
        else ngettext(
            "The weights of the best epoch on validation are kept; training ends after "
            "{count} epoch without a better one.",
            "The weights of the best epoch on validation are kept; training ends after "
            "{count} epochs without a better one.",
            budget.patience,
        )
    )
    return Drawn(
        title=gettext("{method}: learning rate and phases", method=label),
        name=f"methods-{study.name}-{name}-schedule",
        takeaway=schedule.schedule_takeaway(table, phases, label=label),
        figures={
            label: schedule.plot_schedule(
                table, phases, label=label, log_axis=bool(drops), drops=drops
            )
        },
        data=table,
        note=f"{batches} {kept}",
    )


def first_with_phases(view: StudyView) -> str:
    """The first method whose training changes on the way; else the first one."""
    methods = view.study.methods
    for name, table in methods.items():
        if any("start" in given for given in table.use.values()):
            return name
    return next(iter(methods))


def usual_of(view: StudyView, task: Task) -> Entry:
    """What training minimises on a task of the study without a remedy."""
    return curves.usual_loss(
        task, logarithmic=task.name in view.study.model.log_targets
    )


def as_table(curve: curves.Curve) -> pd.DataFrame:
    """A curve as its figure takes it."""
    return pd.DataFrame({"x": curve.x, "loss": curve.loss, "gradient": curve.gradient})


@cached(entries=1024)
def load_probability_curve(
    name: str,
    values: tuple[tuple[str, Value], ...],
    task: Binary | Multiclass,
    counts: tuple[int, ...],
    true_class: int,
) -> pd.DataFrame:
    """Loss of an image against the probability of its class, under an entry."""
    part = curves.part_of(curves.entries_of(task)[name], task, dict(values))
    return _by_probability(part, task, counts, true_class)


@cached(entries=512)
def load_error_curve(
    name: str,
    values: tuple[tuple[str, Value], ...],
    task: Regression,
    true_value: float,
    source: Fingerprint,
    _targets: tuple[float, ...],
) -> pd.DataFrame:
    """Loss of an image against the error of its prediction, under an entry.

    ``source`` stands for the file that the targets were read from.
    """
    part = curves.part_of(curves.entries_of(task)[name], task, dict(values))
    return _by_error(part, task, true_value, np.array(_targets))


@cached(entries=1)
def users_of_entries() -> dict[str, tuple[str, ...]]:
    """Shipped studies that use an entry, with their methods, by the entry's name."""
    users: dict[str, dict[str, list[str]]] = {}
    for name in shipped_studies():
        study = load_study(name)
        for method in study.methods.values():
            for entry in method.use:
                title = gettext(study.title)
                users.setdefault(entry, {}).setdefault(title, []).append(method.label)
    return {
        entry: tuple(f"{title} ({', '.join(labels)})" for title, labels in by.items())
        for entry, by in users.items()
    }


def _method_of(view: StudyView, name: str) -> str:
    """The method of the study that is asked for; the first with a remedy if none is."""
    methods = view.study.methods
    if name and name not in methods:
        raise NothingToShow(
            gettext(
                "The study {study} trains no method {method}.",
                study=strong(gettext(view.study.title)),
                method=strong(name),
            )
        )
    if not view.study.is_trained:
        raise NothingToShow(
            gettext(
                "The study {study} was made of a table of predictions: there is no "
                "training that a method could change.",
                study=strong(gettext(view.study.title)),
            )
        )
    usual = next(iter(methods))
    return name or next((m for m, table in methods.items() if table.use), usual)


def _resolved(view: StudyView, name: str) -> ResolvedMethod:
    study = view.study.for_method(name)
    return resolve_method(study, name, view.tasks, view.dataset.sensitive_features)


def _parts_of(view: StudyView, method: ResolvedMethod) -> list[Part]:
    """The parts of a method; of one without a remedy, the usual losses."""
    named = (
        method.losses,
        method.features,
        method.adjustments,
        method.objectives,
        method.decisions,
    )
    parts = [*method.weights, *method.samplers]
    parts += [part for by_task in named for part in by_task.values()]
    usual = [curves.part_of(usual_of(view, task), task) for task in view.tasks]
    return parts or usual


def _parts_frame(view: StudyView, parts: Sequence[Part]) -> pd.DataFrame:
    """A row a part: what it is, what it looks at, its parameters and its source."""
    labels = {task.name: gettext(task.label) for task in view.tasks}
    return pd.DataFrame(
        {
            gettext("Changes"): [gettext(PARTS[p.entry.part].title) for p in parts],
            gettext("Remedy"): [gettext(part.entry.label) for part in parts],
            gettext("On"): [labels.get(part.on, part.on) for part in parts],
            gettext("In words"): [gettext(part.entry.summary) for part in parts],
            gettext("Parameters"): [
                ", ".join(f"{key} {value}" for key, value in part.parameters.items())
                or "–"
                for part in parts
            ],
            gettext("Source"): [part.entry.paper for part in parts],
        }
    )


def _pictures(view: StudyView, part: Part) -> Iterator[_Picture]:
    """What can be drawn of a part: of one that looks at groups, nothing."""
    rows = load_training_rows(view.study.name)
    if rows is None or part.on not in rows:
        return
    task = {task.name: task for task in view.tasks}.get(part.on)
    if isinstance(task, Regression):
        targets = rows[task.name].to_numpy(np.float64)
        if part.entry.part == "loss":
            yield from _error_pictures(view, part, task, targets)
        elif part.entry.part == "weights":
            yield _target_picture(part, task, targets)
        return
    names = task.classes if task else tuple(view.dataset.sensitive_features[part.on])
    found = rows[part.on].value_counts()
    classes = tuple(name for name in names if found.get(name, 0))
    counts = tuple(int(found[name]) for name in classes)
    if part.entry.part == "loss" and task is not None and classes == task.classes:
        yield from _probability_pictures(view, part, task, counts)
    elif part.entry.part == "sampler":
        yield _draws_picture(
            part, classes, counts, gettext(task.label) if task else part.on
        )
    elif part.entry.part in ("weights", "adjustment"):
        yield _class_picture(
            part, classes, counts, gettext(task.label) if task else part.on
        )


def _look_of(part: Part, *others: Entry) -> Look:
    entries = {entry.name: gettext(entry.label) for entry in (*others, part.entry)}
    first = next(iter(entries))
    names = tuple(entries)
    return Look(names, method_styles(names, first), entries, first)


def _probability_pictures(
    view: StudyView, part: Part, task: Binary | Multiclass, counts: tuple[int, ...]
) -> Iterator[_Picture]:
    """Loss and gradient of an image of the rarest class, beside the usual loss."""
    usual = usual_of(view, task)
    rare = method_classes.order_by_count(counts)[-1]
    # A step of a cosine is not a step of a logit: the two are not drawn together.
    others = [] if part.head == "cosine" else [curves.part_of(usual, task)]
    drawn = {each.entry.name: each for each in (*others, part)}
    tables = {
        name: _by_probability(each, task, counts, rare) for name, each in drawn.items()
    }
    look = _look_of(part, *(each.entry for each in others))
    takeaway = plots.probability_takeaway(
        tables, look, usual.name, deltas={}, num_classes=len(task.classes)
    )
    titles = {
        plots.LOSS: gettext(
            "{task}: loss of an image of {class_name}",
            task=gettext(task.label),
            class_name=task.classes[rare],
        ),
        plots.GRADIENT: gettext(
            "{task}: gradient of an image of {class_name}",
            task=gettext(task.label),
            class_name=task.classes[rare],
        ),
    }
    for value, title in titles.items():
        yield _Picture(
            title,
            plots.plot_by_probability(
                tables,
                value,
                look,
                defaults={},
                num_classes=len(task.classes),
                log_axis=True,
            ),
            *((takeaway, gathered(tables, "p")) if value == plots.LOSS else ()),
        )


def _error_pictures(
    view: StudyView, part: Part, task: Regression, targets: np.ndarray
) -> Iterator[_Picture]:
    """Loss and gradient of a rare target's image, beside the usual loss."""
    usual = curves.part_of(usual_of(view, task), task)
    truth = float(round(np.quantile(targets, 0.95)))
    drawn = {each.entry.name: each for each in (usual, part)}
    tables = {
        name: _by_error(each, task, truth, targets) for name, each in drawn.items()
    }
    look = _look_of(part, usual.entry)
    takeaway = plots.error_takeaway(
        tables, look, unit=gettext(task.unit), true_value=truth
    )
    table = gathered(tables, f"error_{task.unit}")
    target = plots.with_unit(truth, gettext(task.unit))
    titles = {
        plots.LOSS: gettext(
            "{task}: loss of an image of {target}",
            task=gettext(task.label),
            target=target,
        ),
        plots.GRADIENT: gettext(
            "{task}: gradient of an image of {target}",
            task=gettext(task.label),
            target=target,
        ),
    }
    for value, title in titles.items():
        yield _Picture(
            title,
            plots.plot_by_error(
                tables, value, look, defaults={}, unit=gettext(task.unit), relative=True
            ),
            *((takeaway, table) if value == plots.LOSS else ()),
        )


def _target_picture(part: Part, task: Regression, targets: np.ndarray) -> _Picture:
    """Weight of an image by its target, over the histogram of the training images."""
    weights = curves.target_weights(part, targets)
    tables = {part.entry.name: weights_by_value(targets, weights)}
    (histogram,) = tables.values()
    look = _look_of(part)
    return _Picture(
        gettext("{task}: weight of an image", task=gettext(task.label)),
        method_classes.plot_by_target(
            tables, histogram, look, label=gettext(task.label), unit=gettext(task.unit)
        ),
        method_classes.by_target_takeaway(
            tables, histogram, look, unit=gettext(task.unit)
        ),
        gathered(tables, "value"),
    )


def _class_picture(
    part: Part, classes: tuple[str, ...], counts: tuple[int, ...], label: str
) -> _Picture:
    """Weight of an image of each class, or what is added to the class's logit."""
    if part.entry.part == "weights":
        quantity, names = "weight", "names" in part.entry.needs
        values = curves.class_weights(part, counts, names=classes if names else None)
    else:
        quantity = "shift"
        values = np.asarray(part.build(np.array(counts)), dtype=np.float64)
        values = values - values.mean()
    y_title, reference, what = _QUANTITIES[quantity]
    table = pd.DataFrame(
        {"method": part.entry.name, "class": range(len(classes)), "value": values}
    )
    look = _look_of(part)
    return _Picture(
        gettext("{task}: {method}", task=label, method=gettext(part.entry.label)),
        method_classes.plot_by_class(
            table,
            classes,
            counts,
            look,
            x_title=gettext("{label}, from common to rare", label=label),
            y_title=gettext(y_title),
            reference=reference,
        ),
        method_classes.by_class_takeaway(
            table, classes, counts, look, what=gettext(what)
        ),
        table.assign(**{"class": list(classes)}),
    )


def _draws_picture(
    part: Part, classes: tuple[str, ...], counts: tuple[int, ...], label: str
) -> _Picture:
    """Images of each class in one epoch, as a sampler draws them."""
    seen = curves.drawn_images(part, counts, seed=DRAW_SEED).tolist()
    drawn, look = {part.entry.name: seen}, _look_of(part)
    return _Picture(
        gettext("{task}: {method}", task=label, method=gettext(part.entry.label)),
        method_classes.plot_drawn_images(
            drawn,
            classes,
            counts,
            look,
            x_title=gettext("{label}, from common to rare", label=label),
        ),
        method_classes.drawn_takeaway(drawn, classes, counts, look),
        pd.DataFrame({"class": classes, "training_images": counts, "drawn": seen}),
    )


def _by_probability(
    part: Part, task: Binary | Multiclass, counts: Sequence[int], true_class: int
) -> pd.DataFrame:
    line = curves.probability_line()
    return as_table(
        curves.loss_curve(part, task, counts, true_class=true_class, probabilities=line)
    )


def _by_error(
    part: Part, task: Regression, true_value: float, targets: np.ndarray
) -> pd.DataFrame:
    low, high = task.minimum - true_value, task.maximum - true_value
    below = round(ERROR_POINTS * -low / (high - low)) + 1
    sides = np.linspace(low, 0, below), np.linspace(0, high, ERROR_POINTS - below + 2)
    return as_table(
        curves.error_curve(
            part,
            task,
            targets,
            true_value=true_value,
            errors=np.unique(np.concatenate(sides)),
        )
    )


def gathered(tables: Mapping[str, pd.DataFrame], x: str) -> pd.DataFrame:
    """Tables of several methods below one another, for the download."""
    together = pd.concat(tables, names=["method"]).reset_index(level=0)
    return together.rename(columns={"x": x})
