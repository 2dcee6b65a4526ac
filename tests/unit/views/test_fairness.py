"""Views of groups, against what the predictions say when they are counted again."""

import numpy as np
import pandas as pd
import pytest

from core.data.catalog import dataset_of
from core.errors import EquipoiseError, NothingToShow, ViewError
from core.language import speaking
from core.runs import shipped_manifest
from core.study import load_study
from core.views.catalog import draw_view
from core.views.studies import open_study, whole_view
from core.views.study_view import StudyView

STUDY, TASK = "avatars-softbio", "target"
METHODS = ("baseline", "focal", "undersample")


@pytest.fixture(scope="module")
def view() -> StudyView:
    return open_study(STUDY, methods=METHODS)


def _accuracies(view: StudyView, method: str) -> "pd.Series[float]":
    """Mean over the seeds of the accuracy in each group."""
    return _by_seed(view, method).mean(axis=1)


def _by_seed(view: StudyView, method: str) -> pd.DataFrame:
    """Accuracy in each group, a column a seed."""
    parts = []
    for run in view.runs:
        if run.method == method:
            table = run.predictions("test")
            right = table[f"{TASK}_true"] == table[f"{TASK}_pred"]
            parts.append(right.groupby(table["group"].astype(str)).mean())
    return pd.concat(parts, axis=1)


def test_groups_have_their_accuracy(view: StudyView) -> None:
    drawn = draw_view("fairness-groups", view, {"metric": "target.accuracy"})
    assert drawn.data is not None
    for method in METHODS:
        rows = drawn.data[drawn.data["method"] == method].set_index("group")["mean"]
        expected = _accuracies(view, method)
        assert rows.to_dict() == pytest.approx(expected.to_dict())
    assert set(drawn.data["method"]) == set(METHODS)
    assert drawn.title == "Grey hair or glasses accuracy by group"


def test_gaps_are_between_the_highest_and_the_lowest_group(view: StudyView) -> None:
    drawn = draw_view("fairness-gaps", view, {"metric": "target.accuracy"})
    assert drawn.data is not None
    gaps = drawn.data.set_index(["method", "measure"])["mean"]
    for method in METHODS:
        groups = _accuracies(view, method)
        assert gaps[method, "difference"] == pytest.approx(np.ptp(groups))
        seeds = _by_seed(view, method)
        ratios = seeds.loc[groups.idxmin()] / seeds.loc[groups.idxmax()]
        assert gaps[method, "ratio"] == pytest.approx(ratios.mean())
    assert drawn.numbers is not None
    assert len(drawn.numbers.frame) == len(METHODS)


def test_the_cost_of_parity_sets_a_gap_against_quality(view: StudyView) -> None:
    asked = {"metric": "target.accuracy", "gap": "target.accuracy difference"}
    drawn = draw_view("fairness-cost", view, asked)
    assert drawn.data is not None
    points = drawn.data.set_index("method")
    for method in METHODS:
        gap = float(np.ptp(_accuracies(view, method)))
        assert any(points.loc[method] == pytest.approx(gap))
    with pytest.raises(ViewError, match=r"no gap 'target\.hair difference'"):
        draw_view("fairness-cost", view, {"gap": "target.hair difference"})


def test_who_gained_is_told_by_the_worst_and_the_best_group(view: StudyView) -> None:
    drawn = draw_view("fairness-levelling", view, {"task": TASK})
    assert drawn.data is not None
    before = _accuracies(view, "baseline")
    for row in drawn.data.to_dict("records"):
        change = _accuracies(view, row["method"]) - before
        assert row["worst_group"] == before.idxmin()
        assert row["worst_delta"] == pytest.approx(change[before.idxmin()])
        assert row["best_delta"] == pytest.approx(change[before.idxmax()])


def test_a_map_has_every_method_where_there_is_no_other_feature(
    view: StudyView,
) -> None:
    drawn = draw_view("group-map", view, {"metric": "target.accuracy"})
    assert drawn.title == "Grey hair or glasses accuracy: every method in every group"
    assert drawn.data is not None
    cells = drawn.data.set_index(["row", "column"])["mean"]
    for method in METHODS:
        for group, value in _accuracies(view, method).items():
            assert cells[view.labels[method], group] == pytest.approx(value)


def test_a_map_crosses_a_feature_with_another() -> None:
    view = open_study("avatars", methods=["ins"])
    asked = {"task": "hair", "features": ("group",), "across": "age_bin"}
    drawn = draw_view("group-map", view, asked)
    assert drawn.title == "Hair macro F1: every crossing"
    assert drawn.data is not None
    table = next(run for run in view.runs if run.method == "baseline").predictions()
    table = table[table["split"] == "test"]
    counts = table["group"].astype(str).value_counts()
    found = drawn.data.groupby("row")["images"].sum()
    assert found.to_dict() == counts.to_dict()
    with pytest.raises(ViewError, match="cannot be crossed with 'group'"):
        draw_view("group-map", view, {**asked, "across": "group"})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"features": ("hat",)}, "no sensitive feature 'hat'"),
        ({"metric": "target.height"}, "target.height"),
        ({"task": "hat"}, "hat"),
    ],
)
def test_what_is_not_there_is_named(
    view: StudyView, asked: dict[str, object], said: str
) -> None:
    with pytest.raises(EquipoiseError, match=said):
        draw_view("fairness-groups", view, asked)


def test_a_study_of_no_people_has_no_groups() -> None:
    with pytest.raises(NothingToShow, match="no sensitive feature"):
        draw_view("fairness-groups", open_study("cifar10-lt-200"), {})


def test_published_groups_stand_alone_where_nothing_is_trained() -> None:
    study = load_study("softbio")
    info = dataset_of(study, shipped_manifest, needed=False)
    drawn = draw_view("fairness-published", whole_view(study, info, ()), {})
    assert drawn.data is not None
    theirs = {item.value for item in study.published_by_group}
    assert theirs <= set(drawn.data["theirs"])
    assert drawn.data["ours"].isna().all()


def test_a_worst_slice_is_above_the_error_of_all_images(view: StudyView) -> None:
    drawn = draw_view("slices", view, {"task": TASK, "method": "focal"})
    errors = []
    for run in view.runs:
        if run.method == "focal":
            table = run.predictions("test")
            errors.append((table[f"{TASK}_true"] != table[f"{TASK}_pred"]).mean())
    overall = f"{100 * np.mean(errors):.1f}"
    assert overall in drawn.takeaway or "None of" in drawn.takeaway
    assert drawn.data is not None
    by_group = drawn.data[drawn.data["feature"] == "group"]
    whole = by_group[by_group["second_feature"] == ""].set_index("group")["error"]
    expected = 1 - _accuracies(view, "focal")
    assert whole.to_dict() == pytest.approx(expected[whole.index].to_dict())
    with pytest.raises(ViewError, match="No method 'nobody'"):
        draw_view("slices", view, {"method": "nobody"})


def test_groups_and_gaps_are_said_in_the_readers_language(view: StudyView) -> None:
    asked = {"metric": "target.accuracy"}
    english = draw_view("fairness-groups", view, asked)
    with speaking("fr"):
        drawn = draw_view("fairness-groups", view, asked)
        levelling = draw_view("fairness-levelling", view, {})
    lowest = min(_accuracies(view, "baseline"))
    assert f"{lowest:.3f}".replace(".", ",") in drawn.takeaway
    assert "dans le groupe B" in drawn.takeaway
    (figure,) = drawn.figures.values()
    assert "Toutes les images" in [trace.name for trace in figure.data]
    assert levelling.numbers is not None
    assert {"Méthode", "Pourquoi"} <= set(levelling.numbers.frame)
    again = draw_view("fairness-groups", view, asked)
    assert again.takeaway == english.takeaway
    assert f"{lowest:.3f} in group B" in again.takeaway


def test_thresholds_are_said_in_french(view: StudyView) -> None:
    with speaking("fr"):
        drawn = draw_view("what-if", view, {"thresholds": ("0.25",)})
        groups = draw_view("what-if-groups", view, {"thresholds": ("0.25",)})
    assert "par rapport à 0,5 pour tous" in drawn.takeaway
    (figure,) = drawn.figures.values()
    yours = next(trace for trace in figure.data if trace.name == "Vos seuils")
    assert "A\N{NO-BREAK SPACE}: 0,250" in yours.hovertemplate
    assert "%{y:.3f}" in yours.hovertemplate
    assert groups.numbers is not None
    assert groups.numbers.frame["Seuil"].tolist() == ["0,250", "0,250", "–"]


def test_why_a_feature_was_not_searched_is_said_in_each_language() -> None:
    """The reason comes from outside of the search, which is kept."""
    view = open_study("utkface", methods=("baseline",))
    with speaking("fr"):
        french = draw_view("slices", view, {"task": "gender"}).note
    assert "les images ne sont pas ici" in french
    english = draw_view("slices", view, {"task": "gender"}).note
    assert "the pictures are not here" in english
    assert "les images" not in english
