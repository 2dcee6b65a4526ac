"""Phases and learning rates of a method that changes on the way."""

import numpy as np
import pytest

from core.methods import phases
from core.methods.registry import resolve_method
from core.methods.schedules import learning_rates
from core.study import load_study
from core.tasks import Binary, Multiclass, Regression

HAIR = Multiclass("hair", "Hair", ("short", "long", "bald"))
GLASSES = Binary("glasses", "Glasses", ("no glasses", "glasses"))
AGE = Regression("age", "Age", "years", 1, 80, 10)


def study_with(method):
    study = load_study("avatars")
    content = study.model_dump(exclude={"search", "published"})
    content["training"] |= {
        "epochs": 200,
        "schedule": {"warmup_epochs": 5, "drops": [{"at": 0.8, "factor": 0.01}]},
    }
    content["methods"] = {"baseline": {"label": "Plain"}, "late": method}
    return type(study).model_validate(content)


LATE = {
    "label": "Late",
    "use": {
        "hmloss": {"on": "hair", "start": 0.5},
        "ins": {"on": "hair", "start": 0.8},
    },
    "learning_rate_drops": [{"at": 0.5, "factor": 0.1}],
}


def test_phases_begin_where_parts_do():
    study = study_with(LATE)
    tasks = (AGE, GLASSES, HAIR)
    method = resolve_method(study, "late", tasks)
    found = phases.phases_of(
        study, method, tasks, warmup=phases.warmup_epochs(study, [10] * 200)
    )
    assert [(p.first, p.end) for p in found] == [
        (0, 5),
        (5, 100),
        (100, 160),
        (160, 200),
    ]
    assert found[0].name == "warm-up, the usual losses"
    assert found[2].name == "HMLoss on hair"
    assert found[3].name == "HMLoss on hair with INS weights"
    assert phases.drops_of(study, "late") == ((100, 0.1), (160, 0.01))


def test_phases_of_one_task_name_its_usual_loss():
    study = study_with(LATE)
    method = resolve_method(study, "baseline", (HAIR,))
    (only,) = phases.phases_of(study, method, (HAIR,), warmup=0.0)
    assert (only.first, only.end, only.name) == (0, 200, "Cross-entropy")


def test_rate_line_is_what_trains():
    study = study_with(LATE)
    steps = [7] * 200
    epochs, rates = phases.rate_line(study, "late", steps, points=10_000)
    np.testing.assert_array_equal(rates, learning_rates(study, "late", steps))
    assert epochs[[0, 7, -1]].tolist() == pytest.approx([0, 1, 200 - 1 / 7])
    short, _ = phases.rate_line(study, "late", steps, points=50)
    assert len(short) == 50
    assert short[[0, -1]].tolist() == pytest.approx(epochs[[0, -1]].tolist())
