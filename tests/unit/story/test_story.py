"""A story is read back as it was written, and its faults are named."""

from pathlib import Path

import pytest

from core.errors import StoryError
from core.story.story import (
    Slide,
    Story,
    draw_slide,
    load_story,
    parse_story,
    story_toml,
)

STORY = Story(
    title='Does "balanced" help? 100 % & more_of_it #1',
    study="avatars",
    author="Zoë Œuvré",
    slides=(
        Slide(view="text", text="# Why\nBecause.", picture="why.png"),
        Slide(
            view="age-error",
            claim="INS beats nobody.",
            notes="Say this\nslowly.",
            methods=("ins",),
            seeds=(0, 1),
            parameters={"task": "age"},
        ),
        Slide(view="photo"),
    ),
)


def test_a_story_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    assert parse_story(story_toml(STORY), origin="a story") == STORY
    (tmp_path / "story.toml").write_text(story_toml(STORY), encoding="utf-8")
    assert load_story(tmp_path / "story.toml") == STORY


def test_a_slide_draws_its_view_of_its_methods() -> None:
    drawn = draw_slide(STORY, STORY.slides[1])
    assert drawn.view == "age-error"
    assert set(drawn.data["method"]) == {"baseline", "ins"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "not valid TOML"),
        ('title = "a"', "study"),
        ('title = "a"\nstudy = "b"\n[[slides]]\nveiw = "text"', "veiw"),
        ('title = "a"\nstudy = "b"\n[[slides]]\nview = "photo"\ntext = "x"', "text"),
        ('schema = 2\ntitle = "a"\nstudy = "b"', "schema"),
    ],
)
def test_a_fault_names_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(StoryError) as error:
        parse_story(text, origin="story.toml")
    assert said in str(error.value)
    assert error.value.expected
    assert error.value.remedy


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoryError, match=r"none\.toml"):
        load_story(tmp_path / "none.toml")
