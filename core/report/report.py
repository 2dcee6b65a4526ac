"""A story as it is handed in: every slide drawn once, for all formats alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import EquipoiseError, NothingToShow, StoryError
from core.language import N_, gettext, language
from core.plots.highlight import NOTE as HOW_TO_HIGHLIGHT
from core.report.own_picture import Picture, read_picture
from core.report.pictures import Pictures
from core.story.default_story import default_story
from core.story.provenance import Provenance, provenance_of
from core.story.questions import Question, questions_of
from core.story.story import PHOTO, Slide, Story
from core.story.telling import tell
from core.text import to_plain
from core.views.drawing import Drawn
from core.views.studies import open_study

LIVE_ONLY = N_(
    "A photo is labelled here by the models themselves, when the story is presented "
    "from the page Defense. A file cannot do that."
)
Progress = Callable[[str, int, int], object]
"""Told what is done, how many, and of how many."""
DRAWING = "Drawing the slides"
QUESTIONS = N_("Questions a jury asks")
"""Heading of the questions and their answers."""
PROVENANCE_TABLE = N_("Provenance")
"""Heading, in a document, of the table of where the numbers come from."""


@dataclass(frozen=True)
class ReportSlide:
    """One slide, drawn.

    Parameters
    ----------
    number : int
        From 1.
    title : str
        What is shown.
    claim : str
        The one thing that the slide says; empty on a text slide that has none.
    doubt : str
        Why the numbers do not bear out the claim; empty where they do.
    drawn : Drawn, optional
        The view; None on a text slide, and where there is nothing to show.
    text : str
        Words in Markdown.
    picture : Picture, optional
    notes : str
        What the speaker sees.
    problem : EquipoiseError, optional
        Why the slide has nothing to show.
    """

    number: int
    title: str
    claim: str
    doubt: str = ""
    drawn: Drawn | None = None
    text: str = ""
    picture: Picture | None = None
    notes: str = ""
    problem: EquipoiseError | None = None

    @property
    def heading(self) -> str:
        """The claim; the title where there is none."""
        return self.claim or self.title

    @property
    def note(self) -> str:
        """Small print of the view, without what only an interactive figure can do."""
        if self.drawn is None:
            return ""
        how = gettext(HOW_TO_HIGHLIGHT)
        return to_plain(self.drawn.note.replace(how, "")).strip()

    @property
    def spoken(self) -> str:
        """All that the speaker has: notes, the takeaway, and the small print."""
        parts = [self.notes]
        if self.drawn is not None:
            takeaway = to_plain(self.drawn.takeaway)
            parts += [takeaway if takeaway != self.claim else "", self.note]
        if self.doubt:
            parts.append(self.doubt)
        return "\n\n".join(filter(None, parts))


@dataclass(frozen=True)
class Report:
    """A story, drawn once; every format reads it.

    Parameters
    ----------
    story : Story
    study_title : str
    language : str
        That it was drawn in, and is written in.
    slides : tuple of ReportSlide
    questions : tuple of Question
        Questions that a jury asks, answered from the study.
    provenance : Provenance
        What the numbers were made from.
    pictures : Pictures
        Its figures as they are written into files.
    """

    story: Story
    study_title: str
    language: str
    slides: tuple[ReportSlide, ...]
    questions: tuple[Question, ...]
    provenance: Provenance
    pictures: Pictures = field(default_factory=Pictures, repr=False, compare=False)

    @property
    def title(self) -> str:
        """Of the story."""
        return gettext(self.story.title)

    @property
    def subtitle(self) -> str:
        """Who made it and of which study, each on a line of its own."""
        own = self.study_title if self.study_title != self.title else ""
        return "\n".join(filter(None, (self.story.author, own)))

    @property
    def problems(self) -> tuple[str, ...]:
        """Why slides have nothing to show, one sentence a slide."""
        return tuple(
            f"Slide {slide.number}: {slide.problem}"
            for slide in self.slides
            if slide.problem is not None
        )


def build_report(
    study: str,
    story: Story | None = None,
    *,
    folder: Path | None = None,
    pictures: Mapping[str, bytes] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Draw a story, in the language that is spoken.

    Parameters
    ----------
    study : str
        Name of the study, where there is no story of it.
    story : Story, optional
        The usual one of the study where there is none; what the study has nothing to
        show of is then left out.
    folder : Path, optional
        Where pictures of the story's slides are.
    pictures : mapping of str to bytes, optional
        Pictures by the name that slides give them, which go before those of the folder.
    progress : callable, optional

    Raises
    ------
    EquipoiseError
        If the study has no runs.
    """
    is_usual = story is None
    view = open_study(story.study if story else study)
    if story is None:
        story = default_story(view)
    slides: list[ReportSlide] = []
    for done, slide in enumerate(story.slides):
        if progress:
            progress(DRAWING, done, len(story.slides))
        drawn = _draw(story, slide, len(slides) + 1, folder, pictures)
        if is_usual and isinstance(drawn.problem, NothingToShow):
            continue
        slides.append(drawn)
    if progress:
        progress(DRAWING, len(story.slides), len(story.slides))
    return Report(
        story=story,
        study_title=gettext(view.study.title),
        language=language(),
        slides=tuple(slides),
        questions=questions_of(story),
        provenance=provenance_of(view),
    )


def _draw(
    story: Story,
    slide: Slide,
    number: int,
    folder: Path | None,
    pictures: Mapping[str, bytes] | None,
) -> ReportSlide:
    told = tell(story, slide)
    picture, problem = None, told.problem
    try:
        picture = read_picture(slide, folder, pictures)
    except StoryError as error:
        problem = problem or error
    return ReportSlide(
        number=number,
        title=told.title,
        claim=told.said[0] if told.claim else "",
        doubt=told.doubt,
        drawn=told.drawn,
        text=gettext(LIVE_ONLY if slide.view == PHOTO else slide.text),
        picture=picture,
        notes=gettext(slide.notes),
        problem=problem,
    )
