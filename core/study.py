"""A study: one dataset, one split, a list of methods, seeds and a budget."""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from core.crossing import show_crossing, split_crossing
from core.errors import StudyError
from core.language import N_, gettext
from core.stores import RESERVED, studies_folder
from core.tunable import Between, OneOf, Powers

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

Name = Annotated[str, Field(pattern=rf"^{NAME_PATTERN.pattern}$")]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Chosen = TypeVar("Chosen", bound=BaseModel)
Changed = TypeVar("Changed", bound=BaseModel)
Parameters = dict[str, bool | int | float | str | dict[str, int | float]]
Option = bool | int | float | str | list[int] | list[float]
DatasetOption = (
    bool
    | int
    | float
    | str
    | dict[str, int | float]
    | dict[str, str]
    | list[str]
    | dict[str, list[str]]
    | dict[str, list[int | float]]
)
Tried = bool | int | float | str | list[int]
Items = TypeVar("Items")
# TOML and JSON have lists only, which strict tables do not take for tuples.
FromList = Annotated[
    Items, BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)
]


SMALLEST_IMAGE = 16
NO_BACKBONE = "none"
"""Backbone of a study whose methods are not trained here, but predictions of others."""
DEFAULT_VARIANTS = 8
"""Augmented variants of each training image that are kept of frozen layers."""
LOSS_WEIGHTS = Powers(0.1, 10.0, times_own=True)
"""Values that a search tries for the weight of a task's loss."""
Resample = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
Fit = Literal["crop", "stretch"]


def _check_image_size(size: int) -> int:
    if 0 < size < SMALLEST_IMAGE:
        raise ValueError(
            gettext(
                "expected at least {least}, or 0 for the size of a checkpoint",
                least=SMALLEST_IMAGE,
            )
        )
    return size


def weights_kind(weights: str) -> Literal["word", "checkpoint", "run"]:
    """Which kind of weights a model table's ``weights`` names.

    Returns
    -------
    {"word", "checkpoint", "run"}
        "checkpoint" if it begins with ``hf:``, or as a folder does: with ``./``,
        ``../``, ``/`` or ``~``; "run" if it begins with ``run:``; else a word that the
        backbone knows, or does not.
    """
    if weights.startswith(("hf:", "./", "../", "/", "~")):
        return "checkpoint"
    return "run" if weights.startswith("run:") else "word"


# Where a study's file has them.
_OPTIONS_OF = {
    "dataset": N_("[dataset] options"),
    "backbone": N_("the options of the model"),
}


_CANNOT_USE = {
    "dataset": N_("The dataset '{name}' cannot use these options: {faults}"),
    "backbone": N_("The backbone '{name}' cannot use these options: {faults}"),
}


class _Table(BaseModel):
    """A table of the TOML file: frozen, no unknown key, no silent conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DatasetTable(_Table):
    """Which dataset, and the options that its module understands."""

    name: Name
    options: dict[str, DatasetOption] = {}

    @property
    def without_place(self) -> Self:
        """The same without where the images are: moved, they give the same runs."""
        options = {n: value for n, value in self.options.items() if n != "path"}
        return self.model_copy(update={"options": options})


class DatasetOptions(_Table):
    """Base of the tables of options that datasets have.

    Parameters
    ----------
    remove_copies : bool
        Leave out training images that are near-copies of a test or validation image.
        Either way, how many there are is in the data report.
    """

    remove_copies: bool = False


class BackboneOptions(_Table):
    """Base of the tables of options that backbones have.

    ``free`` names those that a backbone may have otherwise than the weights it takes
    over: they shape no weight and change nothing of what it computes once trained.
    """

    free: ClassVar[frozenset[str]] = frozenset()


class ResizeTable(_Table):
    """How a picture of any shape becomes the square that a model takes.

    ``fit`` says whether it is cropped to its centre or stretched, ``resample`` with
    which of Pillow's filters.
    """

    resample: Resample = "bicubic"
    fit: Fit = "crop"


class ModelTable(_Table):
    """The model; without ``head_units`` a head is one linear layer.

    ``weights`` are "none", "imagenet", a Hugging Face checkpoint
    (``hf:<owner>/<name>``, or its folder, which begins with ``./``, ``../``, ``/`` or
    ``~``), or a run of ours (``run:<study>/<method>/seed-<n>``; without the seed, the
    first there is). ``image_size`` 0 takes over the size of a checkpoint.

    ``options`` are the backbone's own: layers, filters, patches. ``trainable`` says
    which part of a backbone learns: all of it (the default), only the head, or its last
    so many blocks. ``feature_dropout`` stands before every head.

    ``resize`` goes with the weights, and ``weights_key`` says which exactly they were:
    both are filled in from a checkpoint or a run before training, and refused where
    they were given and differ.

    The backbone "none", with ``image_size`` 0, is of a study that trains nothing.
    """

    backbone: str
    image_size: Annotated[int, Field(ge=0, le=1024), AfterValidator(_check_image_size)]
    weights: str = "none"
    head_units: Annotated[int, Field(ge=0), OneOf((32, 64, 128, 256))] = 128
    dropout: Annotated[Share, Between(0.0, 0.6)] = 0.3
    log_targets: FromList[tuple[str, ...]] = ()
    options: dict[str, Option] | None = None
    trainable: Literal["all", "head"] | Annotated[int, Field(ge=1)] | None = None
    feature_dropout: Annotated[Share | None, Between(0.0, 0.6)] = None
    resize: ResizeTable | None = None
    weights_key: str | None = None

    @property
    def has_frozen_part(self) -> bool:
        """Whether a part of the backbone stays as it is while training."""
        return self.trainable not in (None, "all")

    @model_validator(mode="after")
    def _weights_fit(self) -> Self:
        kind = weights_kind(self.weights)
        if (
            not self.image_size
            and self.backbone != NO_BACKBONE
            and kind != "checkpoint"
        ):
            raise ValueError(
                gettext(
                    "image_size 0 takes the size of a checkpoint, but '{weights}' is"
                    " not a checkpoint",
                    weights=self.weights,
                )
            )
        if self.weights_key is not None and kind == "word":
            raise ValueError(
                gettext(
                    "weights_key is for a checkpoint or a run, but '{weights}' is"
                    " neither",
                    weights=self.weights,
                )
            )
        return self


class Augmentation(_Table):
    """Random changes to a training image; each is the largest change either way."""

    rotation_degrees: NonNegative = 0.0
    shift: Share = 0.0
    shear_degrees: NonNegative = 0.0
    zoom: Share = 0.0
    brightness: Share = 0.0
    contrast: Share = 0.0
    horizontal_flip: bool = False
    # Pixels of black around the picture, of which a crop of its size is shown.
    crop_padding: Annotated[int, Field(ge=1)] | None = None
    # Each acts on half of the pictures: the smallest share of the side that a picture
    # is reduced to and enlarged from, the widest blur (standard deviation, in pixels),
    # and the lowest quality of JPEG.
    resolution: Annotated[float, Field(gt=0, le=1)] | None = None
    blur: Annotated[float, Field(gt=0, le=8)] | None = None
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] | None = None


class OptimizerTable(_Table):
    """Which optimizer; without this table it is AdamW."""

    name: Literal["adamw", "adam", "sgd"]
    momentum: Share = 0.9


class Drop(_Table):
    """From the share ``at`` of the epochs on, the learning rate times ``factor``."""

    at: Share
    factor: Positive


class ScheduleTable(_Table):
    """Warm-up, then steps; without this table it is ``warmup_steps``, then cosine."""

    warmup_epochs: Annotated[int, Field(ge=0)] = 0
    drops: FromList[tuple[Drop, ...]] = ()


class TrainingTable(_Table):
    """The budget and the optimizer, the same for every method of a study.

    ``keep`` says which weights a run keeps: those of the epoch with the lowest
    validation loss, the default, or those of the last epoch. A new field needs the
    default None, so that the keys of existing runs do not change. Epochs are 0 only in
    a study that trains nothing.
    """

    epochs: Annotated[int, Field(ge=0)]
    batch_size: Annotated[int, Field(ge=1)] = 128
    learning_rate: Annotated[Positive, Powers(0.1, 10.0, times_own=True)] = 3e-3
    weight_decay: Annotated[NonNegative, Powers(1e-5, 1e-1)] = 0.0
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    ema_momentum: Share = 0.0
    patience: Annotated[int, Field(ge=1)] = 10
    loss_weights: Annotated[dict[str, Positive], LOSS_WEIGHTS] = {}
    augmentation: Augmentation = Augmentation()
    optimizer: OptimizerTable | None = None
    schedule: ScheduleTable | None = None
    keep: Literal["best", "last"] | None = None
    precision: Literal["float32", "mixed_bfloat16"] | None = None
    # Learning rate of the backbone, if it differs from that of the heads: loaded
    # weights need a smaller one.
    backbone_learning_rate: Annotated[Positive | None, Powers(1e-6, 1e-2)] = None
    # Augmented variants of each training image that frozen layers see, once for all
    # epochs; 0 and false let them see a new one at every step.
    cached_variants: Annotated[int, Field(ge=0)] | Literal[False] | None = None

    @property
    def variants(self) -> int:
        """How many variants of each training image frozen layers see."""
        given = self.cached_variants
        return DEFAULT_VARIANTS if given is None else int(given)


class MethodTable(_Table):
    """A method of the study: registry entries with their parameters.

    ``use`` maps the name of a registry entry to its parameters; ``on`` among them
    names the task or sensitive feature that the entry looks at, ``start`` the share of
    the epochs from which on it acts. ``learning_rate_drops`` come on top of the
    study's schedule, ``seeds`` in place of the study's. ``model`` and ``training``
    are keys of these tables that the method has otherwise than the study. With
    ``mirrored_answers`` the finished model answers a picture by the mean of its answers
    to it and to its mirror image; the training is the same.
    """

    label: str
    use: dict[str, Parameters] = {}
    loss_weights: dict[str, Positive] = {}
    learning_rate_drops: FromList[tuple[Drop, ...]] | None = None
    seeds: FromList[Annotated[tuple[Seed, ...], Field(min_length=1)]] | None = None
    model: dict[str, Any] | None = None
    training: dict[str, Any] | None = None
    mirrored_answers: bool | None = None
    note: str = ""


class LabelNoise(_Table):
    """Labels that a study flips before training, to compare methods under noise.

    In each group of the sensitive feature ``by``, the share of the labels of ``task``
    that ``shares`` gives. Groups that it does not name, and all images without ``by``,
    use ``share``. Labels of validation images change only with ``validation``, labels
    of test images never.
    """

    task: str
    by: str | None = None
    shares: dict[str, Share] = {}
    share: Share = 0.0
    validation: bool = False
    seed: Seed = 0

    @model_validator(mode="after")
    def _groups_need_a_feature(self) -> Self:
        if self.shares and self.by is None:
            raise ValueError(
                gettext("shares are of the groups of a feature: give by too")
            )
        if not any((self.share, *self.shares.values())):
            raise ValueError(
                gettext("give a share above 0, or leave [label_noise] out")
            )
        return self

    def share_of(self, group: str) -> float:
        """Share of a group's labels that are flipped."""
        return self.shares.get(group, self.share)


class Published(_Table):
    """A number that somebody else reported, shown beside ours as theirs.

    ``value`` is as the tables hold it: in the unit of the metric, or a share, 0.231 for
    23.1 %. ``change_percent`` is against their own baseline. Exactly one of them is
    given.
    """

    method: str
    metric: str
    value: float | None = None
    change_percent: float | None = None
    source: str

    @model_validator(mode="after")
    def _one_number(self) -> Self:
        if (self.value is None) == (self.change_percent is None):
            raise ValueError(gettext("give either value or change_percent"))
        return self


class PublishedByGroup(_Table):
    """A number that somebody else reported of one group, or between the groups.

    ``metric`` and ``value`` are as in ``Published``: "target.accuracy" of the group
    ``group`` of the sensitive feature ``feature``. Without a group it is a metric
    between them, such as "target.fair_metric".
    """

    method: str
    metric: str
    feature: str
    group: str | None = None
    value: float
    source: str

    @field_validator("feature")
    @classmethod
    def _show_feature(cls, feature: str) -> str:
        return show_crossing(feature)

    @field_validator("group")
    @classmethod
    def _show_group(cls, group: str | None, info: ValidationInfo) -> str | None:
        is_crossed = len(split_crossing(info.data.get("feature", ""))) > 1
        return show_crossing(group) if group and is_crossed else group


class FairnessTable(_Table):
    """A metric that is shown, unasked, within the groups of sensitive features.

    ``metric`` is a key such as "gender.accuracy"; of several features in ``by`` the
    groups are the crossings. "<task>_bin", as in "age_bin", is the bin of the truth.
    """

    metric: str
    by: FromList[Annotated[tuple[str, ...], Field(min_length=1)]]


class Trial(_Table):
    """One try of a search on validation images, with its result.

    Parameters
    ----------
    method : str
    settings : dict
        What was tried, by where a method has it: "training.learning_rate",
        "model.options.filters", "loss_weights.hair", "use.lmf.alpha".
    setting : str
        The same in words, of a search by hand.
    state : {"complete", "pruned", "diverged"}
        "pruned" was stopped early, since others were ahead; a loss of one that
        "diverged" was not a finite number any more.
    epochs : int, optional
        That were trained.
    score : float, optional
        What the search looked for the largest of (``evaluation.skill``); of a pruned
        try that after its last epoch.
    metrics : dict
        The headline metrics on the validation images, by their key.
    chosen : bool
        Whether the study uses it.
    own : bool
        Whether these are the settings that the study had before.
    """

    method: str
    settings: dict[str, Tried] = {}
    setting: str = ""
    state: Literal["complete", "pruned", "diverged"] = "complete"
    epochs: Annotated[int, Field(ge=0)] | None = None
    score: float | None = None
    metrics: dict[str, float] = {}
    chosen: bool = False
    own: bool = False


class Search(_Table):
    """How a study came by its settings: everything that was tried before.

    Parameters
    ----------
    trials : tuple of Trial
    of : str
        The study that was searched; empty of a search by hand.
    seed : int, optional
        Seed that all tries were trained with; it is not one of the study's.
    split : str
        Fingerprint of the split whose validation images judged.
    importance : dict of dicts
        By method, each setting's share in how the scores of its tries vary; of methods
        with too few tries there is none.

    Notes
    -----
    A list of rows ``{method, setting, metric, value, chosen}``, as a search by hand is
    noted, is read too: rows of one method and setting are one try.
    """

    trials: FromList[tuple[Trial, ...]] = ()
    of: Name | Literal[""] = ""
    seed: Seed | None = None
    split: str = ""
    importance: dict[str, dict[str, float]] = {}

    @model_validator(mode="before")
    @classmethod
    def _gather_rows(cls, given: object) -> object:
        if not isinstance(given, list | tuple):
            return given
        tries: dict[tuple[str, str], dict[str, Any]] = {}
        for row in map(_Row.model_validate, given):
            found = tries.setdefault(
                (row.method, row.setting),
                {"method": row.method, "setting": row.setting, "metrics": {}},
            )
            found["metrics"][row.metric] = row.value
            found["chosen"] = row.chosen
        return {"trials": list(tries.values())}


class _Row(_Table):
    """One metric of one try of a search by hand."""

    method: str
    setting: str
    metric: str
    value: float
    chosen: bool = False


class Study(_Table):
    """Everything that decides a result, read from one TOML file."""

    schema_version: Literal[1] = 1
    name: Name
    title: str
    summary: str = ""
    notice: str = ""
    baseline: str
    seeds: FromList[Annotated[tuple[Seed, ...], Field(min_length=1)]] = (0,)
    dataset: DatasetTable
    model: ModelTable
    training: TrainingTable
    methods: dict[Name, MethodTable]
    label_noise: LabelNoise | None = None
    published: FromList[tuple[Published, ...]] = ()
    published_by_group: FromList[tuple[PublishedByGroup, ...]] = ()
    # Settings that were tried on validation images before the study was run.
    search: Search = Search()
    # Keys of the metrics that are shown first; without them, by the kinds of tasks.
    headline: FromList[tuple[str, ...]] = ()
    # Largest difference of a metric that does not matter, by its key: "age.mae" = 0.5.
    margins: dict[str, Positive] = {}
    # Views within groups; by default every task by every sensitive feature.
    fairness: FromList[tuple[FairnessTable, ...]] = ()

    @model_validator(mode="after")
    def _methods_fit(self) -> Self:
        self._check_epochs("'training.epochs'")
        for name in self.methods:
            key = f"methods.{name}.training: 'epochs'"
            where = gettext("In {table}", table=key)
            self.for_method(name)._check_epochs(where)
        return self

    def _check_epochs(self, where: str) -> None:
        epochs, backbone = self.training.epochs, self.model.backbone
        if (epochs > 0) != self.is_trained:
            raise ValueError(
                gettext(
                    "{where}: {epochs} does not go with the backbone '{backbone}'.",
                    where=where,
                    epochs=epochs,
                    backbone=backbone,
                )
            )

    @property
    def is_trained(self) -> bool:
        """Whether its methods are trained here; otherwise they were imported."""
        return self.model.backbone != NO_BACKBONE

    def for_method(self, name: str) -> Self:
        """The study as one of its methods has it: with its own model and training.

        Another backbone does not take over the options of the study's backbone. Other
        weights do not take over the settings of the study's weights.

        Raises
        ------
        ValueError
            If the method's tables have an unknown key or a wrong type.
        """
        method = self.method(name)
        changes = dict(method.model or {})
        if "backbone" in changes:
            changes = {"options": None, "trainable": None, "weights": "none"} | changes
        if "weights" in changes:
            changes = {"weights_key": None} | changes
        return self.model_copy(
            update={
                "model": _changed(self.model, changes, f"methods.{name}.model"),
                "training": _changed(
                    self.training, method.training or {}, f"methods.{name}.training"
                ),
            }
        )

    def method(self, name: str) -> MethodTable:
        """The method of that name.

        Raises
        ------
        StudyError
            If the study has no such method.
        """
        if name not in self.methods:
            raise StudyError(
                gettext(
                    "Study '{study}' has no method '{method}'.",
                    study=self.name,
                    method=name,
                ),
                expected=gettext("one of {names}.", names=", ".join(self.methods)),
                remedy=gettext("choose one of these, or add it to the study's file."),
            )
        return self.methods[name]

    def seeds_of(self, method: str) -> tuple[int, ...]:
        """Seeds that a method is trained with: its own, or the study's."""
        return self.method(method).seeds or self.seeds

    def loss_weights(self, method: str) -> dict[str, float]:
        """Weight of each task's loss under a method."""
        return {**self.training.loss_weights, **self.method(method).loss_weights}

    def fingerprint(self) -> str:
        """Short hash of everything in the study that decides a result."""
        shown = ("title", "summary", "notice", "search", "headline", "margins")
        reported = ("published", "published_by_group", "fairness")
        apart: dict[str, Any] = dict.fromkeys((*shown, *reported), True)
        if self.label_noise is None:
            apart["label_noise"] = True
        if self.training.cached_variants is None:
            apart["training"] = {"cached_variants"}
        apart["methods"] = {
            name: {"mirrored_answers"}
            for name, method in self.methods.items()
            if method.mirrored_answers is None
        }
        text = self.model_dump_json(exclude=apart)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _changed(table: Changed, changes: Mapping[str, Any], place: str) -> Changed:
    """The table with other values of some keys; faults are named by their place."""
    if not changes:
        return table
    try:
        return table.model_validate({**table.model_dump(), **changes})
    except ValidationError as error:
        raise ValueError(
            gettext("In {table}: {faults}", table=place, faults=explain_faults(error))
        ) from None


def check_name(name: str, what: str) -> str:
    """Return ``name`` if it can be a folder's name; otherwise raise an error.

    Raises
    ------
    StudyError
        If the name could leave its folder or is empty.
    """
    if not NAME_PATTERN.fullmatch(name) or ".." in name:
        raise StudyError(
            gettext(
                "'{name}' cannot be the name of a {what}.",
                name=name,
                what=gettext(what),
            ),
            expected=gettext(
                "lower-case letters, digits, '.', '_' and '-', at most 64."
            ),
            remedy=gettext("rename it."),
        )
    return name


@lru_cache(maxsize=128)
def parse_study(text: str, *, origin: str) -> Study:
    """Read a study from the text of its TOML file; the same text is read once.

    Raises
    ------
    StudyError
        If it is not TOML, has an unknown key or a wrong type, or names a baseline that
        is not among its methods. The message names the key.
    """
    try:
        study = Study.model_validate(_with_schema_version(tomllib.loads(text)))
    except tomllib.TOMLDecodeError as error:
        raise StudyError(
            gettext(
                "{file} is not valid TOML: {fault}.", file=origin, fault=str(error)
            ),
            expected=gettext("a study file as the shipped ones in core/studies."),
            remedy=gettext("fix the line it names."),
        ) from None
    except ValidationError as error:
        raise StudyError(
            gettext(
                "{file} is not a valid study: {faults}",
                file=origin,
                faults=explain_faults(error),
            ),
            expected=gettext("the keys and types of the shipped studies."),
            remedy=gettext("fix these keys, then try again."),
        ) from None
    for name in (study.name, *study.methods):
        check_name(name, N_("study or method"))
    if study.name in RESERVED:
        raise StudyError(
            gettext("No study may be called '{study}'.", study=study.name),
            expected=gettext("a name that no folder of the store has yet."),
            remedy=gettext("rename it."),
        )
    study.method(study.baseline)
    return study


@lru_cache(maxsize=128)
def read_study_json(text: str) -> Study:
    """The study of a JSON file; the same text is read once.

    Raises
    ------
    ValueError
        If it is not one.
    """
    return Study.model_validate_json(text)


def check_options(
    table: type[Chosen],
    given: Mapping[str, object],
    *,
    kind: Literal["dataset", "backbone"],
    name: str,
) -> Chosen:
    """Read the options that a study gives its dataset, or a model its backbone.

    Parameters
    ----------
    table : type
        The known options.
    given : mapping of str to value
    kind, name : str
        Owner of the options, for the message.

    Raises
    ------
    StudyError
        If an option is unknown, of a wrong type or out of range; it is named.
    """
    try:
        return table.model_validate(dict(given))
    except ValidationError as error:
        raise StudyError(
            gettext(_CANNOT_USE[kind], name=name, faults=explain_faults(error)),
            expected=gettext(
                "some of {names}.",
                names=", ".join(table.model_fields) or gettext("none"),
            ),
            remedy=gettext(
                "fix {options} in the study's file.",
                options=gettext(_OPTIONS_OF[kind]),
            ),
        ) from None


def load_study(name_or_path: str | Path) -> Study:
    """Load a shipped study or one of the user's by its name, or any by its TOML file.

    Raises
    ------
    StudyError
        If there is no such study, or it is not valid.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml":
        return _read_study(path)
    name = check_name(str(name_or_path), N_("study"))
    source = resources.files("core") / "studies" / f"{name}.toml"
    if source.is_file():
        return parse_study(source.read_text(encoding="utf-8"), origin=f"{name}.toml")
    if name in own_studies():
        return _read_own(name)
    raise StudyError(
        gettext("There is no study '{study}'.", study=name),
        expected=gettext(
            "one of {names}, or a .toml file.", names=", ".join(known_studies())
        ),
        remedy=gettext("`equipoise studies` lists them."),
    )


def _read_own(name: str) -> Study:
    path = own_study_path(name)
    study = _read_study(path)
    if study.name != name:
        raise StudyError(
            gettext("{file} holds the study '{study}'.", file=path, study=study.name),
            expected=gettext("a file that has the name of its study."),
            remedy=gettext("rename the file, or the study in it."),
        )
    return study


def _read_study(path: Path) -> Study:
    try:
        return parse_study(path.read_text(encoding="utf-8"), origin=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(
            gettext(
                "The study file {path} could not be read: {fault}.",
                path=path,
                fault=str(error),
            ),
            expected=gettext("a TOML file."),
            remedy=gettext("check the path."),
        ) from None


def own_study_path(name: str) -> Path:
    """Where the file of a study is kept that this user made, whether it exists or not.

    Raises
    ------
    StudyError
        If the name cannot be a study's.
    """
    return studies_folder() / f"{check_name(name, N_('study'))}.toml"


def own_studies() -> tuple[str, ...]:
    """Names of the studies that this user made, sorted; a shipped one keeps its name.

    They are the TOML files of ``studies/`` in the user's store.
    """
    names = {path.stem for path in studies_folder().glob("*.toml")}
    valid = {name for name in names if NAME_PATTERN.fullmatch(name)}
    return tuple(sorted(valid - RESERVED - {*shipped_studies()}))


def known_studies() -> tuple[str, ...]:
    """Names of all studies that have a file: the shipped ones, then the user's."""
    return (*shipped_studies(), *own_studies())


def shipped_studies() -> tuple[str, ...]:
    """Names of the studies inside the package, sorted."""
    folder = resources.files("core") / "studies"
    names = (item.name for item in folder.iterdir())
    return tuple(sorted(n.removesuffix(".toml") for n in names if n.endswith(".toml")))


def _with_schema_version(table: Mapping[str, Any]) -> dict[str, Any]:
    # A field named schema would hide a method of pydantic's.
    return {"schema_version" if k == "schema" else k: v for k, v in table.items()}


_PROBLEMS = {
    "missing": N_("Field required"),
    "greater_than": N_("Input should be greater than {gt}"),
    "greater_than_equal": N_("Input should be greater than or equal to {ge}"),
    "less_than": N_("Input should be less than {lt}"),
    "less_than_equal": N_("Input should be less than or equal to {le}"),
    "finite_number": N_("Input should be a finite number"),
    "int_type": N_("Input should be a valid integer"),
    "int_parsing": N_(
        "Input should be a valid integer, unable to parse string as an integer"
    ),
    "int_from_float": N_(
        "Input should be a valid integer, got a number with a fractional part"
    ),
    "float_type": N_("Input should be a valid number"),
    "string_type": N_("Input should be a valid string"),
    "bool_type": N_("Input should be a valid boolean"),
    "list_type": N_("Input should be a valid list"),
    "tuple_type": N_("Input should be a valid tuple"),
    "dict_type": N_("Input should be a valid dictionary"),
    "literal_error": N_("Input should be {expected}"),
}
"""Words of pydantic for what is wrong with a value, by the kind that it gives."""


def _problem(fault: ErrorDetails) -> str:
    """What is wrong with a value; of a rare kind, only in the words of pydantic."""
    if fault["type"] not in _PROBLEMS:
        return fault["msg"]
    fields = {name: str(value) for name, value in fault.get("ctx", {}).items()}
    return gettext(_PROBLEMS[fault["type"]], **fields)


def explain_faults(error: ValidationError) -> str:
    """Say each fault of a table with its key, the problem and the received value."""
    faults = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        if not key:  # of no single key: the validator says which
            faults.append(str(fault["ctx"]["error"]))
        elif fault["type"] == "extra_forbidden":
            faults.append(gettext("'{key}' is not a known key.", key=key))
        else:
            faults.append(
                gettext(
                    "'{key}': {problem} (received {value}).",
                    key=key,
                    problem=_problem(fault),
                    value=repr(fault["input"]),
                )
            )
    return " ".join(faults)
