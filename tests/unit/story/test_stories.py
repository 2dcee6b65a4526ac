"""Every shipped story loads, draws, and claims what the numbers bear out."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import core.runs
from core.errors import EquipoiseError, StoryError
from core.evaluation.fairness_views import fairness_views
from core.language import speaking
from core.runs import list_runs, list_studies, study_of_runs
from core.story.claim_reading import Statement, read_statements
from core.story.claims import Status, check_claim, propose_claims
from core.story.stories import (
    FOLDER,
    save_new_story,
    save_story,
    stories_of,
    story_folder,
    story_named,
)
from core.story.story import (
    TEXT,
    Slide,
    Story,
    draw_slide,
    load_story,
    open_slide,
    parse_story,
    story_toml,
)
from core.views.drawing import Drawn
from core.views.loads import load_comparison
from core.views.studies import open_study
from core.views.study_view import StudyView
from tests.synthetic import write_store

SHIPPED = tuple(
    folder.name
    for folder in sorted(core.runs.shipped_store().iterdir())
    if (folder / core.runs.STUDY_FILE).is_file()
)
CHANGING = "avatars"
"""It is trained anew now and then: its story claims nothing."""


@pytest.mark.parametrize("study", SHIPPED)
def test_a_shipped_story_has_words_views_and_notes(study: str) -> None:
    found = story_named(study)
    assert found.is_shipped
    story = found.load()
    assert story.study == study
    assert 7 <= len(story.slides) <= 10
    assert story.slides[0].view == story.slides[-1].view == TEXT
    views = [slide for slide in story.slides if slide.is_view]
    assert len(views) >= 5
    assert all(slide.notes for slide in views)
    claims = [slide.claim for slide in story.slides if slide.claim]
    assert bool(claims) == (study != CHANGING)


@pytest.mark.parametrize("study", SHIPPED)
def test_the_numbers_bear_out_every_claim_of_a_shipped_story(study: str) -> None:
    story = story_named(study).load()
    for slide in story.slides:
        if slide.claim:
            check = check_claim(slide.claim, open_slide(story, slide))
            assert check.status is Status.SUPPORTED, (slide.claim, check.reason)


@pytest.mark.parametrize("study", SHIPPED)
def test_every_slide_of_a_shipped_story_draws(study: str) -> None:
    story = story_named(study).load()
    for slide in story.slides:
        if slide.is_view:
            drawn = draw_slide(story, slide)
            assert drawn.takeaway
            assert drawn.figures or drawn.numbers is not None


def told_in_french(study: str) -> Story:
    with speaking("fr"):
        return story_named(study).load()


@pytest.mark.parametrize("study", SHIPPED)
def test_a_shipped_story_is_told_in_the_reader_s_language(study: str) -> None:
    english, french = story_named(study).load(), told_in_french(study)
    assert english.title != french.title
    assert len(english.slides) == len(french.slides)
    for one, other in zip(english.slides, french.slides, strict=True):
        for part in ("claim", "title", "text", "notes"):
            said, meant = getattr(other, part), getattr(one, part)
            assert bool(said) == bool(meant)
            assert said != meant or not said
        said = {"claim": "", "title": "", "text": "", "notes": ""}
        assert one.model_copy(update=said) == other.model_copy(update=said)
    # As a person who saves it has it, and English again for who reads English.
    assert parse_story(story_toml(french), origin="it") == french
    assert story_named(study).load() == english


def meaning(statement: Statement) -> Statement:
    """A statement without what only its wording decides."""
    amounts = tuple(replace(a, text="", is_either=False) for a in statement.amounts)
    return replace(statement, amounts=amounts)


@pytest.mark.parametrize("study", SHIPPED)
def test_the_french_of_a_claim_says_what_the_english_says(study: str) -> None:
    english, french = story_named(study).load(), told_in_french(study)
    for one, other in zip(english.slides, french.slides, strict=True):
        if one.claim:
            view = open_slide(english, one)
            read = [
                list(map(meaning, read_statements(claim, view)))
                for claim in (one.claim, other.claim)
            ]
            assert read[0] == read[1], other.claim
            assert check_claim(other.claim, view).status is Status.SUPPORTED


def all_kinds(view: StudyView) -> Iterator[Drawn]:
    """Of the headline metrics, of a class or bin of each task, and of the gaps."""
    empty = Drawn(title="A", name="a", takeaway="So it is.")
    yield empty
    for task in view.tasks:
        parts = getattr(task, "classes", ()) or getattr(task, "bin_labels", ())
        name = "f1" if hasattr(task, "classes") else "mae"
        key = f"{task.name}.{name}[{parts[-1]}]"
        if key in set(load_comparison(view).table["metric"]):
            yield replace(empty, parameters={"metric": key})
    features = tuple(view.dataset.sensitive_features)
    for asked in fairness_views(view.study, view.tasks, features)[:1]:
        shown = {"metric": asked.metric, "features": asked.features}
        yield replace(empty, parameters=shown)


@pytest.mark.parametrize("study", SHIPPED)
def test_what_is_proposed_holds_in_every_language(study: str) -> None:
    view = open_study(study)
    for drawn in all_kinds(view):
        proposed = propose_claims(view, drawn)
        with speaking("fr"):
            in_french = propose_claims(view, drawn)
        for english, french in zip(proposed, in_french, strict=True):
            marks = [check_claim(said, view).status for said in (english, french)]
            assert marks[0] is marks[1], (english, french)
            assert marks[0] is Status.SUPPORTED, english


@pytest.mark.parametrize("study", ["utkface", "cifar10-lt-200"])
def test_what_is_proposed_for_a_shipped_study_holds(study: str) -> None:
    view = open_study(study)
    for said in propose_claims(view, Drawn(title="A", name="a", takeaway="So it is.")):
        assert check_claim(said, view).status is Status.SUPPORTED, said


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runs"
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(folder))
    return folder


def test_a_story_is_saved_beside_the_study_and_found_again(store: Path) -> None:
    story = Story(title="Ours", study="utkface", slides=(Slide(view="headline"),))
    found = save_story(story, "for-the-jury")
    assert found.path == store / "utkface" / FOLDER / "for-the-jury.toml"
    assert load_story(found.path) == story
    assert [each.name for each in stories_of("utkface")] == ["utkface", "for-the-jury"]
    assert story_named("utkface", "for-the-jury").load() == story
    changed = story.model_copy(update={"title": "Ours, again"})
    save_story(changed, "for-the-jury")
    assert story_named("utkface", "for-the-jury").load() == changed
    assert [path.name for path in found.path.parent.iterdir()] == ["for-the-jury.toml"]


def test_a_new_story_takes_the_place_of_no_other(store: Path) -> None:
    stories = [Story(title=f"Story {n}", study="utkface") for n in range(4)]
    names = ["ours", "utkface", "ours", "utkface"]
    found = [save_new_story(s, n) for s, n in zip(stories, names, strict=True)]
    assert [file.name for file in found] == ["ours", "utkface-2", "ours-2", "utkface-3"]
    assert [file.load() for file in found] == stories
    assert story_named("utkface", "utkface").is_shipped
    # Nothing is left of writing them.
    assert len(list(story_folder("utkface").iterdir())) == 4


def test_a_saved_story_may_take_the_place_of_the_shipped_one(store: Path) -> None:
    own = Story(title="Ours", study="utkface")
    save_story(own, "utkface")
    (only,) = stories_of("utkface")
    assert not only.is_shipped
    assert only.load() == own


def test_stories_are_no_method_and_no_run(
    store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "none")
    write_store(store, "utkface", methods=("baseline", "ins"), seeds=(0,), rows=80)
    save_story(Story(title="Ours", study="utkface"), "ours")
    listing = list_runs("utkface")
    assert not listing.problems
    assert {run.method for run in listing.runs} == {"baseline", "ins"}
    assert open_study("utkface").methods == ("baseline", "ins")
    assert list_studies() == ("utkface",)
    assert study_of_runs("utkface").title == "UTKFace"


@pytest.mark.parametrize("name", ["../out", "", "Über", ".hidden", "a/b"])
def test_a_name_that_is_no_file_is_refused(name: str, store: Path) -> None:
    with pytest.raises(EquipoiseError, match="name of a story"):
        save_story(Story(title="Ours", study="utkface"), name)


def test_a_study_or_story_that_is_not_there_is_named(store: Path) -> None:
    with pytest.raises(EquipoiseError, match="nobody"):
        save_story(Story(title="Ours", study="nobody"), "ours")
    with pytest.raises(StoryError, match="no story 'nothing'"):
        story_named("utkface", "nothing")
    with pytest.raises(StoryError, match="no story yet"):
        story_named("softbio")


def test_a_store_that_cannot_be_written_is_said(store: Path) -> None:
    store.parent.mkdir(exist_ok=True)
    store.write_text("not a folder")
    with pytest.raises(StoryError, match="could not be saved"):
        save_story(Story(title="Ours", study="utkface"), "ours")
