"""What a slide says: its claim, checked, or the takeaway of its view."""

import pytest

from core.report.report import build_report
from core.story.questions import questions_of
from core.story.story import PHOTO, TEXT, Slide, Story
from core.story.telling import LIVE_TITLE, name_of, tell
from core.text import to_plain
from core.views.catalog import draw_view
from core.views.studies import open_study

STORY = Story(title="A", study="avatars")


def test_without_a_claim_the_view_speaks_for_itself() -> None:
    told = tell(STORY, Slide(view="age-error"))
    drawn = draw_view("age-error", open_study("avatars"), {})
    assert told.drawn is not None
    assert told.drawn.figures is drawn.figures
    assert told.claim == to_plain((*drawn.claims, drawn.takeaway)[0])
    assert told.check is None
    assert told.doubt == ""
    heading, rest = told.said
    assert f"{heading} {rest}".strip() == told.claim
    # The first sentence alone is written large.
    assert ". " not in heading


def test_a_false_claim_is_marked_with_its_reason() -> None:
    told = tell(STORY, Slide(view="age-error", claim="INS is the best on age MAE."))
    assert told.said == ("INS is the best on age MAE.", "")
    assert told.check is not None
    assert told.check.needs_mark
    assert told.check.reason in told.doubt


def test_what_is_not_there_is_said_and_nothing_fails() -> None:
    told = tell(STORY, Slide(view="age-eror", claim="Look."))
    assert told.problem is not None
    assert "age-error" in told.problem.remedy
    assert told.heading == "Look."
    assert tell(STORY, Slide(view="age-error", methods=("none",))).problem is not None


def test_words_and_the_live_slide_draw_nothing() -> None:
    words = tell(STORY, Slide(view=TEXT, title="Why", text="Because."))
    assert (words.heading, words.drawn, words.problem) == ("Why", None, None)
    live = tell(STORY, Slide(view=PHOTO))
    assert live.heading == LIVE_TITLE
    assert live.view is not None
    assert live.view.study.name == "avatars"


@pytest.mark.parametrize(
    "slide",
    [
        {"view": TEXT, "text": "Because."},
        {"view": PHOTO},
        {"view": "age-eror"},
        {"view": "age-error", "parameters": {"task": "nothing"}},
        {"view": "age-error", "methods": ("none",)},
    ],
)
def test_a_claim_is_checked_whatever_the_slide_shows(slide: dict) -> None:
    said = "INS improves the age MAE by 50 years."
    shown = tell(STORY, Slide(view="age-error", claim=said))
    told = tell(STORY, Slide(claim=said, **slide))
    assert shown.doubt
    assert told.doubt == shown.doubt
    assert tell(STORY, Slide(**slide)).check is None


def test_a_claim_on_a_study_that_is_not_there_is_told() -> None:
    told = tell(STORY, Slide(view=TEXT, claim="INS is the best.", study="nobody"))
    assert (told.heading, told.check) == ("INS is the best.", None)


def test_the_page_and_a_report_tell_a_slide_alike() -> None:
    slides = (
        Slide(view=TEXT, claim="INS improves the age MAE by 50 years."),
        Slide(view=PHOTO),
        Slide(view="age-error"),
        Slide(view="age-eror"),
    )
    story = STORY.model_copy(update={"slides": slides})
    report = build_report("avatars", story)
    for slide, drawn in zip(slides, report.slides, strict=True):
        told = tell(story, slide)
        assert drawn.title == told.title
        assert drawn.doubt == told.doubt
        assert drawn.heading == told.said[0]
    assert report.questions == questions_of(story)


def test_a_slide_is_named_without_being_drawn() -> None:
    assert name_of(Slide(view="age-error")) == "Error in each bin of a number"
    assert name_of(Slide(view="age-error", title="Mine")) == "Mine"
    assert name_of(Slide(view="nothing")) == "nothing"
    assert name_of(Slide(view=TEXT, claim="We ask.")) == "We ask."
