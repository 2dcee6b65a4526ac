"""Where the models look in the typical images of a class: computed on request."""

import io
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import EquipoiseError
from core.language import N_, gettext, ngettext
from core.plots import explain as plots
from core.results.explain_label import LabelMeaning
from core.runs import Run, first_models
from core.study import Study
from core.tasks import Task
from core.text import BREAK, strong, to_markdown
from core.views.caching import cached
from core.views.study_view import StudyView
from pages.shell.engine import load_engine
from pages.shell.pictures import find_paths, why_no_pictures
from pages.shell.show import show_error

if TYPE_CHECKING:
    from core.mean_maps import MeanMap


def offer_mean_maps(view: StudyView, meaning: LabelMeaning) -> None:
    """Draw a switch, off at first, and behind it a mean map a method."""
    runs = first_models(view.chosen_runs)
    if not runs or why_no_pictures(view) or meaning.typical.empty:
        return
    name = f"{view.study.name}_{meaning.task.name}_{meaning.category}"
    if not st.toggle(
        gettext("Show where each model looks in them, on average"),
        key=f"errors_meaning_maps_{name}",
        help=gettext("Loads one model of each method; the first time takes longer."),
    ):
        return
    try:
        maps, problems = _mean_maps(
            meaning.task,
            meaning.category,
            tuple(_typical_paths(view, meaning)),
            view.tasks,
            view.study,
            runs,
        )
    except EquipoiseError as error:
        show_error(error)
        return
    if maps:
        _show(view, meaning, maps)
    for method, problem in problems.items():
        said = gettext("{name}: {value}", name=view.labels[method], value=problem)
        st.caption(to_markdown(said))


def _typical_paths(view: StudyView, meaning: LabelMeaning) -> list[str]:
    from core.mean_maps import PICTURES

    ids = meaning.typical["image_id"].head(PICTURES).tolist()
    known = find_paths(view, ids)
    return [known[image_id] for image_id in ids if image_id in known]


@cached(entries=8, says=N_("Looking into the models…"))
def _mean_maps(
    task: Task,
    category: str,
    paths: tuple[str, ...],
    tasks: tuple[Task, ...],
    study: Study,
    runs: tuple[Run, ...],
) -> "tuple[dict[str, MeanMap], dict[str, str]]":
    """Mean map of every method, and why others have none."""
    from core.mean_maps import mean_maps

    predictor, explainer = _models(tasks, runs)
    maps = mean_maps(explainer, predictor, study, paths, task, category)
    return maps, explainer.problems


@cached(entries=1)
def _models(tasks: tuple[Task, ...], runs: tuple[Run, ...]):
    """One model of each method, and what looks into them."""
    from core.predictor import Predictor

    predictor = Predictor.load(runs, tasks, load_engine=load_engine)
    from core.explain.explainer import Explainer

    return predictor, Explainer(predictor)


def _show(view: StudyView, meaning: LabelMeaning, maps: "dict[str, MeanMap]") -> None:
    from core.mean_maps import map_tiles

    heats = {method: one.explanation.heat for method, one in maps.items()}
    st.markdown(to_markdown(plots.takeaway_maps(heats, view.labels)))
    tiles = map_tiles(maps, meaning.task, meaning.category, view.labels)
    with st.grid("auto", min_column_width=136, gap="small"):
        for tile, heat in zip(tiles, heats.values(), strict=True):
            with st.container(gap="xsmall"):
                alt = f"{tile.title} {plots.describe_map(heat)}"
                st.image(tile.pixels, width="stretch", alt=alt)
                st.markdown(to_markdown(strong(tile.title)))
                st.caption(to_markdown(BREAK.join(tile.lines)))
    low, high = map(gettext, plots.SCALE_ENDS)
    alt = gettext("Scale from {low}, 0, to {high}, 1", low=low, high=high)
    st.image(plots.draw_scale(), width=288, alt=alt)
    count = next(iter(maps.values())).pictures
    st.caption(
        to_markdown(
            ngettext(
                "Mean of the maps of {count} typical image, over the mean of these "
                "pictures; each map counts alike, and {high} is where that model looks "
                "most. Of each method one model is shown. A map explains the model and "
                "not the label.",
                "Mean of the maps of {count} typical images, over the mean of these "
                "pictures; each map counts alike, and {high} is where that model looks "
                "most. Of each method one model is shown. A map explains the model and "
                "not the label.",
                count,
                high=high,
            )
        )
    )
    st.download_button(
        gettext("Mean maps (PNG)"),
        data=lambda: _as_png(tiles),
        file_name=f"{view.study.name}-{meaning.task.name}-where-models-look.png",
        mime="image/png",
        key="errors_meaning_maps_png",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


def _as_png(tiles: list[plots.Tile]) -> bytes:
    file = io.BytesIO()
    plots.draw_sheet(tiles).save(file, "PNG")
    return file.getvalue()
