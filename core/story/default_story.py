"""The story of a study that nobody has written one for: its views, in a usual order."""

from collections.abc import Iterator

from core.language import gettext
from core.story.story import Slide, Story
from core.tasks import Classification, Regression
from core.views.catalog import all_views
from core.views.study_view import StudyView

# First what the study finds, then each task, then groups and costs.
_OF_STUDY = ("headline", "leaderboard", "differences", "detectable")
_OF_REGRESSION = ("age-error", "age-bias", "age-scatter")
_OF_CLASSIFICATION = ("class-scores", "confusions")
_AFTER = ("fairness-gaps", "group-map", "learning-curves", "quality-cost")


def default_story(view: StudyView) -> Story:
    """A story of a study's headline, its tasks, its groups and its costs.

    Parameters
    ----------
    view : StudyView

    Returns
    -------
    Story
        Of the views that the catalog has. A view that has nothing to show of this study
        is among them too: only drawing it tells.
    """
    known = all_views()
    slides = tuple(slide for slide in _slides(view) if slide.view in known)
    title = gettext(view.study.title)
    return Story(title=title, study=view.study.name, slides=slides)


def _slides(view: StudyView) -> Iterator[Slide]:
    yield from (Slide(view=name) for name in _OF_STUDY)
    for task in view.tasks:
        names: tuple[str, ...] = ()
        if isinstance(task, Regression):
            names = _OF_REGRESSION
        elif isinstance(task, Classification):
            names = _OF_CLASSIFICATION
        yield from (Slide(view=n, parameters={"task": task.name}) for n in names)
    yield from (Slide(view=name) for name in _AFTER)
