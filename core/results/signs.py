"""How a verdict looks: one sign, one tone and one wording, in every output."""

from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd

from core.evaluation.verdicts import (
    BASELINE,
    BETTER,
    DIFFERS,
    EQUIVALENT,
    INCONCLUSIVE,
    UNTESTED,
    WORSE,
)
from core.results.sentences import verdict_words

Tone = Literal["", "good", "bad", "same", "other", "faint"]

# One meaning, one sign: never colour alone.
SIGNS = {
    BETTER: "▲",
    WORSE: "▼",
    EQUIVALENT: "≈",
    DIFFERS: "◆",
    INCONCLUSIVE: "○",
    UNTESTED: "–",
    BASELINE: "",
}
TONES: dict[str, Tone] = {
    BETTER: "good",
    WORSE: "bad",
    EQUIVALENT: "same",
    DIFFERS: "other",
    INCONCLUSIVE: "faint",
    UNTESTED: "faint",
    BASELINE: "",
}


def verdict_text(row: Mapping[Any, Any] | pd.Series) -> str:
    """A verdict with its sign: "▲ better", "▼ this trained model is worse".

    ``row`` has ``verdict`` and ``scope``.
    """
    return f"{SIGNS[str(row['verdict'])]} {verdict_words(row)}".strip()
