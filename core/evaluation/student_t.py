"""Student's t, also with infinitely many degrees of freedom."""

import numpy as np
from scipy import special

from core.evaluation.resampling import Doubles


def student_cdf(freedom: Doubles, values: Doubles) -> Doubles:
    """Chance that Student's t is at most these values; the normal one if infinite.

    Both arrays have one shape, and so has the float64 array that is returned.
    """
    # The special functions are 50 times faster than scipy.stats.t on small arrays.
    finite = special.stdtr(np.where(np.isinf(freedom), 1.0, freedom), values)
    return np.asarray(np.where(np.isinf(freedom), special.ndtr(values), finite))


def student_quantile(freedom: Doubles, share: Doubles | float) -> Doubles:
    """Value that Student's t stays below with this chance; the normal one if infinite.

    A float64 array of the shape of ``freedom``; the inverse of ``student_cdf``.
    """
    finite = special.stdtrit(np.where(np.isinf(freedom), 1.0, freedom), share)
    return np.asarray(np.where(np.isinf(freedom), special.ndtri(share), finite))
