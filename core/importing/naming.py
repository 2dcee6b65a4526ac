"""Names that come from outside: what can be a folder, and what a page may show."""

import re
from collections.abc import Sequence

from core.errors import StudyError
from core.importing.findings import FAULT, Finding, Place
from core.study import NAME_PATTERN

MAX_LENGTH = 64
UNSAFE = (
    "[\\x00-\\x1f\\x7f-\\x9f\u2028-\u202e\u2066-\u2069]"
    r"|!\[|\]\(|<[A-Za-z/!]"
)
"""What pages that others open would take for an image, a link or a tag, and marks that
nobody sees: controls, and those that turn the direction of writing."""


def folder_name(label: str) -> str:
    """The name of a method or study in a store, from what a person calls it.

    Raises
    ------
    StudyError
        If there is no letter or digit in it.
    """
    name = re.sub(r"[^a-z0-9._]+", "-", label.casefold()).strip("-._")[:MAX_LENGTH]
    name = re.sub(r"\.{2,}", ".", name)
    if not NAME_PATTERN.fullmatch(name):
        raise StudyError(
            f"'{label}' cannot be a name.",
            expected="at least one letter or digit, such as 'ResNet-50'.",
            remedy="choose another name.",
        )
    return name


def as_folder(label: str) -> tuple[str, list[Finding]]:
    """As ``folder_name``; where there can be none it is empty, with a fault."""
    try:
        return folder_name(label), []
    except StudyError as error:
        return "", [Finding(FAULT, error.problem, error.expected, error.remedy)]


def check_safe(what: str, *texts: str) -> list[Finding]:
    """Refuse names that would be more than text where others see them."""
    unsafe = [text for text in texts if re.search(UNSAFE, text)]
    return [unsafe_finding(what, unsafe, ())] if unsafe else []


def unsafe_finding(
    what: str, unsafe: Sequence[str], places: Sequence[Place]
) -> Finding:
    """The fault of such names; ``unsafe`` in every row or, of cells, each once."""
    named = ", ".join(ascii(text) for text in list(unsafe)[:3])
    more = f" and {len(unsafe) - 3} more" if len(unsafe) > 3 else ""
    return Finding(
        FAULT,
        f"{named}{more} cannot be {what}: it is shown to others as text, and would be "
        "an image, a link, a tag or a hidden mark.",
        expected="letters, digits and signs, without '![', '](', '<' before a letter, "
        "line breaks and control characters.",
        remedy="write it otherwise.",
        count=len(unsafe),
        places=tuple(places),
    )
