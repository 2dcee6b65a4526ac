"""Test images by everything that is known of them, for slices and their images."""

from collections.abc import Mapping

from core.data.manifest import DatasetInfo
from core.errors import EquipoiseError
from core.evaluation.slice_features import SliceFeatures
from core.language import N_, gettext
from core.results.slices import study_features
from core.runs import Run, shipped_manifest
from core.study import Study
from core.views.caching import Fingerprint, cached, manifest_fingerprint
from core.views.loads import load_tables
from core.views.pictures import find_shown_paths, why_no_pictures
from core.views.study_view import StudyView

MOST_PICTURES = 5_000
"""Pictures that are measured while somebody waits."""


def load_slice_features(view: StudyView) -> SliceFeatures:
    """The group of every test image in every feature that slices are made of.

    The same for every method and task: all runs are of the same images.
    """
    # A run of the baseline: groups are in the order of its first table.
    run = min(view.runs, key=lambda run: (run.method != view.baseline, run.seed))
    name = view.study.name
    reason = _why_not_measured(view, run)
    paths: Mapping[str, str] = {}
    if not reason:
        (table,) = load_tables([run]).values()
        try:
            paths = find_shown_paths(view, table["image_id"].astype(str).tolist())
        except EquipoiseError as error:
            reason = error.problem.rstrip(".")
    return _features(
        manifest_fingerprint(name), reason, paths, view.study, run, view.dataset
    )


def _why_not_measured(view: StudyView, run: Run) -> str:
    """Why brightness, sharpness and size are not known; empty where they are."""
    if not view.dataset.has_pictures:
        return gettext("a table of predictions has no pictures")
    if why_no_pictures(view):
        return gettext(
            "the pictures are not here; Errors says how to use your own copy"
        )
    (table,) = load_tables([run]).values()
    if len(table) > MOST_PICTURES:
        return gettext(
            "more than {count} pictures are measured by `equipoise compare {study} "
            "--slices` only",
            count=MOST_PICTURES,
            study=view.study.name,
        )
    return ""


@cached(entries=4, says=N_("Measuring the pictures…"))
def _features(
    split: Fingerprint,
    reason: str,
    paths: Mapping[str, str],
    study: Study,
    run: Run,
    _info: DatasetInfo,
) -> SliceFeatures:
    (table,) = load_tables([run]).values()
    return study_features(
        study,
        _info,
        table,
        manifest=shipped_manifest(study.name),
        paths=paths,
        no_pictures=reason,
    )
