"""The view of the settings that two studies do not have alike."""

from core.errors import NothingToShow
from core.language import ENGLISH, N_, gettext, speaking
from core.results.frame import plain_frame, table_frame
from core.results.two_studies import differences_notes, differences_table
from core.text import strong
from core.views.drawing import Drawn, Numbers, draws
from core.views.study_view import StudyView


@draws("study-differences", N_("What differs between a study and the one beside it"))
def draw_study_differences(view: StudyView) -> Drawn:
    """The settings that the two studies do not have alike."""
    two = view.two
    if two is None:
        raise NothingToShow(
            gettext(
                "No other study stands beside {study}, so there are no settings to "
                "compare.",
                study=strong(view.title),
            )
        )
    table, said = differences_table(two), " ".join(differences_notes(two))
    if not table.rows:
        raise NothingToShow(said)
    with speaking(ENGLISH):
        data = plain_frame(table_frame(differences_table(two)))
    return Drawn(
        title=table.title,
        name=f"{two.study.name}-{two.other.name}-differences",
        takeaway=said,
        numbers=Numbers(
            table_frame(table),
            said,
            download=data,
            note=gettext("As the runs record it; none: the setting is not there."),
        ),
    )
