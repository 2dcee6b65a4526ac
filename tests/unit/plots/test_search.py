"""The search of a study as tables, figures and sentences."""

import numpy as np
import pytest

from core.data.readers.avatars import INFO
from core.plots import search as plots
from core.plots.look import MethodStyle
from core.study import Search, Trial
from core.text import NO_BREAK

LMF = "lmf"
STYLE = MethodStyle("#0072B2", "diamond", "solid")
TRIALS = (
    Trial(
        method=LMF,
        settings={"use.lmf.alpha": 2.5, "loss_weights.hair": 1.0},
        epochs=4,
        score=0.5,
        metrics={"age.mae": 9.0},
        own=True,
    ),
    Trial(
        method=LMF,
        settings={"use.lmf.alpha": 0.25, "loss_weights.hair": 4.0},
        state="pruned",
        epochs=1,
        score=0.25,
        metrics={"age.mae": 12.0},
    ),
    Trial(
        method=LMF,
        settings={"use.lmf.alpha": 5.0, "loss_weights.hair": 0.5},
        epochs=4,
        score=0.625,
        metrics={"age.mae": 8.25},
        chosen=True,
    ),
    Trial(method=LMF, settings={"use.lmf.alpha": 9.0}, state="diverged"),
)

SEARCH = Search(
    trials=TRIALS,
    of="avatars",
    seed=3,
    importance={LMF: {"loss_weights.hair": 0.2, "use.lmf.alpha": 0.8}},
)


def test_a_search_by_hand_has_a_row_a_setting_and_marks_what_was_chosen() -> None:
    rows = [
        {"method": LMF, "setting": "x 1", "metric": "age.mae", "value": 9.0},
        {"method": LMF, "setting": "x 1", "metric": "glasses.accuracy", "value": 0.75},
        {
            "method": LMF,
            "setting": "x 0.1",
            "metric": "age.mae",
            "value": 8.25,
            "chosen": True,
        },
    ]
    search = Search.model_validate(rows)
    table = plots.search_table(search, INFO.tasks, {LMF: "LMF"})
    assert table["Setting"].tolist() == ["x 1", "x 0.1"]
    assert table["Chosen"].tolist() == ["", "●"]
    assert table.columns.tolist()[1:4] == ["Method", "Age MAE", "Glasses accuracy"]
    assert table.iloc[1].tolist()[2:4] == ["8.25", "–"]
    assert "2 settings of 1 method" in plots.search_takeaway(search)
    # Without a skill there is nothing to draw.
    assert plots.searched_methods(search) == []


def test_a_table_says_skill_and_settings_in_words() -> None:
    table = plots.search_table(SEARCH, INFO.tasks, {})
    assert table.columns.tolist() == [
        "Chosen",
        "Method",
        "Skill",
        "Ended",
        "Age MAE",
        "Setting",
    ]
    assert table["Skill"].tolist() == ["0.500", "0.250", "0.625", "–"]
    assert table["Ended"].tolist() == ["", "pruned", "", "diverged"]
    assert table["Setting"][1] == "LMF alpha 0.25; weight of hair 4"


@pytest.mark.parametrize(
    ("place", "label"),
    [
        ("training.learning_rate", "learning rate"),
        ("model.dropout", "dropout"),
        ("model.options.dropout", "backbone dropout"),
        ("use.class-balanced.beta", "Class-balanced weights beta"),
        ("use.gone-since.beta", "gone-since beta"),
        ("loss_weights.age", "weight of age"),
    ],
)
def test_settings_have_words(place: str, label: str) -> None:
    assert plots.setting_label(place, INFO.tasks) == label


def test_the_figure_marks_the_pruned_and_the_chosen() -> None:
    frame = plots.trials_frame(plots.trials_of(SEARCH, LMF), INFO.tasks)
    assert np.isnan(frame["skill"][3])
    traces = {trace.name: trace for trace in plots.plot_trials(frame, STYLE).data}
    assert list(traces) == ["Best so far", "Complete", "Pruned", "Chosen"]
    assert list(traces["Best so far"].y) == [0.5, 0.625]
    assert list(traces["Complete"].x) == [1, 3]
    assert list(traces["Pruned"].x) == [2]
    assert traces["Pruned"].marker.symbol != traces["Complete"].marker.symbol
    assert "pruned after 1 epoch<br>LMF alpha 0.25" in traces["Pruned"].hovertemplate[0]
    assert (list(traces["Chosen"].x), list(traces["Chosen"].y)) == ([3], [0.625])


def test_the_takeaway_compares_with_the_settings_that_the_study_had() -> None:
    tried = plots.trials_of(SEARCH, LMF)
    assert plots.trials_takeaway(tried, "LMF") == (
        "LMF: 4 tries, 1 pruned and 1 diverged. The best has a skill of 0.625, the "
        "settings that the study had 0.500."
    )
    kept = [TRIALS[0].model_copy(update={"chosen": True})]
    assert plots.trials_takeaway(kept, "LMF") == (
        "LMF: 1 try. The best has a skill of 0.500: the settings that the study had."
    )
    none = plots.trials_takeaway(TRIALS[1:2], "LMF")
    assert none.endswith("None of them is what the study uses.")


def test_an_earlier_search_is_faint_and_is_no_part_of_the_best() -> None:
    own = TRIALS[0].model_copy(update={"score": 0.75, "epochs": 12, "chosen": True})
    last = TRIALS[2].model_copy(update={"score": 0.7, "epochs": 12, "chosen": False})
    before = [t.model_copy(update={"chosen": False, "score": 0.8}) for t in TRIALS[:3]]
    tried = [*before, own, last]
    traces = {
        trace.name: trace
        for trace in plots.plot_trials(
            plots.trials_frame(tried, INFO.tasks), STYLE
        ).data
    }
    assert list(traces) == ["Best so far", "Earlier search", "Complete", "Chosen"]
    assert list(traces["Earlier search"].x) == [1, 2, 3]
    assert list(traces["Complete"].x) == [4, 5]
    assert list(traces["Best so far"].y) == [0.75, 0.75]
    assert plots.trials_takeaway(tried, "LMF") == (
        "LMF: 2 tries. The best has a skill of 0.750: the settings that the study had. "
        "3 tries of an earlier search trained for at most 4 epochs."
    )
    assert plots.latest_of(tried) == [own, last]
    table = plots.search_table(Search(trials=tuple(tried)), INFO.tasks, {})
    assert table["Epochs"].tolist() == ["4", "1", "4", "12", "12"]


def test_importance_comes_largest_first() -> None:
    shares = plots.importance_shares(SEARCH, LMF, INFO.tasks)
    assert list(shares.items()) == [("LMF alpha", 0.8), ("weight of hair", 0.2)]
    (bars,) = plots.plot_importance(shares, STYLE).data
    assert list(bars.y) == ["LMF alpha", "weight of hair"]
    assert list(bars.text) == [f"80{NO_BREAK}%", f"20{NO_BREAK}%"]
    said = plots.importance_takeaway(shares, TRIALS, "LMF")
    assert "LMF alpha goes with the largest part" in said
    assert f"80{NO_BREAK}%, over 2 complete tries" in said
    assert plots.importance_shares(SEARCH, "other", INFO.tasks) == {}


def test_names_in_the_figures_stay_text() -> None:
    evil = "<b>x</b>%{y}"
    trial = Trial(method=LMF, settings={f"use.{evil}.p": 1.0}, epochs=1, score=0.5)
    figure = plots.plot_trials(plots.trials_frame([trial], INFO.tasks), STYLE)
    texts = [t for trace in figure.data for t in trace.hovertemplate or ()]
    assert "x" in "".join(texts)
    assert not any("<b>x" in text or "%{y}" in text for text in texts)
