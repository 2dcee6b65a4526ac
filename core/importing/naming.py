"""Names of methods: what a person writes, and what can be a folder."""

import re

from core.errors import StudyError
from core.study import NAME_PATTERN

MAX_LENGTH = 64


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
