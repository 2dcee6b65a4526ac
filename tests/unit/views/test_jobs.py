"""What a page says of a job."""

import pytest

from core.training.live import Live, RunProgress, epoch_rows
from core.views import jobs
from tests.tiny import tiny_study

ROWS = tuple(
    row
    for epoch, loss in enumerate((3.0, 1.0, 2.0), 1)
    for row in epoch_rows(epoch, {"loss": loss + 1, "val_loss": loss})
)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "1 s"),
        (59, "59 s"),
        (90, "2 min"),
        (12_060, "3 h 21 min"),
        (2e5, "2 days"),
    ],
)
def test_a_duration_is_said_as_a_person_says_it(seconds: float, said: str) -> None:
    assert jobs.duration_text(seconds) == said


def test_a_run_is_said_in_one_line() -> None:
    assert jobs.run_text(RunProgress("ins", 0)) == "not begun"
    live = Live(epochs=9, epoch=2, steps=40, step=7, images_per_second=1234.4)
    said = jobs.run_text(RunProgress("ins", 0, live=live))
    assert said == "epoch 3 of 9; batch 7 of 40; 1,234 images/s"


def test_curves_of_runs_that_are_not_finished_are_drawn() -> None:
    study = tiny_study()
    parts = [
        RunProgress("ins", 0, live=Live(epochs=9, rows=ROWS)),
        RunProgress("ins", 1),
    ]
    history = jobs.job_history(parts)
    # The epoch with the lowest validation loss so far.
    assert set(history["best_epoch"]) == {2}
    assert jobs.curves_of(history) == ("loss",)
    figure, said = jobs.draw_job_curves(study, history, "loss")
    drawn = [list(trace.y) for trace in figure.data if trace.mode == "lines"]
    assert sorted(drawn) == [[3.0, 1.0, 2.0], [4.0, 2.0, 3.0]]
    assert "at the best epoch 2: 1.00" in said
    assert jobs.job_history([RunProgress("ins", 0)]).empty
