"""A story full screen: one claim a slide, turned by keys, and a window of notes."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

from core.language import N_, gettext
from core.story.questions import Question, questions_of
from core.story.story import PHOTO, TEXT, Slide, Story
from core.story.telling import Told, tell
from core.text import to_markdown
from pages.defense.live import show_live
from pages.defense.slides import (
    LEAST,
    preview_of,
    show_doubt,
    show_drawn,
    show_picture,
    show_text,
)
from pages.shell.language import language_in_address
from pages.shell.show import show_error
from pages.shell.story import Work, address_of, channel_of

HERE = Path(__file__).parent
STYLE = f"<style>{(HERE / 'show.css').read_text()}</style>"
_BAR = st.components.v2.component(
    "equipoise_present",
    html=(HERE / "present.html").read_text(),
    css=(HERE / "present.css").read_text(),
    js=(HERE / "present.js").read_text(),
)
# Of the address: what is shown of a story.
PRESENT, NOTES = "present", "notes"
# In the session: the window in pixels, as it was last measured.
_SIZE = "defense_size"
# In the session: what was told since the page was opened, by its slide.
_TOLD, _QUESTIONS = "defense_told", "questions"
USUAL_SIZE = (1920, 1080)
# A window on which charts have the size of their page.
PLAIN_SIZE = (1200, 675)
# Letters above which a claim is written smaller.
LONG_CLAIM = 130
# Of the preview of the next slide, in pixels.
NEXT_HEIGHT = 300
# How much larger at most.
MOST = 4.0
WORDS = {
    "back": (N_("The slide before"), "←"),
    "next": (N_("The next slide"), "→"),
    "clock": (N_("Time; start it anew"), ""),
    "notes": (N_("Notes"), "N"),
    "window": (N_("Notes and the next slide in a second window"), ""),
    "full": (N_("Full screen"), "F"),
    "leave": (N_("Leave"), N_("Esc")),
    "questions": (N_("Questions"), ""),
}
BAR_KEY = "defense_bar"
ALL_QUESTIONS = N_("Questions that a jury asks")
NO_NOTES = N_("No notes on this slide.")


@dataclass(frozen=True)
class Place:
    """Where in a story it is presented: a slide, then the questions one by one."""

    at: int
    slides: int
    questions: tuple[Question, ...]

    @property
    def count(self) -> int:
        """Places in all: the slides, the list of questions, and each of them."""
        return self.slides + (1 + len(self.questions) if self.questions else 0)

    @property
    def is_slide(self) -> bool:
        """Whether it is a slide, and not a question."""
        return self.at < self.slides

    @property
    def question(self) -> Question | None:
        """The one that is answered; None on the list of them all."""
        number = self.at - self.slides - 1
        return self.questions[number] if number >= 0 else None

    def moved(self, steps: int) -> "Place | None":
        """So many places further; None behind the end."""
        at = self.at + steps
        return Place(at, self.slides, self.questions) if at < self.count else None


def present(work: Work) -> None:
    """Present a story; ends with the page."""
    st.html(STYLE)
    st.session_state[_TOLD] = {}
    _present(work)


def speak(work: Work) -> None:
    """The window of notes: what is said now, and what comes next."""
    st.html(STYLE)
    st.session_state[_TOLD] = {}
    _speak(work)


def _told(story: Story, slide: Slide) -> Told:
    """A slide as it was when the page was opened.

    Looking for the runs of a study at every key would take most of the time: what was
    there when the page was opened is what is presented, until it is opened anew.
    """
    kept, key = st.session_state[_TOLD], slide.model_dump_json()
    if key not in kept:
        kept[key] = tell(story, slide)
    return kept[key]


def _asked(story: Story) -> tuple[Question, ...]:
    kept = st.session_state[_TOLD]
    if _QUESTIONS not in kept:
        kept[_QUESTIONS] = questions_of(story)
    return kept[_QUESTIONS]


@st.fragment
def _present(work: Work) -> None:
    if PRESENT not in st.query_params:
        st.rerun(scope="app")
    place = _place(work)
    with st.container(key="defense_slide"):
        notes = _show_place(work, place)
    _bar(work, place, notes=notes, deeds=tuple(WORDS)[:-1])
    ahead = place.moved(1)
    if ahead is not None and ahead.is_slide:
        with st.container(key="defense_ahead"):
            _told(work.story, work.story.slides[ahead.at])


@st.fragment
def _speak(work: Work) -> None:
    place = _place(work)
    left, right = st.columns([3, 2], gap="large")
    with left, st.container(key="defense_speaker"):
        st.caption(gettext("Now"))
        if place.is_slide:
            told = _told(work.story, work.story.slides[place.at])
            st.markdown(f"#### {to_markdown(told.said[0])}")
            show_doubt(told)
            st.markdown(_lines(told.slide.notes or gettext(NO_NOTES)))
        else:
            _say_question(place)
    with right, st.container(key="defense_following"):
        st.caption(gettext("Next"))
        ahead = place.moved(1)
        if ahead is None:
            st.markdown(gettext("This is the end."))
        elif ahead.is_slide:
            told = _told(work.story, work.story.slides[ahead.at])
            st.markdown(f"##### {to_markdown(told.said[0])}")
            figure = preview_of(told, height=NEXT_HEIGHT)
            if figure is not None:
                st.plotly_chart(
                    figure,
                    key="defense_next",
                    config={"staticPlot": True},
                    alt=gettext("Preview of the next slide"),
                )
        else:
            _say_question(ahead)
    _bar(work, place, notes="", deeds=("back", "next", "clock"), follows=True)


def _say_question(place: Place) -> None:
    asked = place.question
    if asked is None:
        st.markdown(f"#### {gettext(ALL_QUESTIONS)}")
        return
    st.markdown(f"#### {to_markdown(asked.question)}")
    st.markdown(to_markdown(asked.text))


def _place(work: Work) -> Place:
    slides = len(work.story.slides)
    place = Place(0, slides, _asked(work.story))
    asked = st.query_params.get("slide", "1")
    at = int(asked) - 1 if asked.isdecimal() else 0
    return Place(max(0, min(at, place.count - 1)), slides, place.questions)


def _bar(
    work: Work,
    place: Place,
    *,
    notes: str,
    deeds: tuple[str, ...],
    follows: bool = False,
) -> None:
    """Keys, slide number, timer; moves write the address, which is where it is."""
    asked = {NOTES: "1", **language_in_address()}
    window = urlencode(address_of(work, place.at, **asked))
    _BAR(
        key=BAR_KEY,
        data={
            "at": place.at,
            "slides": place.slides,
            "count": place.count,
            "last": max(0, place.slides - 1),
            "notes": notes or gettext(NO_NOTES),
            "channel": channel_of(work),
            "follows": follows,
            "enters": not follows,
            "window": f"?{window}",
            "deeds": list(deeds),
            "size": list(_size()),
            "words": {
                n: [gettext(word) for word in words] for n, words in WORDS.items()
            },
        },
        height="content",
        on_go_change=_go,
        on_leave_change=_leave,
        on_size_change=_resize,
    )


def _go() -> None:
    at = st.session_state[BAR_KEY].get("go")
    if at is not None:
        _go_to(int(at))


def _go_to(at: int) -> None:
    st.query_params["slide"] = str(at + 1)


def _resize() -> None:
    size = st.session_state[BAR_KEY].get("size")
    if size:
        st.session_state[_SIZE] = (int(size[0]), int(size[1]))


def _leave() -> None:
    if PRESENT in st.query_params:
        del st.query_params[PRESENT]


def _size() -> tuple[int, int]:
    return st.session_state.get(_SIZE, USUAL_SIZE)


def _factor() -> float:
    """How much larger than on its page a chart is, in this window."""
    width, height = _size()
    found = min(width / PLAIN_SIZE[0], height / PLAIN_SIZE[1])
    return round(max(LEAST, min(found, MOST)), 2)


def _show_place(work: Work, place: Place) -> str:
    """Show a slide or a question; return the notes."""
    if not place.is_slide:
        _show_questions(place)
        return ""
    told = _told(work.story, work.story.slides[place.at])
    _show_slide(work, told, place.at)
    return told.slide.notes


def _show_slide(work: Work, told: Told, at: int) -> None:
    if told.title and told.title != told.heading:
        with st.container(key="defense_title"):
            st.markdown(to_markdown(told.title))
    if told.heading:
        _show_claim(told)
    if told.problem is not None:
        show_error(told.problem)
        return
    with st.container(key="defense_stage", height="stretch"):
        if told.slide.view == TEXT:
            _show_words(work, told)
        elif told.slide.view == PHOTO and told.view is not None:
            show_live(told.view)
        elif told.drawn is not None and told.drawn.figures:
            with st.container(key="defense_charts", height="stretch"):
                show_drawn(told.drawn, key=f"defense_{at}", factor=_factor())
        elif told.drawn is not None:
            show_drawn(told.drawn, key=f"defense_{at}", factor=_factor())
    if told.drawn is not None and told.note:
        with st.container(key="defense_note"):
            st.caption(to_markdown(told.note))


def _show_claim(told: Told) -> None:
    heading, rest = told.said
    size = "_long" if len(heading) > LONG_CLAIM else ""
    with st.container(key="defense_claim"):
        with st.container(key=f"defense_heading{size}"):
            st.markdown(to_markdown(heading))
        if rest:
            with st.container(key="defense_rest"):
                st.markdown(to_markdown(rest))
        if told.doubt:
            with st.container(key="defense_doubt"):
                show_doubt(told)


def _show_words(work: Work, told: Told) -> None:
    slide = told.slide
    if slide.text and slide.picture:
        left, right = st.columns(2, gap="large")
    else:
        left = right = st.container()
    with left, st.container(key="defense_text"):
        show_text(slide)
    with right:
        show_picture(work, slide)


def _show_questions(place: Place) -> None:
    asked = place.question
    heading = gettext(ALL_QUESTIONS) if asked is None else asked.question
    with st.container(key="defense_heading"):
        st.markdown(to_markdown(heading))
    if asked is not None:
        with st.container(key="defense_text"):
            st.markdown(to_markdown(asked.text))
        return
    with st.container(key="defense_asked"):
        for number, each in enumerate(place.questions):
            st.button(
                to_markdown(each.question),
                key=f"defense_question_{number}",
                type="tertiary",
                icon=":material/live_help:",
                on_click=_go_to,
                args=(place.slides + 1 + number,),
            )


def _lines(text: str) -> str:
    """Notes as they were typed, line by line."""
    return "  \n".join(map(to_markdown, text.splitlines()))
