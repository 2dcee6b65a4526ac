"""Answers to single images, in words: cards, tables, sentences of the Errors page."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from core.evaluation.answers import (
    ALL_RIGHT,
    ALL_WRONG,
    ANY,
    ONLY_RIGHT,
    Answers,
    Order,
)
from core.evaluation.metrics import TOLERANCE
from core.plots.formatting import feature_label, signed
from core.tasks import Regression
from core.text import NO_BREAK, coloured, number, plural, strong

RIGHT, WRONG = "✓", "✗"


def sign_of(answers: Answers, method: str, row: int) -> str:
    """Whether a method's answer to one image is right, as a sign."""
    return RIGHT if answers.right[answers.place(method), row] else WRONG


def coloured_sign(answers: Answers, method: str, row: int) -> str:
    """As ``sign_of``, with marks of its colour."""
    sign = sign_of(answers, method, row)
    return coloured("green" if sign == RIGHT else "red", strong(sign))


def agreement_name(
    kind: str, labels: Mapping[str, str], methods: int, unit: str
) -> str:
    """What a reader sees for one of ``evaluation.answers.agreement_kinds``.

    ``unit`` is that of a number, whose answer is right within ``TOLERANCE``; empty for
    classes.
    """
    right = f"within {TOLERANCE} {unit}" if unit else "right"
    wrong = f"farther than {TOLERANCE} {unit}" if unit else "wrong"
    word, _, method = kind.partition(":")
    if word == ANY:
        return "Any"
    if word in (ALL_RIGHT, ALL_WRONG):
        said = right if word == ALL_RIGHT else wrong
        return f"All {methods} {said}" if methods > 1 else said.capitalize()
    return f"Only {labels[method]} {right if word == ONLY_RIGHT else wrong}"


def answer_lines(answers: Answers, row: int, labels: Mapping[str, str]) -> list[str]:
    """Every method's answer to one image, a line each."""
    return [
        f"{coloured_sign(answers, method, row)} {labels[method]}: "
        f"{answer_text(answers, method, row)}"
        for method in answers.methods
    ]


def answer_text(answers: Answers, method: str, row: int) -> str:
    """One method's answer to one image: class and probability, or number and error."""
    place = answers.place(method)
    if isinstance(answers.task, Regression):
        value = float(answers.answer[place, row])
        return f"{number(value, 1)} ({signed(float(answers.errors(method)[row]), 1)})"
    said = answers.categories[int(answers.answer[place, row])]
    confidence = float(answers.confidence[place, row])
    if not np.isfinite(confidence):
        return said
    return f"{said} {number(100 * confidence, 0)}{NO_BREAK}%"


def truth_text(answers: Answers, row: int) -> str:
    """The truth of one image."""
    if isinstance(answers.task, Regression):
        return f"{number(float(answers.truth[row]), 0)} {answers.task.unit}"
    return answers.categories[int(answers.truth[row])]


def shown_table(
    answers: Answers,
    images: pd.DataFrame,
    rows: Sequence[int],
    labels: Mapping[str, str],
) -> pd.DataFrame:
    """One row an image, for who may not see the pictures: truth and every answer."""
    part = images.iloc[list(rows)].reset_index(drop=True)
    columns: dict[str, list[str]] = {
        "Image": part["image_id"].tolist(),
        "Truth": [truth_text(answers, row) for row in rows],
    }
    for name in part.columns:
        if name != "image_id":
            columns[feature_label(name)] = part[name].tolist()
    for method in answers.methods:
        columns[labels[method]] = [
            f"{sign_of(answers, method, row)} {answer_text(answers, method, row)}"
            for row in rows
        ]
    return pd.DataFrame(columns)


def gallery_takeaway(
    answers: Answers, method: str, label: str, chosen: int, wrong: int, order: Order
) -> str:
    """How many images the filters leave, and how many of them one method gets wrong.

    Parameters
    ----------
    answers : Answers
    method : str
        Whose answers put the images in order.
    label : str
        Its label.
    chosen, wrong : int
        Images that the filters leave, and those of them that it gets wrong.
    order : Order
    """
    total = len(answers.image_ids)
    if not chosen:
        return f"None of {plural(total, 'test image')} matches the filters."
    left = f"{chosen:,} of {plural(total, 'test image')}"
    unit = answers.task.unit if isinstance(answers.task, Regression) else ""
    off = f"is more than {TOLERANCE} {unit} off on" if unit else "is wrong on"
    share = f" ({number(100 * wrong / chosen, 1)} %)"
    many = f"{wrong:,} of them{share}"
    if wrong in (0, chosen):
        many = "all of them" if wrong else "none of them"
    are = "matches the filters" if chosen == 1 else "match the filters"
    said = f"All {plural(total, 'test image')}" if chosen == total else f"{left} {are}"
    return f"{said}; {label} {off} {many}. Shown: {order.explanation}."
