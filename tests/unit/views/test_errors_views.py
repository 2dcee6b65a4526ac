"""Views of errors draw what the predictions say, of shipped studies."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.errors import NothingToShow, ViewError
from core.language import speaking
from core.views.catalog import draw_view
from core.views.drawing import Drawn
from core.views.studies import open_study


def draw(name: str, study: str = "avatars", **parameters: Any) -> Drawn:
    return draw_view(name, open_study(study), parameters)


def tables(study: str, method: str) -> list[pd.DataFrame]:
    """Test predictions of each seed of a method, as its files have them."""
    runs = [run for run in open_study(study).runs if run.method == method]
    own = [run.predictions() for run in sorted(runs, key=lambda run: run.seed)]
    return [table[table["split"] == "test"].set_index("image_id") for table in own]


def test_the_hardest_class_is_that_of_the_predictions() -> None:
    drawn = draw("error-rates", task="hair", method="ins")
    recalls = [
        (t["hair_pred"] == t["hair_true"]).groupby(t["hair_true"]).mean()
        for t in tables("avatars", "ins")
    ]
    expected = (sum(recalls) / len(recalls)).sort_values()
    first = drawn.data.drop_duplicates("class").set_index("class")["recall"]
    assert first.index[0] == expected.index[0]
    np.testing.assert_allclose(first, expected[first.index], rtol=1e-6)
    assert drawn.numbers is not None


def test_errors_of_a_number_have_bins_with_their_sign_or_without() -> None:
    signed = draw("error-rates", task="age")
    plain = draw("error-rates", task="age", sign="absolute")
    assert signed.name.endswith("-bins-signed")
    assert plain.name.endswith("-bins-absolute")
    with pytest.raises(ViewError, match="cannot take 'both' as its parameter 'sign'"):
        draw("error-rates", task="age", sign="both")


def test_all_methods_stand_beside_one_in_its_pairs() -> None:
    one, every = (draw("confused-pairs", among=among) for among in ("one", "all"))
    assert set(one.data["method"]) == {"baseline"}
    assert set(every.data["method"]) == set(open_study("avatars").methods)


def test_the_gallery_shows_the_most_confident_errors_as_pictures() -> None:
    drawn = draw("gallery", task="hair", method="ins", count=5)
    (figure,) = drawn.figures.values()
    assert len(figure.layout.images) == 5
    assert drawn.data["truth"].ne(drawn.data["ins_answer"]).all()
    assert drawn.data["ins_probability"].is_monotonic_decreasing
    first = figure.layout.annotations[0].text
    assert drawn.data["truth"].iloc[0] in first
    assert f"✗ {drawn.data['ins_answer'].iloc[0]}" in first


def test_pictures_that_may_not_be_passed_on_are_a_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    # Not even where the person has a copy of their own.
    (tmp_path / "utkface").mkdir()
    monkeypatch.setenv("EQUIPOISE_DATA", str(tmp_path))
    drawn = draw("gallery", "utkface", task="ethnicity", count=4)
    assert not drawn.figures
    assert len(drawn.numbers.frame) == 4
    assert drawn.numbers.frame["Image"].tolist() == drawn.data["image_id"][:4].tolist()


def test_filters_of_the_gallery_leave_what_the_predictions_have() -> None:
    given = {"task": "gender", "method": "baseline", "order": "listed"}
    drawn = draw("gallery", "utkface", **given, where=("ethnicity:Black",))
    own = tables("utkface", "baseline")[0]
    assert set(drawn.data["image_id"]) == set(own.index[own["ethnicity"] == "Black"])
    drawn = draw("gallery", "utkface", **given, truth="male", predicted="female")
    assert set(drawn.data["truth"]) == {"male"}
    assert set(drawn.data["baseline_answer"]) == {"female"}
    drawn = draw("gallery", "utkface", **given, agree="all-wrong")
    answers = drawn.data.filter(like="_answer")
    assert answers.ne(drawn.data["truth"], axis=0).all(axis=None)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"order": "size"}, "'size' as its parameter 'order'"),
        ({"truth": "green"}, "cannot take 'green'"),
        ({"where": ("height:tall",)}, "'height' as its parameter 'where'"),
        ({"where": ("gender:x",)}, "'x' as its parameter 'where'"),
        ({"agree": "maybe"}, "'maybe' as its parameter 'agree'"),
        ({"count": 0}, "cannot show 0 images"),
        ({"count": 1000}, "cannot show 1,000 images"),
    ],
)
def test_what_the_gallery_cannot_show_is_named(
    parameters: dict[str, Any], said: str
) -> None:
    with pytest.raises(ViewError) as error:
        draw("gallery", "utkface", task="ethnicity", **parameters)
    assert said in str(error.value)
    assert error.value.expected
    assert error.value.remedy


def test_a_method_that_is_not_shown_is_named() -> None:
    with pytest.raises(NothingToShow, match=r"no run of a method .*nobody"):
        draw("error-rates", method="nobody")


def test_what_changed_is_between_the_two_that_are_asked_for() -> None:
    drawn = draw("changed", task="hair", first="ins", second="lmf")
    right = [
        np.mean([(t["hair_pred"] == t["hair_true"]) for t in tables("avatars", m)], 0)
        for m in ("ins", "lmf")
    ]
    moved = right[1] - right[0]
    assert drawn.data["gained"].sum() == pytest.approx(moved[moved > 0].sum())
    assert drawn.data["lost"].sum() == pytest.approx(-moved[moved < 0].sum())
    lost = draw("changed-images", task="hair", first="ins", second="lmf", side="lost")
    assert f"{(moved < 0).sum()} images" in lost.takeaway
    with pytest.raises(ViewError, match="with itself"):
        draw("changed", first="ins", second="ins")
    with pytest.raises(ViewError, match="counted by 'height'"):
        draw("changed", by="height")


def test_one_method_alone_changes_nothing() -> None:
    view = open_study("avatars", methods=["baseline"])
    with pytest.raises(NothingToShow, match="nothing to compare it with"):
        draw_view("changed", view, {})


def test_doubted_images_are_those_of_a_pair_of_labels() -> None:
    every = draw("label-errors", "utkface", task="ethnicity")
    counts = every.data.groupby(["given", "proposed"]).size()
    given, proposed = counts.idxmax()
    pair = {"task": "ethnicity", "given": given, "proposed": proposed}
    drawn = draw("label-error-images", "utkface", **pair)
    assert len(drawn.data) == counts.max()
    assert f"{counts.max()} images are labelled" in drawn.takeaway
    assert drawn.numbers is not None
    with pytest.raises(ViewError, match="no label 'Green'"):
        draw("label-error-images", "utkface", **{**pair, "given": "Green"})
    with pytest.raises(ViewError, match="numbers"):
        draw("label-error-images", "utkface", task="age", given="1", proposed="2")


def test_a_label_is_explained_by_its_class() -> None:
    glasses = {"task": "glasses", "category": "glasses"}
    drawn = draw("typical-images", **glasses, count=3)
    truth = tables("avatars", "baseline")[0]["glasses_true"]
    assert set(truth[drawn.data["image_id"]]) == {"glasses"}
    (figure,) = drawn.figures.values()
    assert len(figure.layout.images) == 3
    with pytest.raises(ViewError, match="no class 'monocle'"):
        draw("label-rule", task="glasses", category="monocle")


def test_errors_are_said_in_the_readers_language() -> None:
    english = draw("error-rates", task="hair")
    with speaking("fr"):
        classes = draw("error-rates", task="hair")
        bins = draw("error-rates", task="age", sign="absolute")
        pairs = draw("confused-pairs", task="hair")
    assert classes.numbers is not None
    assert list(classes.numbers.frame)[:2] == ["Classe", "Images de test"]
    lowest = 100 * classes.data["recall"].min()
    assert f"{lowest:.1f}".replace(".", ",") in classes.numbers.frame["Rappel (%)"][0]
    assert "Pour Baseline, la classe la plus difficile est" in classes.takeaway
    (figure,) = bins.figures.values()
    names = [trace.name for trace in figure.data]
    assert names == ["90\N{NO-BREAK SPACE}% des images", "médiane", "plus grande"]
    assert figure.data[1].hovertemplate.startswith(
        "médiane\N{NO-BREAK SPACE}: %{y:.1f}"
    )
    assert "dans l’autre sens" in pairs.takeaway
    again = draw("error-rates", task="hair")
    assert again.takeaway == english.takeaway
    assert again.numbers is not None
    assert f"{lowest:.1f}" in again.numbers.frame["Recall (%)"][0]
