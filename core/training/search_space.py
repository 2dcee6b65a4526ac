"""Settings that a search varies for a method, and a study with tried settings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.methods.entry import HEAD
from core.methods.registry import Part, ResolvedMethod
from core.models.backbones import find_backbone
from core.study import (
    LOSS_WEIGHTS,
    MethodTable,
    ModelTable,
    Study,
    TrainingTable,
    Tried,
    check_options,
)
from core.tasks import Task
from core.tunable import Span, Tunable, Words, is_switched_off

LEARNING_RATE = "learning_rate"
_AFTERWARDS = ("adjustment", "decision")


@dataclass(frozen=True)
class Setting:
    """One setting that a search varies.

    Parameters
    ----------
    place : str
        Where a method has it, such as "use.lmf.alpha": see ``study.Trial``.
    own : value
        What the study says.
    tried : Span or Words
        What the search may try, the study's own value among it.
    """

    place: str
    own: Any
    tried: Span | Words

    @classmethod
    def from_tunable(cls, place: str, own: Any, tunable: Tunable) -> "Setting":
        """A setting with its declared range."""
        return cls(place, own, tunable.around(own))


def search_space(
    study: Study, method: ResolvedMethod, tasks: Sequence[Task]
) -> tuple[Setting, ...]:
    """The settings that a search varies of a method, as the registry declares them.

    Parameters
    ----------
    study : Study
    method : ResolvedMethod
    tasks : sequence of Task
        Of the study's dataset.

    Returns
    -------
    tuple of Setting
        Of every method the parameters of its entries. For a method that trains, instead
        of only changing the answers of a trained model, also the learning rate and the
        weights of the heads that its entries look at. For the baseline, and for a
        method with a model of its own, the recipe: training, model, and the weights of
        all heads except the first, since only their ratio matters. A setting that the
        study has switched off, at 0 or by leaving it out, is left off.
    """
    parts = _parts(method)
    if method.mirrored_answers and not parts and method.name != study.baseline:
        return ()  # it is trained as the baseline
    trained = [part for part in parts if part.entry.part not in _AFTERWARDS]
    found = [setting for part in parts for setting in _of_part(part)]
    if not is_only_afterwards(method):
        heads = {part.on for part in trained}
        if method.name == study.baseline or study.method(method.name).model:
            heads |= {task.name for task in tasks[1:]}
            found += _recipe(study.for_method(method.name))
        else:
            rate = study.for_method(method.name).training.learning_rate
            tunable = _declared(TrainingTable)[LEARNING_RATE]
            found.append(
                Setting.from_tunable(f"training.{LEARNING_RATE}", rate, tunable)
            )
        found += _loss_weights(study, method.name, tasks, heads)
    return tuple(found)


def is_only_afterwards(method: ResolvedMethod) -> bool:
    """Whether a method only changes the answers of another method's model."""
    trained = any(part.entry.part not in _AFTERWARDS for part in _parts(method))
    return bool(method.adjustments or method.decisions) and not trained


def _parts(method: ResolvedMethod) -> list[Part]:
    return [
        *method.samplers,
        *method.weights,
        *method.losses.values(),
        *method.features.values(),
        *method.objectives.values(),
        *method.adjustments.values(),
        *method.decisions.values(),
    ]


def _of_part(part: Part) -> Iterator[Setting]:
    values = {**part.parameters, HEAD: part.head}
    for parameter in part.entry.parameters:
        # Cosine logits are refused to a loss that starts late.
        is_fixed = parameter.name == HEAD and part.start > 0
        if parameter.tuned is None or is_fixed or parameter.idle_because(values):
            continue
        own = values[parameter.name]
        if not is_switched_off(own):
            place = f"use.{part.entry.name}.{parameter.name}"
            yield Setting.from_tunable(place, own, parameter.tuned)


def _recipe(study: Study) -> Iterator[Setting]:
    """Settings of training and model, without the loss weights."""
    for name, tunable in _declared(TrainingTable).items():
        own = getattr(study.training, name)
        if not isinstance(own, Mapping) and not is_switched_off(own):
            yield Setting.from_tunable(f"training.{name}", own, tunable)
    model = study.model
    for name, tunable in _declared(ModelTable).items():
        # Without a hidden layer a head has nothing that could be dropped.
        is_idle = name == "dropout" and not model.head_units
        own = getattr(model, name)
        if not is_idle and not is_switched_off(own):
            yield Setting.from_tunable(f"model.{name}", own, tunable)
    yield from _backbone(model)


def _backbone(model: ModelTable) -> Iterator[Setting]:
    """Options of the backbone; of loaded weights, those that do not shape them."""
    backbone = find_backbone(model.backbone, weights=model.weights)
    options = check_options(
        backbone.options, model.options or {}, kind="backbone", name=model.backbone
    )
    for name, tunable in _declared(backbone.options).items():
        own = getattr(options, name)
        may_change = model.weights == "none" or name in options.free
        if may_change and not is_switched_off(own):
            yield Setting.from_tunable(f"model.options.{name}", own, tunable)


def _loss_weights(
    study: Study, method: str, tasks: Sequence[Task], heads: set[str]
) -> Iterator[Setting]:
    if len(tasks) < 2:
        return
    weights = study.for_method(method).loss_weights(method)
    for task in tasks:
        if task.name in heads:
            own = weights.get(task.name, 1.0)
            yield Setting.from_tunable(f"loss_weights.{task.name}", own, LOSS_WEIGHTS)


def _declared(table: type[Any]) -> dict[str, Tunable]:
    """Values that a search tries for each key of a table that declares some."""
    return {
        name: part
        for name, field in table.model_fields.items()
        for part in field.metadata
        if isinstance(part, Tunable)
    }


def with_settings(study: Study, method: str, settings: Mapping[str, Tried]) -> Study:
    """The study in which a method has other settings.

    Parameters
    ----------
    study : Study
    method : str
    settings : mapping of str to value
        By their place.

    Returns
    -------
    Study
        Training and model of the baseline are the study's own, unless the baseline has
        a key of its own: they change for all methods.
    """
    for place, value in settings.items():
        table, _, key = place.partition(".")
        own = study.method(method)
        shared = method == study.baseline and not _has_own(own, table, key)
        if table == "use":
            entry, _, parameter = key.rpartition(".")
            use = {**own.use, entry: {**own.use[entry], parameter: value}}
            study = _with_method(study, method, use=use)
        elif table == "loss_weights" and not shared:
            weights = {**own.loss_weights, key: value}
            study = _with_method(study, method, loss_weights=weights)
        elif table == "loss_weights":
            weights = {**study.training.loss_weights, key: value}
            study = _with_table(study, "training", loss_weights=weights)
        elif key.startswith("options."):
            effective = study.for_method(method).model.options or {}
            name = key.removeprefix("options.")
            changed = {"options": {**effective, name: value}}
            study = _changed(study, method, "model", changed, shared=shared)
        else:
            study = _changed(study, method, table, {key: value}, shared=shared)
    return study


def _has_own(method: MethodTable, table: str, key: str) -> bool:
    if table == "loss_weights":
        return key in method.loss_weights
    own = getattr(method, table) or {}
    # Another backbone does not take over the options of the study's.
    is_apart = key.startswith("options.") and "backbone" in own
    return is_apart or key.partition(".")[0] in own


def _changed(
    study: Study, method: str, table: str, changes: Mapping[str, Any], *, shared: bool
) -> Study:
    if shared:
        return _with_table(study, table, **changes)
    own = getattr(study.method(method), table) or {}
    return _with_method(study, method, **{table: {**own, **changes}})


def _with_method(study: Study, method: str, **changes: Any) -> Study:
    table = study.method(method).model_copy(update=changes)
    return study.model_copy(update={"methods": {**study.methods, method: table}})


def _with_table(study: Study, name: str, **changes: Any) -> Study:
    table = getattr(study, name)
    changed = table.model_validate({**table.model_dump(), **changes})
    return study.model_copy(update={name: changed})
