"""Learning curves and configurations: values are worked out by hand."""

from pathlib import Path

import pandas as pd
import pytest

from core.plots import runs as plots
from core.plots.look import Look, method_styles
from core.runs import Run
from core.tasks import Binary, Regression
from core.text import to_markdown

TASKS = (
    Regression("age", "Age", "years", 1, 80, 10),
    Binary("gender", "Gender", ("male", "female")),
)
LABELS = {"base": "Base", "other": "Other"}
LOOK = Look(("base", "other"), method_styles(("base", "other"), "base"), LABELS, "base")


class KeptRun(Run):
    """A run whose history is in memory."""

    def history(self) -> pd.DataFrame:
        return self.info["rows"]


def make_run(method, seed, *, best_epoch, validation, training, **info):
    rows = [
        (epoch, split, "age_mae", value)
        for split, values in (("training", training), ("validation", validation))
        for epoch, value in enumerate(values, start=1)
    ]
    rows += [(1, "training", "learning_rate", 0.1), (1, "training", "loss", 2.0)]
    rows += [(1, "validation", "loss", 2.5), (1, "validation", "gender_accuracy", 0.7)]
    table = pd.DataFrame(rows, columns=["epoch", "split", "name", "value"])
    record = {"rows": table, "best_epoch": best_epoch, **info}
    return KeptRun("tiny", method, seed, Path(), record)


@pytest.fixture
def runs():
    return (
        make_run("base", 0, best_epoch=2, validation=[9, 7, 8], training=[8, 6, 5]),
        make_run("base", 1, best_epoch=3, validation=[9, 8, 5], training=[8, 6, 4]),
        make_run("other", 0, best_epoch=1, validation=[10, 11], training=[4, 3]),
    )


def test_histories_know_their_run(runs):
    history = plots.gather_histories(runs)
    part = history[(history["method"] == "base") & (history["seed"] == 1)]
    assert set(part["best_epoch"]) == {3}
    assert plots.gather_histories(()).empty


def test_loss_comes_first_and_one_sided_curves_last(runs):
    names = plots.curve_names(plots.gather_histories(runs))
    assert names == ("loss", "age_mae", "gender_accuracy", "learning_rate")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("loss", "Loss"),
        ("age_mae", "Age MAE (years)"),
        ("age_loss", "Age loss"),
        ("gender_accuracy", "Gender accuracy"),
        ("learning_rate", "Learning rate"),
    ],
)
def test_labels_have_units(name, label):
    assert plots.curve_label(name, TASKS) == label


def test_best_values_are_at_each_runs_best_epoch(runs):
    table = plots.best_values(plots.gather_histories(runs), "age_mae")
    found = {
        (row.method, row.seed): (row.training, row.validation)
        for row in table.itertuples()
    }
    assert found == {("base", 0): (6, 7), ("base", 1): (4, 5), ("other", 0): (4, 10)}


def test_takeaway_names_the_best_mean_and_the_widest_gap(runs):
    sentence = plots.takeaway_curves(
        plots.gather_histories(runs), "age_mae", label="Age MAE (years)", labels=LABELS
    )
    # Base: (7 + 5) / 2 on validation, 5 on training; Other: 10 and 4.
    assert "Base has the lowest mean, 6.00 (best epoch 2 to 3, 2 seeds)" in sentence
    assert sentence.endswith("differ most for Other, by 6.00.")


def test_takeaway_of_accuracy_wants_the_highest(runs):
    history = plots.gather_histories(runs[2:])
    one = plots.takeaway_curves(
        history, "gender_accuracy", label="Gender accuracy", labels=LABELS
    )
    assert one == (
        "Gender accuracy on validation, at the best epoch 1: 0.700 on average (1 seed)."
    )
    none = plots.takeaway_curves(history, "learning_rate", label="Rate", labels=LABELS)
    assert none == "Rate was not measured on validation."


def test_losses_of_different_methods_are_not_ranked(runs):
    sentence = plots.takeaway_curves(
        plots.gather_histories(runs[2:]), "loss", label="Loss", labels=LABELS
    )
    assert sentence.startswith("Loss on validation, at the best epoch 1: 2.50")
    two = (runs[2], make_run("base", 0, best_epoch=1, validation=[9], training=[8]))
    both = plots.takeaway_curves(
        plots.gather_histories(two), "loss", label="Loss", labels=LABELS
    )
    assert "compare shapes and not heights; the best epochs are 1" in both
    assert "lowest" not in both


def test_mean_curve_stops_where_a_seed_does(runs):
    history = plots.gather_histories(runs)
    history = history[~((history["seed"] == 1) & (history["epoch"] == 3))]
    figure = plots.plot_curves(history, "age_mae", LOOK, label="Age MAE (years)")
    lines = [t for t in figure.data if t.mode == "lines" and t.hoverinfo != "skip"]
    validation = next(t for t in lines if "Base, validation" in t.hovertemplate)
    assert list(validation.x) == [1, 2]
    assert list(validation.y) == [9, 7.5]


def test_best_epochs_are_marked_at_their_own_value(runs):
    figure = plots.plot_curves(
        plots.gather_histories(runs),
        "age_mae",
        LOOK,
        label="Age MAE (years)",
        each_seed=True,
    )
    marks = {t.name: t for t in figure.data if t.name}
    assert list(zip(marks["Base"].x, marks["Base"].y, strict=True)) == [(2, 7), (3, 5)]
    assert marks["Other"].marker.color != marks["Base"].marker.color
    assert figure.layout.yaxis.title.text == "Age MAE (years)"


def record(**changes):
    info = {
        "seed": 0,
        "resolved": {
            "name": "tiny",
            "title": "Tiny",
            "training": {"epochs": 6},
            "methods": {
                "base": {"label": "Base", "use": {}},
                "other": {"label": "Other", "use": {"lmf": {"on": "gender"}}},
            },
        },
        "versions": {"keras": "3.15"},
        "duration_s": 120.0,
        "best_epoch": 2,
    }
    return {**info, **changes}


def test_differences_only_and_measured_last():
    one = Run("tiny", "base", 0, Path(), record())
    other = Run("tiny", "other", 1, Path(), record(seed=1, duration_s=90.0))
    table = plots.compare_configurations(one, other)
    assert list(table["what"]) == ["seed", "label", "lmf.on", "duration_s"]
    assert table.iloc[2].tolist() == ["method", "lmf.on", "–", "gender"]
    assert table["part"].iloc[-1] == "measured"
    assert to_markdown(plots.takeaway_configurations(table)) == (
        "3 settings differ: `seed`, `label` and `lmf.on`."
    )
    many = pd.DataFrame({"part": "study", "what": list("abcdef")})
    said = to_markdown(plots.takeaway_configurations(many))
    assert said == "6 settings differ: `a`, `b`, `c`, `d` and 2 more."


def test_equal_runs_do_not_differ():
    one = Run("tiny", "base", 0, Path(), record())
    table = plots.compare_configurations(one, one)
    assert table.empty
    assert "Nothing that was chosen differs" in plots.takeaway_configurations(table)


def test_description_holds_the_method_and_not_the_others():
    run = Run("tiny", "base", 0, Path(), record())
    text = plots.describe_run(run).to_string()
    assert "keras" in text
    assert "lmf" not in text


def test_a_speed_that_is_not_known_is_a_dash():
    run = Run("tiny", "base", 0, Path(), record(images_per_second=None))
    other = Run("tiny", "base", 1, Path(), record(images_per_second=250.0))
    assert pd.isna(plots.describe_runs([run], LABELS)["images/s"].iloc[0])
    told = plots.describe_run(run).set_index("what")["value"]
    assert told["images_per_second"] == "–"
    table = plots.compare_configurations(run, other).set_index("what")
    assert table.loc["images_per_second"].tolist() == ["measured", "–", "250"]


def test_table_of_runs_names_the_network_of_each():
    made = {**record(), "resolved": {"model": {"backbone": "vit", "image_size": 112}}}
    runs = [Run("tiny", "base", 0, Path(), info) for info in (made, {})]
    network = plots.describe_runs(runs, LABELS)["network"]
    assert network.iloc[0] == "vit, 112 px"
    assert pd.isna(network.iloc[1])


def test_table_of_runs_is_in_minutes_and_bears_gaps():
    table = plots.describe_runs(
        [
            Run("tiny", "base", 0, Path(), record()),
            Run("tiny", "base", 1, Path(), {}),
        ],
        LABELS,
    )
    assert table["training (min)"].iloc[0] == 2
    assert pd.isna(table["training (min)"].iloc[1])


def test_pictures_that_cannot_be_read_are_told_in_words():
    listed = [{"picture": "cat/1.png", "split": "test", "reason": "is empty: 0 bytes."}]
    table = plots.describe_run(
        Run("tiny", "base", 0, Path(), record(unreadable=listed))
    )
    (row,) = table[table["part"] == "cannot be read"].to_dict("records")
    assert (row["what"], row["value"]) == ("cat/1.png", "is empty: 0 bytes.")
    table = plots.describe_run(Run("tiny", "base", 0, Path(), record()))
    assert "cannot be read" not in set(table["part"])
