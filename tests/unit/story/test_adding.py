"""What is looked at becomes a slide that draws the same again."""

import pytest

from core.story.adding import insert_slide, slide_of
from core.story.story import Slide, Story, draw_slide
from core.views.catalog import draw_view
from core.views.drawing import Drawn
from core.views.studies import open_study

STORY = Story(title="A", study="avatars", slides=(Slide(view="text", text="Why"),))


def test_the_usual_is_left_out() -> None:
    slide = slide_of(draw_view("age-error", open_study("avatars"), {}))
    assert slide == Slide(view="age-error", study="avatars")


@pytest.mark.parametrize(
    "asked",
    [
        {"methods": ("ins",)},
        {"methods": ("baseline",)},
        {"seeds": (1,)},
        {"baseline": "ins", "methods": ("baseline", "lmf")},
    ],
)
def test_filters_go_along(asked: dict) -> None:
    drawn = draw_view("age-error", open_study("avatars", **asked), {"task": "age"})
    slide = slide_of(drawn)
    assert slide == Slide(
        view="age-error", study="avatars", parameters={"task": "age"}, **asked
    )
    # The very figures that the page shows: they are drawn once.
    shown = draw_slide(insert_slide(STORY, 1, slide), slide)
    assert shown.figures is drawn.figures


def test_a_slide_of_the_story_s_own_study_does_not_name_it() -> None:
    own = Slide(view="age-error", study="avatars")
    other = Slide(view="age-error", study="utkface")
    story = insert_slide(insert_slide(STORY, 0, own), 2, other)
    assert [slide.study for slide in story.slides] == ["", "", "utkface"]
    assert [slide.view for slide in story.slides] == ["age-error", "text", "age-error"]


def test_what_no_view_has_drawn_is_no_slide() -> None:
    with pytest.raises(ValueError, match="view"):
        slide_of(Drawn(title="A", name="a", takeaway="b"))
