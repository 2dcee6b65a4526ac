"""The class or group of each row, as samplers, weights and losses take it."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.crossing import STORED, split_crossing
from core.data.batches import Rows
from core.errors import MethodError
from core.language import gettext, ngettext


def group_names(manifest: pd.DataFrame, column: str, rows: Rows) -> NDArray[Any]:
    """Group of each given row, as text.

    Parameters
    ----------
    manifest : DataFrame
    column : str
        Of the manifest, or a crossing of several, such as ``"gender x blond"``.
    rows : int array

    Returns
    -------
    str array, shape (rows,)
        Of a crossing such as ``"female x yes"``.

    Raises
    ------
    MethodError
        If an image has no group.
    """
    crossed = [column] if column in manifest else list(split_crossing(column))
    values = manifest[crossed].iloc[rows]
    missing = values.isna().any(axis=1)
    if missing.any():
        example = manifest["image_id"].iloc[rows][missing.to_numpy()].iloc[0]
        raise MethodError(
            ngettext(
                "{count} image has no '{column}': {example}.",
                "{count} images have no '{column}', the first of them {example}.",
                int(missing.sum()),
                column=column,
                example=example,
            ),
            expected=gettext("a group for every image."),
            remedy=gettext(
                "leave these images out of the manifest, or choose other groups."
            ),
        )
    first, *others = (values[name].astype(str).to_numpy(object) for name in crossed)
    for other in others:
        first = first + STORED + other
    return np.asarray(first, dtype=str)


def group_ids(names: NDArray[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Number of each row's group, and the groups by their number, sorted."""
    groups, ids = np.unique(names, return_inverse=True)
    return ids.astype(np.int64), tuple(str(group) for group in groups)
