"""A study's search: every try of a method, and which settings mattered."""

from dataclasses import replace

import pytest

from core.errors import NothingToShow
from core.study import Study
from core.views import search
from core.views.studies import open_study
from core.views.study_view import StudyView

SCORES = {"baseline": (0.25, 0.375), "ins": (0.5, 0.125, 0.625)}


@pytest.fixture(scope="module")
def view() -> StudyView:
    """Avatars, as if its settings had been searched for."""
    found = open_study("avatars")
    trials = [
        {"method": method, "settings": {"use.x.a": place}, "epochs": 3, "score": score}
        for method, scores in SCORES.items()
        for place, score in enumerate(scores)
    ]
    importance = {"ins": {"use.x.a": 0.75, "use.x.b": 0.25}}
    own = {"trials": trials, "of": "avatars", "seed": 7, "importance": importance}
    study = Study.model_validate({**found.study.model_dump(), "search": own})
    return replace(found, study=study)


def test_every_try_of_a_method_is_drawn(view: StudyView) -> None:
    drawn = search.draw_trials(view, method="ins")
    assert drawn.data is not None
    assert tuple(drawn.data["skill"]) == SCORES["ins"]
    assert "3 tries" in drawn.takeaway
    assert "with seed 7" in drawn.note
    assert search.draw_trials(view).data is not None
    assert "2 tries" in search.draw_trials(view).takeaway


def test_what_mattered_is_drawn_where_it_is_known(view: StudyView) -> None:
    drawn = search.draw_importance(view, method="ins")
    assert drawn.data is not None
    assert list(drawn.data["share"]) == [0.75, 0.25]
    with pytest.raises(NothingToShow, match="not known which settings"):
        search.draw_importance(view, method="baseline")


def test_everything_that_was_tried_is_a_table(view: StudyView) -> None:
    numbers = search.draw_search_table(view).numbers
    assert numbers is not None
    assert len(numbers.frame) == sum(map(len, SCORES.values()))


def test_what_was_not_searched_for_is_said(view: StudyView) -> None:
    with pytest.raises(NothingToShow, match="not searched for settings"):
        search.draw_trials(view, method="lmf")
    with pytest.raises(NothingToShow, match="has no search"):
        search.draw_search_table(open_study("avatars-mixed"))
