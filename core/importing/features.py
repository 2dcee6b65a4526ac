"""Sensitive features among the columns of a table: proposed, or chosen by a person."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.data.cache import Progress
from core.evaluation.grouping import MAX_GROUPS
from core.importing.checking import match_classes
from core.importing.columns import is_number, listed_in_quotes, plain
from core.importing.file_findings import FAULT, NOTE, WARNING, Finding
from core.importing.reading import RawColumn, RawTable
from core.language import N_, gettext, ngettext
from core.tasks import Regression, Task, natural_order

SPLIT = "split"
UNKNOWN = "unknown"
"""Group of the images whose feature is empty."""
MAX_GROUPS_GUESSED = 20
"""Distinct values up to which a column left over is taken for a sensitive feature."""
MAX_PROPOSED = 12
"""Columns up to which all that could be sensitive features are proposed."""
SENSITIVE = frozenset(
    [
        "age",
        "sex",
        "gender",
        "race",
        "ethnicity",
        "ethnic",
        "skin",
        "tone",
        "fitzpatrick",
        "religion",
        "language",
        "nationality",
        "country",
        "region",
        "site",
        "hospital",
        "centre",
        "center",
        "device",
        "scanner",
        "camera",
        "group",
    ]
)
"""Words in the names of columns that are proposed among however many others."""
MANY_COLUMNS = 50
"""Columns from which on looking at them takes long enough for a progress bar."""
AGREES = 0.3
"""Agreement with the truth beyond chance (Cohen's kappa) that groups seldom have."""


def propose_features(
    raw: RawTable, names: Sequence[str], task: Task, progress: Progress
) -> tuple[tuple[str, ...], list[Finding]]:
    """Columns that could be sensitive features, and the findings about them.

    Parameters
    ----------
    raw : RawTable
    names : sequence of str
        Columns that hold nothing else.
    task : Task
    progress : callable
        Told of each column that was looked at, where there are many.

    Returns
    -------
    tuple of str, list of Finding
        All that have few groups. If these are more than ``MAX_PROPOSED``, only those
        with the name of a sensitive feature.
    """
    taken = _taken(task)
    found = []
    for place, name in enumerate(names):
        if len(names) >= MANY_COLUMNS:
            progress(N_("Columns looked at"), place + 1, len(names))
        if name not in taken and name not in raw.unnamed and _is_feature(raw, name):
            found.append(name)
    if len(found) <= MAX_PROPOSED:
        return tuple(found), _proposed(found)
    known = [name for name in found if SENSITIVE & set(plain(name).split("_"))]
    known = known[:MAX_PROPOSED]
    if known:
        said = gettext(
            "{n} columns could be sensitive features, which are too many to guess; "
            "only those with a well-known name are taken: {names}.",
            n=len(found),
            names=listed_in_quotes(known),
        )
    else:
        said = gettext(
            "{n} columns could be sensitive features, which are too many to guess; "
            "none is taken.",
            n=len(found),
        )
    warning = Finding(
        WARNING,
        said,
        expected=gettext(
            "at most {max_proposed}, or those that a person names.",
            max_proposed=MAX_PROPOSED,
        ),
        remedy=gettext("name each with --feature COLUMN (on the page, choose them)."),
        count=len(found),
    )
    return tuple(known), [warning]


def _proposed(names: Sequence[str]) -> list[Finding]:
    if not names:
        return []
    return [
        Finding(
            NOTE,
            gettext(
                "Taken for sensitive features, as they have few groups: {names}.",
                names=listed_in_quotes(names),
            ),
            remedy=gettext(
                "give --feature COLUMN for each that is one, or --feature '' for "
                "none (on the page, choose them)."
            ),
        )
    ]


def _is_feature(raw: RawTable, name: str) -> bool:
    groups = raw.column(name).groups
    if groups is None or plain(name).startswith(("unnamed:", "_index_level")):
        return False
    # With as many groups as rows, the column is a name of each row.
    return 2 <= len(groups) <= min(MAX_GROUPS_GUESSED, raw.rows - 1)


def stray_answers(
    raw: RawTable, names: Sequence[str], task: Task, truth: str, models: Sequence[str]
) -> tuple[tuple[str, ...], list[Finding]]:
    """Refuse columns that seem to hold answers if nobody has named their role.

    Parameters
    ----------
    raw : RawTable
    names : sequence of str
        Columns that are neither, as far as is known.
    task : Task
    truth : str
        Column of the truth.
    models : sequence of str
        Columns of the models.
    """
    if isinstance(task, Regression):
        return (), []
    stray = tuple(name for name in names if _holds_answers(raw, name, task, truth))
    if not stray:
        return (), []
    held = {
        "columns": listed_in_quotes(stray),
        "task": gettext(task.label).lower(),
        "models": listed_in_quotes(models),
    }
    if len(models) == 1:
        said = ngettext(
            "{columns} holds classes of {task}, as {models} does: a model, or a "
            "sensitive feature?",
            "{columns} hold classes of {task}, as {models} does: models, or sensitive "
            "features?",
            len(stray),
            **held,
        )
    else:
        said = ngettext(
            "{columns} holds classes of {task}, as {models} do: a model, or a "
            "sensitive feature?",
            "{columns} hold classes of {task}, as {models} do: models, or sensitive "
            "features?",
            len(stray),
            **held,
        )
    fault = Finding(
        FAULT,
        said,
        expected=gettext("columns of models that end in '_pred' or '_p_<class>'."),
        remedy=gettext(
            "rename it, or give --model, --feature or --ignore with the column "
            "(on the page, choose it under one of these)."
        ),
        count=len(stray),
    )
    return stray, [fault]


def _holds_answers(raw: RawTable, name: str, task: Task, truth: str) -> bool:
    """Whether a column holds the task's classes as its models do, and not groups.

    Numbers such as 0 and 1 are groups as often: they are answers where they agree with
    the truth.
    """
    assert not isinstance(task, Regression)
    groups = raw.column(name).groups
    if not groups or len(groups) < 2:
        return False
    if (match_classes(groups, task.classes)[0] < 0).any():
        return False
    if not all(is_number(label) for label in task.classes):
        return True
    own, others = (_places(raw.column(n), task.classes) for n in (name, truth))
    known = (own >= 0) & (others >= 0)
    size = len(task.classes)
    shares = [
        np.bincount(p[known], minlength=size) / known.sum() for p in (own, others)
    ]
    chance = float(shares[0] @ shares[1])
    agreed = float((own[known] == others[known]).mean())
    return chance < 1 and (agreed - chance) / (1 - chance) >= AGREES


def _places(column: RawColumn, classes: Sequence[str]) -> np.ndarray:
    codes, texts = column.coded
    return match_classes(texts, classes)[0][codes]


def _taken(task: Task) -> set[str]:
    """Names of the columns that every run has."""
    taken = {
        "image_id",
        SPLIT,
        *(f"{task.name}{end}" for end in ("", "_true", "_pred", "_bin")),
    }
    if not isinstance(task, Regression):
        taken |= {f"{task.name}_p_{label}" for label in task.classes}
    return taken


def feature_faults(raw: RawTable, features: Sequence[str], task: Task) -> list[Finding]:
    """Refuse features with the name of a run's column, or with too many groups."""
    findings = []
    bad = [name for name in features if name in _taken(task)]
    if bad:
        findings.append(
            Finding(
                FAULT,
                gettext(
                    "A sensitive feature cannot be called '{name}'.",
                    name=bad[0],
                ),
                expected=gettext("a name that no column of a run has."),
                remedy=gettext("rename the column."),
            )
        )
    for name in features:
        count = len(np.unique(raw.column(name).coded[0]))
        if count > MAX_GROUPS:
            findings.append(
                Finding(
                    FAULT,
                    gettext(
                        "The sensitive feature '{name}' has {count} groups.",
                        name=name,
                        count=count,
                    ),
                    expected=gettext(
                        "at most {max_groups}: metrics of fewer images tell nothing.",
                        max_groups=MAX_GROUPS,
                    ),
                    remedy=gettext(
                        "write a column of fewer groups, such as ranges of numbers, "
                        "or leave it out."
                    ),
                    count=count,
                )
            )
    return findings


def group_names(column: RawColumn) -> tuple[pd.Categorical, tuple[str, ...]]:
    """Groups of a feature, sorted; rows without one are in a group of their own."""
    codes, texts = column.coded
    used = set(np.unique(codes).tolist())
    own = [text or UNKNOWN for text in texts]
    names = natural_order({own[place] for place in used})
    place_of = {name: place for place, name in enumerate(names)}
    places = np.array([place_of.get(text, -1) for text in own], np.intp)
    return pd.Categorical.from_codes(places[codes], names), tuple(names)
