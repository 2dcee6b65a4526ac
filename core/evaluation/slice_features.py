"""Features of test images that slices are made of, each with its groups."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from pandas.api import types

from core.evaluation.grouping import MAX_GROUPS, MISSING, feature_codes
from core.evaluation.resampling import Doubles, Flags, Integers
from core.language import N_, gettext, in_form
from core.tasks import Regression, Task

FEW_VALUES = 8
"""Different numbers up to which each is a group; more are cut into quarters."""
YES, NO = N_("yes"), N_("no")
"""Groups of an attribute that is true or not."""
TOO_MANY = N_("more than 200 groups")
ALL_THE_SAME = N_("the same for all images")
_QUARTERS = (0.25, 0.5, 0.75)
_DIGITS = range(3, 18)
_FLAGS = ({0, 1}, {-1, 1})
_Groups = tuple[Integers, tuple[str, ...]]


@dataclass(frozen=True)
class SliceFeatures:
    """The group of every image in every feature.

    Parameters
    ----------
    groups : DataFrame
        One row an image, indexed by its id; a categorical column a feature. A feature
        that is not a column of a table is named ``"<task>_bin"`` for the bins of a
        number's truth, and by its task for a true class.
    left_out : dict of str to str
        Features that are not there, each with the reason.
    """

    groups: pd.DataFrame
    left_out: dict[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The features, in the order that they are looked at."""
        return tuple(self.groups.columns)


def truth_feature(task: Task) -> str:
    """The feature that is a task's own truth: its classes, or the bins of a number."""
    return f"{task.name}_bin" if isinstance(task, Regression) else task.name


def collect_features(
    table: pd.DataFrame,
    tasks: Sequence[Task],
    sensitive_features: Sequence[str] = (),
    attributes: pd.DataFrame | None = None,
) -> SliceFeatures:
    """Group test images by everything that is known of them.

    Parameters
    ----------
    table : DataFrame
        Predictions of one run, one row an image.
    tasks : sequence of Task
        Their true classes, and the bins of their true numbers, are features.
    sensitive_features : sequence of str
        Columns of the table.
    attributes : DataFrame, optional
        Further features, a column each, indexed by image id. Truth values and words are
        groups as they are; numbers are cut at their quartiles, unless they have at most
        ``FEW_VALUES`` values.

    Returns
    -------
    SliceFeatures
        Sensitive features, then truths, then attributes.
    """
    found: dict[str, pd.Categorical] = {}
    left_out: dict[str, str] = {}
    for name, (codes, groups) in _all_groups(
        table, tasks, sensitive_features, attributes
    ):
        used = np.bincount(codes, minlength=len(groups)) > 0
        if used.sum() > MAX_GROUPS:
            left_out[name] = TOO_MANY
        elif used.sum() < 2:
            left_out[name] = ALL_THE_SAME
        else:
            found[name] = pd.Categorical.from_codes(codes, categories=list(groups))
    index = pd.Index(table["image_id"].astype(str), name="image_id")
    return SliceFeatures(pd.DataFrame(found, index=index), left_out)


def _all_groups(
    table: pd.DataFrame,
    tasks: Sequence[Task],
    sensitive_features: Sequence[str],
    attributes: pd.DataFrame | None,
) -> Iterator[tuple[str, _Groups]]:
    for name in sensitive_features:
        if name in table:
            yield name, feature_codes(table, tasks, name)
    for task in tasks:
        truth = f"{task.name}_true"
        if truth in table and task.name not in sensitive_features:
            own = table[[truth]].rename(columns={truth: task.name})
            own = table if isinstance(task, Regression) else own
            name = truth_feature(task)
            yield name, feature_codes(own, tasks, name)
    if attributes is None:
        return
    known = {*sensitive_features, *(task.name for task in tasks)}
    further = [name for name in attributes if name not in known]
    if not further:
        return
    joined = attributes[further].reindex(table["image_id"].astype(str))
    for name in further:
        yield str(name), _attribute_groups(joined[name])


def _attribute_groups(values: pd.Series) -> _Groups:
    """Groups of an attribute; numbers of many values in quarters."""
    found = set(values.dropna().unique())
    if found and any(found <= flags for flags in _FLAGS):
        is_true = (values == 1).to_numpy(bool, na_value=False)
        return _with_missing(is_true.astype(np.int64), [NO, YES], values.notna())
    if types.is_bool_dtype(values) or not types.is_numeric_dtype(values):
        return feature_codes(values.to_frame("_"), (), "_")
    numbers = values.to_numpy(np.float64, na_value=np.nan)
    known = np.isfinite(numbers)
    if len(np.unique(numbers[known])) <= FEW_VALUES:
        words = values.map("{:g}".format).where(known)
        return feature_codes(words.to_frame("_"), (), "_")
    edges = _round_edges(np.unique(np.quantile(numbers[known], _QUARTERS)))
    codes = np.searchsorted(edges, numbers, side="right")
    names = [f"below {edges[0]:.15g}"]
    names += [f"{low:.15g} to {high:.15g}" for low, high in pairwise(edges)]
    names.append(f"{edges[-1]:.15g} or more")
    return _with_missing(codes.astype(np.int64), names, known)


_NUMBER = r"-?[\d.]+(?:e[-+]\d+)?"
_RANGE = re.compile(
    rf"below (?P<top>{_NUMBER})|(?P<low>{_NUMBER}) to (?P<high>{_NUMBER})"
    rf"|(?P<bottom>{_NUMBER}) or more"
)


def group_words(group: str) -> str:
    """A group as a reader sees it: one of a range of numbers in the reader's language.

    Examples
    --------
    >>> group_words("below 0.4"), group_words("curly")
    ('below 0.4', 'curly')
    """
    found = _RANGE.fullmatch(group)
    if found is None:
        return gettext(group) if group == MISSING else group
    ends = {name: in_form(end) for name, end in found.groupdict().items() if end}
    if "top" in ends:
        return gettext("below {edge}", edge=ends["top"])
    if "bottom" in ends:
        return gettext("{edge} or more", edge=ends["bottom"])
    return gettext("{low} to {high}", **ends)


def _with_missing(
    codes: Integers, names: Sequence[str], known: pd.Series | Flags
) -> _Groups:
    """The groups, with one more for the images without a value."""
    if known.all():
        return codes, tuple(names)
    return np.where(known, codes, len(names)), (*names, MISSING)


def _round_edges(edges: Doubles) -> Doubles:
    """The edges with as few digits as tell them apart: groups are named by them."""
    for digits in _DIGITS:
        rounded = np.array([float(f"{edge:.{digits}g}") for edge in edges])
        if len(np.unique(rounded)) == len(edges):
            break
    return rounded
