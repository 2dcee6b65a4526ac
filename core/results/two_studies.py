"""Two studies that share test images, as one set of methods that can be compared."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import pandas as pd

from core.data.catalog import READERS
from core.data.manifest import TEST, TRAINING, DatasetInfo
from core.errors import EquipoiseError, RunError, StudyError
from core.evaluation.alignment import align_predictions
from core.evaluation.comparison import Counterparts
from core.evaluation.metrics import split_key
from core.language import gettext, ngettext
from core.results.cells import Text
from core.results.run_settings import (
    ALIKE,
    TOGETHER,
    Difference,
    differences,
    setting_words,
)
from core.results.tables import Column, Table
from core.runs import Run, list_runs, shipped_manifest, with_imported
from core.study import MethodTable, Study
from core.tasks import Task
from core.text import clauses


@dataclass(frozen=True)
class SharedImages:
    """Test images that two studies have in common.

    Parameters
    ----------
    ids : frozenset of str
    test_images : pair of int
        Test images of each.
    trained_on : pair of int
        Test images of the first that the second was trained on, and the reverse: they
        do not count.
    """

    ids: frozenset[str]
    test_images: tuple[int, int]
    trained_on: tuple[int, int]

    @property
    def are_all(self) -> bool:
        """Whether no test image of either is left out."""
        return self.test_images == (len(self.ids), len(self.ids))

    def sentences(self, names: tuple[str, str]) -> tuple[str, ...]:
        """How many images count, of how many, and how many were trained on."""
        own, other = names
        if self.are_all:
            said = [
                gettext(
                    "{study} and {other} have the same {count} test images.",
                    study=own,
                    other=other,
                    count=len(self.ids),
                )
            ]
        else:
            said = [
                gettext(
                    "{count} images are test images of both studies, of {part} of"
                    " {study} and {other_part} of {other}. Only these count.",
                    count=len(self.ids),
                    part=self.test_images[0],
                    study=own,
                    other_part=self.test_images[1],
                    other=other,
                )
            ]
        pairs = ((own, other), (other, own))
        for (tested, trained), count in zip(pairs, self.trained_on, strict=True):
            if count:
                said.append(
                    ngettext(
                        "{count} test image was left out of {tested}, since {trained}"
                        " was trained on it.",
                        "{count} test images were left out of {tested}, since {trained}"
                        " was trained on them.",
                        count,
                        tested=tested,
                        trained=trained,
                    )
                )
        return tuple(said)


@dataclass(frozen=True)
class TwoStudies:
    """The methods of two studies side by side, with what sets the studies apart.

    Parameters
    ----------
    study : Study
        The first, with the methods of both: those of the other are called
        ``<study>/<method>``. Its baseline is the first counterpart, if there is one.
    info : DatasetInfo
        With the tasks and the sensitive features that both have.
    runs : tuple of Run
        Of both, on the test images that both have.
    other : Study
        As it is.
    counterparts : Counterparts or None
        The same method in the other study; None where no method is in both.
    shared : SharedImages
    differing : tuple of Difference
        The settings in which the methods that both have differ.
    """

    study: Study
    info: DatasetInfo
    runs: tuple[Run, ...]
    other: Study
    counterparts: Counterparts | None
    shared: SharedImages
    differing: tuple[Difference, ...]

    @property
    def names(self) -> tuple[str, str]:
        """Names of the first study and of the other."""
        return self.study.name, self.other.name


def differences_table(two: TwoStudies) -> Table:
    """The settings that the two studies do not have alike: a row a setting."""
    own, other = two.names
    rows = tuple(
        (
            Text(setting_words(one.setting), is_name=True),
            Text(gettext(one.own)),
            Text(gettext(one.other)),
            Text(_methods_of(one, two)),
        )
        for one in two.differing
    )
    headings = (gettext("Setting"), own, other, gettext("Methods"))
    columns = tuple(Column(heading, align="left") for heading in headings)
    title = gettext("What differs between {study} and {other}", study=own, other=other)
    return Table(title, columns, rows)


def _methods_of(one: Difference, two: TwoStudies) -> str:
    """The methods that a setting differs of, in the fewest names."""
    tables = two.other.methods
    both = two.counterparts.by_method if two.counterparts else ()
    others = [method for method in both if method not in one.methods]
    if not one.methods:
        return gettext("all")
    is_most = len(others) < len(one.methods)
    named = others if is_most else list(one.methods)
    names = clauses(tables[m].label if m in tables else m for m in named)
    return gettext("all but {methods}", methods=names) if is_most else names


def differences_notes(two: TwoStudies) -> tuple[str, ...]:
    """Settings whose effect a difference between the two studies is."""
    if two.counterparts is None:
        return (
            gettext(
                "No method is in both studies, so that no setting stands for both."
            ),
        )
    return (gettext(TOGETHER if two.differing else ALIKE),)


def pairing_notes(two: TwoStudies) -> tuple[str, ...]:
    """Notes on the images that count, and on methods with two names."""
    own, other = two.names
    notes = list(two.shared.sentences(two.names))
    if any(one.setting == "split" for one in two.differing):
        notes.append(
            gettext(
                "Where training images are counted, they are those of {study}.",
                study=own,
            )
        )
    for method, counterpart in (
        two.counterparts.by_method.items() if two.counterparts else ()
    ):
        tables = two.study.methods
        if {method, counterpart} <= tables.keys():
            labels = [tables[name].label for name in (method, counterpart)]
            plain = [
                label.removesuffix(f" ({study})")
                for label, study in zip(labels, (own, other), strict=True)
            ]
            if plain[0] != plain[1]:
                notes.append(
                    gettext(
                        "{first} and {second} are compared since both are called"
                        " '{method}'.",
                        first=labels[0],
                        second=labels[1],
                        method=method,
                    )
                )
    return tuple(notes)


def name_beside(study: str, method: str) -> str:
    """The name of another study's method; no study's own method has such a name."""
    return f"{study}/{method}"


def shared_test_images(study: Study, other: Study) -> SharedImages:
    """Find the test images that two studies have in common, by the splits they kept.

    Raises
    ------
    StudyError
        If there is none; it says why.
    """
    _check_datasets(study, other)
    splits = [_split_of(one.name) for one in (study, other)]
    tests, trained = (
        [frozenset(split.index[split == name]) for split in splits]
        for name in (TEST, TRAINING)
    )
    trained_on = (len(tests[0] & trained[1]), len(tests[1] & trained[0]))
    ids = (tests[0] & tests[1]) - trained[0] - trained[1]
    if not ids:
        problem = gettext(
            "The studies '{study}' and '{other}' have no test image in common.",
            study=study.name,
            other=other.name,
        )
        if several := trained_on[0] + trained_on[1]:
            why = gettext(
                "{count} test images of one are training images of the other.",
                count=several,
            )
            problem = f"{problem} {why}"
        raise StudyError(
            problem,
            expected=gettext("two studies of one dataset whose test splits overlap."),
            remedy=gettext("give both the same split, or compare other studies."),
        )
    return SharedImages(ids, (len(tests[0]), len(tests[1])), trained_on)


def _check_datasets(study: Study, other: Study) -> None:
    """Refuse pictures that cannot be the same, even if their ids are."""
    names = [one.dataset.name for one in (study, other)]
    if study.name == other.name:
        raise StudyError(
            gettext(
                "The study '{study}' cannot be compared with itself.", study=study.name
            ),
            expected=gettext("another study."),
            remedy=gettext("name another study."),
        )
    why = ""
    if names[0] != names[1]:
        why = gettext(
            "they are of other datasets, {first} and {second}",
            first=names[0],
            second=names[1],
        )
    elif READERS[names[0]].info.generated:
        options = [READERS[names[0]].parse(s.dataset.options) for s in (study, other)]
        if options[0] != options[1]:
            why = gettext("their pictures are drawn with other options")
    if why:
        raise StudyError(
            gettext(
                "The studies '{study}' and '{other}' have no test image in common:"
                " {why}.",
                study=study.name,
                other=other.name,
                why=why,
            ),
            expected=gettext("two studies of one dataset whose test splits overlap."),
            remedy=gettext("compare studies of the same dataset."),
        )


def _split_of(name: str) -> pd.Series:
    """The split of each image of a study, by its id."""
    columns = {"image_id", "split"}
    table = shipped_manifest(name, columns)
    if table is None:
        # Imported predictions do not keep a split.
        runs = list_runs(name).runs
        table = runs[0].predictions(columns=columns) if runs else None
    if table is None:
        raise StudyError(
            gettext("The study '{study}' has no runs.", study=name),
            expected=gettext("runs of both studies."),
            remedy=gettext("train it: equipoise train {study}.", study=name),
        )
    return pd.Series(table["split"].to_numpy(object), index=table["image_id"])


def join_studies(
    study: Study,
    info: DatasetInfo,
    runs: Sequence[Run],
    other: Study,
    other_info: DatasetInfo,
    other_runs: Sequence[Run],
) -> TwoStudies:
    """Put the methods of two studies side by side, on the test images of both.

    Raises
    ------
    StudyError
        If they have no test image or no task in common, one has no runs, or the truth
        of a shared image is not the same in both.
    """
    shared = shared_test_images(study, other)
    info = _common(info, other_info, study, other)
    only = None if shared.are_all else shared.ids
    own, theirs = (
        _by_method([replace(run, only=only) for run in given])
        for given in (runs, other_runs)
    )
    _check_truth(own, theirs, info.tasks, study, other)
    both = [method for method in own if method in theirs]
    # The study's baseline first: of several baselines, texts name the first.
    both.sort(key=lambda method: method != study.baseline)
    counterparts = {method: name_beside(other.name, method) for method in both}
    renamed = tuple(
        replace(run, method=name_beside(other.name, run.method))
        for run in (run for given in theirs.values() for run in given)
    )
    found = Counterparts(counterparts, other.name) if counterparts else None
    return TwoStudies(
        study=_with_methods(
            _with_every_method(study, runs),
            _with_every_method(other, other_runs),
            found,
            [task.name for task in info.tasks],
        ),
        info=info,
        runs=(*(run for given in own.values() for run in given), *renamed),
        other=other,
        counterparts=found,
        shared=shared,
        differing=differences(
            {method: own[method] for method in both},
            {method: theirs[method] for method in both},
        ),
    )


def _common(
    info: DatasetInfo, other_info: DatasetInfo, study: Study, other: Study
) -> DatasetInfo:
    """The dataset with the tasks and the features that both studies have."""
    tasks = tuple(task for task in info.tasks if task in other_info.tasks)
    if not tasks:
        raise StudyError(
            gettext(
                "The studies '{study}' and '{other}' have no task in common.",
                study=study.name,
                other=other.name,
            ),
            expected=gettext(
                "a task with the same classes, or unit and bins, in both."
            ),
            remedy=gettext("compare studies that predict the same."),
        )
    theirs = other_info.sensitive_features
    features = {
        name: groups
        for name, groups in info.sensitive_features.items()
        if theirs.get(name) == groups
    }
    return replace(info, tasks=tasks, sensitive_features=features)


def _by_method(runs: Iterable[Run]) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.method, []).append(run)
    return found


def _check_truth(
    own: Mapping[str, Sequence[Run]],
    theirs: Mapping[str, Sequence[Run]],
    tasks: tuple[Task, ...],
    study: Study,
    other: Study,
) -> None:
    """Refuse studies whose labels of the same images are not the same."""
    for one, runs in ((study, own), (other, theirs)):
        if not runs:
            raise StudyError(
                gettext("The study '{study}' has no runs.", study=one.name),
                expected=gettext("runs of both studies."),
                remedy=gettext("train it: equipoise train {study}.", study=one.name),
            )
    names = study.name, other.name
    tables = {
        (name, seed): table
        for name, runs in zip(names, (own, theirs), strict=True)
        for seed, table in _first_table(runs)
    }
    try:
        align_predictions(tables, tasks, names[1])
    except EquipoiseError as error:
        raise StudyError(
            gettext(
                "The studies '{study}' and '{other}' cannot be compared: {problem}",
                study=names[0],
                other=names[1],
                problem=error.problem,
            ),
            expected=gettext(
                "predictions of the same images, with the same truth, in both."
            ),
            remedy=gettext("train one of them again on the other's images and labels."),
        ) from error


def _first_table(
    runs: Mapping[str, Sequence[Run]],
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Seed and predictions of the first run that can be read.

    The function that reads all of them names the ones that cannot be read.
    """
    for run in (run for given in runs.values() for run in given):
        with suppress(RunError):
            yield run.seed, run.predictions(TEST)
            return


def _with_every_method(study: Study, runs: Sequence[Run]) -> Study:
    """The study with a table for every method that has runs."""
    study = with_imported(study, runs)
    named = {run.method: MethodTable(label=run.method) for run in runs}
    return study.model_copy(
        update={
            "methods": {
                **study.methods,
                **{
                    name: table
                    for name, table in named.items()
                    if name not in study.methods
                },
            }
        }
    )


def _with_methods(
    study: Study,
    other: Study,
    counterparts: Counterparts | None,
    tasks: Collection[str],
) -> Study:
    """The first study with the methods of both, labelled with their study.

    The metrics of its headline that belong to these tasks.
    """
    theirs = {name_beside(other.name, m): table for m, table in other.methods.items()}
    labels = {table.label for table in other.methods.values()}
    own = {
        method: _labelled(table, study.name)
        if method in other.methods or table.label in labels
        else table
        for method, table in study.methods.items()
    }
    marked = {name: _labelled(table, other.name) for name, table in theirs.items()}
    # Each method beside its counterpart.
    order = (n for m in own for n in (m, name_beside(other.name, m)))
    every = own | marked
    return study.model_copy(
        update={
            "methods": {
                name: every[name] for name in (*order, *marked) if name in every
            },
            "baseline": counterparts.first if counterparts else study.baseline,
            "headline": tuple(k for k in study.headline if split_key(k)[0] in tasks),
            "fairness": tuple(
                one for one in study.fairness if split_key(one.metric)[0] in tasks
            ),
            # Published numbers are shown with the study by itself.
            "published": (),
            "published_by_group": (),
        }
    )


def _labelled(table: MethodTable, study: str) -> MethodTable:
    return table.model_copy(update={"label": f"{table.label} ({study})"})
