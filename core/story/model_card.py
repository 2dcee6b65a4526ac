"""The model card of a method of a study: use, data, protocol, results, limits.

Source: the sections follow Mitchell et al., Model Cards for Model Reporting, FAT* 2019.
Departures: what no study records, such as who is responsible for a model, is left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.errors import EquipoiseError, StudyError
from core.evaluation.comparison import Comparison
from core.evaluation.cost import COSTS, cost_table, run_costs
from core.evaluation.fairness_views import FairnessView, fairness_views
from core.evaluation.metrics import headline_keys, metric_info
from core.language import N_, gettext, in_form, ngettext
from core.methods.entries import ENTRIES
from core.models.known_backbones import backbone_label
from core.plots.search import trials_of
from core.results.cells import Cell, Text, heading
from core.results.markdown import table_markdown
from core.results.sentences import compared_with, comparison_notes, fairness_notes
from core.results.tables import Column, Table
from core.runs import Run
from core.story.provenance import PROVENANCE, Provenance, provenance_of
from core.story.questions import jury_questions
from core.text import escape_document, listed, to_plain
from core.views.loads import load_comparison, load_metrics
from core.views.study_view import StudyView

# Metrics of each class or bin, and the titles of their tables.
_CLASS_METRICS = {
    "f1": N_("{task} F1 of each class"),
    "mae": N_("{task} MAE of each bin"),
}


@dataclass(frozen=True)
class CardSection:
    """A section: sentences, then tables.

    Parameters
    ----------
    name : str
        Short, for an address.
    title : str
    sentences : tuple of str
        Whole ones.
    tables : tuple of Table
        For any renderer of ``core.results``.
    """

    name: str
    title: str
    sentences: tuple[str, ...]
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class ModelCard:
    """The model card of a method of a study.

    Parameters
    ----------
    title, study, method, label : str
    sections : tuple of CardSection
        Intended use, data and licences, protocol, results, results by group, limits,
        and where the numbers come from.
    """

    title: str
    study: str
    method: str
    label: str
    sections: tuple[CardSection, ...]


def model_card(view: StudyView, method: str) -> ModelCard:
    """Write the model card of a method, from what its study knows.

    Parameters
    ----------
    view : StudyView
        Its seeds and its baseline are those of the results.
    method : str
        One that has runs.

    Raises
    ------
    EquipoiseError
        If the method has no run with the chosen seeds, or cannot be compared.
    """
    runs = [run for run in view.runs if run.method == method]
    if not runs:
        raise StudyError(
            gettext(
                "The study '{study}' has no run of the method '{method}'.",
                study=view.study.name,
                method=method,
            ),
            expected=gettext(
                "one of {methods}.",
                methods=", ".join(dict.fromkeys(run.method for run in view.runs)),
            ),
            remedy=gettext("correct the name, or choose other seeds."),
        )
    # The questions are answered of the method and its baseline alone.
    reference = view.references.get(method, "")
    shown = [m for m in view.labels if m in (method, reference, view.baseline)]
    own = replace(view, look=view.look.only(shown))
    origin = provenance_of(replace(view, runs=tuple(runs)))
    titles = {study.name: study.title for study in view.studies}
    answers = {each.key: each.answer for each in jury_questions(own)}
    comparison = load_comparison(view)
    label = view.labels[method]
    sections = (
        CardSection("use", gettext("Intended use"), tuple(_use(view, label))),
        CardSection(
            "data",
            gettext("Data and licences"),
            (
                *answers["size"][:1],
                *answers["split"],
                *answers["labels"],
                *_terms(origin),
            ),
        ),
        CardSection(
            "protocol",
            gettext("Protocol"),
            tuple(_protocol(view, method, runs, origin)),
        ),
        CardSection(
            "results",
            gettext("Results"),
            (
                _differences_to(view, method, comparison),
                *comparison_notes(comparison, view.labels),
            ),
            tuple(_results(view, method, comparison)),
        ),
        _by_group(view, method),
        CardSection(
            "limits",
            gettext("Limits"),
            tuple(_limits(view, runs, answers["unknown"])),
        ),
        CardSection(
            "provenance",
            gettext(PROVENANCE),
            (gettext("These are the records of the runs of this method alone."),),
            (origin.facts_table, origin.runs_table),
        ),
    )
    return ModelCard(
        title=gettext("Model card: {method}", method=label),
        study=gettext(titles[runs[0].study]),
        method=method,
        label=label,
        sections=tuple(_plain(section) for section in sections),
    )


def card_markdown(card: ModelCard) -> str:
    """The card as Markdown, in which every name stands as it is."""
    parts = [f"# {escape_document(card.title)}", escape_document(card.study)]
    for section in card.sections:
        parts.append(f"## {escape_document(section.title)}")
        parts.append("\n".join(f"- {escape_document(s)}" for s in section.sentences))
        for table in section.tables:
            title = f"**{escape_document(table.title)}**" if table.title else ""
            notes = " ".join(map(escape_document, table.notes))
            parts += [title, table_markdown(table), notes]
    return "\n\n".join(filter(None, parts)) + "\n"


def _plain(section: CardSection) -> CardSection:
    said = dict.fromkeys(to_plain(sentence) for sentence in section.sentences)
    return replace(section, sentences=tuple(said))


def _use(view: StudyView, label: str) -> Iterator[str]:
    tasks = listed([gettext(task.label).lower() for task in view.tasks])
    yield gettext(
        "Models of {method} answer {tasks} from a picture of {dataset}.",
        method=label,
        tasks=tasks,
        dataset=gettext(view.dataset.title),
    )
    yield gettext(
        "They were trained to compare remedies for imbalanced data, in research and"
        " teaching. They are not made to decide anything about anyone."
    )
    for name, limits in view.dataset.opt_in.items():
        asked = gettext(
            "An answer on {task} is given on request only.",
            task=gettext(view.dataset.task(name).label).lower(),
        )
        yield f"{asked} {gettext(limits)}"


def _terms(origin: Provenance) -> Iterator[str]:
    """Licences of data and weights, of this method's runs alone."""
    unknown = gettext("The terms of the data are not recorded.")
    yield from origin.data_terms or (unknown,)
    for weights in origin.weights:
        yield gettext("The trainings began from {weights}.", weights=weights)
    for source in origin.imported:
        yield gettext("The predictions were imported: {origin}.", origin=source)


def _protocol(
    view: StudyView, method: str, runs: list[Run], origin: Provenance
) -> Iterator[str]:
    study, seeds = view.study, listed([str(run.seed) for run in runs])
    if method not in study.methods or not study.is_trained or runs[0].is_imported:
        yield gettext(
            "The predictions are of others: how they were made is"
            " not recorded. They count as seed {seeds}.",
            seeds=seeds,
        )
        return
    own = study.for_method(method)
    table = study.method(method)
    yield from _remedies(table.use, runs[0].info)
    if table.note:
        yield gettext(table.note)
    yield ngettext(
        "The network is {backbone} on pictures of {pixels} pixels, trained for at most"
        " {count} epoch in batches of {batch} with a learning rate of {rate}.",
        "The network is {backbone} on pictures of {pixels} pixels, trained for at most"
        " {count} epochs in batches of {batch} with a learning rate of {rate}.",
        own.training.epochs,
        backbone=backbone_label(own.model.backbone),
        pixels=own.model.image_size,
        batch=own.training.batch_size,
        rate=in_form(f"{own.training.learning_rate:g}"),
    )
    if len(runs) == 1:
        yield gettext("It was trained once, with the seed {seed}.", seed=seeds)
    else:
        yield gettext(
            "It was trained anew with each of {count} seeds: {seeds}.",
            count=len(runs),
            seeds=seeds,
        )
    if tried := len(trials_of(study.search, method)):
        yield ngettext(
            "Its settings were chosen among {count} setting, by the validation images.",
            "Its settings were chosen among {count} settings, by the validation"
            " images.",
            tried,
        )
    means = cost_table(run_costs(runs)).loc[method]
    for key in ("parameters", "training_seconds", "inference_ms", "size_mb"):
        if means[key] == means[key]:
            info = COSTS[key]
            yield gettext(
                "{what}: {amount}.",
                what=gettext(info.label),
                amount=info.format(means[key], unit=True),
            )
    for machine in origin.hardware:
        yield gettext("The machine was {machine}.", machine=machine)


def _remedies(
    use: Mapping[str, Mapping[str, Any]], info: Mapping[str, Any]
) -> Iterator[str]:
    """What a method does otherwise than plain training, with its parameters."""
    if not use:
        yield gettext(
            "It uses no remedy: each image counts the same in the usual losses."
        )
    recorded = info.get("method_parameters") or {}
    for name, given in use.items():
        values = {**given, **(recorded.get(name) or {})}
        said = ", ".join(f"{key} = {value}" for key, value in values.items())
        entry = ENTRIES.get(name)
        remedy = gettext(entry.label) if entry else name
        if not said:
            yield gettext("It uses {remedy}.", remedy=remedy)
            continue
        if entry and entry.paper:
            remedy = f"{remedy} ({entry.paper})"
        yield gettext("It uses {remedy}, with {values}.", remedy=remedy, values=said)


def _differences_to(view: StudyView, method: str, comparison: Comparison) -> str:
    if comparison.counterparts is None and method == comparison.baseline:
        return gettext("It is the baseline that the other methods are compared with.")
    baseline = compared_with(comparison, view.labels)
    return gettext("Differences are to {baseline}.", baseline=baseline)


def _results(view: StudyView, method: str, comparison: Comparison) -> Iterator[Table]:
    known = set(comparison.table["metric"])
    keys = headline_keys(view.tasks, view.study.headline)
    yield _table(
        gettext("Over all test images"),
        gettext("Metric"),
        [
            (heading(metric_info(key, view.tasks)), comparison.row(method, key))
            for key in keys
            if key in known
        ],
        view,
    )
    for task in view.tasks:
        parts = getattr(task, "classes", ()) or getattr(task, "bin_labels", ())
        for name, each in _CLASS_METRICS.items():
            found = [
                (part, comparison.row(method, key))
                for part in parts
                if (key := f"{task.name}.{name}[{part}]") in known
            ]
            if found:
                info = metric_info(f"{task.name}.{name}[{found[0][0]}]", view.tasks)
                said = gettext(each, task=gettext(task.label))
                title = heading(info, label=said)
                yield _table(title, gettext(task.label), found, view)


def _table(
    title: str, what: str, rows: list[tuple[str, Any]], view: StudyView
) -> Table:
    columns = (
        Column(what, align="left"),
        Column(gettext("Images"), "n"),
        Column(gettext("Mean and interval"), "estimate"),
        Column(gettext("Difference"), "change"),
    )
    cells = [(name, Cell.from_row(row, view.tasks)) for name, row in rows]
    return Table(title, columns, tuple((Text(name), c, c, c) for name, c in cells))


def _by_group(view: StudyView, method: str) -> CardSection:
    features = tuple(view.dataset.sensitive_features)
    title = gettext("Results by group")
    if not features:
        none = gettext("The data has no sensitive feature, so there are no groups.")
        return CardSection("groups", title, (none,))
    tables: list[Table] = []
    notes: list[str] = []
    for asked in fairness_views(view.study, view.tasks, features):
        try:
            comparison = load_metrics(
                view, view.tasks, [asked.metric], by=asked.features
            )
        except EquipoiseError as error:
            notes.append(error.problem)
            continue
        tables += _groups(view, method, asked, comparison)
        notes += fairness_notes(comparison, view.labels)
    said = gettext(
        "An answer may be worse for some people than for others: these are the gaps."
    )
    return CardSection("groups", title, (said, *notes), tuple(tables))


def _groups(
    view: StudyView, method: str, asked: FairnessView, comparison: Comparison
) -> Iterator[Table]:
    groups = comparison.groups
    own = groups[(groups["method"] == method) & (groups["metric"] == asked.metric)]
    name = asked.crossing_in_words
    rows = [(str(row["group"]), row) for _, row in own.iterrows()]
    gaps = comparison.gaps
    wide = gaps[(gaps["method"] == method) & (gaps["measure"] == "difference")]
    rows += [(gettext("Largest difference"), row) for _, row in wide.iterrows()]
    yield _table(asked.title(view.tasks), name[:1].upper() + name[1:], rows, view)


def _limits(
    view: StudyView, runs: list[Run], unknown: tuple[str, ...]
) -> Iterator[str]:
    yield from unknown
    if len(runs) == 1:
        yield gettext(
            "One training of this method was judged: another may do otherwise."
        )
    if view.dataset.of_faces:
        yield gettext(
            "A photo that is not aligned as the training pictures were, or of a face"
            " unlike theirs, may get any answer."
        )
