"""Doubted labels in words and tables, and the leaderboard without their images."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from core.data.duplicates import SAME_PHOTO
from core.data.label_noise import CLEAN
from core.data.manifest import TEST
from core.evaluation.alignment import RunKey
from core.evaluation.comparison import Baseline, Comparison, compare_runs
from core.evaluation.label_errors import (
    FAR,
    KnownErrors,
    LabelDoubts,
    ask_twins,
    count_dropped,
    count_known_errors,
    count_pairs,
    share_interval,
)
from core.evaluation.metrics import (
    TOLERANCE,
    further_keys,
    headline_keys,
    in_unit,
    metric_info,
    split_key,
    study_metric_keys,
)
from core.evaluation.verdicts import BASELINE
from core.language import N_, gettext, in_form, ngettext
from core.results.cells import Cell, Part, Text, heading
from core.results.doubt_limits import TOP
from core.results.sentences import verdict_words
from core.results.study_runs import study_options
from core.results.tables import Column, Table
from core.runs import Run
from core.study import Study
from core.tasks import Regression, Task
from core.text import clauses, listed, number, strong

NAMED = 4

NO_RESULT = N_(
    "This shows how much the leaderboard depends on a few labels. It is not a result. "
    "Methods that are wrong together would clean the test set in their own favour, and "
    "rare classes, which all of them know least, go first. No image is left out "
    "anywhere else."
)
NOTE = N_(
    "A doubt is not a verdict on a label: methods that share their training images "
    "also share their errors. Look at the image before you believe either."
)
NO_PROBABILITIES = N_(
    "No shown method has probabilities, only labels: confident learning needs them. "
    "Show a method that has them, or import predictions with a column for each class."
)

Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class DoubtedLabels:
    """The doubts about a task's labels, and what is known of them from elsewhere.

    Parameters
    ----------
    doubts : LabelDoubts
    wrong : Series or None
        Whether each label of the dataset is known to be wrong, by image id; None where
        only the labels themselves are known.
    twins : DataFrame or None
        From ``ask_twins``; None where no copies of photos are known.
    """

    doubts: LabelDoubts
    wrong: pd.Series | None
    twins: pd.DataFrame | None

    def known(self, top: int) -> KnownErrors | None:
        """How many of the doubts are right, where that is known."""
        if self.wrong is None:
            return None
        return count_known_errors(self.doubts, self.wrong, top)

    def of_pair(self, given: str, proposed: str) -> "DoubtedLabels":
        """The same, of the doubted images with one label and one proposal alone."""
        doubted = self.doubts.doubted
        own = (doubted["given"] == given) & (doubted["proposed"] == proposed)
        return replace(self, doubts=replace(self.doubts, table=doubted[own]))

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The doubted images with all that is known of them, for a download."""
        rows = self.doubts.doubted.drop(columns=["place", "doubted"])
        if self.wrong is not None:
            rows = rows.assign(known_wrong=rows["image_id"].map(self.wrong))
        if self.twins is not None:
            twins = self.twins.set_index("image_id")
            joined = twins["twins"].map(lambda own: "; ".join(map(str, own)))
            rows = rows.assign(
                twins=rows["image_id"].map(joined).fillna(""),
                twins_say=rows["image_id"].map(twins["say"]).fillna(""),
            )
        return rows.reset_index(drop=True)


def describe_doubts(
    doubts: LabelDoubts,
    manifest: pd.DataFrame | None,
    report: Mapping[str, Any] | None,
) -> DoubtedLabels:
    """Add what a study's manifest and data report know of its labels.

    Parameters
    ----------
    doubts : LabelDoubts
    manifest : DataFrame or None
        That the runs were trained on; labels before label noise are in the column
        ``<task>_clean``.
    report : mapping or None
        The data report, which names the images that show the same photo.
    """
    name = doubts.task.name
    if manifest is None or name not in manifest:
        return DoubtedLabels(doubts, None, None)
    labels = manifest.set_index("image_id")[name]
    wrong = None
    if CLEAN.format(name) in manifest:
        wrong = _differ(doubts.task, manifest[name], manifest[CLEAN.format(name)])
        wrong = wrong.set_axis(manifest["image_id"])
    pairs = (report or {}).get(SAME_PHOTO)
    twins = ask_twins(doubts, pairs, labels.to_dict()) if pairs else None
    return DoubtedLabels(doubts, wrong, twins)


def _differ(task: Task, given: pd.Series, clean: pd.Series) -> pd.Series:
    if isinstance(task, Regression):
        return given.astype(np.float64) != clean.astype(np.float64)
    return given.astype(str) != clean.astype(str)


def doubt_sentence(doubts: LabelDoubts) -> str:
    """How many labels are doubted, the most common doubt, and what all runs say."""
    table, found, task = doubts.table, doubts.doubted, doubts.task
    task_label = gettext(task.label)
    splits = listed([gettext(name) for name in _splits(table)])
    where = ngettext(
        "{count} {splits} image",
        "{count} {splits} images",
        len(table),
        splits=splits,
    )
    if found.empty:
        return gettext(
            "No label of {task} is doubted among {images}.",
            task=task_label,
            images=where,
        )
    count = {"count": strong(number(len(found), 0))}
    if isinstance(task, Regression):
        said = ngettext(
            "Of {images}, {count} has a doubtful label of {task}: it is more than {far}"
            " robust standard deviations from what the methods answer together.",
            "Of {images}, {count} have a doubtful label of {task}: it is more than"
            " {far} robust standard deviations from what the methods answer together.",
            len(found),
            images=where,
            task=task_label,
            far=in_form(f"{FAR:g}"),
            **count,
        )
    else:
        first = count_pairs(found).iloc[0]
        said = ngettext(
            "Of {images}, {count} has a doubtful label of {task}, most often {proposed}"
            " labelled {given} ({pairs}).",
            "Of {images}, {count} have a doubtful label of {task}, most often"
            " {proposed} labelled {given} ({pairs}).",
            len(found),
            images=where,
            task=task_label,
            proposed=strong(first["proposed"]),
            given=strong(first["given"]),
            pairs=first["images"],
            **count,
        )
    return f"{said} {_all_runs(doubts)}"


def _all_runs(doubts: LabelDoubts) -> str:
    counts, images = doubts.table["runs"], len(doubts.table)
    runs, against = int(counts.max()), len(doubts.by_all)
    if runs == 1:
        return gettext("There is one run: nothing says whether others would agree.")
    # Some runs may have no validation images.
    who = (
        gettext("every one of {count} runs", count=str(runs))
        if runs == counts.min()
        else gettext("every run")
    )
    whole = ngettext("{count} image", "{count} images", images)
    is_number = isinstance(doubts.task, Regression)
    if not against:
        if is_number:
            return gettext(
                "Of all {images}, none has a label that {runs} is as far from.",
                images=whole,
                runs=who,
            )
        return gettext(
            "Of all {images}, none has a label that {runs} contradicts.",
            images=whole,
            runs=who,
        )
    if is_number:
        return ngettext(
            "Of all {images}, {count} has a label that {runs} is as far from.",
            "Of all {images}, {count} have a label that {runs} is as far from.",
            against,
            images=whole,
            runs=who,
        )
    return ngettext(
        "Of all {images}, {count} has a label that {runs} contradicts.",
        "Of all {images}, {count} have a label that {runs} contradicts.",
        against,
        images=whole,
        runs=who,
    )


def known_sentence(labels: DoubtedLabels, top: int = TOP) -> str:
    """Precision and recall of the doubts, or why they cannot be measured."""
    known, task = labels.known(top), gettext(labels.doubts.task.label)
    if known is None or labels.wrong is None:
        return gettext(
            "No label of {task} is known to be wrong in this study, and none to be"
            " right: precision and recall of the doubts cannot be measured.",
            task=task,
        )
    if not known.wrong:
        return _none_known(known, task, int(labels.wrong.sum()))
    first = gettext(
        "{wrong} of these {images} labels are known to be wrong.",
        wrong=known.wrong,
        images=known.images,
    )
    at_top = gettext(
        "Of the first {count}, {wrong} are: precision {precision}, recall {recall}.",
        count=known.top,
        wrong=known.top_wrong,
        precision=strong(_share(known.top_wrong, known.top)),
        recall=_share(known.top_wrong, known.wrong),
    )
    doubted = gettext(
        "Of all {count} doubted, {wrong} are: precision {precision}, recall {recall}.",
        count=known.doubted,
        wrong=known.doubted_wrong,
        precision=_share(known.doubted_wrong, known.doubted),
        recall=_share(known.doubted_wrong, known.wrong),
    )
    return f"{first} {at_top} {doubted}"


def _none_known(known: KnownErrors, task: str, elsewhere: int) -> str:
    """Say that all labels of these images are right; others are wrong ``elsewhere``."""
    right = (
        gettext(
            "Every label of {task} of these {count} images is known to be right; the"
            " {elsewhere} wrong ones of this study are of other images.",
            task=task,
            count=known.images,
            elsewhere=elsewhere,
        )
        if elsewhere
        else gettext(
            "Every label of {task} of these {count} images is known to be right.",
            task=task,
            count=known.images,
        )
    )
    if not known.doubted:
        doubts = gettext("So no label is doubted, and there is no recall to measure.")
    elif known.doubted == 1:
        doubts = gettext(
            "So the one doubt is wrong, and there is no recall to measure."
        )
    else:
        doubts = gettext(
            "So all {count} doubts are wrong, and there is no recall to measure.",
            count=known.doubted,
        )
    return f"{right} {doubts}"


def twins_sentence(labels: DoubtedLabels) -> str:
    """Whether copies of the photos have the proposed label; empty without copies."""
    twins = labels.twins
    if twins is None or twins.empty:
        return ""
    doubted, others = twins[twins["doubted"]], twins[~twins["doubted"]]
    counts = doubted["say"].value_counts()
    said = [
        gettext(
            "{count} of these images show a photo that is in the dataset again,"
            " labelled a second time.",
            count=len(twins),
        )
    ]
    if len(doubted):
        proposed, given, other = (
            int(counts.get(side, 0)) for side in ("proposed", "given", "other")
        )
        said.append(
            gettext(
                "Of the {count} doubted among them, the copies have: {proposed} the"
                " proposed label, {given} the given one, {other} neither.",
                count=len(doubted),
                proposed=proposed,
                given=given,
                other=other,
            )
        )
    if len(others):
        same, task = int(others["agree"].sum()), labels.doubts.task
        share = _share(same, len(others))
        if isinstance(task, Regression):
            said.append(
                gettext(
                    "Of the other {count}, the copies of {same} have the given label,"
                    " to {near} ({share}).",
                    count=len(others),
                    same=same,
                    near=in_unit(f"{TOLERANCE}", task.unit, TOLERANCE),
                    share=share,
                )
            )
        else:
            said.append(
                gettext(
                    "Of the other {count}, the copies of {same} have the given label"
                    " ({share}).",
                    count=len(others),
                    same=same,
                    share=share,
                )
            )
    return " ".join(said)


def agreement_note(doubts: LabelDoubts) -> str:
    """What the answers come from, and how often they are as the labels say."""
    count, task = len(doubts.methods), doubts.task
    over = (
        gettext("{count} methods", count=count) if count > 1 else gettext("one method")
    )
    if isinstance(task, Regression):
        said = gettext(
            "The answer is the mean over {methods} and their seeds. A label is judged"
            " beside the images that got a like answer, by the median absolute"
            " deviation of their residuals; ± is the standard deviation over runs.",
            methods=over,
        )
        return f"{said} {gettext(NOTE)}"
    same = float((doubts.table["given"] == doubts.table["proposed"]).mean())
    said = gettext(
        "Confident learning (cleanlab) on the mean probabilities of {methods}, which"
        " give {share} of these images their label; the errors of the methods are"
        " doubted as well. The score is the mean probability of the label.",
        methods=over,
        share=gettext("{size} %", size=number(100 * same, 0)),
    )
    silent = ""
    if doubts.silent:
        silent = gettext(
            "Without probabilities, and so not in it: {methods}.",
            methods=listed(doubts.silent),
        )
    return " ".join(filter(None, (said, silent, gettext(NOTE))))


def pairs_table(doubts: LabelDoubts, *, limit: int | None = None) -> Table:
    """How often which label is proposed for which, the most common first."""
    pairs = count_pairs(doubts.doubted).head(limit)
    rows = [
        (
            Text(str(row["given"])),
            Text(str(row["proposed"])),
            Text(number(row["images"], 0)),
            Text(number(row["by_all"], 0)),
        )
        for row in pairs.to_dict("records")
    ]
    columns = (
        Column(gettext("Given label"), align="left"),
        Column(gettext("Proposed"), align="left"),
        Column(gettext("Images")),
        Column(gettext("Every run against it")),
    )
    return Table("", columns, tuple(rows))


def labels_table(labels: DoubtedLabels, *, limit: int, title: str = "") -> Table:
    """The most doubted images, one a row."""
    rows = []
    shown = labels.rows.head(limit)
    for row in shown.to_dict("records"):
        cells = [
            Text(str(row["image_id"]), is_code=True),
            Text(gettext(str(row["split"]))),
            Text(given_text(labels.doubts.task, row)),
            Text(proposed_text(labels.doubts.task, row)),
            Text(score_text(labels.doubts.task, row)),
            Text(against_text(row)),
        ]
        if "known_wrong" in row:
            cells.append(Text(gettext("yes") if row["known_wrong"] else gettext("no")))
        if "twins" in row:
            cells.append(Text(str(row["twins"])))
        rows.append(tuple(cells))
    left = (gettext("Image"), gettext("Split"), gettext("Label"), gettext("Proposed"))
    columns = [Column(name, align="left") for name in left]
    far = isinstance(labels.doubts.task, Regression)
    columns.append(Column(gettext("Robust SDs away") if far else gettext("Score")))
    columns.append(Column(gettext("Runs against it")))
    if labels.wrong is not None:
        columns.append(Column(gettext("Known to be wrong"), align="left"))
    if "twins" in shown:
        columns.append(Column(gettext("Its copies"), align="left"))
    return Table(title, tuple(columns), tuple(rows))


def given_text(task: Task, row: Mapping[Any, Any]) -> str:
    """The label of an image, with the probability that the methods give to it."""
    if isinstance(task, Regression):
        return in_unit(number(row["given"], 0), task.unit, row["given"])
    share = gettext("{size} %", size=number(100 * row["p_given"], 0))
    return f"{row['given']} ({share})"


def proposed_text(task: Task, row: Mapping[Any, Any]) -> str:
    """What the methods propose for it, and how sure of it they are."""
    if isinstance(task, Regression):
        spread = row["spread"]
        known = np.isfinite(spread)
        return number(row["proposed"], 0) + (f" ± {number(spread, 0)}" if known else "")
    share = gettext("{size} %", size=number(100 * row["p_proposed"], 0))
    return f"{row['proposed']} ({share})"


def score_text(task: Task, row: Mapping[Any, Any]) -> str:
    """The label quality, or how far a number is from what is proposed."""
    if isinstance(task, Regression):
        return number(row["residual"], 1)
    return number(row["score"], 3)


def against_text(row: Mapping[Any, Any]) -> str:
    """How many runs contradict the label."""
    return gettext("{part} of {whole}", part=row["against"], whole=row["runs"])


def sensitivity_keys(
    study: Study, tasks: Sequence[Task], task: Task, training_counts: Counts
) -> tuple[str, ...]:
    """The headline metrics of one task; its usual ones where the study names none."""
    asked = headline_keys(tasks, study.headline)
    known = study_metric_keys((task,), training_counts, further_keys(tasks, asked))
    own = tuple(k for k in asked if split_key(k)[0] == task.name and k in known)
    return own or headline_keys([task])


def compare_without(
    study: Study,
    runs: Sequence[Run],
    tables: Mapping[RunKey, pd.DataFrame],
    task: Task,
    baseline: Baseline,
    keys: Sequence[str],
    *,
    training_counts: Counts,
    image_ids: Collection[str] = (),
) -> Comparison:
    """The methods on the test images but some, by the engine of every comparison.

    Parameters
    ----------
    study : Study
    runs : sequence of Run
    tables : mapping of (method, seed) to DataFrame
        Their predictions of the test images.
    task : Task
    baseline : str or Counterparts
    keys : sequence of str
        Metrics of the task.
    training_counts : mapping of task to mapping of class to int
    image_ids : collection of str
        Test images that are left out. Images are resampled as without that, by strata
        too where the test set was drawn so: a verdict changes by these images alone.
    """
    if image_ids:
        tables = {
            run: table[~table["image_id"].isin(image_ids)].reset_index(drop=True)
            for run, table in tables.items()
        }
    return compare_runs(
        tables,
        (task,),
        baseline,
        metrics=keys,
        training_counts=training_counts,
        **study_options(study, runs, tables, baseline),
    )


def sensitivity_table(
    every: Comparison,
    left: Comparison,
    keys: Sequence[str],
    labels: Mapping[str, str],
    tasks: tuple[Task, ...],
    *,
    part: Part = "score",
    title: str = "",
) -> Table:
    """Each method's headline metrics with all test images and without some."""
    columns = [Column(gettext("Method"), align="left")]
    for key in keys:
        info = metric_info(key, tasks)
        columns += [
            Column(heading(info), part),
            Column(
                gettext(
                    "{metric}, without {count}",
                    metric=info.label,
                    count=every.rows - left.rows,
                ),
                part,
            ),
        ]
    rows = []
    for method, label in labels.items():
        if method not in every.seeds:
            continue
        cells: list[Cell | Text] = [Text(label, is_name=True)]
        for key in keys:
            for comparison in (every, left):
                cells.append(Cell.from_row(comparison.row(method, key), tasks))
        rows.append(tuple(cells))
    return Table(title, tuple(columns), tuple(rows))


def sensitivity_rows(
    every: Comparison, left: Comparison, keys: Sequence[str]
) -> pd.DataFrame:
    """The numbers behind ``sensitivity_table``, one row a method and metric."""
    names = ["method", "metric", "n", "mean", "low", "high"]
    names += ["delta", "delta_low", "delta_high", "verdict"]
    own = every.table[every.table["metric"].isin(keys)][names]
    other = left.table[left.table["metric"].isin(keys)][names]
    return own.merge(other, on=["method", "metric"], suffixes=("", "_without"))


def sensitivity_sentence(
    every: Comparison,
    left: Comparison,
    keys: Sequence[str],
    labels: Mapping[str, str],
    tasks: tuple[Task, ...],
) -> str:
    """Which verdicts change where the most doubted test images are left out."""
    changed = []
    judged = 0
    for key in keys:
        for method, label in labels.items():
            if method not in every.seeds:
                continue
            first, second = (c.row(method, key) for c in (every, left))
            if first["verdict"] == BASELINE:
                continue
            judged += 1
            before, after = (verdict_words(row) for row in (first, second))
            if before != after:
                metric = metric_info(key, tasks).label
                changed.append(
                    gettext(
                        "{method}, {metric}: {before} → {after}",
                        method=label,
                        metric=metric,
                        before=before,
                        after=after,
                    )
                )
    if not judged:
        return gettext("Values of the only method without these images:")
    out = every.rows - left.rows
    images = ngettext("{count} test image", "{count} test images", every.rows)
    if not changed:
        return gettext(
            "Without the {count} most doubted of {images} every verdict stays as it"
            " is.",
            count=out,
            images=images,
        )
    verdicts = clauses(changed[:NAMED])
    if more := len(changed[NAMED:]):
        verdicts = gettext("{names}; and {count} more", names=verdicts, count=more)
    return ngettext(
        "Without the {out} most doubted of {images} {count} of {judged} verdicts"
        " changes: {verdicts}.",
        "Without the {out} most doubted of {images} {count} of {judged} verdicts"
        " change: {verdicts}.",
        len(changed),
        out=out,
        images=images,
        judged=judged,
        verdicts=verdicts,
    )


def dropped_sentence(doubts: LabelDoubts, dropped: pd.DataFrame) -> str:
    """Which classes the left out images are of, the hardest hit first."""
    counts = count_dropped(doubts, dropped, TEST)
    hit = counts[counts["dropped"] > 0].sort_values(
        "share", ascending=False, kind="stable"
    )
    parts = [
        gettext(
            "{part} of {whole} of {category} ({share})",
            part=row["dropped"],
            whole=row["images"],
            category=row["category"],
            share=gettext("{size} %", size=number(100 * row["share"], 1)),
        )
        for row in hit.head(2 * NAMED).to_dict("records")
    ]
    if not parts:
        return ""
    if len(hit) > len(parts):
        parts.append("…")
    return gettext("Left out, by the given label: {classes}.", classes=clauses(parts))


def doubts_record(labels: DoubtedLabels, *, top: int, limit: int) -> dict[str, Any]:
    """Everything but the leaderboard as JSON; ``limit`` images at the most."""
    doubts, known = labels.doubts, labels.known(top)
    rows = labels.rows.head(limit)
    twins = None
    if labels.twins is not None:
        twins = {
            name: own["say"].value_counts().to_dict()
            for name, own in (
                ("doubted", labels.twins[labels.twins["doubted"]]),
                ("others", labels.twins[~labels.twins["doubted"]]),
            )
        }
    classes = not isinstance(doubts.task, Regression)
    return {
        "task": doubts.task.name,
        "images": len(doubts.table),
        "splits": _splits(doubts.table),
        "runs": int(doubts.table["runs"].max()),
        "methods": list(doubts.methods),
        "without_probabilities": list(doubts.silent),
        "doubted": len(doubts.doubted),
        "every_run_against": len(doubts.by_all),
        "joint": doubts.joint.tolist() if classes else None,
        "pairs": count_pairs(doubts.doubted).to_dict("records") if classes else None,
        "known": None if known is None else _known_record(known),
        "twins": twins,
        "labels": rows.to_dict("records"),
    }


def _known_record(known: KnownErrors) -> dict[str, Any]:
    shares = {
        "precision_at_top": (known.top_wrong, known.top),
        "recall_at_top": (known.top_wrong, known.wrong),
        "precision": (known.doubted_wrong, known.doubted),
        "recall": (known.doubted_wrong, known.wrong),
    }
    found = {name: share_interval(*counts) for name, counts in shares.items()}
    return {
        **vars(known),
        **{
            name: {"value": value, "ci": [low, high]}
            for name, (value, low, high) in found.items()
        },
    }


def _share(hits: int, of: int) -> str:
    share, low, high = share_interval(hits, of)
    if not of:
        return "–"
    between = gettext("[{low}, {high}]", low=number(low, 2), high=number(high, 2))
    return f"{number(share, 2)} {between}"


def _splits(table: pd.DataFrame) -> list[str]:
    """Names of the splits, test images first."""
    return sorted(table["split"].unique(), key=lambda name: (name != TEST, name))
