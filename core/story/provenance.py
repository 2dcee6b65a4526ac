"""Where the numbers of a study come from: data, split, runs, machine, licences."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from core.data.manifest import SPLITS, TEST, TRAINING, VALIDATION
from core.evaluation.cost import describe_hardware
from core.language import N_, gettext, ngettext
from core.results.cells import Text
from core.results.markdown import table_markdown
from core.results.study_runs import IMPORTED_FAMILY
from core.results.tables import Column, Table
from core.runs import Run, data_report, is_added
from core.shipped import WEIGHTS_LICENCES
from core.study import weights_kind
from core.text import SEPARATOR, clauses, escape_document
from core.views.study_view import StudyView

PROVENANCE = N_("Where these numbers come from")
NOT_RECORDED = N_("not recorded")
SHOWN = 4
"""Fingerprints that a card names; the JSON has all."""
_PROGRAM = "equipoise"
_OF_SPLIT = {
    TRAINING: N_("{images} training"),
    VALIDATION: N_("{images} validation"),
    TEST: N_("{images} test"),
}


@dataclass(frozen=True)
class RunRecord:
    """One run as a card names it.

    Parameters
    ----------
    method, label : str
    seed : int
    key : str
        Of what it was trained with; empty where it is not recorded.
    trained : str
        When it was trained, as ISO 8601; empty where it is not recorded.
    """

    method: str
    label: str
    seed: int
    key: str
    trained: str


@dataclass(frozen=True)
class Provenance:
    """Where the numbers of a study come from; what is empty is not recorded.

    Parameters
    ----------
    titles : mapping of str to str
        Title of the study by its name; of two where they stand side by side.
    dataset : str
        Title of the first study's.
    split_fingerprints : tuple of str
        Of the split; two where two studies stand side by side.
    images : mapping of str to int
        In each split.
    study_fingerprints : tuple of str
        Of the settings that the runs were trained with.
    runs : tuple of RunRecord
    versions : mapping of str to tuple of str
        Every version that a run was trained with, by package.
    hardware : tuple of str
        Every machine, in words.
    commits : tuple of str
        Of the program that trained, where a run says so.
    program : str
        Version of the program that writes the card.
    data_terms : tuple of str
        Licence and limits of the data, and what the study says of its pictures.
    weights : tuple of str
        The weights that trainings began from, with their licence.
    imported : tuple of str
        Methods of others, with the file that they came from.
    """

    titles: Mapping[str, str]
    dataset: str
    split_fingerprints: tuple[str, ...]
    images: Mapping[str, int]
    study_fingerprints: tuple[str, ...]
    runs: tuple[RunRecord, ...]
    versions: Mapping[str, tuple[str, ...]]
    hardware: tuple[str, ...]
    commits: tuple[str, ...]
    program: str
    data_terms: tuple[str, ...]
    weights: tuple[str, ...]
    imported: tuple[str, ...]

    @property
    def study(self) -> str:
        """Name of the study that the others stand beside."""
        return next(iter(self.titles))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Every seed that a run was trained with."""
        return tuple(sorted({run.seed for run in self.runs}))

    @property
    def trained(self) -> tuple[str, str]:
        """Days of the first and the last training; empty where none is recorded."""
        days = sorted(run.trained[:10] for run in self.runs if run.trained)
        return (days[0], days[-1]) if days else ("", "")

    @property
    def runs_digest(self) -> str:
        """Short hash over the keys of all runs; empty where one is not recorded."""
        if not all(run.key for run in self.runs):
            return ""
        keys = "\n".join(f"{r.method}\t{r.seed}\t{r.key}" for r in self.runs)
        return hashlib.sha256(keys.encode()).hexdigest()[:16]

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """The card as names and values; what is not known is "not recorded"."""
        studies = (f"{gettext(t)} ({name})" for name, t in self.titles.items())
        images = (images_of_split(s, count) for s, count in self.images.items())
        versions = (f"{name} {' / '.join(v)}" for name, v in self.versions.items())
        runs = ngettext("{count} run", "{count} runs", len(self.runs))
        imported = _listed(self.imported, none=N_("none"))
        return (
            (gettext("Study"), _listed(studies)),
            (gettext("Dataset"), gettext(self.dataset)),
            (gettext("Images"), _listed(images, ", ")),
            (gettext("Split fingerprint"), _listed(self.split_fingerprints)),
            (gettext("Study fingerprint"), _few(self.study_fingerprints)),
            (gettext("Runs"), runs),
            (gettext("Fingerprint of the run keys"), _listed([self.runs_digest])),
            (gettext("Seeds"), ", ".join(map(str, self.seeds))),
            (gettext("Trained"), _span(*self.trained)),
            (gettext("Versions"), _listed(versions, ", ")),
            (gettext("Hardware"), _listed(self.hardware)),
            (gettext("Commit"), _listed(self.commits)),
            (gettext("Licence and limits of the data"), _listed(self.data_terms, " ")),
            (gettext("Weights to begin from"), _listed(self.weights)),
            (gettext("Imported methods"), imported),
            (gettext("Written by"), f"Equipoise {self.program}"),
        )

    @property
    def facts_table(self) -> Table:
        """The card as a table of names and values."""
        columns = (
            Column(gettext("What"), align="left"),
            Column(gettext("Value"), align="left"),
        )
        rows = ((Text(name, is_name=True), Text(value)) for name, value in self.rows)
        return Table("", columns, tuple(rows))

    @property
    def runs_table(self) -> Table:
        """Every run with its key, and when it was trained."""
        columns = (
            Column(gettext("Method"), align="left"),
            Column(gettext("Seed")),
            Column(gettext("Run key"), align="left"),
            Column(gettext("Time of training"), align="left"),
        )
        unknown = gettext(NOT_RECORDED)
        rows = (
            (
                Text(run.label, is_name=True),
                Text(str(run.seed)),
                Text(run.key or unknown),
                Text(run.trained or unknown),
            )
            for run in self.runs
        )
        return Table(gettext("Runs"), columns, tuple(rows))

    def record(self) -> dict[str, Any]:
        """The same as plain values, for JSON; what is not recorded is null or empty."""
        first, last = self.trained
        return {
            "studies": dict(self.titles),
            "dataset": self.dataset,
            "images": dict(self.images),
            "split_fingerprints": list(self.split_fingerprints),
            "study_fingerprints": list(self.study_fingerprints),
            "seeds": list(self.seeds),
            "runs_digest": self.runs_digest or None,
            "runs": [
                {
                    "method": run.method,
                    "label": run.label,
                    "seed": run.seed,
                    "key": run.key or None,
                    "trained": run.trained or None,
                }
                for run in self.runs
            ],
            "trained_first": first or None,
            "trained_last": last or None,
            "versions": {name: list(each) for name, each in self.versions.items()},
            "hardware": list(self.hardware),
            "commits": list(self.commits),
            "data_terms": list(self.data_terms),
            "weights": list(self.weights),
            "imported": list(self.imported),
            "program": self.program,
        }


def provenance_of(view: StudyView) -> Provenance:
    """Collect where the numbers of a study come from, from the records of its runs.

    Of all methods with the view's seeds, shown or not: verdicts are corrected over all
    of them. Nothing is guessed: what no record holds stays empty.
    """
    order = {method: place for place, method in enumerate(view.labels)}
    runs = sorted(view.runs, key=lambda run: (order.get(run.method, 0), run.seed))
    infos = [run.info for run in runs]
    studies = dict.fromkeys((view.study.name, *(run.study for run in runs)))
    reports = [data_report(name) or {} for name in studies]
    splits = [info.get("split_fingerprint") for info in infos]
    splits += [report.get("split_fingerprint") for report in reports]
    return Provenance(
        titles={each.name: each.title for each in view.studies},
        dataset=gettext(view.dataset.title),
        split_fingerprints=_each(splits),
        images=_images(reports[0]),
        study_fingerprints=_each(info.get("study_fingerprint") for info in infos),
        runs=tuple(_run_record(run, view) for run in runs),
        versions=_versions(infos),
        hardware=_each(map(describe_hardware, infos)),
        commits=_each(info.get("commit") for info in infos),
        program=_program(),
        data_terms=_each(map(gettext, (view.dataset.notice, view.study.notice))),
        weights=_each(_weights(run, view) for run in runs if not run.is_imported),
        imported=_each(_imported(run, view) for run in runs if run.is_imported),
    )


def provenance_markdown(card: Provenance) -> str:
    """The card as Markdown, with all its runs; every name stands as it is."""
    runs = card.runs_table
    parts = [
        f"# {escape_document(gettext(PROVENANCE))}",
        table_markdown(card.facts_table),
        f"## {escape_document(runs.title)}",
        table_markdown(runs),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _run_record(run: Run, view: StudyView) -> RunRecord:
    return RunRecord(
        method=run.method,
        label=view.labels[run.method],
        seed=run.seed,
        key=str(run.info.get("key") or ""),
        trained="" if run.is_imported else _time(run.info.get("created")),
    )


def _time(value: object) -> str:
    try:
        return datetime.fromisoformat(str(value)).isoformat()
    except ValueError:
        return ""


def _images(report: Mapping[str, Any]) -> dict[str, int]:
    counts = report.get("counts")
    per_split = counts.get("per_split") if isinstance(counts, dict) else None
    known = per_split if isinstance(per_split, dict) else {}
    return {split: int(known[split]) for split in SPLITS if split in known}


def _versions(infos: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for info in infos:
        versions = info.get("versions")
        for name, value in (versions if isinstance(versions, dict) else {}).items():
            found.setdefault(str(name), {})[str(value)] = None
    return {name: tuple(values) for name, values in found.items()}


def _weights(run: Run, view: StudyView) -> str:
    """The weights that a training began from, with their licence."""
    source = run.info.get("trained_from")
    if source is None:
        return ""
    weights = str(source)
    if weights in ("none", "scratch"):
        return gettext("random weights, so none of others")
    resolved = run.info.get("resolved")
    model = resolved.get("model") if isinstance(resolved, dict) else None
    backbone = str((model or {}).get("backbone") or "")
    if weights_kind(weights) == "run":
        return gettext(
            "{weights}: trained with Equipoise, with the limits of its data",
            weights=weights,
        )
    licence = WEIGHTS_LICENCES.get(backbone) if weights == "imagenet" else None
    said = gettext(licence or N_("licence not recorded"))
    if not backbone:
        return gettext("{weights}: {licence}", weights=weights, licence=said)
    return gettext(
        "{backbone} from {weights}: {licence}",
        backbone=backbone,
        weights=weights,
        licence=said,
    )


def _imported(run: Run, view: StudyView) -> str:
    """A method of others, and the file that its predictions came from."""
    origin = run.imported or {}
    label = view.labels[run.method]
    source = str(origin.get("file") or gettext("file not recorded"))
    is_apart = is_added(run)
    kind = IMPORTED_FAMILY if is_apart else N_("part of the table of the study")
    return SEPARATOR.join([label, source, gettext(kind)])


def _program() -> str:
    try:
        return version(_PROGRAM)
    except PackageNotFoundError:
        return NOT_RECORDED


def images_of_split(split: str, count: int) -> str:
    """How many images a split has, such as "1,200 training", in a list of splits."""
    return gettext(_OF_SPLIT[split], images=count)


def _each(values: Iterable[object]) -> tuple[str, ...]:
    """Each known value once, in order."""
    return tuple(dict.fromkeys(str(value) for value in values if value))


def _listed(
    values: Iterable[str], between: str = "", *, none: str = NOT_RECORDED
) -> str:
    known = [value for value in values if value]
    if not known:
        return gettext(none)
    return between.join(known) if between else clauses(known)


def _few(values: Sequence[str]) -> str:
    """The first of many values, and how many there are besides."""
    more = len(values) - SHOWN
    if more <= 0:
        return _listed(values)
    return gettext("{values}; {more} more", values=_listed(values[:SHOWN]), more=more)


def _span(first: str, last: str) -> str:
    if not first:
        return gettext(NOT_RECORDED)
    if first == last:
        return first
    return gettext("{first_day} to {last_day}", first_day=first, last_day=last)
