"""The Defense page: a story is composed, checked, saved, and presented."""

import json
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from inspect import get_annotations
from io import BytesIO
from typing import Literal, get_args, get_origin
from zipfile import ZipFile

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.errors import StoryError
from core.language import speaking
from core.report.formats import FORMATS
from core.report.output import pack
from core.story.stories import story_named
from core.story.story import PHOTO, TEXT, Slide, Story, parse_story, story_toml
from core.views.catalog import all_views
from pages.defense.editor import OPTIONS, PARAMETERS
from pages.defense.files import _report
from pages.defense.packing import pack_story, unpack_story
from pages.defense.present import BAR_KEY
from pages.shell.story import Work, find_work

STUDY = "utkface"
STORY = Story(
    title="What helps the old & the young",
    study=STUDY,
    slides=(
        Slide(view=TEXT, title="Why", text="# Old\n- few **photos**\n- ![x](http://y)"),
        Slide(view="age-error", notes="Point at the right end.\nThen wait."),
        Slide(
            view="age-bias",
            claim="INS improves the age MAE by 50 years.",
            methods=("ins",),
        ),
    ),
)


@pytest.fixture
def saved(fill, store):
    """The story beside its study, as a person has saved it."""
    fill()
    folder = store / STUDY / "stories"
    folder.mkdir()
    (folder / "mine.toml").write_text(story_toml(STORY), encoding="utf-8")
    return folder


def words_of(app: AppTest) -> str:
    parts = [*app.title, *app.subheader, *app.markdown, *app.caption, *app.info]
    return "\n".join(p.value for p in (*parts, *app.warning, *app.error))


def button(app: AppTest, key: str):
    return app.button(key=f"defense_{key}")


def names(app: AppTest) -> list[str]:
    """Titles below the previews, in order."""
    return [b.label for b in app.button if b.key.startswith("defense_choose_")]


def test_without_a_story_it_is_said_how_one_is_made(fill, open_page):
    fill()
    app = open_page("defense", study=STUDY)
    assert not app.exception
    assert "Add to the story" in words_of(app)
    button(app, "begin").click().run()
    assert "no slide yet" in words_of(app)
    assert button(app, "present").disabled
    button(app, "add_view").click().run()
    assert len(names(app)) == 1
    assert not button(app, "present").disabled


def test_a_view_of_a_page_is_added_with_its_filters(fill, open_page):
    fill()
    app = open_page("age", study=STUDY, methods="ins", seeds="1")
    adds = [b for b in app.button if b.label == "Add to the story"]
    assert len(adds) == 4
    adds[1].click().run()
    assert not app.exception
    assert app.toast
    app.switch_page("pages/defense/page.py").run()
    assert not app.exception
    assert names(app) == ["1. Which way the error of a number leans, in each bin"]
    slides = app.session_state["story_tokens"]
    assert list(slides) == [STUDY]
    (chart,) = (c for c in app.get("plotly_chart") if c.key == "defense_shown_0")
    assert {t["name"] for t in json.loads(chart.proto.spec)["data"]} == {
        "Baseline",
        "INS",
    }


def test_a_shipped_story_is_told_and_saved_in_the_reader_s_language(
    fill, store, open_page
):
    fill()
    app = open_page("defense", study=STUDY, lang="fr")
    assert not app.exception
    assert "Que direz-vous au jury" in words_of(app)
    english = story_named(STUDY).load()
    # AppTest asks what an option is called outside of the visit.
    with speaking("fr"):
        french = story_named(STUDY).load()
        button(app, "open_utkface").click().run()
        assert app.text_input(key=title_key(app)).value == french.title
        assert button(app, "save").disabled
        # Who turns to English before anything is changed reads it in English.
        app.query_params["lang"] = "en"
        app.run()
    assert app.text_input(key=title_key(app)).value == english.title
    assert button(app, "save").disabled
    app.query_params["lang"] = "fr"
    app.run()
    with speaking("fr"):
        app.text_area(key="defense_notes").set_value("Plus court.").run()
        app.query_params["lang"] = "en"
        app.run()
    button(app, "save").click().run()
    assert not app.exception
    (path,) = (store / STUDY / "stories").glob("*.toml")
    kept = parse_story(path.read_text(encoding="utf-8"), origin="it")
    assert kept.title == french.title
    assert kept.slides[0].notes == "Plus court."
    assert kept.slides[1:] == french.slides[1:]


def title_key(app: AppTest) -> str:
    (key,) = (t.key for t in app.text_input if t.key.startswith("defense_title_"))
    return key


def test_every_parameter_of_a_view_has_a_name():
    for view in all_views().values():
        for name, kind in get_annotations(view.draw, eval_str=True).items():
            if name in view.defaults:
                assert name in PARAMETERS
                if get_origin(kind) is Literal:
                    assert set(get_args(kind)) <= set(OPTIONS)


def test_a_link_opens_a_saved_story_at_a_slide(saved, open_page):
    app = open_page("defense", study=STUDY, story="mine", slide="3")
    assert not app.exception
    assert app.text_area(key="defense_claim").value == STORY.slides[2].claim
    assert app.query_params["slide"] == "3"
    assert "draft" not in app.query_params


def test_a_claim_that_the_numbers_do_not_bear_out_is_marked(saved, open_page):
    app = open_page("defense", study=STUDY, story="mine", slide="3")
    said = words_of(app)
    assert "numbers contradict" in said or "do not settle" in said
    marked = [b for b in app.button if b.proto.icon == ":material/warning:"]
    assert [b.key for b in marked] == ["defense_choose_2"]


def test_a_proposed_claim_is_one_click_away(saved, open_page):
    app = open_page("defense", study=STUDY, story="mine", slide="2")
    proposed = button(app, "claim_0")
    proposed.click().run()
    assert not app.exception
    claim = app.text_area(key="defense_claim").value
    assert claim
    assert claim in proposed.label.replace("\\", "")


def test_slides_are_moved_copied_deleted_and_brought_back(saved, open_page):
    app = open_page("defense", study=STUDY, story="mine")
    assert not app.exception
    first = names(app)
    button(app, "later").click().run()
    assert [n[3:] for n in names(app)] == [first[i][3:] for i in (1, 0, 2)]
    button(app, "copy").click().run()
    assert [n[3:] for n in names(app)] == [first[i][3:] for i in (1, 0, 0, 2)]
    button(app, "delete").click().run()
    button(app, "delete").click().run()
    assert len(names(app)) == 2
    for _ in range(4):
        button(app, "undo").click().run()
    assert names(app) == first
    assert button(app, "undo").disabled


def test_words_are_kept_and_saved_beside_the_study(saved, open_page):
    app = open_page("defense", study=STUDY, story="mine", slide="2")
    app.text_area(key="defense_notes").set_value("Say less.").run()
    app.text_input(key="defense_title").set_value("Mine $x$").run()
    assert not app.exception
    assert app.query_params["draft"]
    button(app, "save").click().run()
    assert not app.exception
    assert "draft" not in app.query_params
    slide = parse_story((saved / "mine.toml").read_text(), origin="it").slides[1]
    assert (slide.notes, slide.title) == ("Say less.", "Mine $x$")


def test_what_a_slide_shows_can_be_changed(saved, open_page):
    app = open_page("defense", study=STUDY, story="mine", slide="2")
    pills = next(p for p in app.get("button_group") if p.key == "defense_methods")
    pills.set_value(["ins"]).run()
    assert not app.exception
    (chart,) = (c for c in app.get("plotly_chart") if c.key == "defense_shown_0")
    names_shown = {t.get("name") for t in json.loads(chart.proto.spec)["data"]}
    assert "INS" in names_shown
    assert "DenseWeight" not in names_shown


def test_a_slide_that_cannot_be_drawn_says_why_and_the_others_are_shown(
    saved, open_page
):
    slides = (*STORY.slides, Slide(view="age-error", methods=("gone",)))
    story = STORY.model_copy(update={"slides": slides})
    (saved / "mine.toml").write_text(story_toml(story), encoding="utf-8")
    app = open_page("defense", study=STUDY, story="mine", slide="4")
    assert not app.exception
    assert "gone" in app.error[0].value
    assert len(names(app)) == 4


def test_a_text_from_someone_else_stays_text(saved, open_page):
    app = open_page("defense", study=STUDY, story="mine", slide="1")
    said = words_of(app)
    assert "**photos**" in said
    assert "![x](http" not in said


def present(open_page, slide: int = 1, **more: str) -> AppTest:
    app = open_page(
        "defense", study=STUDY, story="mine", slide=str(slide), present="1", **more
    )
    assert not app.exception
    return app


def test_presenting_shows_one_claim_and_no_widgets_of_the_page(saved, open_page):
    app = present(open_page, 3)
    assert not app.title
    assert not app.selectbox
    assert STORY.slides[2].claim in words_of(app)
    assert "numbers contradict" in words_of(app) or "do not settle" in words_of(app)
    bar = next(iter(app.get("bidi_component")))
    data = json.loads(bar.proto.json)
    assert (data["at"], data["slides"], data["last"]) == (2, 3, 2)
    # The list of the questions, and each of them.
    assert data["count"] > 10
    assert len(app.get("plotly_chart")) == 1


def test_behind_the_last_slide_the_jury_asks(saved, open_page):
    app = present(open_page, 4)
    asked = [b for b in app.button if b.key.startswith("defense_question_")]
    assert any("baseline" in b.label for b in asked)
    place = next(i for i, b in enumerate(asked) if "baseline" in b.label)
    asked[place].click().run()
    assert not app.exception
    assert app.query_params["slide"] == str(4 + 1 + place)
    assert asked[place].label in words_of(app)


def test_presenting_speaks_the_reader_s_language(saved, open_page):
    app = present(open_page, 2, lang="fr")
    assert not app.exception
    data = json.loads(next(iter(app.get("bidi_component"))).proto.json)
    assert data["words"]["full"] == ["Plein écran", "F"]
    assert data["words"]["leave"] == ["Quitter", "Échap"]
    assert "lang=fr" in data["window"]


def test_the_window_of_notes_has_this_slide_s_and_the_next_claim(saved, open_page):
    app = open_page("defense", study=STUDY, story="mine", slide="2", notes="1")
    assert not app.exception
    said = words_of(app)
    assert "Point at the right end." in said
    assert "Then wait." in said
    assert STORY.slides[2].claim in said


def test_a_live_slide_asks_for_a_photo_or_says_what_is_missing(saved, open_page):
    story = STORY.model_copy(update={"slides": (Slide(view=PHOTO),)})
    (saved / "mine.toml").write_text(story_toml(story), encoding="utf-8")
    app = present(open_page)
    # The runs of these tests have no models.
    assert "model.keras" in words_of(app)
    assert BAR_KEY in app.session_state


def test_a_story_that_is_not_there_is_named(fill, open_page):
    fill()
    app = open_page("defense", study=STUDY, story="none")
    assert not app.exception
    assert "none" in app.warning[0].value
    app = open_page("defense", study=STUDY, story="none", present="1")
    assert not app.exception
    assert "no such story" in words_of(app)


def test_a_story_is_opened_from_the_list(saved, open_page):
    app = open_page("defense", study=STUDY)
    assert STORY.title in words_of(app)
    app.button(key="defense_open_mine").click().run()
    assert not app.exception
    assert len(names(app)) == len(STORY.slides)
    assert app.query_params["story"] == "mine"


def test_every_format_of_a_report_is_offered(saved, open_page):
    app = open_page("defense", study=STUDY, story="mine")
    offered = {b.key for b in app.get("download_button")}
    assert {f"defense_{name}" for name in FORMATS} | {"defense_toml"} <= offered


def test_a_download_is_in_the_language_of_its_reader(saved, open_page, monkeypatch):
    made = {}

    def button(label: str, *, key: str, data, **_: object) -> None:
        made[key] = label, data

    monkeypatch.setattr(st, "download_button", button)
    for code, label, asked in (
        ("fr", "Page web (HTML)", "Questions que pose un jury"),
        ("en", "Page (HTML)", "Questions a jury asks"),
    ):
        app = open_page("defense", study=STUDY, story="mine", lang=code)
        assert not app.exception
        said, make = made["defense_html"]
        assert said == label
        # A server makes it in a thread that has no visit.
        with ThreadPoolExecutor(1) as pool:
            page = pool.submit(make).result().decode()
        assert f'<html lang="{code}">' in page
        assert asked in page


def two_windows(open_page, **query: str) -> tuple[AppTest, AppTest]:
    """Windows of one draft: the first at its second slide, the other at its third."""
    first = open_page("defense", study=STUDY, story="mine", slide="2")
    first.text_area(key="defense_notes").set_value("Mine.").run()
    draft = first.query_params["draft"]
    second = open_page("defense", study=STUDY, story="mine", draft=draft, slide="3")
    return first, second


def test_a_window_edits_the_slide_that_it_shows(saved, open_page):
    first, second = two_windows(open_page)
    assert second.text_area(key="defense_claim").value == STORY.slides[2].claim
    first.text_input(key="defense_title").set_value("Of the second").run()
    assert not first.exception
    second.run()
    assert [n[3:] for n in names(second)][1] == "Of the second"
    assert [n[3:] for n in names(second)][2] != "Of the second"


def test_a_story_with_the_title_of_another_is_saved_beside_it(fill, store, open_page):
    fill()
    for _ in range(2):
        app = open_page("defense", study=STUDY)
        button(app, "begin").click().run()
        button(app, "add_text").click().run()
        button(app, "save").click().run()
        assert not app.exception
    files = sorted(path.name for path in (store / STUDY / "stories").iterdir())
    # The story that ships with the study has the study's name.
    assert files == ["utkface-2.toml", "utkface-3.toml"]


def test_what_someone_else_has_saved_meanwhile_is_not_replaced(saved, open_page):
    app = open_page("defense", study=STUDY, story="mine", slide="2")
    theirs = STORY.model_copy(update={"title": "Theirs"})
    (saved / "mine.toml").write_text(story_toml(theirs), encoding="utf-8")
    app.text_area(key="defense_notes").set_value("Ours.").run()
    button(app, "save").click().run()
    assert not app.exception
    assert parse_story((saved / "mine.toml").read_text(), origin="it") == theirs
    assert app.query_params["story"] == "mine-2"
    assert "Ours." in (saved / "mine-2.toml").read_text()


def test_undo_after_save_knows_where_the_story_is(fill, store, open_page):
    fill()
    app = open_page("defense", study=STUDY)
    button(app, "begin").click().run()
    button(app, "add_text").click().run()
    button(app, "add_text").click().run()
    button(app, "save").click().run()
    (file,) = (store / STUDY / "stories").iterdir()
    button(app, "undo").click().run()
    assert app.query_params["story"] == file.stem
    button(app, "save").click().run()
    assert list((store / STUDY / "stories").iterdir()) == [file]
    assert len(parse_story(file.read_text(), origin="it").slides) == 1


def test_a_store_that_cannot_be_written_is_said(saved, open_page):
    app = open_page("defense", study=STUDY, story="mine", slide="2")
    app.text_area(key="defense_notes").set_value("Ours.").run()
    (saved / "mine.toml").unlink()
    saved.rmdir()
    saved.write_text("no folder")
    button(app, "save").click().run()
    assert not app.exception
    assert "could not be saved" in app.error[0].value


def test_both_windows_talk_on_one_channel(saved, open_page):
    """Of a story with a file, and of a draft; each window is a session of its own."""
    first, _ = two_windows(open_page)
    draft = first.query_params["draft"]
    for more in ({}, {"draft": draft}):
        channels = {
            json.loads(next(iter(app.get("bidi_component"))).proto.json)["channel"]
            for app in (
                present(open_page, 2, **more),
                present(open_page, 2, **more),
                open_page(
                    "defense", study=STUDY, story="mine", slide="2", notes="1", **more
                ),
            )
        }
        assert channels == {more.get("draft", f"{STUDY}/mine")}


def test_a_study_without_its_baseline_can_still_be_told(fill, store, open_page):
    fill(methods=("ins", "denseweight"))
    story = STORY.model_copy(update={"slides": (Slide(view="age-error"),)})
    folder = store / STUDY / "stories"
    folder.mkdir()
    (folder / "mine.toml").write_text(story_toml(story), encoding="utf-8")
    app = open_page("defense", study=STUDY, story="mine")
    assert not app.exception
    assert app.text_area(key="defense_notes")


@pytest.mark.parametrize(
    ("view", "parameters"),
    [
        ("fairness-gaps", {"small": "many"}),
        ("changed-images", {"count": "many"}),
        ("age-error", {"task": 7}),
    ],
)
def test_a_parameter_of_another_kind_is_named(saved, open_page, view, parameters):
    slide = Slide(view=view, parameters=parameters)
    story = STORY.model_copy(update={"slides": (slide,)})
    (saved / "mine.toml").write_text(story_toml(story), encoding="utf-8")
    app = open_page("defense", study=STUDY, story="mine")
    assert not app.exception
    assert "parameter" in app.error[0].value


def painted(colour: str, *, kind: str = "PNG") -> bytes:
    content = BytesIO()
    Image.new("RGB", (40, 30), colour).save(content, kind)
    return content.getvalue()


def test_a_picture_given_on_the_page_is_in_all_that_is_taken_away(
    saved, store, open_page
):
    app = open_page("defense", study=STUDY, story="mine", slide="1")
    app.file_uploader(key="defense_picture_0").set_value(
        ("mine.jpg", painted("red", kind="JPEG"), "image/jpeg")
    ).run()
    assert not app.exception
    work = find_work(app.query_params["draft"])
    name = work.story.slides[0].picture
    assert name in work.pictures
    page = _report(work, "html").decode()
    assert b64encode(work.pictures[name]).decode() in page
    # Undoing takes it away, though the field still holds the file.
    button(app, "undo").click().run()
    assert not find_work(work.token).story.slides[0].picture

    packed = pack_story(work, "mine")
    assert set(ZipFile(BytesIO(packed)).namelist()) == {"mine.toml", name}
    opened = unpack_story(packed, "mine.zip")
    assert opened.story.slides[1:] == work.story.slides[1:]
    shown = opened.pictures[opened.story.slides[0].picture]
    red, green, blue = Image.open(BytesIO(shown)).getpixel((20, 15))
    assert red > 250
    assert max(green, blue) < 5


@pytest.mark.parametrize("content", [b"PK no archive", pack({"a.txt": b"A"})])
def test_an_archive_that_holds_no_story_is_refused(content):
    with pytest.raises(StoryError, match="not a story"):
        unpack_story(content, "mine.zip")


def test_a_file_that_is_not_utf_8_is_refused():
    content = story_toml(STORY).replace("old", "\u00e4lt").encode("latin-1")
    with pytest.raises(StoryError, match="cannot be read"):
        unpack_story(content, "mine.toml")


def test_pictures_that_are_shown_no_more_are_kept_for_undoing_alone(monkeypatch):
    work = Work(STORY)
    for place in range(3):
        work = work.with_picture(f"{place}.png", bytes(100))
    assert set(work.pictures) == {"2.png"}
    assert work.picture_bytes == 300
    assert set(work.undone().pictures) == {"1.png"}
    monkeypatch.setattr("pages.shell.story.STEPS_KEPT", 1)
    assert work.with_slide(notes="A").with_slide(notes="B").picture_bytes == 100
    monkeypatch.setattr("pages.shell.story.STORY_PICTURES", 350)
    with pytest.raises(StoryError, match="too large"):
        work.with_picture("3.png", bytes(100)).with_picture("4.png", bytes(300))
