"""Composing a story: its slides in a strip, one of them to be edited."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from operator import methodcaller

import streamlit as st

from core.errors import EquipoiseError
from core.language import N_, gettext, ngettext
from core.plots.sizes import PREVIEW_HEIGHT
from core.story.adding import insert_slide
from core.story.questions import questions_of
from core.story.stories import StoryFile, stories_of
from core.story.story import PHOTO, TEXT, Slide, Story
from core.story.telling import Told, name_of, tell
from core.text import strong, to_list, to_markdown
from core.views.catalog import all_views
from core.views.study_view import StudyView
from pages.defense.editor import edit_slide
from pages.defense.files import offer_files, offer_save, open_file, show_fault
from pages.defense.opening import open_work, work_from
from pages.defense.present import PRESENT
from pages.defense.slides import (
    BROKEN_ICON,
    ICONS,
    TABLE_ICON,
    preview_of,
)
from pages.shell.address import this_address
from pages.shell.language import language_in_address
from pages.shell.show import show_error
from pages.shell.story import (
    Work,
    address_of,
    begin_story,
    edit,
    take_up,
    work_in_hand,
)
from pages.shell.study_bar import study_bar

TITLE = N_("What will you tell the jury?")
LEAD = N_(
    "A story is a list of slides: each shows one view of the results, and makes one "
    "claim that the numbers are asked about."
)
# Of a story that can be opened.
CLAIMS_SHOWN = 4
CARD_WIDTH = 176
STRIP_STYLE = f"""<style>
.st-key-defense_strip > * {{ flex: none !important; width: {CARD_WIDTH}px !important; }}
[class*="st-key-defense_card_"] {{
  padding: 6px; border-radius: 8px;
  border: 1px solid var(--st-border-color, rgba(128, 128, 128, 0.35));
}}
[class*="st-key-defense_card_"][class*="_chosen"] {{
  border: 2px solid var(--st-primary-color, #0b5fa5); padding: 5px;
}}
[class*="st-key-defense_choose_"] button {{
  width: 100%; justify-content: flex-start; min-height: 2rem;
}}
[class*="st-key-defense_icon_"] {{
  height: {PREVIEW_HEIGHT}px; justify-content: center; align-items: center;
}}
</style>"""


def compose() -> None:
    """Choose a story, or begin one; edit it."""
    _stay_with_the_story()
    view = study_bar(TITLE, lead=LEAD, filters=False)
    work = open_work(view.study.name)
    if work is None:
        _begin(view)
        return
    st.html(STRIP_STYLE)
    show_fault()
    _head(work)
    if work.slide is None:
        st.info(
            gettext(
                "This story has no slide yet. Press “Add to the story” below any chart"
                " or table of the other pages, or add a slide here."
            ),
            icon=":material/info:",
        )
        _tools(work)
    else:
        _strip(work)
        _tools(work)
        edit_slide(work)
    _questions(work)
    address = this_address()
    for name, value in address_of(work, work.at).items():
        if name != "study":
            address.choose(name, (value,))
    for name in {"story", "draft"} - address_of(work, work.at).keys():
        address.choose(name, ())


def _stay_with_the_story() -> None:
    """Who comes from another page finds the story in hand, whatever study it shows."""
    work = work_in_hand()
    if work is not None and not st.query_params:
        st.session_state["study"] = work.story.study
    if wanted := st.session_state.pop("study_wanted", ""):
        st.session_state["study"] = wanted


def _begin(view: StudyView) -> None:
    """No story is in work: those that there are, and how one is begun."""
    study = view.study.name
    files = stories_of(study)
    title = strong(gettext(view.study.title))
    st.markdown(
        to_markdown(
            gettext("Open a story of {study}, or begin one of your own.", study=title)
            if files
            else gettext("{study} has no story yet. Begin one here.", study=title)
        )
    )
    with st.grid("auto", min_column_width=300):
        for file in files:
            with st.container(border=True, key=f"defense_known_{file.name}"):
                _known(file)
        with st.container(border=True, key="defense_new"):
            st.subheader(gettext("A new story"), anchor=False)
            st.markdown(
                gettext(
                    "Press “Add to the story” below any chart or table of the other "
                    "pages: it becomes a slide, with the methods, seeds and filters "
                    "that you see. Here you order the slides, write the claims, and "
                    "present."
                )
            )
            st.space("stretch")
            st.button(
                gettext("Begin a new story"),
                key="defense_begin",
                icon=":material/add:",
                on_click=_take_over,
                args=(begin_story(study), study),
            )
        with st.container(border=True, key="defense_from_disk"):
            st.subheader(gettext("From a file"), anchor=False)
            open_file()


def _known(file: StoryFile) -> None:
    """One story that can be opened: what it claims first."""
    try:
        opened = work_from(file)
    except EquipoiseError as error:
        show_error(error)
        return
    story = opened.story
    st.subheader(to_markdown(story.title), anchor=False)
    count = len(story.slides)
    st.caption(
        ngettext(
            "Comes with the study, {count} slide.",
            "Comes with the study, {count} slides.",
            count,
        )
        if file.is_shipped
        else ngettext(
            "Saved beside the study, {count} slide.",
            "Saved beside the study, {count} slides.",
            count,
        )
    )
    claims = [slide.claim or name_of(slide) for slide in story.slides]
    st.markdown(to_list(claims[:CLAIMS_SHOWN]))
    st.space("stretch")
    st.button(
        gettext("Open this story"),
        key=f"defense_open_{file.name}",
        icon=":material/folder_open:",
        type="primary",
        on_click=_take_over,
        args=(opened, file.study),
    )


def _take_over(opened: Work, study: str) -> None:
    """Put another story in the place of the one in hand; Undo brings that back."""
    before = work_in_hand(study)
    take_up(opened if before is None else before.replaced_by(opened))


def _head(work: Work) -> None:
    story, key = work.story, f"defense_title_{work.token}"
    st.session_state[key] = story.title
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            gettext("Title of the story"),
            key=key,
            width=420,
            on_change=_rename,
            args=(work.token, key),
        )
        st.button(
            gettext("Present"),
            key="defense_present",
            icon=":material/slideshow:",
            type="primary",
            disabled=not story.slides,
            on_click=_enter,
            args=(work,),
            help=gettext(
                "Full screen. Arrows, Page Up and Page Down turn the slides; "
                "Escape leaves."
            ),
        )
        offer_save(work)
        offer_files(work)
        with st.popover(gettext("Stories"), icon=":material/folder_open:"):
            _other_stories(work.story.study)
        st.button(
            gettext("Undo"),
            key="defense_undo",
            icon=":material/undo:",
            disabled=not work.before,
            on_click=edit,
            args=(work.token, Work.undone),
        )


def _other_stories(study: str) -> None:
    for file in stories_of(study):
        with suppress(EquipoiseError):
            opened = work_from(file)
            st.button(
                to_markdown(opened.story.title),
                key=f"defense_open_{file.name}",
                type="tertiary",
                icon=":material/co_present:",
                on_click=_take_over,
                args=(opened, study),
            )
    st.button(
        gettext("Begin a new story"),
        key="defense_begin",
        type="tertiary",
        icon=":material/add:",
        on_click=_take_over,
        args=(begin_story(study), study),
    )
    open_file()
    st.caption(gettext("Undo brings back the story that is open now."))


def _enter(work: Work) -> None:
    asked = {PRESENT: "1", **language_in_address()}
    st.query_params.from_dict(address_of(work, work.at, **asked))


def _rename(token: str, key: str) -> None:
    title = st.session_state[key].strip()
    if title:
        edit(token, lambda work: work.step(_updated(work.story, title=title)))


def _updated(story: Story, **changed: object) -> Story:
    return story.model_copy(update=changed)


def _strip(work: Work) -> None:
    """The slides side by side, each with a small preview; one is chosen."""
    with st.container(horizontal=True, wrap=False, gap="small", key="defense_strip"):
        for at, slide in enumerate(work.story.slides):
            chosen = "_chosen" if at == work.at else ""
            with st.container(
                key=f"defense_card_{at}{chosen}", gap="xsmall", width=CARD_WIDTH
            ):
                told = tell(work.story, slide)
                _small(told, at)
                st.button(
                    f"{at + 1}. {to_markdown(name_of(slide))}",
                    key=f"defense_choose_{at}",
                    type="tertiary",
                    icon=_icon(told),
                    on_click=edit,
                    args=(work.token, methodcaller("at_slide", at)),
                    wrap=False,
                )


def _small(told: Told, at: int) -> None:
    figure = preview_of(told)
    if figure is not None:
        st.plotly_chart(
            figure,
            key=f"defense_preview_{at}",
            config={"staticPlot": True},
            alt=gettext("Preview of slide {number}", number=at + 1),
        )
        return
    with st.container(
        key=f"defense_icon_{at}",
        height=PREVIEW_HEIGHT,
        border=False,
        horizontal_alignment="center",
    ):
        st.markdown(f"## {ICONS.get(told.slide.view, TABLE_ICON)}", width="content")


def _icon(told: Told) -> str | None:
    if told.problem is not None:
        return BROKEN_ICON
    return ":material/warning:" if told.doubt else None


def _tools(work: Work) -> None:
    """What can be done with the slide that is chosen, and what can be added."""
    last = len(work.story.slides) - 1
    tools: list[tuple[str, str, str, bool, Callable[[Work], Work]]] = [
        (
            "earlier",
            gettext("Move earlier"),
            "arrow_back",
            work.at > 0,
            partial(_moved, by=-1),
        ),
        (
            "later",
            gettext("Move later"),
            "arrow_forward",
            work.at < last,
            partial(_moved, by=1),
        ),
        ("copy", gettext("Duplicate"), "content_copy", last >= 0, _duplicated),
        ("delete", gettext("Delete"), "delete", last >= 0, _deleted),
    ]
    with st.container(horizontal=True, gap="small"):
        with st.popover(gettext("Add a slide"), icon=":material/add:"):
            _add(work)
        for name, label, icon, can, deed in tools:
            st.button(
                label,
                key=f"defense_{name}",
                icon=f":material/{icon}:",
                type="tertiary",
                disabled=not can,
                on_click=edit,
                args=(work.token, deed, work.at),
            )


def _add(work: Work) -> None:
    views = all_views()
    place = work.at if work.story.slides else None
    name = st.selectbox(
        gettext("View"),
        list(views),
        format_func=lambda name: gettext(views[name].title),
        key="defense_view",
    )
    st.button(
        gettext("Add this view"),
        key="defense_add_view",
        icon=":material/add_chart:",
        on_click=edit,
        args=(work.token, partial(_with, slide=Slide(view=name)), place),
    )
    words = Slide(
        view=TEXT, title=gettext("A slide of words"), text=gettext("Write here.")
    )
    with st.container(horizontal=True):
        st.button(
            gettext("Add words"),
            key="defense_add_text",
            icon=ICONS[TEXT],
            on_click=edit,
            args=(work.token, partial(_with, slide=words), place),
        )
        st.button(
            gettext("Add the live predictor"),
            key="defense_add_photo",
            icon=ICONS[PHOTO],
            on_click=edit,
            args=(work.token, partial(_with, slide=Slide(view=PHOTO)), place),
            help=gettext("A photo that is dropped in is answered by every method."),
        )


def _with(work: Work, slide: Slide) -> Work:
    """One slide more, behind the one that is chosen."""
    place = work.at + 1 if work.story.slides else 0
    return work.step(insert_slide(work.story, place, slide), place)


def _duplicated(work: Work) -> Work:
    return _with(work, work.story.slides[work.at])


def _deleted(work: Work) -> Work:
    slides = list(work.story.slides)
    del slides[work.at]
    st.toast(
        gettext("Slide {number} is deleted. Undo brings it back.", number=work.at + 1)
    )
    return work.step(_updated(work.story, slides=tuple(slides)))


def _moved(work: Work, by: int) -> Work:
    slides = list(work.story.slides)
    slides.insert(work.at + by, slides.pop(work.at))
    return work.step(_updated(work.story, slides=tuple(slides)), work.at + by)


def _questions(work: Work) -> None:
    asked = questions_of(work.story)
    if not asked:
        return
    with st.expander(
        gettext("Questions that a jury asks"), icon=":material/live_help:"
    ):
        for each in asked:
            st.markdown(to_markdown(strong(each.question)))
            st.markdown(to_markdown(each.text))
