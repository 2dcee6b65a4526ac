"""Images whose label a rule contradicts: label errors first, then the rule's own."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.evaluation.answers import Answers
from core.evaluation.rules.conditions import Booleans

MADE = "made"
PROBABLE = "probable"
UNKNOWN = "unknown"
RULE = "rule"
KINDS = (MADE, PROBABLE, UNKNOWN, RULE)
"""Labels that were changed on purpose; that most methods doubt as the rule does; of
images that no method answered; that most methods confirm, so that the rule is wrong."""


def collect_opinions(answers: Sequence[Answers], category: int) -> pd.DataFrame:
    """The answers of the methods to each image, for one class or bin.

    Parameters
    ----------
    answers : sequence of Answers
        Of the test images, and of others that were not trained on.
    category : int
        Place of the class or bin.

    Returns
    -------
    DataFrame
        Indexed by image_id: ``methods``, how many answered it; ``say_it``, how many of
        them with this class or bin; ``probability``, the mean that they give to the
        image's label, NaN where none gives probabilities.

    Notes
    -----
    A low probability of the label, by a model that was not trained on it, is what
    confident learning ranks label errors by (Northcutt et al., Journal of Artificial
    Intelligence Research 2021, "self-confidence").
    """
    parts = []
    for each in answers:
        said = [each.answered_category(method) == category for method in each.methods]
        known = [each.has_probabilities(method) for method in each.methods]
        probability = np.full(len(each.image_ids), np.nan)
        if any(known):
            probability = each.of_truth[known].astype(np.float64).mean(axis=0)
        parts.append(
            pd.DataFrame(
                {
                    "methods": len(each.methods),
                    "say_it": np.sum(said, axis=0),
                    "probability": probability,
                },
                index=pd.Index(each.image_ids.astype(str), name="image_id"),
            )
        )
    if not parts:
        return pd.DataFrame(columns=["methods", "say_it", "probability"])
    return pd.concat(parts)


def find_contradictions(
    images: pd.DataFrame,
    has_label: Booleans,
    predicted: Booleans,
    opinions: pd.DataFrame,
) -> pd.DataFrame:
    """List the images whose label is not what a rule says.

    Parameters
    ----------
    images : DataFrame
        Indexed by image_id: ``split``, ``label`` and, where it is known, ``had_label``:
        whether the image had the label before label noise.
    has_label, predicted : bool arrays, shape (images,)
        Whether each image has the label, and whether the rule predicts it.
    opinions : DataFrame
        From ``collect_opinions``.

    Returns
    -------
    DataFrame
        Columns image_id, split, label, says, kind (one of ``KINDS``), methods,
        with_rule (methods that answer as the rule does), probability (of the label, to
        the methods); by kind, then those that most methods doubt, then the lowest
        probability first.
    """
    rows = np.flatnonzero(has_label != predicted)
    found = images.iloc[rows]
    own = opinions.reindex(found.index)
    methods = own["methods"].fillna(0).astype(int).to_numpy()
    say_it = own["say_it"].fillna(0).astype(int).to_numpy()
    with_rule = np.where(predicted[rows], say_it, methods - say_it)
    kind = np.where(2 * with_rule > methods, PROBABLE, RULE).astype(object)
    kind[methods == 0] = UNKNOWN
    if "had_label" in found:
        kind[found["had_label"].to_numpy(bool) == predicted[rows]] = MADE
    table = pd.DataFrame(
        {
            "image_id": found.index.to_numpy(object),
            "split": found["split"].to_numpy(object),
            "label": found["label"].to_numpy(object),
            "says": predicted[rows],
            "kind": kind,
            "methods": methods,
            "with_rule": with_rule,
            "probability": own["probability"].astype(float).to_numpy(),
        }
    )
    order = np.lexsort(
        (
            np.nan_to_num(table["probability"].to_numpy(), nan=np.inf),
            -with_rule / np.maximum(methods, 1),
            table["kind"].map(KINDS.index).to_numpy(np.int64),
        )
    )
    return table.iloc[order].reset_index(drop=True)
