"""Moves of one photo in words: worked out by hand."""

from core.plots import photo_moves as plots
from core.predictor import ClassificationAnswer, RegressionAnswer
from core.tasks import Binary, Regression
from core.text import strong, to_plain

AGE = Regression("age", "Age", "years", 1, 80, 10)
GENDER = Binary("gender", "Gender", ("male", "female"))
LABELS = {"plain": "Plain", "lds": "LDS"}


def answers(age, label):
    """One method whose answers move, and one whose do not."""

    def gender(name):
        return ClassificationAnswer(name, 0.8, {}, None)

    return {
        "plain": {"age": RegressionAnswer(age, None), "gender": gender(label)},
        "lds": {"age": RegressionAnswer(30.0, None), "gender": gender("male")},
    }


CHANGED = {
    "": answers(38.2, "male"),
    "lighter": answers(44.4, "male"),
    "mirrored": answers(40.0, "female"),
}
TASKS = (AGE, GENDER)


def test_moves_of_one_photo_in_words():
    table = plots.tabulate_moves(CHANGED, TASKS)
    assert len(table) == 3 * 2 * 2
    shown = plots.describe_moves(table, TASKS, LABELS).set_index("Method")
    assert shown.loc["Plain", "Age (years)"] == strong("38 to 44")
    assert shown.loc["Plain", "Gender"] == "male (2 of 3) and female (1 of 3)"
    assert shown.loc["LDS", "Gender"] == f"{strong('male')}, always"
    assert to_plain(plots.moves_takeaway(table, TASKS, LABELS)) == (
        "This photo, under 2 harmless changes: Age moves furthest for Plain, by 6 "
        "years. Gender becomes another for Plain."
    )
    still = table[table["method"] == "lds"]
    assert "Gender stays the same." in plots.moves_takeaway(still, TASKS, LABELS)


def test_changes_that_are_left_out_are_named():
    note = plots.moves_note(["lighter"], ["256 px"], 40)
    assert "narrower than 40 px: 256 px." in note
    assert "Left out" not in plots.moves_note(["lighter"], [], 40)
