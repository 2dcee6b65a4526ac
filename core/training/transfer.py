"""Pretrained weights of a study, found before anything is trained.

Settings that belong to the weights (image size, preprocessing, the shape of the
backbone) are written into the study's model tables. So the image cache, the training,
the record of the run and the predictor use the same settings.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from core import runs
from core.data.catalog import dataset_info
from core.data.manifest import TEST, TRAINING, VALIDATION
from core.errors import RunError, StudyError
from core.language import gettext, ngettext
from core.models.backbones import find_backbone
from core.models.checkpoint import load_checkpoint
from core.models.transfer import adopt_options
from core.runs import Run
from core.study import (
    BackboneOptions,
    ModelTable,
    ResizeTable,
    Study,
    check_name,
    explain_faults,
    weights_kind,
)

_RUN = re.compile(r"run:(?P<study>[^/]+)/(?P<method>[^/]+)(/seed-(?P<seed>\d+))?")
# Fields of a model table that belong to the weights.
_TAKEN = {"weights", "weights_key", "image_size", "resize", "options"}


@dataclass(frozen=True)
class Origin:
    """The origin of the weights of a model.

    Parameters
    ----------
    table : ModelTable
        The study's, with all that goes with the weights.
    source : Path or None
        The folder of a checkpoint, or the inference model of a run.
    run : Run or None
        The run that trained them.
    """

    table: ModelTable
    source: Path | None = None
    run: Run | None = None


def resolve_weights(
    study: Study, methods: Sequence[str], store: Path
) -> tuple[Study, dict[str, Origin]]:
    """Find the weights that methods of a study begin with.

    Parameters
    ----------
    study : Study
    methods : sequence of str
        Those that are to be trained.
    store : Path
        Where they are written to: runs to begin with are looked for here first, then
        in the user's store and in the shipped one.

    Returns
    -------
    study : Study
        Its model tables hold all settings that belong to the weights.
    origins : dict of str to Origin
        Of each method.

    Raises
    ------
    StudyError
        If a table asks for impossible weights, or for settings that they do not have.
    WeightsError, RunError
        If the checkpoint or the run is missing or damaged.
    """
    origins = {name: _origin(study.for_method(name).model, store) for name in methods}
    common = [name for name in methods if not study.method(name).model]
    table = origins[common[0]].table if common else study.model
    filled = study.model_copy(update={"model": table})
    changed = {}
    for name, method in study.methods.items():
        wanted = study.for_method(name).model
        # Also those that are not trained now: a finished run of theirs may be taken.
        alike = (each for each in methods if study.method(each).model == method.model)
        if twin := next(alike, None):
            wanted = origins[twin].table
        if method.model and filled.for_method(name).model != wanted:
            own = {**method.model, **wanted.model_dump(include=_TAKEN)}
            changed[name] = method.model_copy(update={"model": own})
    return filled.model_copy(update={"methods": study.methods | changed}), origins


def check_unseen(origin: Origin, dataset: str, manifest: pd.DataFrame) -> None:
    """Refuse weights that have learned from images which are to judge them.

    Parameters
    ----------
    origin : Origin
    dataset : str
        Name of the study's dataset; images of others are others. So may be those of a
        generated one, which are numbered.
    manifest : DataFrame
        The study's split.

    Raises
    ------
    StudyError
        If the weights were trained on images of the study's validation or test split.
    """
    if dataset_info(dataset).generated:
        return
    judges = manifest.loc[manifest["split"].isin([VALIDATION, TEST]), "image_id"]
    run = origin.run
    while run is not None:
        seen = int(judges.isin(_learned(run, dataset)).sum())
        if seen:
            raise StudyError(
                ngettext(
                    "The weights {weights} were trained on {count} image of this "
                    "study's validation and test splits.",
                    "The weights {weights} were trained on {count} images of this "
                    "study's validation and test splits.",
                    seen,
                    weights=origin.table.weights,
                ),
                expected=gettext(
                    "weights that have not seen the images which judge them."
                ),
                remedy=gettext(
                    "begin with another run, or give both studies the same split."
                ),
            )
        run = _begun_with(run)


def _learned(run: Run, dataset: str) -> pd.Series:
    """Images of a dataset that a run was trained on, as far as is known."""
    theirs = runs.manifest_of(run)
    if theirs is None or run.info["resolved"].get("dataset", {}).get("name") != dataset:
        return pd.Series(dtype=object)
    return theirs.loc[theirs["split"] == TRAINING, "image_id"]


def _begun_with(run: Run) -> Run | None:
    """The run that another one began with, if it is still there."""
    weights = _table_of(run).weights
    if weights_kind(weights) != "run":
        return None
    try:
        return _find_run(weights, run.folder.parents[2])
    except RunError:
        return None


def _origin(table: ModelTable, store: Path) -> Origin:
    backbone = find_backbone(table.backbone, weights=table.weights)
    kind = weights_kind(table.weights)
    if kind == "word":
        return Origin(table)
    if kind == "run":
        run = _find_run(table.weights, store)
        learned = _table_of(run)
        if learned.backbone != table.backbone:
            raise StudyError(
                gettext(
                    "The weights {weights} are of {theirs}, and not of {ours}.",
                    weights=table.weights,
                    theirs=learned.backbone,
                    ours=table.backbone,
                ),
                expected=gettext(
                    "a run with the backbone {backbone}.", backbone=table.backbone
                ),
                remedy=gettext(
                    "fix `weights` or `backbone` of the model in the study's file."
                ),
            )
        name = f"run:{run.study}/{run.method}/seed-{run.seed}"
        found = learned.model_copy(
            update={"weights": name, "weights_key": run.info["key"]}
        )
        origin = Origin(table, run.model_path, run)
    else:
        checkpoint = load_checkpoint(table.weights)
        found = table.model_copy(
            update={
                "weights_key": checkpoint.key,
                "image_size": table.image_size or checkpoint.image_size,
                "resize": checkpoint.resize,
                "options": checkpoint.options,
            }
        )
        origin = Origin(table, checkpoint.folder)
    return replace(origin, table=_agree(table, found, backbone.options))


def _agree(
    table: ModelTable, found: ModelTable, options: type[BackboneOptions]
) -> ModelTable:
    """The study's table with the settings that belong to the found weights."""
    pairs = (
        ("weights_key", table.weights_key, found.weights_key),
        ("resize", table.resize, found.resize or ResizeTable()),
    )
    for name, given, theirs in pairs:
        if given is not None and given != theirs:
            raise StudyError(
                gettext(
                    "The model's {setting} is {given}, and that of the weights "
                    "{weights} {theirs}.",
                    setting=name,
                    given=str(_say(given)),
                    weights=table.weights,
                    theirs=str(_say(theirs)),
                ),
                expected=gettext("the settings of the weights, or none."),
                remedy=gettext(
                    "leave `{setting}` out of the model, or take other weights.",
                    setting=name,
                ),
            )
    own = adopt_options(
        options,
        table.options or {},
        found.options or {},
        backbone=table.backbone,
        weights=table.weights,
    )
    return table.model_validate(
        {
            **table.model_dump(),
            "weights": found.weights,
            "weights_key": found.weights_key,
            "image_size": table.image_size or found.image_size,
            "resize": found.resize,
            "options": own or None,
        }
    )


def _say(value: object) -> object:
    return value.model_dump() if isinstance(value, ResizeTable) else value


def _find_run(weights: str, store: Path) -> Run:
    match = _RUN.fullmatch(weights)
    if match is None:
        raise StudyError(
            gettext("'{weights}' names no run.", weights=weights),
            expected=gettext(
                "run:<study>/<method>/seed-<n>, or without the seed the first."
            ),
            remedy=gettext("fix `weights` of the model in the study's file."),
        )
    study = check_name(match["study"], "study")
    method = check_name(match["method"], "method")
    stores = dict.fromkeys((store, runs.user_store(), runs.shipped_store()))
    places = [each / study / method for each in stores]
    for place in places:
        seeds = sorted(
            int(folder.name.removeprefix("seed-"))
            for folder in place.glob("seed-*")
            if folder.name.removeprefix("seed-").isdecimal()
        )
        wanted = [int(match["seed"])] if match["seed"] else seeds[:1]
        if wanted and wanted[0] in seeds:
            return _check_run(runs.read_run(place / f"seed-{wanted[0]}"))
    raise RunError(
        gettext(
            "There is no run '{run}' to begin with.", run=weights.removeprefix("run:")
        ),
        expected=gettext(
            "its folder in one of these: {places}.",
            places=", ".join(map(str, places)),
        ),
        remedy=gettext(
            "train it first, or fix `weights` of the model in the study's file."
        ),
    )


def _check_run(run: Run) -> Run:
    if not run.model_path.is_file() or not isinstance(run.info.get("key"), str):
        raise RunError(
            gettext(
                "The run {run} cannot be begun with: it has no {model}, or its "
                "{record} no key.",
                run=run.folder,
                model=run.model_path.name,
                record=runs.RECORD,
            ),
            expected=gettext("a run as training wrote it."),
            remedy=gettext("train it again, or begin with another run."),
        )
    return run


def _table_of(run: Run) -> ModelTable:
    try:
        return ModelTable.model_validate(run.info["resolved"]["model"])
    except ValidationError as error:
        reason = explain_faults(error)
    except (KeyError, TypeError):
        reason = gettext("there is no model in it.")
    raise RunError(
        gettext(
            "{record} does not say which model was trained: {reason}",
            record=run.folder / runs.RECORD,
            reason=reason,
        ),
        expected=gettext("the resolved study."),
        remedy=gettext("train it again, or begin with another run."),
    )
