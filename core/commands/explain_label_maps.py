"""The mean maps of ``equipoise explain-label``: where each model looks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.commands.console import warn_of
from core.commands.options import refuse_without_effect
from core.errors import EquipoiseError

if TYPE_CHECKING:
    from core.data.cache import Progress
    from core.results.explain_label import LabelMeaning
    from core.results.study_runs import StudyRuns


def check_maps(
    maps: Path | None, data: Path | None, categories: Sequence[str], runs: StudyRuns
) -> None:
    """Refuse what cannot be drawn before anything is computed.

    Raises
    ------
    EquipoiseError
    """
    from core.runs import first_models

    if maps is None:
        refuse_without_effect(
            ["--data"] * (data is not None), expected="--data with --maps FILE."
        )
        return
    if len(categories) != 1:
        raise EquipoiseError(
            f"--maps draws one class, and {len(categories)} are asked for.",
            expected="one --class with --maps.",
            remedy=f"choose one of {', '.join(categories)}.",
        )
    if maps.suffix.lower() != ".png":
        raise EquipoiseError(
            f"{maps} does not end in .png.",
            expected="a PNG file to draw into.",
            remedy="correct --maps.",
        )
    if not first_models(runs.runs):
        raise EquipoiseError(
            f"The runs of '{runs.study.name}' have no models.",
            expected="at least one model.keras to look into.",
            remedy="train the study, or leave --maps out.",
        )


def write_maps(
    file: Path,
    runs: StudyRuns,
    meaning: LabelMeaning,
    data: Path | None,
    *,
    loading: Progress,
) -> None:
    """Draw the mean map of every method into one PNG.

    Raises
    ------
    EquipoiseError
        If the pictures cannot be had, or no model can be explained.
    OSError
        If the file cannot be written.
    """
    from core.data.picture_paths import find_pictures
    from core.explain.explainer import Explainer
    from core.mean_maps import PICTURES, map_tiles, mean_maps
    from core.plots.explain import draw_sheet
    from core.predictor import Predictor
    from core.runs import first_models, shipped_manifest

    paths = find_pictures(
        runs.study,
        runs.info,
        meaning.typical["image_id"].head(PICTURES).tolist(),
        data,
        shipped=shipped_manifest(runs.study.name),
        remedy="add --data DIR, or leave --maps out.",
    )
    predictor = Predictor.load(
        first_models(runs.runs), runs.info.tasks, loading=loading
    )
    explainer = Explainer(predictor)
    warn_of((*predictor.problems, *explainer.problems.values()))
    found = mean_maps(
        explainer, predictor, runs.study, paths, meaning.task, meaning.category
    )
    tiles = map_tiles(found, meaning.task, meaning.category, runs.labels)
    draw_sheet(tiles).save(file, "PNG")
