"""Questions that a jury asks, answered from a study by itself."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from core.data.catalog import test_strata
from core.data.label_noise import count_flipped
from core.data.manifest import TEST, TRAINING, VALIDATION
from core.data.near_copies import say_near_copies
from core.errors import EquipoiseError
from core.evaluation import verdicts
from core.evaluation.comparison import Comparison
from core.evaluation.cost import (
    COSTS,
    SHARED_BEGINNINGS,
    budget_note,
    cost_table,
    machine_note,
    run_costs,
    unknown_note,
)
from core.evaluation.metrics import MetricInfo, headline_keys, metric_info
from core.evaluation.statistical_power import POWER
from core.language import N_, gettext, ngettext
from core.methods.entries import ENTRIES
from core.plots.data import (
    known_label_noise,
    reason_text,
    takeaway_flipped,
    takeaway_twins,
)
from core.results.findings import findings
from core.results.numbers import with_unit
from core.results.sentences import comparison_notes, detectable_text, plain_percent
from core.results.tables import distinct_metrics
from core.runs import data_report, shipped_manifest
from core.story.provenance import images_of_split, provenance_of
from core.story.story import Story
from core.text import clauses, listed, number, to_plain
from core.views.caching import cached
from core.views.loads import load_comparison
from core.views.studies import open_study
from core.views.study_view import StudyView

_HOUR = 3600.0


@dataclass(frozen=True)
class Question:
    """A question with its answer.

    Parameters
    ----------
    key : str
        Short name, for an address or the key of an element.
    question : str
    answer : tuple of str
        Whole sentences.
    """

    key: str
    question: str
    answer: tuple[str, ...]

    @property
    def text(self) -> str:
        """The answer as one paragraph."""
        return " ".join(self.answer)


def questions_of(story: Story) -> tuple[Question, ...]:
    """The questions on the study of a story; none where it cannot be compared."""
    try:
        return _answered(open_study(story.study))
    except EquipoiseError:
        return ()


@cached(entries=8, says=N_("Answering what a jury asks…"))
def _answered(view: StudyView) -> tuple[Question, ...]:
    return jury_questions(view)


def jury_questions(view: StudyView) -> tuple[Question, ...]:
    """Answer what a jury asks of a study, as far as the study knows.

    Parameters
    ----------
    view : StudyView
        Its methods, seeds and baseline are those that the answers speak of.

    Returns
    -------
    tuple of Question
        Always the same questions, in the order in which they are asked. Where a study
        does not know an answer, the answer says so.

    Raises
    ------
    EquipoiseError
        If the methods cannot be compared: without a run of the baseline, say.
    """
    study = _Study(view)
    asked: tuple[tuple[str, str, Callable[[_Study], Iterator[str]]], ...] = (
        (
            "certain",
            gettext("Which differences are certain, and which are open?"),
            _certain,
        ),
        ("size", gettext("How many images and how many trainings is this?"), _size),
        (
            "split",
            gettext(
                "How was the split made, and what keeps a test image out of training?"
            ),
            _split,
        ),
        ("chosen", gettext("What was chosen, and on which data?"), _chosen),
        (
            "interval",
            gettext("What are the intervals, and what do they hold for?"),
            _interval,
        ),
        ("baseline", gettext("Why this baseline?"), _baseline),
        (
            "detectable",
            gettext("Which difference could this study have found?"),
            _detectable,
        ),
        ("seeds", gettext("What would more seeds buy?"), _more_seeds),
        ("labels", gettext("How good are the labels themselves?"), _labels),
        ("cost", gettext("What did it cost?"), _cost),
        (
            "licences",
            gettext("Which licences do data and weights have?"),
            _licences,
        ),
        ("unknown", gettext("What does this study not tell?"), _unknown),
    )
    return tuple(
        Question(key, question, tuple(map(to_plain, answer(study))))
        for key, question, answer in asked
    )


class _Study:
    """A view with what several answers read."""

    def __init__(self, view: StudyView) -> None:
        self.view = view
        self.comparison: Comparison = load_comparison(view)

    @cached_property
    def report(self) -> Mapping[str, Any]:
        return data_report(self.view.study.name) or {}

    @cached_property
    def manifest(self) -> pd.DataFrame | None:
        return shipped_manifest(self.view.study.name)

    @cached_property
    def costs(self) -> pd.DataFrame:
        return run_costs(self.view.chosen_runs)

    @cached_property
    def images(self) -> dict[str, int]:
        return dict(provenance_of(self.view).images)

    @property
    def labels(self) -> dict[str, str]:
        return {m: self.view.labels[m] for m in self.view.methods}

    @property
    def compared(self) -> list[str]:
        return [m for m in self.view.methods if m in self.comparison.references]

    @cached_property
    def metrics(self) -> tuple[MetricInfo, ...]:
        """The headline metrics, of those that are equal by design the first."""
        view = self.view
        known = set(self.comparison.table["metric"])
        keys = headline_keys(view.tasks, view.study.headline)
        keys = tuple(key for key in keys if key in known)
        groups = distinct_metrics(self.comparison, keys)
        return tuple(metric_info(group[0], view.tasks) for group in groups)

    def rows(self, info: MetricInfo) -> pd.DataFrame:
        """Rows of a metric of all compared methods that are shown."""
        table = self.comparison.table
        own = table[(table["metric"] == info.key) & table["method"].isin(self.compared)]
        return own.reset_index(drop=True)


def _certain(study: _Study) -> Iterator[str]:
    if not study.compared:
        yield gettext("The study shows one method, so there is no difference to judge.")
        return
    keys = [info.key for info in study.metrics]
    yield from findings(study.comparison, keys, study.labels, study.view.tasks)


def _size(study: _Study) -> Iterator[str]:
    view, images = study.view, study.images
    tested = study.comparison.rows
    if images.get(TRAINING) and VALIDATION in images:
        yield gettext(
            "Each method had {training} training images to learn from, was"
            " watched on {validation} validation images and judged on"
            " {test} test images.",
            training=images[TRAINING],
            validation=images[VALIDATION],
            test=tested,
        )
    elif images.get(TRAINING):
        yield gettext(
            "Each method had {training} training images to learn from and"
            " was judged on {test} test images; how many validation"
            " images there were is not recorded.",
            training=images[TRAINING],
            test=tested,
        )
    else:
        yield gettext("The methods were judged on {test} test images.", test=tested)
    runs = view.chosen_runs
    trained = [run for run in runs if not run.is_imported]
    if trained:
        methods = len({run.method for run in trained})
        yield ngettext(
            "{methods} with {seeds}: {count} training in all.",
            "{methods} with {seeds}: {count} trainings in all.",
            len(trained),
            methods=ngettext("{count} method", "{count} methods", methods),
            seeds=view.seeds_text,
        )
    if others := len(runs) - len(trained):
        yield ngettext(
            "The study also compares predictions that others made, imported from"
            " {count} table.",
            "The study also compares predictions that others made, imported from"
            " {count} tables.",
            others,
        )
    if study.comparison.has_one_seed:
        yield gettext(
            "With one seed, the numbers are about these trained models: how much"
            " another training of a method would differ is unknown."
        )


def _split(study: _Study) -> Iterator[str]:
    view, report = study.view, study.report
    counts = report.get("counts")
    known = counts if isinstance(counts, dict) else {}
    if study.images:
        sizes = listed([images_of_split(s, n) for s, n in study.images.items()])
        if found := known.get("found"):
            yield gettext(
                "The split has {sizes} images; {found} images were found.",
                sizes=sizes,
                found=int(found),
            )
        else:
            yield gettext(
                "The split has {sizes} images; how many images were found in the data"
                " is not recorded.",
                sizes=sizes,
            )
    else:
        yield gettext("How the split was made is not recorded.")
    left = known.get("left_out_by") or {}
    if left:
        parts = listed(
            [
                gettext(
                    "{count} ({reason})", count=count, reason=reason_text(str(reason))
                )
                for reason, count in left.items()
            ]
        )
        yield gettext("Left out were {parts}.", parts=parts)
    if _is_stratified(study):
        yield gettext(
            "The test set has equally many images of each stratum on purpose, and the"
            " intervals are computed within the strata."
        )
    yield gettext(
        "The split was drawn once, before anything was trained, and every method and"
        " seed has the same one; its fingerprint is {fingerprint}.",
        fingerprint=listed(provenance_of(view).split_fingerprints)
        or gettext("not recorded"),
    )
    twins = report.get("twins")
    if isinstance(twins, dict):
        removed = sum(int(twins.get(f"removed_{side}", 0)) for side in ("test", "rest"))
        yield ngettext(
            "The pictures were compared with each other to find photos that occur"
            " several times; the study leaves {count} copy out.",
            "The pictures were compared with each other to find photos that occur"
            " several times; the study leaves {count} copies out.",
            removed,
        )
    if said := say_near_copies(report, drawn=view.dataset.generated):
        yield said
    else:
        yield gettext(
            "Near-copies between training and test images were not looked for."
        )


def _is_stratified(study: _Study) -> bool:
    if study.manifest is None or not study.view.study.is_trained:
        return False
    tested = study.manifest[study.manifest["split"] == TEST]
    try:
        return test_strata(study.view.study, tested) is not None
    except EquipoiseError:
        return False


def _chosen(study: _Study) -> Iterator[str]:
    view = study.view
    own = view.study
    if not own.is_trained:
        yield gettext(
            "The predictions are of others: on which data their settings were chosen is"
            " not recorded."
        )
        return
    yield gettext(
        "Neither a training nor a search of this program reads the test images: they"
        " serve for these numbers alone."
    )
    trials = own.search.trials
    if trials:
        methods = len({trial.method for trial in trials})
        yield gettext(
            "A search tried {settings} of {methods}, and chose by the validation"
            " images.",
            settings=ngettext("{count} setting", "{count} settings", len(trials)),
            methods=ngettext("{count} method", "{count} methods", methods),
        )
    else:
        yield gettext(
            "The study records no search of settings: those in its file were given by"
            " hand, and how they were found is not recorded."
        )
    seed = own.search.seed
    if trials and seed is not None and seed not in own.seeds:
        yield gettext(
            "The search was trained with seed {seed}, which is none of the study's.",
            seed=str(seed),
        )
    elif trials and seed is not None:
        yield gettext(
            "The search was trained with seed {seed}, which the study uses too.",
            seed=str(seed),
        )
    yield gettext(_KEPT[frozenset(_keeps_last(study))])
    if names := _using(study, "decision"):
        yield gettext(
            "The thresholds or temperatures of {methods} were fitted on the"
            " validation images.",
            methods=listed(names),
        )
    if names := _using(study, "adjustment"):
        yield gettext(
            "The adjustments that {methods} make after training were computed"
            " from the training labels.",
            methods=listed(names),
        )


# Said by whether runs keep the weights of their last epoch.
_KEPT = {
    frozenset({True}): N_(
        "Every run keeps the weights of its last epoch, so no epoch was chosen."
    ),
    frozenset({False}): N_(
        "Every run keeps the epoch with the lowest loss on validation images."
    ),
    frozenset({True, False}): N_(
        "Some methods keep the weights of their last epoch, and the others the epoch"
        " with the lowest loss on validation images."
    ),
}


def _keeps_last(study: _Study) -> Iterator[bool]:
    own = study.view.study
    for method in [m for m in study.labels if m in own.methods] or [own.baseline]:
        yield own.for_method(method).training.keep == "last"


def _using(study: _Study, part: str) -> list[str]:
    """Labels of the methods with an entry of that part."""
    own = study.view.study.methods
    return [
        label
        for method, label in study.labels.items()
        if method in own
        and any(ENTRIES[n].part == part for n in own[method].use if n in ENTRIES)
    ]


def _interval(study: _Study) -> Iterator[str]:
    yield from comparison_notes(study.comparison, study.labels)
    if not study.comparison.has_one_seed:
        yield gettext(
            "They hold both sources of chance: which images are in the test set, and"
            " how a training turns out with another seed."
        )


def _baseline(study: _Study) -> Iterator[str]:
    view = study.view
    label = view.labels.get(view.baseline, view.baseline)
    if view.two is not None:
        yield gettext(
            "Each method is compared with the same one in {study}, so"
            " that only what sets the studies apart differs.",
            study=gettext(view.two.other.title),
        )
        return
    yield gettext(
        "Every method is compared with {baseline}, on the same test images and with the"
        " same resamples of them.",
        baseline=label,
    )
    own = view.study.methods.get(view.baseline)
    if own is not None and view.study.is_trained and not own.use:
        yield gettext(
            "{baseline} uses no remedy, so a remedy that helps must do better than it.",
            baseline=label,
        )
    if view.baseline != view.study.baseline:
        usual = view.labels.get(view.study.baseline, view.study.baseline)
        yield gettext(
            "The study's own baseline is {baseline}; another one was chosen here.",
            baseline=usual,
        )
    if said := budget_note(study.costs, view.labels):
        yield said


def _detectable(study: _Study) -> Iterator[str]:
    said = False
    for info in study.metrics:
        sizes = study.rows(info)["smallest_detectable"].to_numpy(np.float64)
        sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
        if not len(sizes):
            continue
        said = True
        low, usual, high = np.quantile(sizes, (0, 0.5, 1))
        yield gettext(
            "In {metric}, a true difference of {usual} would have been found with"
            " {power} power (median over the methods; from {low} to {high}).",
            metric=info.phrase,
            usual=with_unit(info, usual),
            power=plain_percent(POWER),
            low=with_unit(info, low),
            high=with_unit(info, high),
        )
    if not said:
        yield gettext("Which difference would have been found cannot be computed here.")
    else:
        yield gettext(
            "Smaller differences may be there: where the verdict is inconclusive, that"
            " is not a proof that two methods are equal."
        )


def _more_seeds(study: _Study) -> Iterator[str]:
    said = False
    for info in study.metrics:
        rows = study.rows(info)
        if found := detectable_text(rows, info):
            said = True
            yield gettext(
                "In {metric}, the smallest difference that would be found with"
                " {power} power is {found}.",
                metric=info.phrase,
                power=plain_percent(POWER),
                found=found,
            )
        open_rows = rows[rows["verdict"] == verdicts.INCONCLUSIVE]
        needed = open_rows["seeds_needed"].to_numpy(np.float64)
        images = int(np.isinf(needed).sum())
        if images:
            yield ngettext(
                "In {metric}, seeds alone would not settle {count} open difference as"
                " large as what was observed: that takes more test images.",
                "In {metric}, seeds alone would not settle {count} open differences as"
                " large as what was observed: that takes more test images.",
                images,
                metric=info.phrase,
            )
    if not said:
        yield gettext(
            "With one seed of each method, how trainings vary is unknown, and so what"
            " more seeds would buy: a second seed of each would tell."
        )


def _labels(study: _Study) -> Iterator[str]:
    view = study.view
    said = False
    if found := takeaway_twins(study.report):
        said = True
        yield found
    noise = view.study.label_noise
    if study.manifest is not None:
        if noise is not None:
            flipped = count_flipped(study.manifest, noise)
            task = view.dataset.task(noise.task)
            if len(flipped):
                said = True
                yield takeaway_flipped(flipped, task, noise.by)
        for sentence in _known_noise(study):
            said = True
            yield sentence
    if not said:
        yield gettext(
            "How often the labels are wrong was not measured in this study; the page"
            " Errors names those that all methods contradict."
        )


def _known_noise(study: _Study) -> Iterator[str]:
    """The noise of generated labels, whose truth is known."""
    view = study.view
    assert study.manifest is not None
    for feature in tuple(view.dataset.sensitive_features)[:1]:
        if view.study.label_noise is not None:
            return
        table = known_label_noise(study.manifest, view.dataset, feature)
        for title in table.columns[2:]:
            values = [
                f"{group} {number(value, 1)}"
                for group, value in zip(table[feature], table[title], strict=True)
            ]
            yield gettext(
                "{what}, known because it was drawn, by {feature}: {values}.",
                what=gettext(title),
                feature=gettext(feature.replace("_", " ")),
                values=listed(values),
            )


def _cost(study: _Study) -> Iterator[str]:
    costs = study.costs
    seconds = costs["training_seconds"].dropna()
    if len(seconds):
        yield ngettext(
            "{count} training took {hours} hours in all, and {minutes} minutes each"
            " (median).",
            "{count} trainings took {hours} hours in all, and {minutes} minutes each"
            " (median).",
            len(seconds),
            hours=number(seconds.sum() / _HOUR, 1),
            minutes=number(seconds.median() / 60, 1),
        )
        yield gettext(SHARED_BEGINNINGS)
    if unknown := unknown_note(costs, study.view.labels):
        yield unknown
    if len(seconds):
        yield machine_note(costs, study.view.labels)
    means = cost_table(costs)
    for key in ("inference_ms", "parameters"):
        values = means[key].dropna()
        if not len(values):
            continue
        info = COSTS[key]
        low, high = values.min(), values.max()
        amount = info.format(high, unit=True)
        if info.format(low) != info.format(high):
            amount = gettext("{low} to {high}", low=info.format(low), high=amount)
        yield gettext("{what}: {amount}.", what=gettext(info.label), amount=amount)


def _licences(study: _Study) -> Iterator[str]:
    card = provenance_of(study.view)
    yield from card.data_terms or (gettext("The terms of the data are not recorded."),)
    if card.weights:
        yield gettext("Trainings began from: {weights}.", weights=clauses(card.weights))
    else:
        yield gettext("Which weights the trainings began from is not recorded.")
    for each in card.imported:
        yield gettext(
            "Imported, with terms that nobody recorded: {origin}.", origin=each
        )


def _unknown(study: _Study) -> Iterator[str]:
    view = study.view
    yield gettext(
        "This is one dataset and one split: whether the order of the methods is the"
        " same on other data, with other networks or a longer training is unknown."
    )
    if study.comparison.has_one_seed:
        yield gettext("How the methods do when they are trained anew is unknown.")
    inconclusive = sum(
        int((study.rows(info)["verdict"] == verdicts.INCONCLUSIVE).sum())
        for info in study.metrics
    )
    if inconclusive:
        yield ngettext(
            "{count} difference in the headline metrics could not be told from chance.",
            "{count} differences in the headline metrics could not be told from"
            " chance.",
            inconclusive,
        )
    if not view.dataset.sensitive_features:
        yield gettext(
            "The data has no sensitive feature, so nothing is known of fairness."
        )
    elif view.dataset.generated:
        yield gettext(
            "The pictures are drawn by a program: nothing follows for people."
        )
    if any(run.is_imported for run in view.chosen_runs):
        yield gettext(
            "How imported predictions were made, and on which data, is unknown."
        )
    yield gettext(
        "Intervals are corrected over the methods and not over the metrics: with many"
        " metrics, some verdict may be chance."
    )
