"""Metrics as scikit-learn and fairlearn compute them, and tables to compare them on."""

import numpy as np
import pandas as pd
from fairlearn import metrics as fairlearn
from sklearn import metrics as sklearn

from core.evaluation.alignment import align_predictions
from core.evaluation.grouping import group_images
from core.evaluation.metrics import AREAS, area_keys, group_metric_keys, metric_keys
from core.evaluation.resampled_metrics import TaskDraws
from core.evaluation.resampling import Resampler
from core.tasks import Binary, Multiclass, Regression

TWO = Binary("two", "Two", ("no", "yes"))
FOUR = Multiclass("four", "Four", ("a", "b", "c", "d"))
AGE = Regression("age", "Age", "years", 1, 80, 10)
FEATURES = ("shape", "size")


def draw_table(rng, task, rows, groups=(2, 3)):
    """Predictions of one run.

    Some classes may have no image, some may never be predicted, and some may be
    predicted alone; numbers may miss bins.
    """
    table = {"image_id": [f"i{i}" for i in range(rows)]}
    for feature, count in zip(FEATURES, groups, strict=True):
        table[feature] = np.array(list("ABCDE"))[rng.integers(0, count, rows)]
    if isinstance(task, Regression):
        highest = rng.choice([9, 80])
        table["age_true"] = rng.integers(1, highest, rows).astype(float)
        table["age_pred"] = table["age_true"] + rng.normal(1, 8, rows)
        return pd.DataFrame(table)
    k = len(task.classes)
    logits = rng.normal(0, 1, (rows, k))
    y_true = rng.choice(some_classes(rng, k), rows)
    logits[np.arange(rows), y_true] += rng.choice([0.0, 2.0])
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    answered = some_classes(rng, k)
    y_pred = answered[logits[:, answered].argmax(axis=1)]
    table[f"{task.name}_true"] = np.array(task.classes)[y_true]
    table[f"{task.name}_pred"] = np.array(task.classes)[y_pred]
    for place, label in enumerate(task.classes):
        table[f"{task.name}_p_{label}"] = shares[:, place]
    return pd.DataFrame(table)


def some_classes(rng, k):
    """A part of the classes, at least one."""
    return rng.permutation(k)[: rng.integers(1, k + 1)]


def keys_of(task):
    """Every metric that a task has, of all images or within groups."""
    keys = dict.fromkeys((*metric_keys(task), *group_metric_keys(task)))
    if isinstance(task, Regression):
        return tuple(keys)
    further = ["balanced_accuracy", "macro_f1", "error_rate"]
    if task.kind == "multiclass":
        further += ["top_2_accuracy", "top_3_accuracy"]
    return (
        *keys,
        *(f"{task.name}.{n}" for n in further if f"{task.name}.{n}" not in keys),
        *area_keys(task),
    )


def draws_of(table, task, features=FEATURES, *, resamples=20, rng_seed=0, design=None):
    """The engine's draws, and how often each image counts in each resample."""
    aligned = align_predictions({("only", 0): table}, (task,), "only")
    grouping = group_images(table, (task,), features)
    resampler = Resampler(len(table), resamples, rng_seed, design=design)
    tops = (2, 3) if task.kind == "multiclass" else ()
    return TaskDraws(aligned, task, grouping, resampler, None, tops), resampler.weights


def rate(name, truth, predicted):
    """A rate of one class against the rest; NaN where its denominator is 0."""
    options = {"pos_label": True, "zero_division": 0.0}
    denominator, compute = {
        "precision": (
            predicted.any(),
            lambda: sklearn.precision_score(truth, predicted, **options),
        ),
        "recall": (
            truth.any(),
            lambda: sklearn.recall_score(truth, predicted, **options),
        ),
        "f1": (
            truth.any() or predicted.any(),
            lambda: sklearn.f1_score(truth, predicted, **options),
        ),
        "selection_rate": (
            len(truth) > 0,
            lambda: fairlearn.selection_rate(truth, predicted, pos_label=True),
        ),
        "false_positive_rate": (
            (~truth).any(),
            lambda: fairlearn.false_positive_rate(truth, predicted, pos_label=True),
        ),
        "false_negative_rate": (
            truth.any(),
            lambda: fairlearn.false_negative_rate(truth, predicted, pos_label=True),
        ),
    }[name]
    return compute() if denominator else np.nan


def expected_value(key, task, table, known=()):
    """A metric of some rows of a table, by scikit-learn or fairlearn.

    ``known`` are the classes that the rows stand for, of which a resample may have
    missed some: these are left out of it.
    """
    if not len(table):
        return np.nan
    name, _, part = key.rpartition(".")[2].partition("[")
    part = part.removesuffix("]")
    truth, predicted = (
        table[f"{task.name}_{what}"].to_numpy() for what in ("true", "pred")
    )
    if isinstance(task, Regression):
        return expected_error(name, part, truth, predicted)
    missed = set(known) - set(truth)
    if name == "accuracy":
        return sklearn.accuracy_score(truth, predicted)
    if name == "error_rate":
        return sklearn.zero_one_loss(truth, predicted)
    if name in AREAS or name.startswith("top_"):
        return expected_rank(name, part, task, table, truth)
    if name == "balanced_accuracy":
        options = {"average": "macro", "zero_division": 0.0}
        return sklearn.recall_score(
            truth, predicted, labels=np.unique(truth), **options
        )
    if name == "macro_f1":
        labels = sorted((set(truth) | set(predicted)) - missed)
        options = {"average": "macro", "zero_division": 0.0}
        return sklearn.f1_score(truth, predicted, labels=labels, **options)
    label = part or task.classes[1]
    if name == "f1" and label in missed:
        return np.nan
    return rate(name, truth == label, predicted == label)


def expected_rank(name, part, task, table, truth):
    """The area under the ROC or the precision-recall curve, or a top-k accuracy."""
    scores = table[[f"{task.name}_p_{label}" for label in task.classes]].to_numpy()
    if name in AREAS:
        scored = task.classes[1:] if task.kind == "binary" else task.classes
        area = sklearn.average_precision_score
        if name == "auc":
            area = sklearn.roc_auc_score
        areas = [
            area(truth == label, scores[:, task.classes.index(label)])
            for label in ([part] if part else scored)
            if 0 < (truth == label).sum() < len(truth)
        ]
        return np.mean(areas) if areas else np.nan
    k = int(name.split("_")[1])
    return sklearn.top_k_accuracy_score(truth, scores, k=k, labels=list(task.classes))


def expected_error(name, part, truth, predicted):
    """A metric of numbers."""
    errors = pd.Series(np.abs(predicted - truth))
    decades = truth.astype(int) // 10
    if part:
        own = errors[decades == int(part.split("-")[0]) // 10]
        return own.mean()
    return {
        "mae": sklearn.mean_absolute_error(truth, predicted),
        "rmse": sklearn.root_mean_squared_error(truth, predicted),
        "bias": np.mean(predicted - truth),
        "mae_balanced": errors.groupby(decades).mean().mean(),
        "within_5": (errors <= 5).mean(),
    }[name]


def biased(right, rows=400):
    """A table where each of two groups has its accuracy."""
    shape = np.repeat(["men", "women"], rows)
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 2, 2 * rows)
    wrong = np.concatenate([np.arange(rows) >= round(rows * share) for share in right])
    predicted = np.where(wrong, 1 - truth, truth)
    names = np.array(TWO.classes)
    return pd.DataFrame(
        {
            "image_id": [f"i{i}" for i in range(2 * rows)],
            "gender": shape,
            "two_true": names[truth],
            "two_pred": names[predicted],
        }
    )
