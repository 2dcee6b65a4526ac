"""What a slide says: its view drawn, its claim, and what the numbers say to that."""

import re
from dataclasses import dataclass

from core.errors import EquipoiseError
from core.language import N_, gettext
from core.plots.highlight import NOTE as HOW_TO_HIGHLIGHT
from core.story.claims import ClaimCheck, check_claim
from core.story.story import PHOTO, TEXT, Slide, Story, open_slide
from core.text import to_plain
from core.views.caching import cached
from core.views.catalog import view_named
from core.views.drawing import Drawn
from core.views.studies import open_study
from core.views.study_view import StudyView

LIVE_TITLE = N_("A photo, answered live")
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-ZÀ-ÖØ-Þ0-9«])")


@dataclass(frozen=True)
class Told:
    """What a slide says.

    Parameters
    ----------
    slide : Slide
    title : str
        What is shown.
    claim : str
        The one thing that it says; may be empty on a slide of text.
    view : StudyView, optional
        What of which study it is about.
    drawn : Drawn, optional
        Its view; None where it has none, or it cannot be drawn.
    check : ClaimCheck, optional
        What the numbers say of a claim that a person wrote.
    problem : EquipoiseError, optional
        Why it cannot be drawn.
    """

    slide: Slide
    title: str
    claim: str
    view: StudyView | None = None
    drawn: Drawn | None = None
    check: ClaimCheck | None = None
    problem: EquipoiseError | None = None

    @property
    def heading(self) -> str:
        """The claim; the title where there is none."""
        return self.claim or self.title

    @property
    def note(self) -> str:
        """Small print of the view, without how to point at a chart."""
        note = "" if self.drawn is None else self.drawn.note
        return note.replace(gettext(HOW_TO_HIGHLIGHT), "").rstrip()

    @property
    def said(self) -> tuple[str, str]:
        """The heading, and what stands below it in smaller letters.

        A claim that a person wrote is all heading. Of a takeaway it is the first
        sentence: one claim a slide.
        """
        if self.slide.claim or not self.claim:
            return self.heading, ""
        first, *rest = _SENTENCES.split(self.claim, maxsplit=1)
        return first, "".join(rest)

    @property
    def doubt(self) -> str:
        """Why the numbers do not bear out the claim; empty where they do."""
        return "" if self.check is None else self.check.warning


def tell(story: Story, slide: Slide) -> Told:
    """Draw a slide and check its claim; what cannot be drawn says why.

    The page and every format of a report tell a slide by this. A claim is checked
    whatever the slide shows.
    """
    if slide.view == TEXT:
        check = _check(story, slide, None)
        return Told(slide, slide.title, slide.claim, check=check)
    title, view = slide.title or name_of(slide), None
    try:
        view = open_slide(story, slide)
        check = _check(story, slide, view)
        if slide.view == PHOTO:
            return Told(slide, title, slide.claim, view, check=check)
        asked = view_named(slide.view)
        drawn = asked.draw(view, **asked.read(slide.parameters))
    except EquipoiseError as problem:
        check = _check(story, slide, view)
        # A traceback would keep every table alive that it went through.
        problem = problem.with_traceback(None)
        return Told(slide, title, slide.claim, check=check, problem=problem)
    own = to_plain((*drawn.claims, drawn.takeaway)[0])
    return Told(
        slide,
        slide.title or to_plain(drawn.title),
        slide.claim or own,
        view,
        drawn,
        check,
    )


def _check(story: Story, slide: Slide, view: StudyView | None) -> ClaimCheck | None:
    """What the numbers say of a claim; None without one, or without its study."""
    if not slide.claim:
        return None
    try:
        return _checked(slide.claim, view or _view_of_claim(story, slide))
    except EquipoiseError:
        return None


def _view_of_claim(story: Story, slide: Slide) -> StudyView:
    try:
        return open_slide(story, slide)
    except EquipoiseError:
        # A method that is not there takes nothing from what the others say.
        return open_study(slide.study or story.study)


def name_of(slide: Slide) -> str:
    """What a slide is, without drawing it."""
    if slide.title:
        return slide.title
    if slide.view == PHOTO:
        return gettext(LIVE_TITLE)
    if slide.view == TEXT:
        return slide.claim or gettext("Text")
    try:
        return gettext(view_named(slide.view).title)
    except EquipoiseError:
        return slide.view


@cached(entries=256)
def _checked(claim: str, view: StudyView) -> ClaimCheck:
    return check_claim(claim, view)
