"""Published numbers stand beside the study's own, and hidden methods are left out."""

from dataclasses import replace

import pytest

from core.errors import NothingToShow
from core.study import Study
from core.views import published
from core.views.studies import open_study
from core.views.study_view import StudyView

SOURCE = "the original project"


@pytest.fixture(scope="module")
def view() -> StudyView:
    """Avatars, as if somebody had published numbers of two of its methods."""
    found = open_study("avatars")
    own = [
        {"method": "ins", "metric": "age.mae", "change_percent": -4.5},
        {"method": "lmf", "metric": "hair.accuracy", "value": 0.75},
    ]
    claims = [{**claim, "source": SOURCE} for claim in own]
    study = Study.model_validate({**found.study.model_dump(), "published": claims})
    return replace(found, study=study)


def test_changes_and_values_are_drawn_as_theirs(view: StudyView) -> None:
    changes = published.draw_published_changes(view)
    assert changes.data is not None
    assert list(changes.data["theirs"]) == [-4.5]
    assert f"Theirs: {SOURCE}" in changes.note
    values = published.draw_published_values(view)
    (figure,) = values.figures.values()
    assert list(figure.data[1].x) == [0.75]
    tables = [r.predictions("test") for r in view.runs if r.method == "lmf"]
    shares = [(t["hair_pred"] == t["hair_true"]).mean() for t in tables]
    assert figure.data[0].x[0] == pytest.approx(sum(shares) / len(shares))


def test_the_table_has_a_row_a_claim_and_its_source(view: StudyView) -> None:
    numbers = published.draw_published_in_numbers(view).numbers
    assert numbers is not None
    assert len(numbers.frame) == 2
    assert f"1: {SOURCE}" in numbers.note


def test_of_a_hidden_method_nothing_is_said(view: StudyView) -> None:
    shown = replace(view, look=view.look.only((view.baseline, "lmf")))
    with pytest.raises(NothingToShow, match="no published change"):
        published.draw_published_changes(shown)
    assert published.metrics_with_values(shown) == ["hair.accuracy"]
    with pytest.raises(NothingToShow, match="no published value"):
        published.draw_published_values(view, metric="age.mae")


def test_without_anything_published_the_view_says_so() -> None:
    with pytest.raises(NothingToShow, match="no published number"):
        published.draw_published_in_numbers(open_study("avatars"))
