"""The most typical images: most methods right, then the surest, or the nearest."""

import numpy as np

from core.evaluation.alignment import align_predictions
from core.evaluation.answers import collect_answers
from core.evaluation.typical_images import typical_images
from tests.synthetic import AGE, TASKS, synthetic_predictions

HAIR = TASKS["avatars"][2]


def collected(task, *, labels_only: bool = False):
    tables = {
        (method, 0): synthetic_predictions("avatars", method, rows=200)
        for method in ("baseline", "lmf")
    }
    if labels_only:
        tables = {
            run: table.drop(columns=[c for c in table if "_p_" in c])
            for run, table in tables.items()
        }
    aligned = align_predictions(tables, [task], "baseline")
    ids = tables["baseline", 0]["image_id"]
    return tables, collect_answers(aligned, task, ids)


def test_classes_are_ordered_by_agreement_then_probability():
    tables, answers = collected(HAIR)
    found = typical_images(answers, 0)
    first = tables["baseline", 0].set_index("image_id")
    of_class = first.index[first["hair_true"] == "short"]
    assert set(found["image_id"]) == set(of_class)
    keys = list(zip(-found["right"], -found["probability"], strict=True))
    assert keys == sorted(keys)
    best = found["image_id"][0]
    shares = [
        t.set_index("image_id").loc[best, "hair_p_short"] for t in tables.values()
    ]
    assert np.isclose(found["probability"][0], np.mean(shares))
    assert found["methods"].eq(2).all()
    assert found["error"].isna().all()


def test_numbers_are_ordered_by_how_near_the_answers_are():
    tables, answers = collected(AGE)
    found = typical_images(answers, 2)
    row = found.iloc[0]
    errors = [
        abs(one["age_pred"] - one["age_true"])
        for one in (
            t.set_index("image_id").loc[row["image_id"]] for t in tables.values()
        )
    ]
    assert np.isclose(row["error"], np.mean(errors), rtol=1e-5)
    most = found[found["right"] == 2]
    assert most["error"].is_monotonic_increasing
    assert found["probability"].isna().all()


def test_labels_alone_are_ordered_by_agreement():
    _, answers = collected(HAIR, labels_only=True)
    found = typical_images(answers, 1)
    assert found["probability"].isna().all()
    assert found["right"].is_monotonic_decreasing
