"""Comparisons written by hand, for the tests of figures and sentences."""

import numpy as np
import pandas as pd

from core.evaluation.comparison import COLUMNS, STUDY_FAMILY, Comparison
from core.evaluation.comparison_rows import DETECTABLE
from core.evaluation.grouping import group_images
from core.evaluation.verdicts import BASELINE, METHOD

DEFAULTS = {
    "measure": "",
    "group": "",
    "images": 640,
    "n": 640,
    "small": False,
    "seeds": 3,
    "sd": 0.1,
    "lowest": "",
    "highest": "",
    "worst": "",
    "groups": 0,
    "family": STUDY_FAMILY,
    "delta": np.nan,
    "delta_low": np.nan,
    "delta_high": np.nan,
    "p": np.nan,
    "margin": np.nan,
    "verdict": BASELINE,
    "scope": METHOD,
    "note": "",
    "smallest_detectable": np.nan,
    "seed_share": np.nan,
    "seeds_needed": np.nan,
    **dict.fromkeys(DETECTABLE, np.nan),
}


def cells_of(rows):
    """Rows of ``Comparison.cells``; what a row does not say is as ``DEFAULTS``."""
    return pd.DataFrame([DEFAULTS | row for row in rows])[list(COLUMNS)]


def comparison_of(rows, baseline="baseline", *, seeds=None, runs=None):
    """A comparison of all images that holds these rows."""
    cells = cells_of(rows)
    most = cells.groupby("method", sort=False)["seeds"].max()
    return Comparison(
        cells=cells,
        baseline=baseline,
        level=0.95,
        rows=int(cells["images"].max()),
        seeds={str(method): tuple(seeds or range(own)) for method, own in most.items()},
        runs=pd.DataFrame() if runs is None else runs,
        grouping=group_images(pd.DataFrame(index=range(1)), (), ()),
        include_small=False,
        anew=True,
        by_strata=0,
    )
