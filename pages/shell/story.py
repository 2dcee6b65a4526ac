"""The story in work: kept while a visitor moves from page to page, and added to."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import streamlit as st

from core.errors import EquipoiseError
from core.story.adding import insert_slide, slide_of
from core.story.story import Slide, Story
from core.text import strong, to_markdown
from core.views.drawing import Drawn
from core.views.studies import study_named

DEFENSE_PAGE = "pages/defense/page.py"
# Stories in work that the server keeps, of all visitors; and steps that can be undone.
WORKS_KEPT, STEPS_KEPT = 200, 40
# In the session: tokens of the stories in work by study, and which is in hand.
_TOKENS, _IN_HAND = "story_tokens", "story_in_hand"
# In the session: the view that was added last, and its place.
_ADDED = "story_added"


@dataclass(frozen=True)
class Work:
    """A story in work.

    Parameters
    ----------
    story : Story
    token : str
        Who has it in an address opens this story: a second window, or a reload.
    name : str
        Of the story beside the study, where it was opened from or saved to.
    saved : Story, optional
        As it is there.
    folder : Path, optional
        Where its pictures lie.
    pictures : mapping of str to bytes
        Those given on the page, by the name that a slide has.
    at : int
        The slide that is looked at, counted from 0.
    before : tuple of Work
        What each step of editing left, the oldest first.
    """

    story: Story
    token: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    name: str = ""
    saved: Story | None = None
    folder: Path | None = None
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    at: int = 0
    before: tuple["Work", ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether it is not as its file has it."""
        return self.story != self.saved

    @property
    def slide(self) -> Slide | None:
        """The slide that is looked at; None where there is none."""
        return self.story.slides[self.at] if self.story.slides else None

    def at_slide(self, place: int) -> "Work":
        """Looking at a slide; at the nearest where there is no such place."""
        return replace(self, at=max(0, min(place, len(self.story.slides) - 1)))

    def step(self, story: Story, at: int | None = None) -> "Work":
        """The next state, from which ``undone`` comes back to this one."""
        work = replace(self, story=story, before=self._with_this_step())
        return work.at_slide(self.at if at is None else at)

    def replaced_by(self, other: "Work") -> "Work":
        """Another story in the place of this one, which ``undone`` brings back."""
        return replace(other, token=self.token, before=self._with_this_step())

    def with_slide(self, **changed: object) -> "Work":
        """The slide that is looked at is changed."""
        slides = list(self.story.slides)
        # Checked, as the file's would be.
        slides[self.at] = Slide.model_validate(
            {**slides[self.at].model_dump(), **changed}
        )
        return self.step(self.story.model_copy(update={"slides": tuple(slides)}))

    def with_picture(self, name: str, content: bytes) -> "Work":
        """The slide that is looked at shows a picture that was given on the page."""
        pictures = {**self.pictures, name: content}
        return replace(self.with_slide(picture=name), pictures=pictures)

    def _with_this_step(self) -> tuple["Work", ...]:
        return (*self.before, replace(self, before=()))[-STEPS_KEPT:]

    def undone(self) -> "Work":
        """As it was before the last step."""
        if not self.before:
            return self
        return replace(self.before[-1], token=self.token, before=self.before[:-1])


# A visitor's second window is another session, and a reload is one too.
_WORKS: OrderedDict[str, Work] = OrderedDict()
_LOCK = threading.Lock()


def find_work(token: str) -> Work | None:
    """The story in work of that token, whoever's it is."""
    with _LOCK:
        return _WORKS.get(token)


def work_in_hand(study: str = "") -> Work | None:
    """The visitor's story in work: that of a study, or the one edited last."""
    wanted = study or st.session_state.get(_IN_HAND, "")
    return find_work(st.session_state.get(_TOKENS, {}).get(wanted, ""))


def take_up(work: Work) -> None:
    """Keep a story in work as the one in hand."""
    with _LOCK:
        _WORKS[work.token] = work
        _WORKS.move_to_end(work.token)
        while len(_WORKS) > WORKS_KEPT:
            _WORKS.popitem(last=False)
    tokens = st.session_state.setdefault(_TOKENS, {})
    tokens[work.story.study] = work.token
    st.session_state[_IN_HAND] = work.story.study


def edit(token: str, deed: Callable[[Work], Work]) -> None:
    """Change a story in work as it is by now: what was typed last is in it already."""
    work = find_work(token)
    if work is not None:
        take_up(deed(work))


def begin_story(study: str) -> Work:
    """A new story of a study, without a slide."""
    return Work(Story(title=study_named(study).title, study=study))


def add_slide(slide: Slide) -> Work:
    """Put a slide at the end of the story in hand; of a new one where there is none."""
    work = work_in_hand() or begin_story(slide.study)
    place = len(work.story.slides)
    work = work.step(insert_slide(work.story, place, slide), place)
    take_up(work)
    return work


@st.fragment
def offer_to_story(drawn: Drawn) -> None:
    """Offer to add a view to the story in hand, as it is looked at."""
    key = f"story_{drawn.name}"
    # Not in a callback, which may draw nothing: a study that is read says so.
    if st.button(
        "Add to the story",
        key=key,
        icon=":material/add_to_photos:",
        type="tertiary",
        help="A slide of what is shown here, with its filters, for the page Defense.",
    ):
        _add(drawn, key)
    added, place = st.session_state.get(_ADDED, ("", 0))
    work = work_in_hand()
    if added == key and work is not None:
        st.page_link(
            DEFENSE_PAGE,
            label=f"See slide {place} on Defense",
            icon=":material/co_present:",
            query_params=address_of(work, place - 1),
        )


def address_of(work: Work, place: int, **more: str) -> dict[str, str]:
    """Parameters of the address that opens a story in work at a slide."""
    values = {
        "study": work.story.study,
        "story": work.name,
        "draft": work.token if work.is_changed or not work.name else "",
        "slide": str(place + 1),
        **more,
    }
    return {name: value for name, value in values.items() if value}


def _add(drawn: Drawn, key: str) -> None:
    try:
        work = add_slide(slide_of(drawn))
    except EquipoiseError as error:
        st.toast(to_markdown(error.problem), icon=":material/error:")
        return
    place = work.at + 1
    st.session_state[_ADDED] = (key, place)
    st.toast(
        to_markdown(f"Slide {place} of {strong(work.story.title)} shows this view."),
        icon=":material/add_to_photos:",
    )
