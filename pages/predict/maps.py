"""Where each model looked, over the picture that it saw: shown on request."""

import io
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import EquipoiseError
from core.language import N_, gettext
from core.plots import explain as plots
from core.plots.explain import Tile
from core.predictor import ClassificationAnswer, FaceAnswers
from core.tasks import Regression, Task
from core.text import BREAK, listed, strong, to_markdown
from pages.shell.answers import Shown
from pages.shell.choose import choose, choose_task
from pages.shell.show import show_error

if TYPE_CHECKING:
    from core.explain.explainer import Explainer, Explanation

# In the session: what was computed, by the photo's key and more.
MAPS_KEPT = "predict_maps_found"
OWN_ANSWER = N_("What each method answered")
LIMITS = N_(
    """
- *HiResCAM* (Draelos and Carin, 2020) marks where the features of a CNN raise the
  score of an answer. It is taken at the network's layers of at least 7 × 7 cells, the
  last of each size, and averaged; a model without such a layer gives its largest. Its
  map is the mean over the picture and eight copies, shifted by about a twentieth of the
  side (after Morbidelli et al., ICASSP 2020).
  *Attention rollout* (Abnar and Zuidema, ACL 2020) marks how much of each part reaches
  the token that a transformer answers from, whatever the question. The two show
  different things, also where they agree.
- *Occlusion check* (after Zeiler and Fergus, ECCV 2014): the highest tenth of the map
  is blurred in the picture, and the model answers again; then the same shape is blurred
  in 19 other places. A map that passes shows a place that this answer hangs on. There
  may be others.
- An answer that something is absent (no glasses, bald) has no place of its own: such
  maps are scattered, and many fail the check.
- A map that lies where a person would look is no proof that the model is right or
  fair, and one that lies elsewhere is no proof of the contrary.
- Some popular techniques draw much the same map for a model with random weights
  (Adebayo et al., NeurIPS 2018). The two techniques here are younger than that test;
  with other weights they draw other maps.
- A map is hardly finer than its grid, which stands below it. The smooth edges between
  the cells are drawn, not seen.
"""
)


def offer_maps(
    key: str,
    face: FaceAnswers,
    shown: Shown,
    load: Callable[[], "Explainer"],
    *,
    models: Hashable,
) -> None:
    """Draw a switch, off at first, and behind it a map a method.

    Parameters
    ----------
    key : str
        Of the photo.
    face : FaceAnswers
    shown : Shown
    load : callable
        Gives the explainer of the study's models; called when the switch is on.
    models : hashable
        Tells these models from others.
    """
    if not st.toggle(
        gettext("Show where each model looked"), key=f"predict_maps_{key}"
    ):
        return
    name = f"{key}_{face.number}"
    with st.container(border=True, key=f"predict_map_card_{name}"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            names = "_".join(task.name for task in shown.tasks)
            task = choose_task(
                shown.tasks, key=f"predict_maps_task_{names}_{name}", parameter=""
            )
            classes = _choose_classes(task, face, shown, name)
        try:
            with st.spinner(
                gettext("Looking into the models; the first time takes longer…")
            ):
                explainer = load()
                found = _explain_once((key, models), explainer, face, task, classes)
        except EquipoiseError as error:
            show_error(error)
            return
        maps = {m: found[m] for m in shown.methods if m in found}
        if maps:
            _show(name, face, task, classes, maps, shown)
        for method in shown.methods:
            if method in explainer.problems:
                label = shown.view.labels[method]
                problem = explainer.problems[method]
                said = gettext("{name}: {value}", name=label, value=problem)
                st.caption(to_markdown(said))
        with st.expander(gettext("What such maps can tell"), icon=":material/help:"):
            st.markdown(gettext(LIMITS))


def _choose_classes(
    task: Task, face: FaceAnswers, shown: Shown, name: str
) -> dict[str, str] | None:
    """The class that is explained of every method; None where the task is a number."""
    if isinstance(task, Regression):
        return None
    chosen = choose(
        gettext("Explain"),
        [OWN_ANSWER, *task.classes],
        labels=lambda name: gettext(name) if name == OWN_ANSWER else name,
        key=f"predict_maps_class_{shown.view.study.name}_{task.name}_{name}",
        width=320,
    )
    if chosen in task.classes:
        return dict.fromkeys(face.answers, chosen)
    given = {method: answers[task.name] for method, answers in face.answers.items()}
    return {
        method: answer.label
        for method, answer in given.items()
        if isinstance(answer, ClassificationAnswer)
    }


def _explain_once(
    place: tuple[str, Hashable],
    explainer: "Explainer",
    face: FaceAnswers,
    task: Task,
    classes: dict[str, str] | None,
) -> "dict[str, Explanation]":
    """Explain a picture once; what came is kept for this visitor alone."""
    kept = st.session_state.setdefault(MAPS_KEPT, {})
    asked = tuple(sorted(classes.items())) if classes else ()
    whole_place = (*place, face.number, task.name, asked)
    if whole_place not in kept:
        kept[whole_place] = explainer.explain(face.seen, task, classes)
    return kept[whole_place]


def _show(
    name: str,
    face: FaceAnswers,
    task: Task,
    classes: Mapping[str, str] | None,
    maps: "Mapping[str, Explanation]",
    shown: Shown,
) -> None:
    labels = shown.view.labels
    st.markdown(
        to_markdown(plots.takeaway_maps({m: o.heat for m, o in maps.items()}, labels))
    )
    holds = {method: one.hiding.holds for method, one in maps.items()}
    st.markdown(to_markdown(plots.takeaway_hiding(holds, labels)))
    tiles = [Tile(gettext("The picture"), (), plots.enlarge_picture(face.pixels))]
    alts = [gettext("What the models saw, without a map")]
    for method, one in maps.items():
        lines = (
            _of_what(task, (classes or {}).get(method), one),
            plots.describe_hiding(one.hiding, task),
            f"{one.technique}, {plots.describe_grids(one.grids)}",
        )
        pixels = plots.overlay_map(face.seen[method], one.heat)
        tiles.append(Tile(labels[method], lines, pixels))
        alts.append(f"{labels[method]} {plots.describe_map(one.heat)}")
    with st.grid("auto", min_column_width=136, gap="small"):
        for tile, alt in zip(tiles, alts, strict=True):
            with st.container(gap="xsmall"):
                st.image(tile.pixels, width="stretch", alt=alt)
                st.markdown(to_markdown(strong(tile.title)))
                st.caption(to_markdown(BREAK.join(tile.lines)))
    low, high = map(gettext, plots.SCALE_ENDS)
    st.image(
        plots.draw_scale(),
        width=288,
        alt=gettext("Scale from {low}, 0, to {high}, 1", low=low, high=high),
    )
    if len({one.is_of_the_answer for one in maps.values()}) > 1:
        st.caption(
            gettext(
                "Two kinds of maps stand side by side: those that say for what show "
                "what speaks for that answer; those marked *whatever the answer* show "
                "where a transformer gathers from. A difference between the kinds "
                "need not be one between the models."
            )
        )
    coarse = [labels[method] for method, one in maps.items() if one.is_coarse]
    if coarse:
        st.caption(
            to_markdown(
                gettext(
                    "{coarse}: no layer has 7 × 7 cells, so the map is of the "
                    "largest there is, and says only roughly where.",
                    coarse=listed(coarse),
                )
            )
        )
    seeds = sorted({one.seed for one in maps.values()})
    hidden, elsewhere = gettext("hidden"), gettext("elsewhere")
    scale = gettext(
        "Every map has its own scale: {high} is where that model looked most, {low} is "
        "0. Compare places, and not brightness between maps. In brackets stands the "
        "model's answer to the whole picture; {hidden} is its answer when the highest "
        "tenth of the map is blurred, {elsewhere} the median over other places.",
        high=high,
        low=low,
        hidden=strong(hidden),
        elsewhere=strong(elsewhere),
    )
    models = gettext(
        "Of each method one model is shown, its first: seed {seeds}.",
        seeds=", ".join(map(str, seeds)),
    )
    if shown.over_seeds:
        models = gettext(
            "Of each method one model is shown, its first: seed {seeds}; the answers "
            "above are means over seeds.",
            seeds=", ".join(map(str, seeds)),
        )
    st.caption(to_markdown(f"{scale} {models}"))
    st.markdown(
        gettext(
            ":material/info: A map explains the model and not the picture: it shows "
            "which places an answer hangs on, and not whether the answer is right."
        )
    )
    st.download_button(
        gettext("Maps (PNG)"),
        data=lambda: _as_png(tiles),
        file_name="where-models-looked.png",
        mime="image/png",
        key=f"predict_maps_png_{name}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


def _of_what(task: Task, wanted: str | None, one: "Explanation") -> str:
    """Which answer a map is of."""
    before = plots.describe_before(one.hiding, task)
    if not one.is_of_the_answer:
        return gettext("whatever the answer ({before})", before=before)
    if wanted is None:
        label = gettext(task.label).lower()
        return gettext("for a higher {label} ({before})", label=label, before=before)
    return gettext("for {answer} ({before})", answer=wanted, before=before)


def _as_png(tiles: list[Tile]) -> bytes:
    file = io.BytesIO()
    plots.draw_sheet(tiles).save(file, "PNG")
    return file.getvalue()
