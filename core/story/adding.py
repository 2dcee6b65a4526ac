"""A slide of what is being looked at: the view as it is, filters included."""

from core.errors import StoryError
from core.language import gettext
from core.story.story import Slide, Story
from core.views.catalog import view_named
from core.views.drawing import Drawn
from core.views.studies import open_study


def slide_of(drawn: Drawn) -> Slide:
    """The slide that draws a view again.

    Parameters
    ----------
    drawn : Drawn
        By a view of the catalog.

    Returns
    -------
    Slide
        Without what is as usual: all methods, all seeds, the study's own baseline, and
        parameters with their default.

    Raises
    ------
    StoryError
        If single runs were picked for what was drawn.
    """
    view = drawn.of
    if view is None:
        raise ValueError("Only what a view has drawn makes a slide.")
    beside = "" if view.two is None else view.two.other.name
    whole = open_study(view.study.name, other=beside)
    known = {r.name for r in whole.runs if r.seed in view.seeds}
    if {run.name for run in view.runs} < known:
        raise StoryError(
            gettext(
                "A slide holds every run of its methods and seeds, and here single"
                " runs are picked."
            ),
            remedy=gettext(
                "show all runs again, and choose methods and seeds instead."
            ),
        )
    defaults = view_named(drawn.view).defaults
    # Without the baseline, which is shown in any case; unless it is all there is.
    others = tuple(method for method in view.methods if method != view.baseline)
    is_whole = set(view.methods) == set(whole.methods)
    return Slide(
        view=drawn.view,
        study=view.study.name,
        methods=() if is_whole else others or view.methods,
        seeds=() if view.seeds == whole.seeds else view.seeds,
        baseline="" if view.baseline == whole.baseline or beside else view.baseline,
        beside=beside,
        parameters={
            name: value
            for name, value in drawn.parameters.items()
            if value != defaults.get(name)
        },
    )


def insert_slide(story: Story, place: int, slide: Slide) -> Story:
    """The story with a slide more, as the ``place``-th counted from 0."""
    if slide.study == story.study:
        slide = slide.model_copy(update={"study": ""})
    slides = (*story.slides[:place], slide, *story.slides[place:])
    return story.model_copy(update={"slides": slides})
