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
from core.results.cells import Text
from core.results.run_settings import ALIKE, TOGETHER, Difference, differences
from core.results.tables import Column, Table
from core.runs import Run, list_runs, shipped_manifest, with_imported
from core.study import MethodTable, Study
from core.tasks import Task


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
        shared = f"{len(self.ids):,}"
        if self.are_all:
            said = [f"{own} and {other} have the same {shared} test images."]
        else:
            said = [
                f"{shared} images are test images of both studies, of"
                f" {self.test_images[0]:,} of {own} and"
                f" {self.test_images[1]:,} of {other}. Only these count."
            ]
        pairs = ((own, other), (other, own))
        for (tested, trained), count in zip(pairs, self.trained_on, strict=True):
            if count:
                were, them = (
                    ("image was", "it") if count == 1 else ("images were", "them")
                )
                said.append(
                    f"{count:,} test {were} left out of {tested}, since {trained} was"
                    f" trained on {them}."
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
            Text(one.setting, is_name=True),
            Text(one.own),
            Text(one.other),
            Text(_methods_of(one, two)),
        )
        for one in two.differing
    )
    headings = ("Setting", own, other, "Methods")
    columns = tuple(Column(heading, align="left") for heading in headings)
    return Table(f"What differs between {own} and {other}", columns, rows)


def _methods_of(one: Difference, two: TwoStudies) -> str:
    """The methods that a setting differs of, in the fewest names."""
    tables = two.other.methods
    both = two.counterparts.by_method if two.counterparts else ()
    others = [method for method in both if method not in one.methods]
    if not one.methods:
        return "all"
    said, named = "", list(one.methods)
    if len(others) < len(named):
        said, named = "all but ", others
    names = [tables[m].label if m in tables else m for m in named]
    return said + "; ".join(names)


def differences_notes(two: TwoStudies) -> tuple[str, ...]:
    """Settings whose effect a difference between the two studies is."""
    if two.counterparts is None:
        return ("No method is in both studies, so that no setting stands for both.",)
    return (TOGETHER if two.differing else ALIKE,)


def pairing_notes(two: TwoStudies) -> tuple[str, ...]:
    """Notes on the images that count, and on methods with two names."""
    own, other = two.names
    notes = list(two.shared.sentences(two.names))
    if any(one.setting == "split" for one in two.differing):
        notes.append(f"Where training images are counted, they are those of {own}.")
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
                    f"{labels[0]} and {labels[1]} are compared since both are called"
                    f" '{method}'."
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
        several = trained_on[0] + trained_on[1]
        why = f" {several:,} test images of one are training images of the other."
        raise StudyError(
            f"The studies '{study.name}' and '{other.name}' have no test image in"
            f" common.{why * bool(several)}",
            expected="two studies of one dataset whose test splits overlap.",
            remedy="give both the same split, or compare other studies.",
        )
    return SharedImages(ids, (len(tests[0]), len(tests[1])), trained_on)


def _check_datasets(study: Study, other: Study) -> None:
    """Refuse pictures that cannot be the same, even if their ids are."""
    names = [one.dataset.name for one in (study, other)]
    if study.name == other.name:
        raise StudyError(
            f"The study '{study.name}' cannot be compared with itself.",
            expected="another study.",
            remedy="name another study.",
        )
    why = ""
    if names[0] != names[1]:
        why = f"they are of other datasets, {names[0]} and {names[1]}"
    elif READERS[names[0]].info.generated:
        options = [READERS[names[0]].parse(s.dataset.options) for s in (study, other)]
        if options[0] != options[1]:
            why = "their pictures are drawn with other options"
    if why:
        raise StudyError(
            f"The studies '{study.name}' and '{other.name}' have no test image in"
            f" common: {why}.",
            expected="two studies of one dataset whose test splits overlap.",
            remedy="compare studies of the same dataset.",
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
            f"The study '{name}' has no runs.",
            expected="runs of both studies.",
            remedy=f"train it: equipoise train {name}.",
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
            f"The studies '{study.name}' and '{other.name}' have no task in common.",
            expected="a task with the same classes, or unit and bins, in both.",
            remedy="compare studies that predict the same.",
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
                f"The study '{one.name}' has no runs.",
                expected="runs of both studies.",
                remedy=f"train it: equipoise train {one.name}.",
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
            f"The studies '{names[0]}' and '{names[1]}' cannot be compared:"
            f" {error.problem}",
            expected="predictions of the same images, with the same truth, in both.",
            remedy="train one of them again on the other's images and labels.",
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
