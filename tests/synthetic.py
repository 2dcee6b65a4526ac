"""Seeded predictions and run folders with known differences, for tests only.

Nothing is trained here: predictions are drawn from simple distributions whose
parameters are in ``METHODS``, so that a test knows which method is better in truth.
"""

import atexit
import json
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.corruptions import CORRUPTED
from core.data.harmless_changes import CHANGES, shift_column
from core.data.long_tail import class_counts
from core.data.manifest import TEST, summarise_split
from core.data.readers.cifar import CLASSES_10, CLASSES_100
from core.runs import CORRUPTED_ANSWERS, PREDICTIONS, write_study_files
from core.study import Study
from core.tasks import Binary, Classification, Multiclass, Regression, Task

AGE = Regression("age", "Age", "years", 1, 80, 10)
TASKS: dict[str, tuple[Task, ...]] = {
    "utkface": (
        AGE,
        Binary("gender", "Gender", ("male", "female")),
        Multiclass("ethnicity", "Ethnicity", ("White", "Black", "Asian", "Indian")),
    ),
    "avatars": (
        AGE,
        Binary("glasses", "Glasses", ("no glasses", "glasses")),
        Multiclass("hair", "Hair", ("short", "long", "curly", "bald")),
    ),
    "cifar10-lt-200": (Multiclass("label", "Class", CLASSES_10),),
    "cifar100-lt-200": (Multiclass("label", "Class", CLASSES_100),),
}
LARGEST_CLASS = 500
"""Training images of the largest class of the studies on CIFAR; the rarest has 2."""
DATASETS = {"cifar10-lt-200": "cifar10", "cifar100-lt-200": "cifar100"}
TITLES = {
    "utkface": "UTKFace",
    "avatars": "Avatars",
    "cifar10-lt-200": "CIFAR-10-LT",
    "cifar100-lt-200": "CIFAR-100-LT",
}
SENSITIVE_FEATURES: dict[str, dict[str, tuple[str, ...]]] = {
    "utkface": {
        "gender": ("male", "female"),
        "ethnicity": ("White", "Black", "Asian", "Indian"),
    },
    "avatars": {"group": ("A", "B", "C", "D")},
    "cifar10-lt-200": {},
    "cifar100-lt-200": {},
}


def long_tail(study: str) -> tuple[int, ...]:
    """Training images of each class of a study on CIFAR, from many to few."""
    classes = TASKS[study][0].classes  # type: ignore[union-attr]
    return tuple(class_counts(len(classes), LARGEST_CLASS, 200).tolist())


# Share of each class in training, which tilts what is predicted.
PRIORS: dict[str, dict[str, tuple[float, ...]]] = {
    "utkface": {"gender": (0.52, 0.48), "ethnicity": (0.5, 0.23, 0.05, 0.22)},
    "avatars": {"glasses": (0.7, 0.3), "hair": (0.55, 0.3, 0.12, 0.03)},
    **{
        name: {"label": tuple(n / sum(long_tail(name)) for n in long_tail(name))}
        for name in DATASETS
    },
}
GROUP_SHARES = (0.5, 0.3, 0.15, 0.05)


@dataclass(frozen=True)
class Quality:
    """How good a method is in truth.

    Parameters
    ----------
    age_sd : float
        Standard deviation of the age error in years; the true MAE is
        ``age_sd * sqrt(2 / pi)`` when ``age_bias`` is 0, before clipping to 1..80.
    age_bias : float
        Years added to every prediction.
    signal : float
        Logit of the true class above the others: more is better.
    tilt : float
        How far the training shares pull predictions: 0 is not at all.
    """

    age_sd: float = 9.0
    age_bias: float = 0.5
    signal: float = 2.2
    tilt: float = 0.9


BASELINE = Quality()
METHODS: dict[str, Quality] = {
    "baseline": BASELINE,
    "ins": replace(BASELINE, tilt=0.3),
    "undersample": replace(BASELINE, age_sd=9.6, signal=1.9),
    "denseweight": replace(BASELINE, age_sd=8.2, age_bias=0.0),
    "denseweight-1": replace(BASELINE, age_sd=10.5, age_bias=2.0),
    "lmf": replace(BASELINE, signal=2.5, tilt=0.2),
    "denseweight-lmf": replace(BASELINE, age_sd=8.6, signal=2.4, tilt=0.2),
}
CIFAR_METHODS: dict[str, Quality] = {
    "baseline": Quality(signal=2.6, tilt=0.5),
    "csce": Quality(signal=2.1, tilt=0.1),
    "focal": Quality(signal=2.6, tilt=0.45),
    "ldam": Quality(signal=2.7, tilt=0.35),
    "balanced-softmax": Quality(signal=2.6, tilt=0.05),
}
QUALITIES = {**CIFAR_METHODS, **METHODS}
LABELS = {
    "baseline": "Baseline",
    "ins": "INS",
    "undersample": "Undersampling",
    "denseweight": "DenseWeight",
    "denseweight-1": "DenseWeight, alpha 1",
    "lmf": "LMF",
    "denseweight-lmf": "DenseWeight + LMF",
    "csce": "CSCE",
    "focal": "Focal loss",
    "ldam": "LDAM",
    "balanced-softmax": "Balanced softmax",
}
USE: dict[str, dict[str, dict[str, float | str]]] = {
    "baseline": {},
    "ins": {"ins": {"on": "{group}"}},
    "undersample": {"undersample": {"on": "{group}"}},
    "denseweight": {"denseweight": {"on": "age", "alpha": 0.25}},
    "denseweight-1": {"denseweight": {"on": "age", "alpha": 1.0}},
    "lmf": {"lmf": {"on": "{multiclass}"}},
    "denseweight-lmf": {
        "denseweight": {"on": "age", "alpha": 0.25},
        "lmf": {"on": "{multiclass}"},
    },
    "csce": {"ins": {"on": "{multiclass}"}},
    "focal": {"focal": {"on": "{multiclass}", "gamma": 2.0}},
    "ldam": {"ldam": {"on": "{multiclass}"}},
    "balanced-softmax": {"balanced-softmax": {"on": "{multiclass}"}},
}
# Correlation of two runs' noise on one image: what makes pairing worth it.
SHARED = 0.8


def synthetic_truth(study: str, rows: int, *, rng_seed: int = 0) -> pd.DataFrame:
    """Draw the images of one split: ids, sensitive features and true targets.

    ``utkface`` is balanced over gender, ethnicity and decade as its test set is;
    ``avatars`` is long-tailed; the studies on CIFAR are balanced over the classes.
    """
    rng = np.random.default_rng([rng_seed, rows, 1])
    features: dict[str, NDArray[np.generic]] = {}
    truth: dict[str, NDArray[np.generic]]
    if study in DATASETS:
        classes = np.array(TASKS[study][0].classes)  # type: ignore[union-attr]
        truth = {"label": classes[np.arange(rows) % len(classes)]}
    elif study == "utkface":
        strata = list(product(range(8), range(2), range(4)))
        chosen = np.array([strata[i % len(strata)] for i in range(rows)]).reshape(-1, 3)
        truth = {
            "age": np.clip(chosen[:, 0] * 10 + rng.integers(0, 10, rows), 1, 79),
            "gender": np.array(("male", "female"))[chosen[:, 1]],
            "ethnicity": np.array(TASKS["utkface"][2].classes)[chosen[:, 2]],
        }
        features = {"gender": truth["gender"], "ethnicity": truth["ethnicity"]}
    else:
        truth = {"age": rng.integers(1, 81, rows)}
        for task in TASKS[study][1:]:
            shares = PRIORS[study][task.name]
            truth[task.name] = rng.choice(task.classes, rows, p=shares)
        features = {"group": rng.choice(list("ABCD"), rows, p=GROUP_SHARES)}
    table = pd.DataFrame({"image_id": [f"{study}-{i:06d}" for i in range(rows)]})
    table = table.assign(**features)
    return table.assign(**{f"{name}_true": values for name, values in truth.items()})


def synthetic_predictions(
    study: str = "utkface",
    method: str = "baseline",
    seed: int = 0,
    *,
    rows: int = 640,
    validation_rows: int = 0,
    quality: Quality | None = None,
    seed_sd: float = 0.1,
    rng_seed: int = 0,
) -> pd.DataFrame:
    """Draw one run's predictions table, in the columns that a run folder holds.

    Parameters
    ----------
    study : str
        One of ``TASKS``.
    method, seed : str, int
        Which run; the images and their difficulty are the same for every run.
    rows, validation_rows : int
        Images of the test and of the validation split.
    quality : Quality, optional
        In place of ``QUALITIES[method]``.
    seed_sd : float
        Standard deviation over seeds of the run's age bias, in years; a tenth of
        it is the standard deviation of the run's ``signal``.
    rng_seed : int
        Another value draws another data set.

    Returns
    -------
    DataFrame
        ``image_id``, ``split``, sensitive features, ``<task>_true``,
        ``<task>_pred`` and ``<task>_p_<class>``.
    """
    parts = []
    for split, count, offset in (("validation", validation_rows, 7), ("test", rows, 0)):
        if count == 0:
            continue
        truth = synthetic_truth(study, count, rng_seed=rng_seed + offset)
        truth["image_id"] = split + "-" + truth["image_id"]
        truth.insert(1, "split", split)
        images = np.random.default_rng([rng_seed + offset, count, 2])
        name = zlib.crc32(method.encode())
        run = np.random.default_rng([rng_seed + offset, count, 3, name, seed])
        chosen = quality or QUALITIES[method]
        chosen = replace(
            chosen,
            age_bias=chosen.age_bias + seed_sd * run.standard_normal(),
            signal=chosen.signal + seed_sd / 10 * run.standard_normal(),
        )
        parts.append(_predict(truth, study, chosen, images, run))
    return pd.concat(parts, ignore_index=True)


def _predict(
    table: pd.DataFrame,
    study: str,
    quality: Quality,
    images: np.random.Generator,
    run: np.random.Generator,
) -> pd.DataFrame:
    rows = len(table)
    columns: dict[str, NDArray[np.generic]] = {}
    if "age_true" in table:
        noise = _noise((rows,), images, run)
        age = table["age_true"].to_numpy() + quality.age_bias + quality.age_sd * noise
        columns["age_true"] = table["age_true"].to_numpy(np.float64)
        columns["age_pred"] = np.clip(age, 1, 80)
    noisy = (table["group"] == "C").to_numpy() if "group" in table else np.zeros(rows)
    for task in _with_classes(study):
        classes = np.array(task.classes)
        true = (table[f"{task.name}_true"].to_numpy()[:, None] == classes) * 1.0
        signal = quality.signal * (1 - 0.5 * noisy[:, None])
        tilt = quality.tilt * np.log(np.array(PRIORS[study][task.name]) * len(classes))
        logits = signal * true + tilt + _noise(true.shape, images, run)
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        columns[f"{task.name}_pred"] = classes[logits.argmax(axis=1)]
        for j, label in enumerate(task.classes):
            p = probabilities[:, j].astype(np.float32)
            columns[f"{task.name}_p_{label}"] = p
    return table.assign(**columns)


def _with_classes(study: str) -> tuple[Classification, ...]:
    return tuple(t for t in TASKS[study] if not isinstance(t, Regression))


def _noise(
    shape: tuple[int, ...], images: np.random.Generator, run: np.random.Generator
) -> NDArray[np.float64]:
    shared = images.standard_normal(shape)
    own = run.standard_normal(shape)
    return np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own


def synthetic_tables(
    study: str = "utkface",
    *,
    methods: Iterable[str] = tuple(METHODS),
    seeds: Sequence[int] = (0, 1, 2),
    rows: int = 640,
    rng_seed: int = 0,
) -> dict[tuple[str, int], pd.DataFrame]:
    """Test-split tables of several runs, as ``compare`` takes them."""
    return {
        (method, seed): synthetic_predictions(
            study, method, seed, rows=rows, rng_seed=rng_seed
        )
        for method in methods
        for seed in seeds
    }


def synthetic_study(
    name: str = "utkface",
    *,
    methods: Iterable[str] = tuple(METHODS),
    seeds: Sequence[int] = (0, 1, 2),
) -> Study:
    """Build a small study of that name with these methods."""
    group = "ethnicity" if name == "utkface" else "group"
    words = {"{group}": group, "{multiclass}": TASKS[name][-1].name}
    tables = {}
    for method in methods:
        use = {
            entry: {k: words.get(str(v), v) for k, v in parameters.items()}
            for entry, parameters in USE[method].items()
        }
        tables[method] = {"label": LABELS[method], "use": use}
    return Study.model_validate(
        {
            "name": name,
            "title": TITLES[name],
            "summary": "Predictions drawn at random for tests.",
            "baseline": "baseline",
            "seeds": list(seeds),
            "dataset": {"name": DATASETS.get(name, name)},
            "model": {"backbone": "mobilenet_v3_small", "image_size": 96},
            "training": {"epochs": 6},
            "methods": tables,
        }
    )


def write_run(
    store: Path,
    study: Study,
    method: str,
    seed: int,
    *,
    rows: int = 640,
    validation_rows: int = 200,
    rng_seed: int = 0,
    info: Mapping[str, object] | None = None,
) -> Path:
    """Write one run folder without a model, and return it.

    ``info`` replaces keys of ``run.json``.
    """
    folder = store / study.name / method / f"seed-{seed}"
    folder.mkdir(parents=True)
    table = synthetic_predictions(
        study.name,
        method,
        seed,
        rows=rows,
        validation_rows=validation_rows,
        rng_seed=rng_seed,
    )
    table.to_parquet(folder / "predictions.parquet")
    _history(study, method, seed).to_parquet(folder / "history.parquet")
    content = {**_info(study, method, seed), **(info or {})}
    (folder / "run.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    return folder


def write_store(
    store: Path,
    name: str = "utkface",
    *,
    methods: Iterable[str] = tuple(METHODS),
    seeds: Sequence[int] = (0, 1, 2),
    rows: int = 640,
    validation_rows: int = 200,
    rng_seed: int = 0,
) -> Study:
    """Write the run folders of a study, its file, its manifest and data report.

    The same study is drawn once in a process and then copied, times of its files and
    all: to what keeps results by its files, nothing has changed.

    Returns
    -------
    Study
        The study that was written beside the runs.
    """
    drawn = _drawn_store(
        name, tuple(methods), tuple(seeds), rows, validation_rows, rng_seed
    )
    shutil.copytree(drawn, store, dirs_exist_ok=True)
    return synthetic_study(name, methods=methods, seeds=seeds)


@cache
def _drawn_store(
    name: str,
    methods: tuple[str, ...],
    seeds: tuple[int, ...],
    rows: int,
    validation_rows: int,
    rng_seed: int,
) -> Path:
    """A store with one study, to be copied; it goes with the process."""
    store = Path(tempfile.mkdtemp(prefix="synthetic-"))
    atexit.register(shutil.rmtree, store, ignore_errors=True)
    study = synthetic_study(name, methods=methods, seeds=seeds)
    for method, seed in product(methods, seeds):
        write_run(
            store,
            study,
            method,
            seed,
            rows=rows,
            validation_rows=validation_rows,
            rng_seed=rng_seed,
        )
    manifest = synthetic_manifest(
        name, rows=rows, validation_rows=validation_rows, rng_seed=rng_seed
    )
    write_study_files(store, study, manifest, synthetic_report(name, manifest))
    return store


def synthetic_report(name: str, manifest: pd.DataFrame) -> dict[str, object]:
    """How the split came about, in the form of the data report; the twins are made up.

    Only ``utkface`` has malformed names and twins.
    """
    if name != "utkface":
        return summarise_split(manifest)
    noise = {
        "age_mean_difference": 3.5,
        "age_median": 2.0,
        "age_p90": 9.0,
        "gender_disagreement": 0.06,
        "ethnicity_disagreement": 0.11,
    }
    return {
        **summarise_split(manifest, ["61_1_20170109150557335.jpg.chip.jpg"]),
        "twins": {
            "threshold_bits": 40,
            "removed_test": 12,
            "removed_rest": 34,
            "pairs": 56,
            "label_noise": noise,
        },
    }


def synthetic_manifest(
    name: str = "utkface",
    *,
    rows: int = 640,
    validation_rows: int = 200,
    training_rows: int = 2000,
    rng_seed: int = 0,
) -> pd.DataFrame:
    """Draw a manifest whose test and validation images are the predictions' own.

    Training images follow ``PRIORS``, and their ages are mostly 20 to 40; those of the
    studies on CIFAR are ``long_tail``, however many ``training_rows`` are.
    """
    if name in DATASETS:
        training_rows = sum(long_tail(name))
    parts = []
    for split, count, offset in (("validation", validation_rows, 7), ("test", rows, 0)):
        part = synthetic_truth(name, count, rng_seed=rng_seed + offset)
        part["image_id"] = split + "-" + part["image_id"]
        parts.append(part.assign(split=split))
    training = synthetic_truth(name, training_rows, rng_seed=rng_seed + 11)
    rng = np.random.default_rng([rng_seed, 5])
    if "age_true" in training:
        ages = np.clip(rng.gamma(4.0, 8.0, training_rows).round(), 1, 79)
        training["age_true"] = ages.astype(np.int64)
    for task in _with_classes(name):
        drawn = rng.choice(task.classes, training_rows, p=PRIORS[name][task.name])
        if name in DATASETS:
            drawn = np.repeat(task.classes, long_tail(name))
        training[f"{task.name}_true"] = drawn
        if task.name in SENSITIVE_FEATURES[name]:
            training[task.name] = drawn
    training["image_id"] = "training-" + training["image_id"]
    parts.append(training.assign(split="training"))
    table = pd.concat(parts, ignore_index=True)
    for task in TASKS[name]:
        table[task.name] = table.pop(f"{task.name}_true")
    table["path"] = table["image_id"] + ".jpg"
    first = ["image_id", "path"]
    last = ["split"]
    middle = [c for c in table.columns if c not in first + last]
    return table[first + middle + last]


def _history(study: Study, method: str, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng([seed, 4, zlib.crc32(method.encode())])
    records = []
    for epoch in range(1, study.training.epochs + 1):
        fade = np.exp(-epoch / 3)
        for split, gap in (("training", 0.0), ("validation", 0.2)):
            values = {"loss": 2 + 3 * fade + gap}
            if study.name not in DATASETS:
                values["age_mae"] = 8 + 12 * fade + gap
            for task in TASKS[study.name]:
                values[f"{task.name}_loss"] = 1 + fade + gap
            for task in _with_classes(study.name):
                values[f"{task.name}_accuracy"] = 0.85 - 0.4 * fade - gap / 10
            for name, value in values.items():
                noisy = value * (1 + 0.01 * rng.standard_normal())
                records.append((epoch, split, name, float(noisy)))
        records.append((epoch, "training", "learning_rate", 0.003 * float(fade)))
    return pd.DataFrame(records, columns=["epoch", "split", "name", "value"])


def _info(study: Study, method: str, seed: int) -> dict[str, object]:
    order = list(study.methods).index(method)
    return {
        "schema": 1,
        "study": study.name,
        "method": method,
        "seed": seed,
        "study_fingerprint": study.fingerprint(),
        "split_fingerprint": "0123456789abcdef",
        "resolved": study.model_dump(mode="json"),
        "versions": {"keras": "3.15.0", "tensorflow": "2.21.0", "numpy": "2.4.0"},
        "hardware": {"cpu": "test", "cores": 2, "memory_gb": 8},
        "backend": "tensorflow",
        "trained_from": "scratch",
        "parameters": 1_200_000,
        "epochs": study.training.epochs,
        "best_epoch": study.training.epochs - 1,
        "duration_s": 600.0 + 40.0 * order + seed,
        "images_per_second": 430.0 - 10.0 * order,
        "inference_ms": 1.5 + 0.05 * order,
        "created": "2026-01-02T03:04:05+00:00",
        "loss_weights": {task.name: 1.0 for task in TASKS[study.name]},
        "method_parameters": {k: dict(v) for k, v in study.method(method).use.items()},
    }


def add_moves(store: Path, study: str, *, methods: Iterable[str] = ()) -> None:
    """Give runs of a store the moves of their answers under the harmless changes.

    Of numbers they are normal with a spread of 1, 2, ... by the place of the method,
    of classes one label in twenty changes; of validation images there are none.
    """
    places = sorted((store / study).glob("*/seed-*"))
    names = list(dict.fromkeys(place.parent.name for place in places))
    for place in places:
        if methods and place.parent.name not in methods:
            continue
        table = pd.read_parquet(place / PREDICTIONS)
        rng = np.random.default_rng(zlib.crc32(str(place.relative_to(store)).encode()))
        spread = 1 + names.index(place.parent.name)
        for task in TASKS[study]:
            for change in CHANGES:
                moves = rng.normal(0, spread, len(table))
                if not isinstance(task, Regression):
                    moves = (rng.random(len(table)) < 0.05).astype(float)
                tested = table["split"] == TEST
                name = shift_column(task.name, change)
                table[name] = np.where(tested, moves, np.nan).astype(np.float32)
        table.to_parquet(place / PREDICTIONS, index=False)


def add_corrupted(store: Path, study: str, *, images: int = 40) -> None:
    """Give runs of a store answers to corrupted versions of their first test images."""
    for place in sorted((store / study).glob("*/seed-*")):
        table = pd.read_parquet(place / PREDICTIONS)
        tested = table[table["split"] == TEST].head(images)
        seed = zlib.crc32(str(place.relative_to(store)).encode())
        answers = corrupted_answers(tested, TASKS[study], seed=seed)
        answers.to_parquet(place / CORRUPTED_ANSWERS, index=False)


def corrupted_answers(
    table: pd.DataFrame, tasks: Iterable[Task], *, seed: int
) -> pd.DataFrame:
    """Answers to every corruption of some images: the worse, the higher the severity.

    Numbers are off by as many units as the severity, times a normal number. Of classes,
    one answer in ten a severity is drawn anew.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for corruption, severity in CORRUPTED.values():
        own = {"image_id": table["image_id"], "corruption": corruption.name}
        own["severity"] = severity
        for task in tasks:
            name = f"{task.name}_pred"
            if isinstance(task, Regression):
                moved = severity * rng.normal(size=len(table))
                own[name] = (table[name] + moved).astype(np.float32)
                continue
            names = [f"{task.name}_p_{label}" for label in task.classes]
            chosen = rng.dirichlet(np.ones(len(names)), len(table))
            kept = rng.random((len(table), 1)) > 0.1 * severity
            chances = np.where(kept, table[names].to_numpy(), chosen)
            own[name] = np.array(task.classes)[chances.argmax(axis=1)]
            own |= {n: chances[:, i] for i, n in enumerate(names)}
        parts.append(pd.DataFrame(own))
    return pd.concat(parts, ignore_index=True)
