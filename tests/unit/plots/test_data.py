"""Figures of the Data page: every number is recounted by hand."""

import numpy as np
import pandas as pd
import pytest

from core.data.manifest import DatasetInfo
from core.language import speaking
from core.plots import data as plots
from core.tasks import Binary, Regression

AGE = Regression("age", "Age", "years", 1, 40, 10)
INFO = DatasetInfo(
    name="tiny",
    title="Tiny",
    tasks=(AGE, Binary("hat", "Hat", ("no hat", "hat"))),
    sensitive_features={"hat": ("no hat", "hat"), "group": ("A", "B", "C")},
    shareable=True,
    generated=True,
    notice="",
)


@pytest.fixture
def manifest() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": [f"i-{n}" for n in range(10)],
            "age": [5, 12, 15, 25, 25, 39, 9, 10, 33, 70],
            "age_clean": [5, 12, 15, 25, 25, 35, 9, 10, 33, 70],
            "hat": ["hat", *["no hat"] * 8, "hat"],
            "group": ["A", "A", "A", "B", "B", "A", "B", "A", "B", "Other"],
            "split": [*["training"] * 6, "validation", "test", "test", "left out"],
        }
    )


def test_columns_are_targets_then_features_once(manifest):
    columns = plots.columns_of(INFO, manifest)
    assert list(columns) == ["age", "hat", "group"]
    assert columns["age"].classes == ("0-9", "10-19", "20-29", "30-39")
    assert list(plots.columns_of(INFO, manifest.drop(columns="group"))) == [
        "age",
        "hat",
    ]


def test_counts_by_split(manifest):
    column = plots.columns_of(INFO, manifest)["age"]
    counts = plots.count_classes(manifest, column).set_index(["split", "class"])
    assert counts.loc["training", "n"].to_dict() == {
        "0-9": 1,
        "10-19": 2,
        "20-29": 2,
        "30-39": 1,
    }
    assert counts.loc[("training", "10-19"), "share"] == pytest.approx(100 / 3)
    assert counts.loc[("validation", "0-9"), "n"] == 1
    assert counts["n"].sum() == 9, "what is left out is not counted"


def test_empty_split_has_no_share(manifest):
    column = plots.columns_of(INFO, manifest)["hat"]
    counts = plots.count_classes(manifest[manifest["split"] == "test"], column)
    training = counts[counts["split"] == "training"]
    assert training["n"].tolist() == [0, 0]
    assert training["share"].isna().all()


@pytest.mark.parametrize(
    ("counts", "ratio"),
    [([10, 5], 2.0), ([3, 3, 3], 1.0), ([4, 0], np.inf), ([], 1.0), ([0, 0], 1.0)],
)
def test_imbalance_ratio(counts, ratio):
    assert plots.imbalance_ratio(counts) == ratio


def test_takeaway_names_largest_smallest_and_ratio(manifest):
    column = plots.columns_of(INFO, manifest)["hat"]
    sentence = plots.takeaway_classes(plots.count_classes(manifest, column), "Hat")
    assert "no hat is the largest training class with 5 images" in sentence
    assert "hat the smallest with 1" in sentence
    assert "ratio of 5.0" in sentence
    assert "The test set has no hat" in sentence


def test_takeaway_of_columns_names_the_worst(manifest):
    columns = plots.columns_of(INFO, manifest)
    summary = plots.summarise_columns(manifest, [columns["age"], columns["hat"]])
    assert summary["imbalance ratio"].tolist() == [2.0, 5.0]
    assert plots.takeaway_columns(summary).startswith("Hat is the most imbalanced")


def test_bars_show_every_count(manifest):
    column = plots.columns_of(INFO, manifest)["hat"]
    figure = plots.plot_classes(
        plots.count_classes(manifest, column), "Hat", as_share=False
    )
    training = next(bar for bar in figure.data if bar.name.startswith("training"))
    assert list(training.y) == [5, 1]
    assert training.name == "training (n = 6)"
    assert figure.layout.yaxis.title.text == "images"


def test_crossing_counts_pairs_and_keeps_empty_ones(manifest):
    columns = plots.columns_of(INFO, manifest)
    training = manifest[manifest["split"] == "training"]
    table = plots.count_crossing(training, columns["group"], columns["age"])
    assert table.loc["A"].tolist() == [1, 2, 0, 1]
    assert table.loc["B"].tolist() == [0, 0, 2, 0]
    assert table.loc["C"].tolist() == [0, 0, 0, 0]
    sentence = plots.takeaway_crossing(table, "training")
    assert sentence.startswith("8 of the 12 combinations have no training image")
    figure = plots.plot_crossing(table)
    assert [note.text for note in figure.layout.annotations[:4]] == ["1", "2", "0", "1"]


def test_takeaway_of_a_full_crossing_is_a_ratio():
    table = pd.DataFrame([[2, 9], [3, 4]], index=["a", "b"], columns=["x", "y"])
    sentence = plots.takeaway_crossing(table, "test")
    assert sentence == "a, y has 9 test images, a, x only 2: a ratio of 4.5."
    same = plots.takeaway_crossing(table * 0 + 10, "test")
    assert "Every one of the 4 combinations has the same 10" in same


def test_thinning_is_said_to_be_the_studys_doing():
    for reason in ("Asian, under-sampled", "over the profile"):
        report = {"counts": {"left_out_by": {reason: 3}, "per_split": {"test": 1}}}
        table = plots.account_images(report)
        assert "thinned on purpose" in plots.takeaway_accounting(table)
        assert "make it rare" in plots.thinning_note(table)
    assert plots.thinning_note(plots.account_images({})) == ""


def test_accounting_adds_up():
    report = {
        "counts": {
            "found": 12,
            "malformed": ["x", "y"],
            "left_out_by": {"too old": 3},
            "per_split": {"training": 4, "validation": 2, "test": 1},
        }
    }
    table = plots.account_images(report)
    assert table["n"].sum() == 12
    assert plots.takeaway_accounting(table) == (
        "7 of 12 images are used (58\xa0%); "
        "the largest part left out is 3 for 'too old'."
    )
    figure = plots.plot_accounting(table)
    assert sum(sum(bar.x) for bar in figure.data) == 12
    # Names stand above the bars, which a phone would leave no room beside them.
    assert not figure.layout.yaxis.showticklabels
    written = [note.text for note in figure.layout.annotations]
    assert written == table["what"].tolist()
    assert list(figure.layout.yaxis.categoryarray) == written
    low, high = figure.layout.yaxis.range
    assert low > high, "the first is the uppermost"


@pytest.mark.parametrize("report", [{}, {"counts": None}, {"counts": {}}])
def test_accounting_of_an_incomplete_report_is_empty(report):
    assert plots.account_images(report).empty
    assert plots.takeaway_twins(report) == ""


def test_twins_say_how_far_two_labels_differ():
    noise = {
        "age_mean_difference": 4.04,
        "age_median": 2.0,
        "age_p90": 10.0,
        "gender_disagreement": 0.067,
    }
    sentence = plots.takeaway_twins({"twins": {"pairs": 1126, "label_noise": noise}})
    assert "1,126 pairs" in sentence
    assert "4.0 years on average (median 2, a tenth by 10 or more)" in sentence
    assert "in gender for 6.7\xa0% of pairs" in sentence


def test_known_label_noise_is_by_group(manifest):
    table = plots.known_label_noise(manifest, INFO, "group").set_index("group")
    title = "Age label off by, on average (years)"
    assert table.loc["A", title] == pytest.approx(4 / 5)
    assert table.loc["B", title] == 0
    assert plots.known_label_noise(manifest, INFO, "hat").shape == (2, 3)
    bare = manifest.drop(columns="age_clean")
    assert plots.known_label_noise(bare, INFO, "group").empty


def test_samples_prefer_test_images(manifest):
    column = plots.columns_of(INFO, manifest)["age"]
    samples = plots.pick_samples(manifest, column, each=2)
    assert samples["10-19"]["image_id"].tolist() == ["i-7", "i-1"]
    assert samples["0-9"]["image_id"].tolist() == ["i-0"]


def test_weights_by_value_average_rows_of_one_value():
    table = plots.weights_by_value(np.array([3.0, 1, 3]), np.array([0.5, 2, 0.5]))
    assert table["value"].tolist() == [1, 3]
    assert table["n"].tolist() == [1, 2]
    assert table["weight"].tolist() == [2, 0.5]
    assert "counts 4.0 times as much as one at 3" in plots.takeaway_weights(
        table, AGE, 0.25
    )
    figure = plots.plot_weights(table, AGE, 0.25)
    assert list(figure.data[0].y) == [1, 2]
    assert list(figure.data[1].y) == [2, 0.5]


def test_equal_weights_are_said_to_be_equal():
    table = plots.weights_by_value(np.array([1.0, 2]), np.ones(2))
    assert "every image counts the same" in plots.takeaway_weights(table, AGE, 0)


def test_skewness_against_scipy():
    from scipy.stats import skew

    values = np.random.default_rng(0).gamma(2.0, 10.0, 500)
    assert plots.skewness(values) == pytest.approx(skew(values))
    assert plots.skewness(np.ones(3)) == 0


def test_log_histograms_hold_every_image():
    values = np.random.default_rng(1).integers(1, 80, 300).astype(float)
    figure = plots.plot_log_target(values, AGE)
    assert [int(sum(bar.y)) for bar in figure.data] == [300, 300]
    skewed = np.exp(np.random.default_rng(2).normal(3, 0.5, 400))
    assert "makes age more symmetric" in plots.takeaway_log_target(skewed, AGE)


def test_a_profile_says_its_realised_ratio():
    def said(wanted, realised):
        tail = {"profile": "exponential", "ratio": wanted, "realised_ratio": realised}
        return plots.takeaway_profile({"long_tail": tail})

    assert said(200, 200.0).endswith("an imbalance ratio of 200.")
    assert said(200, 250.0).endswith(
        "ratio of 250: 200 was asked for, and counts are whole."
    )
    assert plots.takeaway_profile({}) == ""


def test_why_images_are_left_out_is_said_in_french():
    reasons = ("ethnicity Others", "age outside 1-79", "cannot be read", "too blurred")
    assert [plots.reason_text(reason) for reason in reasons] == list(reasons)
    with speaking("fr"):
        said = [plots.reason_text(reason) for reason in reasons]
    assert said == [
        "ethnicité Others",
        "âge hors de 1-79 ans",
        "illisible",
        "too blurred",
    ]
