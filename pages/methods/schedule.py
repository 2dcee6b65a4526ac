"""The schedule of a study's method on the Methods page."""

from streamlit.delta_generator import DeltaGenerator

from core.language import gettext
from core.views.methods import draw_schedule, first_with_phases
from pages.methods.play import Play
from pages.shell.choose import choose
from pages.shell.show import show_view


def show_schedule(play: Play, controls: DeltaGenerator) -> None:
    """Learning rate and phases of one method of the study."""
    study = play.view.study
    with controls:
        name = choose(
            gettext("Method of the study"),
            list(study.methods),
            default=first_with_phases(play.view),
            labels=lambda name: study.methods[name].label,
            key=f"methods_schedule_{study.name}",
            parameter="schedule",
            what=gettext("method"),
            always=True,
        )
    images = sum(play.counts) or len(play.targets)
    show_view(draw_schedule(play.view, method=name, images=images))
