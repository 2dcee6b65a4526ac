"""Questions that a jury asks, answered from the study of a story."""

from core.errors import EquipoiseError
from core.story.questions import Question, jury_questions
from core.story.story import Story
from core.views.caching import cached
from core.views.studies import open_study
from core.views.study_view import StudyView


def questions_of(story: Story) -> tuple[Question, ...]:
    """The questions with their answers; none where the study cannot be compared."""
    try:
        return _answered(open_study(story.study))
    except EquipoiseError:
        return ()


@cached(entries=8, says="Answering what a jury asks…")
def _answered(view: StudyView) -> tuple[Question, ...]:
    return jury_questions(view)
