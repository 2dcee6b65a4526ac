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
from core.language import gettext, ngettext
from core.plots.formatting import feature_label, signed
from core.tasks import Regression
from core.text import coloured, number, percent, strong

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
    word, _, method = kind.partition(":")
    if word == ANY:
        return gettext("Any")
    is_right = word in (ALL_RIGHT, ONLY_RIGHT)
    within = {"tolerance": TOLERANCE, "unit": gettext(unit)}
    if word in (ALL_RIGHT, ALL_WRONG) and methods == 1:
        if unit:
            return (
                gettext("Within {tolerance} {unit}", **within)
                if is_right
                else gettext("Farther than {tolerance} {unit}", **within)
            )
        return gettext("Right") if is_right else gettext("Wrong")
    if word in (ALL_RIGHT, ALL_WRONG):
        if unit:
            return (
                gettext("All {n} within {tolerance} {unit}", n=methods, **within)
                if is_right
                else gettext(
                    "All {n} farther than {tolerance} {unit}", n=methods, **within
                )
            )
        return (
            gettext("All {n} right", n=methods)
            if is_right
            else gettext("All {n} wrong", n=methods)
        )
    label = labels[method]
    if unit:
        return (
            gettext("Only {method} within {tolerance} {unit}", method=label, **within)
            if is_right
            else gettext(
                "Only {method} farther than {tolerance} {unit}", method=label, **within
            )
        )
    return (
        gettext("Only {method} right", method=label)
        if is_right
        else gettext("Only {method} wrong", method=label)
    )


def answer_lines(answers: Answers, row: int, labels: Mapping[str, str]) -> list[str]:
    """Every method's answer to one image, a line each."""
    return [
        gettext(
            "{sign} {method}: {answer}",
            sign=coloured_sign(answers, method, row),
            method=labels[method],
            answer=answer_text(answers, method, row),
        )
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
    return f"{said} {percent(confidence)}"


def truth_text(answers: Answers, row: int) -> str:
    """The truth of one image."""
    if isinstance(answers.task, Regression):
        return f"{number(float(answers.truth[row]), 0)} {gettext(answers.task.unit)}"
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
        gettext("Image"): part["image_id"].tolist(),
        gettext("Truth"): [truth_text(answers, row) for row in rows],
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
        return ngettext(
            "None of {count} test image matches the filters.",
            "None of {count} test images matches the filters.",
            total,
        )
    if chosen == total:
        left = ngettext(
            "All {count} test image matches the filters.",
            "All {count} test images match the filters.",
            total,
        )
    else:
        left = ngettext(
            "{count} of {total} test images matches the filters.",
            "{count} of {total} test images match the filters.",
            chosen,
            total=total,
        )
    share = percent(wrong / chosen, 1)
    if isinstance(answers.task, Regression) and answers.task.unit:
        unit = {"tolerance": TOLERANCE, "unit": gettext(answers.task.unit)}
        if wrong == chosen:
            said = gettext(
                "{method} is more than {tolerance} {unit} off on all of them.",
                method=label,
                **unit,
            )
        elif wrong:
            said = gettext(
                "{method} is more than {tolerance} {unit} off on {n} of them "
                "({share}).",
                method=label,
                n=wrong,
                share=share,
                **unit,
            )
        else:
            said = gettext(
                "{method} is more than {tolerance} {unit} off on none of them.",
                method=label,
                **unit,
            )
    elif wrong == chosen:
        said = gettext("{method} is wrong on all of them.", method=label)
    elif wrong:
        said = gettext(
            "{method} is wrong on {n} of them ({share}).",
            method=label,
            n=wrong,
            share=share,
        )
    else:
        said = gettext("{method} is wrong on none of them.", method=label)
    shown = gettext("Shown: {order}.", order=gettext(order.explanation))
    return f"{left} {said} {shown}"
