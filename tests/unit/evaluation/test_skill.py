"""The skill of a model: 0 for the constant answer, 1 for a perfect one."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from core.data.readers.avatars import INFO
from core.errors import EquipoiseError
from core.evaluation.skill import build_skill

RNG = np.random.default_rng(0)
CLASSES = {t.name: list(t.classes) for t in INFO.tasks if t.kind != "regression"}


def manifest(rows: int, split: str) -> pd.DataFrame:
    shares = {"glasses": [0.7, 0.3], "hair": [0.6, 0.2, 0.15, 0.05]}
    drawn = {name: RNG.choice(CLASSES[name], rows, p=shares[name]) for name in CLASSES}
    return pd.DataFrame(
        {
            "image_id": [f"{split}-{row}" for row in range(rows)],
            "split": split,
            "age": RNG.integers(1, 80, rows).astype(float),
            **drawn,
        }
    )


TRAINING, JUDGED = manifest(400, "training"), manifest(300, "validation")


def answers(**changes: object) -> pd.DataFrame:
    """Perfect answers, but for the changed columns."""
    columns: dict[str, object] = {}
    for task in INFO.tasks:
        truth = JUDGED[task.name]
        columns[f"{task.name}_true"] = columns[f"{task.name}_pred"] = truth.to_numpy()
        for name in CLASSES.get(task.name, ()):
            columns[f"{task.name}_p_{name}"] = (truth == name).astype(float).to_numpy()
    return pd.DataFrame({**JUDGED[["image_id", "split"]], **columns, **changes})


def test_perfect_answers_have_skill_1_and_the_constant_ones_0() -> None:
    skill = build_skill(TRAINING, JUDGED, INFO.tasks)
    assert skill.measure(answers())[0] == 1
    constant = {"age_pred": TRAINING["age"].median()}
    for name in CLASSES:
        constant[f"{name}_pred"] = TRAINING[name].mode()[0]
    assert skill.measure(answers(**constant))[0] == pytest.approx(0, abs=1e-12)


def test_it_is_the_mean_over_tasks_of_the_means_over_their_metrics() -> None:
    skill = build_skill(TRAINING, JUDGED, INFO.tasks)
    hair = np.where(RNG.random(300) < 0.4, CLASSES["hair"][1], JUDGED["hair"])
    age = JUDGED["age"] + 3.0
    score, metrics = skill.measure(answers(hair_pred=hair, age_pred=age))
    truth = JUDGED["hair"]
    f1 = f1_score(truth, hair, average="macro")
    recall = balanced_accuracy_score(truth, hair)
    assert metrics["hair.macro_f1"] == pytest.approx(f1)
    common = np.full(300, TRAINING["hair"].mode()[0])
    of_hair = [
        1 - (1 - f1) / (1 - f1_score(truth, common, average="macro")),
        1 - (1 - recall) / (1 - 1 / 4),
    ]
    guessed = (JUDGED["age"] - TRAINING["age"].median()).abs()
    by_decade = guessed.groupby((JUDGED["age"] // 10).astype(int)).mean().mean()
    of_age = [1 - 3 / guessed.mean(), 1 - 3 / by_decade]
    expected = np.mean([np.mean(of_age), 1.0, np.mean(of_hair)])
    assert score == pytest.approx(expected)


def test_a_metric_that_cannot_judge_does_not_count() -> None:
    common = TRAINING["hair"].mode()[0]
    keys = ("age.bias", f"hair.recall[{common}]", "age.mae")
    skill = build_skill(TRAINING, JUDGED, INFO.tasks, keys)
    assert list(skill.guessing) == ["age.mae"]
    assert list(skill.measure(answers())[1]) == list(keys)
    with pytest.raises(EquipoiseError, match="No headline metric can judge"):
        build_skill(TRAINING, JUDGED, INFO.tasks, keys[:2])


def test_a_metric_without_a_value_counts_as_guessing() -> None:
    common, rare = TRAINING["hair"].mode()[0], CLASSES["hair"][-1]
    keys = ("glasses.accuracy", f"hair.precision[{common}]")
    skill = build_skill(TRAINING, JUDGED, INFO.tasks, keys)
    never = np.full(300, rare)
    score, metrics = skill.measure(answers(hair_pred=never))
    assert np.isnan(metrics[keys[1]])
    assert score == pytest.approx((1 + 0) / 2)
