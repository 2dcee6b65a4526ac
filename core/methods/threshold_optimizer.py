"""Thresholds by group, fitted by fairlearn on a finished model.

The rule of a group gives the probability with which an image with a score is called
positive. Nothing here imports Keras.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import MethodError
from core.language import gettext, ngettext
from core.methods.checks import check_choice

Floats = NDArray[np.float64]
Constraint = Literal[
    "demographic_parity", "equalized_odds", "true_positive_rate_parity"
]
Objective = Literal["accuracy_score", "balanced_accuracy_score"]


@dataclass(frozen=True)
class Threshold:
    """A score above which images are called positive, used with a probability.

    Parameters
    ----------
    probability : float
        Share of the draws in which this threshold decides.
    value : float
        Score; may be infinite.
    above : bool
        Whether scores above the value are positive, or those below.

    Examples
    --------
    >>> Threshold(1.0, 0.5).positive(np.array([0.4, 0.6])).tolist()
    [False, True]
    """

    probability: float
    value: float
    above: bool = True

    def positive(self, scores: Floats) -> NDArray[np.bool_]:
        """Whether it calls each score positive."""
        return scores > self.value if self.above else scores < self.value


@dataclass(frozen=True)
class GroupRule:
    """The decision on a group: one of two thresholds, or a constant.

    Parameters
    ----------
    thresholds : tuple of Threshold
        Their probabilities sum to 1.
    ignore : float
        Share of the draws that ignore the score.
    constant : float
        Probability of the positive answer in these draws.

    Examples
    --------
    >>> rule = GroupRule((Threshold(0.25, 0.3), Threshold(0.75, 0.7)))
    >>> rule.positive_rate([0.2, 0.5, 0.8]).tolist()
    [0.0, 0.25, 1.0]
    """

    thresholds: tuple[Threshold, ...]
    ignore: float = 0.0
    constant: float = 0.0

    def positive_rate(self, scores: ArrayLike) -> Floats:
        """Probability that each score is called positive, shape (n,)."""
        values = np.asarray(scores, dtype=np.float64)
        looked = np.zeros(values.shape)
        for threshold in self.thresholds:
            looked += threshold.probability * threshold.positive(values)
        return self.ignore * self.constant + (1 - self.ignore) * looked


@dataclass(frozen=True)
class ThresholdRule:
    """The rules of all groups.

    Parameters
    ----------
    groups : mapping of str to GroupRule
    left : mapping of str to str
        Groups of the validation images without a rule, with the reason.

    Examples
    --------
    >>> rule = ThresholdRule({"a": GroupRule((Threshold(1.0, 0.7),))}, left={})
    >>> rule.positive_rate([0.6, 0.6], ["a", "b"]).tolist()  # b has no rule: 0.5
    [0.0, 1.0]
    """

    groups: Mapping[str, GroupRule]
    left: Mapping[str, str]

    def positive_rate(self, scores: ArrayLike, groups: ArrayLike) -> Floats:
        """Probability that each image is called positive.

        Parameters
        ----------
        scores : float array, shape (n,)
            The model's probability of the positive class.
        groups : str array, shape (n,)

        Returns
        -------
        float64 array, shape (n,)
            In a group without a rule: 1 where the score is above 0.5, and 0 elsewhere.
        """
        values = np.asarray(scores, dtype=np.float64)
        names = np.asarray(groups)
        rates = (values > 0.5).astype(np.float64)
        for name, rule in self.groups.items():
            mine = names == name
            rates[mine] = rule.positive_rate(values[mine])
        return rates

    def as_dict(self) -> dict[str, Any]:
        """The rules as plain values for JSON, an infinite threshold as text."""
        rules = {name: asdict(rule) for name, rule in self.groups.items()}
        for rule in rules.values():
            for threshold in rule["thresholds"]:
                if not np.isfinite(threshold["value"]):
                    threshold["value"] = str(threshold["value"])
        return {"groups": rules, "without_rule": dict(self.left)}


def fit_threshold_rule(
    scores: ArrayLike,
    positive: ArrayLike,
    groups: ArrayLike,
    *,
    constraint: Constraint = "demographic_parity",
    objective: Objective = "accuracy_score",
) -> ThresholdRule:
    """Choose thresholds by group on validation images.

    Parameters
    ----------
    scores : float array, shape (n,)
        The model's probability of the positive class.
    positive : bool array, shape (n,)
        Whether the truth is the positive class.
    groups : str array, shape (n,)
    constraint : {"demographic_parity", "equalized_odds", "true_positive_rate_parity"}
        The rate that is equal between the groups: the share of images that are called
        positive; this share both of the positive and of the negative images; or of
        the positive images only (equal opportunity).
    objective : {"accuracy_score", "balanced_accuracy_score"}
        The score that is largest under the constraint.

    Returns
    -------
    ThresholdRule
        Without a rule for groups whose images are all of one class.

    Raises
    ------
    MethodError
        If fewer than two groups have images of both classes, a score is not a finite
        number, or a parameter is not one of its choices.

    Notes
    -----
    Source: Hardt et al., NeurIPS 2016, by fairlearn's ``ThresholdOptimizer``, without
    flipped thresholds, on its grid of 1,000 points. The constraint holds on the
    validation images, on average over the draws: a rule may choose between two
    thresholds at random.

    Examples
    --------
    The positive images of b score lower, and the rules find them all the same:

    >>> scores, positive = [0.9, 0.2, 0.4, 0.1], [True, False, True, False]
    >>> rule = fit_threshold_rule(scores, positive, ["a", "a", "b", "b"])
    >>> rule.positive_rate(scores, ["a", "a", "b", "b"]).tolist()
    [1.0, 0.0, 1.0, 0.0]
    """
    values = np.asarray(scores, dtype=np.float64)
    truth, names = np.asarray(positive, dtype=bool), np.asarray(groups).astype(str)
    check_choice("constraint", constraint, get_args(Constraint))
    check_choice("objective", objective, get_args(Objective))
    if not np.isfinite(values).all():
        raise MethodError(
            ngettext(
                "{count} validation score is not a finite number.",
                "{count} validation scores are not finite numbers.",
                int((~np.isfinite(values)).sum()),
            ),
            expected=gettext("a probability for every image."),
        )
    left = groups_without_rule(truth, names)
    kept = ~np.isin(names, list(left))
    # A second to import, and the pages that list methods do not need it.
    from fairlearn.postprocessing import ThresholdOptimizer

    optimizer = ThresholdOptimizer(
        estimator=_given_scores(),
        constraints=constraint,
        objective=objective,
        prefit=True,
        predict_method="predict",
    )
    optimizer.fit(
        values[kept, None], truth[kept].astype(int), sensitive_features=names[kept]
    )
    fitted = optimizer.interpolated_thresholder_.interpolation_dict
    return ThresholdRule({str(n): _as_rule(fitted[n]) for n in sorted(fitted)}, left)


def groups_without_rule(positive: ArrayLike, groups: ArrayLike) -> dict[str, str]:
    """Groups whose validation images are all of one class, each with this reason.

    Raises
    ------
    MethodError
        If fewer than two other groups remain.

    Examples
    --------
    >>> positive = [True, False, True, False, True]
    >>> groups_without_rule(positive, ["a", "a", "b", "b", "c"])
    {'c': 'all its validation images are positive'}
    """
    truth, names = np.asarray(positive, dtype=bool), np.asarray(groups)
    found = [str(name) for name in np.unique(names)]
    shares = {name: float(truth[names == name].mean()) for name in found}
    left = {
        name: f"all its validation images are {'positive' if share else 'negative'}"
        for name, share in shares.items()
        if share in (0, 1)
    }
    if len(shares) - len(left) < 2:
        raise MethodError(
            gettext(
                "Thresholds by group need two groups with validation images of both "
                "classes; there are {count}.",
                count=len(shares) - len(left),
            ),
            expected=gettext("two groups or more."),
            remedy=gettext("choose other groups, or a larger validation split."),
        )
    return left


def _given_scores() -> Any:
    """A fitted model for fairlearn, whose predictions are the scores themselves."""
    from sklearn.base import BaseEstimator

    # scikit-learn has no types.
    class Given(BaseEstimator):  # type: ignore[misc]
        def fit(self, scores: Floats, truth: Any) -> Self:
            return self

        def predict(self, scores: Floats) -> Floats:
            return np.asarray(scores)[:, 0]

        def __sklearn_is_fitted__(self) -> bool:
            return True

    return Given()


def _as_rule(fitted: Any) -> GroupRule:
    thresholds = tuple(
        Threshold(
            probability=float(fitted[f"p{i}"]),
            value=float(fitted[f"operation{i}"].threshold),
            above=fitted[f"operation{i}"].operator == ">",
        )
        for i in (0, 1)
        if fitted[f"p{i}"] > 0
    )
    return GroupRule(
        thresholds,
        ignore=float(fitted.get("p_ignore", 0.0)),
        constant=float(fitted.get("prediction_constant", 0.0)),
    )


def draws(image_ids: Sequence[str], *, seed: int) -> Floats:
    """A number in [0, 1) for each image, from its id and the seed alone.

    The same image has the same draw in any order and any table.

    Examples
    --------
    >>> first, second = draws(["a", "b"], seed=0), draws(["b", "a"], seed=0)
    >>> first.tolist() == second[::-1].tolist()
    True
    """
    hashes = (
        hashlib.blake2b(f"{seed}:{image}".encode(), digest_size=8).digest()
        for image in image_ids
    )
    whole = np.array([int.from_bytes(h, "big") >> 11 for h in hashes], dtype=np.float64)
    numbers: Floats = whole / 2**53
    return numbers
