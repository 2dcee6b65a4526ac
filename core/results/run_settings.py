"""Settings of runs, one by one, and the settings in which two studies' runs differ."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.data.unreadable_pictures import CANNOT_BE_READ, UNREADABLE
from core.language import N_, gettext
from core.runs import Run

# Measured while training: not chosen by anyone, so listed after what was.
MEASURED = (
    "epochs",
    "best_epoch",
    "duration_s",
    "images_per_second",
    "inference_ms",
    "created",
)
# Long settings that all runs of a study share.
NOT_OF_ONE_RUN = (
    "methods",
    "published",
    "search",
    "title",
    "summary",
    "notice",
    "headline",
)
# Parts of a run's record, and of its study, that decide a result.
_DECIDING = ("method", "loss weights", "study", "versions")
_OF_STUDY = ("dataset", "model", "training", "label_noise")
_OF_RUN = {"split_fingerprint": "split", "backend": "backend"}
_ABSENT = N_("none")
TOGETHER = N_(
    "These settings act together, so a difference between the two studies cannot be"
    " credited to one of them."
)
ALIKE = N_(
    "No setting that the runs record differs between the two studies, so a"
    " difference between them comes from the trainings."
)

_PREFIX = {"loss weights": "loss weight of ", "versions": "version of "}
# Each with what follows it as a field.
_WITH_PREFIX = {
    "loss weights": N_("loss weight of {name}"),
    "versions": N_("version of {name}"),
}

Entry = tuple[str, str, str]


@dataclass(frozen=True)
class Difference:
    """A setting that differs between two studies; ``methods`` are those it applies to.

    Empty ``methods`` are all that both studies have.
    """

    setting: str
    own: str
    other: str
    methods: tuple[str, ...] = ()


def settings_of(run: Run) -> list[Entry]:
    """All that a run's record says, as (part, what, value)."""
    info = dict(run.info)
    resolved = dict(info.pop("resolved", None) or {})
    own = (resolved.get("methods") or {}).get(info.get("method", run.method)) or {}
    # As resolved, with defaults. Older records only keep what the study's file says.
    parameters = info.pop("method_parameters", None) or own.get("use") or {}
    parts: dict[str, Any] = {
        "run": {},
        "method": {"label": own.get("label", run.method), **parameters},
        "loss weights": info.pop("loss_weights", None) or {},
        "study": {k: v for k, v in resolved.items() if k not in NOT_OF_ONE_RUN},
        "hardware": info.pop("hardware", None) or {},
        "versions": info.pop("versions", None) or {},
        CANNOT_BE_READ: {
            str(each.get("picture")): str(each.get("reason"))
            for each in info.pop(UNREADABLE, None) or ()
            if isinstance(each, dict)
        },
        "measured": {k: _known(info.pop(k)) for k in MEASURED if k in info},
    }
    # A hash of all the rest: it says nothing that the rest does not.
    info.pop("key", None)
    parts["run"] = info
    return [
        (part, what, value)
        for part, content in parts.items()
        for what, value in _flatten(content)
    ]


def differences(
    own: Mapping[str, Sequence[Run]], other: Mapping[str, Sequence[Run]]
) -> tuple[Difference, ...]:
    """Settings in which the runs of the same methods differ in two studies.

    Parameters
    ----------
    own, other : mapping of method to runs
        The methods that both have. Imported runs say nothing of how they were trained.

    Returns
    -------
    tuple of Difference
        What is the same difference for several methods is one; a setting that runs of
        one method do not have alike has all its values.
    """
    found: dict[tuple[str, str, str], list[str]] = {}
    for method in own:
        given = own[method], other[method]
        known = not any(run.is_imported for runs in given for run in runs)
        ours, theirs = (_deciding(runs, known=known) for runs in given)
        for what in dict.fromkeys([*ours, *theirs]):
            pair = ours.get(what, _ABSENT), theirs.get(what, _ABSENT)
            if pair[0] != pair[1]:
                found.setdefault((what, *pair), []).append(method)
    return tuple(
        Difference(*key, tuple(methods) if len(methods) < len(own) else ())
        for key, methods in sorted(found.items(), key=lambda item: _place(item[0][0]))
    )


def _deciding(runs: Sequence[Run], *, known: bool) -> dict[str, str]:
    """The settings that decided the results of a method's runs.

    If the settings of these runs or of those beside them are not ``known``, it only
    says whether they were trained here.
    """
    seeds = ", ".join(str(seed) for seed in sorted(run.seed for run in runs))
    if not known:
        imported = any(run.is_imported for run in runs)
        where = N_("not known: imported predictions") if imported else N_("here")
        return {"seeds": seeds, "training": where}
    values: dict[str, dict[str, None]] = {}
    for run in runs:
        for setting, value in _settings_that_decide(settings_of(run)):
            values.setdefault(setting, {})[value] = None
    return {"seeds": seeds} | {
        setting: " or ".join(sorted(given)) for setting, given in values.items()
    }


def _settings_that_decide(entries: Iterable[Entry]) -> Iterator[tuple[str, str]]:
    for part, what, value in entries:
        if part == "run" and what in _OF_RUN:
            yield _OF_RUN[what], value
        if part not in _DECIDING or (part == "method" and what == "label"):
            continue
        if part == "study" and what.partition(".")[0] not in _OF_STUDY:
            continue
        yield _PREFIX.get(part, "") + what, value


def setting_words(setting: str) -> str:
    """``Difference.setting`` as a reader sees it; keys of files are as they are."""
    for part, prefix in _PREFIX.items():
        if setting.startswith(prefix):
            return gettext(_WITH_PREFIX[part], name=setting.removeprefix(prefix))
    return gettext(setting)


def _place(setting: str) -> int:
    """The place of a setting in the list: chosen settings first, versions last."""
    order = ("dataset", "split", "label_noise", "seeds", "model", "training")
    if setting.startswith(("version of", "backend")):
        return len(order) + 1
    head = setting.partition(".")[0]
    return order.index(head) if head in order else len(order)


def _item(item: object) -> str:
    """One entry of a list: of a table, such as a drop, its keys and values."""
    if isinstance(item, Mapping):
        return " ".join(f"{key} {value}" for key, value in item.items())
    return str(item)


def _known(value: Any) -> Any:
    return "–" if value is None else value


def _flatten(content: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _flatten(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(content, list | tuple):
        yield prefix, ", ".join(map(_item, content)) or "none"
    elif isinstance(content, float):
        yield prefix, f"{content:.6g}"
    else:
        yield prefix, "none" if content is None or content == "" else str(content)
