"""The story in work: kept while a visitor moves from page to page, and added to."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import streamlit as st

from core.errors import EquipoiseError, StoryError
from core.language import gettext
from core.story.adding import insert_slide, slide_of
from core.story.story import Slide, Story
from core.text import strong, to_markdown
from core.views.drawing import Drawn
from core.views.studies import study_named

DEFENSE_PAGE = "pages/defense/page.py"
# Stories in work that the server keeps, of all visitors; and steps that can be undone.
WORKS_KEPT, STEPS_KEPT = 200, 40
# Bytes of pictures: of one story with its steps, and of all that the server keeps.
STORY_PICTURES, ALL_PICTURES = 60 * 2**20, 600 * 2**20
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
    origin : str
        The same for all steps of one story; another in its place has another.
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
    origin: str = field(default_factory=lambda: secrets.token_urlsafe(12))
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
        # A picture that is shown no more comes back with the step that showed it.
        work = replace(
            self,
            story=story,
            pictures=_shown(story, self.pictures),
            before=self._with_this_step(),
        )
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

    def with_slide_at_the_end(self, slide: Slide) -> "Work":
        """One slide more, behind all others."""
        place = len(self.story.slides)
        return self.step(insert_slide(self.story, place, slide), place)

    def with_picture(self, name: str, content: bytes) -> "Work":
        """The slide that is looked at shows a picture that was given on the page.

        Raises
        ------
        StoryError
            If the story has too many of them.
        """
        work = self.with_slide(picture=name)
        work = replace(work, pictures={**work.pictures, name: content})
        if work.picture_bytes > STORY_PICTURES:
            raise StoryError(
                gettext("The pictures of this story are too large together."),
                expected=gettext(
                    "at most {size} MiB in all.", size=STORY_PICTURES // 2**20
                ),
                remedy=gettext(
                    "give smaller pictures, or save the story and open it again."
                ),
            )
        return work

    @property
    def picture_bytes(self) -> int:
        """Bytes of its pictures, those of steps that can be undone included."""
        kept: dict[str, bytes] = {}
        for each in (*self.before, self):
            kept.update(each.pictures)
        return sum(map(len, kept.values()))

    def saved_as(self, name: str, story: Story, folder: Path) -> "Work":
        """It lies beside the study from now on, and so does what undoing brings back.

        Parameters
        ----------
        name : str
        story : Story
            As it was written; what was typed since then is still to be saved.
        folder : Path
        """
        place = {"name": name, "saved": story, "folder": folder}
        before = (
            replace(step, **place) if step.origin == self.origin else step
            for step in self.before
        )
        return replace(self, **place, before=tuple(before))

    def _with_this_step(self) -> tuple["Work", ...]:
        return (*self.before, replace(self, before=()))[-STEPS_KEPT:]

    def undone(self) -> "Work":
        """As it was before the last step."""
        if not self.before:
            return self
        return replace(self.before[-1], token=self.token, before=self.before[:-1])


def _shown(story: Story, pictures: Mapping[str, bytes]) -> dict[str, bytes]:
    names = {slide.picture for slide in story.slides}
    return {name: each for name, each in pictures.items() if name in names}


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
        _keep(work)
    _hold(work)


def _keep(work: Work) -> None:
    """Keep it; those that were used longest ago go. The lock is held."""
    _WORKS[work.token] = work
    _WORKS.move_to_end(work.token)
    size = sum(each.picture_bytes for each in _WORKS.values())
    while len(_WORKS) > WORKS_KEPT or (size > ALL_PICTURES and len(_WORKS) > 1):
        size -= _WORKS.popitem(last=False)[1].picture_bytes


def _hold(work: Work) -> None:
    tokens = st.session_state.setdefault(_TOKENS, {})
    tokens[work.story.study] = work.token
    st.session_state[_IN_HAND] = work.story.study


def edit(token: str, deed: Callable[[Work], Work], at: int | None = None) -> None:
    """Change a story in work as it is by now: what was typed last is in it already.

    Parameters
    ----------
    token : str
    deed : callable
        Makes the next state. No other window changes the story meanwhile.
    at : int, optional
        The slide that the window shows, whichever another window looks at. Where the
        story has it no more, nothing is changed.
    """
    with _LOCK:
        work = _WORKS.get(token)
        if work is None or (at is not None and at >= len(work.story.slides)):
            return
        work = deed(work if at is None else work.at_slide(at))
        _keep(work)
    _hold(work)


def begin_story(study: str) -> Work:
    """A new story of a study, without a slide."""
    return Work(Story(title=study_named(study).title, study=study))


def add_slide(slide: Slide) -> Work:
    """Put a slide at the end of the story in hand; of a new one where there is none."""
    work = work_in_hand()
    if work is None:
        work = begin_story(slide.study)
        take_up(work)
    edit(work.token, partial(Work.with_slide_at_the_end, slide=slide))
    return find_work(work.token) or work


@st.fragment
def offer_to_story(drawn: Drawn) -> None:
    """Offer to add a view to the story in hand, as it is looked at."""
    key = f"story_{drawn.name}"
    # Not in a callback, which may draw nothing: a study that is read says so.
    if st.button(
        gettext("Add to the story"),
        key=key,
        icon=":material/add_to_photos:",
        type="tertiary",
        help=gettext(
            "A slide of what is shown here, with its filters, for the page Defense."
        ),
    ):
        _add(drawn, key)
    added, place = st.session_state.get(_ADDED, ("", 0))
    work = work_in_hand()
    if added == key and work is not None:
        st.page_link(
            DEFENSE_PAGE,
            label=gettext("See slide {place} on Defense", place=place),
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


def channel_of(work: Work) -> str:
    """What all windows of a story call it, on one machine and after a reload.

    A story with a file has the name that the address has. Only a draft, which the
    address names by its token, is called by that.
    """
    drafts = {st.query_params.get("draft"), address_of(work, 0).get("draft")}
    if work.token in drafts:
        return work.token
    return f"{work.story.study}/{work.name}"


def _add(drawn: Drawn, key: str) -> None:
    try:
        work = add_slide(slide_of(drawn))
    except EquipoiseError as error:
        st.toast(to_markdown(error.problem), icon=":material/error:")
        return
    place = work.at + 1
    st.session_state[_ADDED] = (key, place)
    st.toast(
        to_markdown(
            gettext(
                "Slide {place} of {story} shows this view.",
                place=place,
                story=strong(gettext(work.story.title)),
            )
        ),
        icon=":material/add_to_photos:",
    )
