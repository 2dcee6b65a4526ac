import numpy as np
import pytest

from core.errors import StudyError
from core.methods.schedules import cosine_rates, learning_rates, step_rates
from core.study import Drop, ScheduleTable
from tests.tiny import tiny_study
from tests.unit.methods.reference import cases

PAPER = [(0.8, 0.01), (0.9, 0.01)]
TWO_PHASES = [*PAPER, (0.5, 0.01)]


@pytest.mark.parametrize("case", cases("training_schedule"), ids=lambda c: c["id"])
def test_rates_are_those_of_the_originals(case):
    two_phases = case["params"].get("loss_type", "CE") != "CE"
    rates = step_rates(
        case["params"]["epochs_total"],
        case["params"]["lr"],
        warmup_epochs=5,
        drops=TWO_PHASES if two_phases else PAPER,
    )
    np.testing.assert_allclose(
        rates[case["inputs"]["epochs"]], case["expected"]["lr"], rtol=1e-9
    )


def test_without_warmup_and_drops_the_rate_is_constant():
    np.testing.assert_array_equal(step_rates(4, 0.3), [0.3] * 4)


def test_shares_scale_with_the_epochs():
    rates = step_rates(30, 1.0, drops=PAPER)
    assert np.flatnonzero(np.diff(rates)).tolist() == [23, 26]


def test_cosine_rises_then_falls_to_zero():
    rates = cosine_rates(100, 2.0, warmup_steps=10)
    assert rates[0] == pytest.approx(0.02)
    assert rates.argmax() == 10
    assert rates[10] == pytest.approx(2.0)
    assert rates[55] == pytest.approx(1.0)
    assert 0 < rates[-1] < 1e-2
    assert (np.diff(rates)[:10] > 0).all()
    assert (np.diff(rates)[10:] < 0).all()


def test_warmup_takes_at_most_a_quarter():
    assert cosine_rates(8, 1.0, warmup_steps=100).argmax() == 2


def test_a_study_without_a_schedule_has_the_cosine():
    study = tiny_study(learning_rate=0.5, warmup_steps=3)
    np.testing.assert_allclose(
        learning_rates(study, "baseline", [10, 10]),
        cosine_rates(20, 0.5, warmup_steps=3),
    )


def test_a_study_with_a_schedule_has_its_steps_in_every_batch():
    table = ScheduleTable(warmup_epochs=1, drops=[Drop(at=0.5, factor=0.1)])
    study = tiny_study(epochs=4, learning_rate=0.5, schedule=table)
    rates = learning_rates(study, "baseline", [2, 1, 2, 1])
    np.testing.assert_allclose(rates, [0.5, 0.5, 0.5, 0.05, 0.05, 0.05])


@pytest.mark.parametrize("schedule", [None, ScheduleTable()])
def test_a_methods_own_drops_come_on_top(schedule):
    study = tiny_study(epochs=2, schedule=schedule)
    own = study.methods["ins"].model_copy(
        update={"learning_rate_drops": (Drop(at=0.5, factor=0.01),)}
    )
    study = study.model_copy(update={"methods": {**study.methods, "ins": own}})
    plain = learning_rates(study, "baseline", [3, 3])
    dropped = learning_rates(study, "ins", [3, 3])
    np.testing.assert_allclose(dropped[:3], plain[:3])
    np.testing.assert_allclose(dropped[3:], plain[3:] / 100)


def test_an_unknown_method_is_said():
    with pytest.raises(StudyError, match="no method 'nothing'"):
        learning_rates(tiny_study(), "nothing", [1])
