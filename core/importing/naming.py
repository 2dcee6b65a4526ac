"""Names that come from outside: make them folder names, and safe to show."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence

from core.errors import StudyError
from core.importing.file_findings import FAULT, NOTE, Finding, Place
from core.language import gettext
from core.text import as_latin

MAX_LENGTH, HASH_LENGTH = 64, 6
NAMED = 12
"""Names that a sentence lists."""
UNSAFE = (
    "[\\x00-\\x1f\\x7f-\\x9f\u2028-\u202e\u2066-\u2069]"
    r"|!\[|\]\(|<[A-Za-z/!]"
)
"""Text that a page would show as an image, a link or a tag, and invisible marks:
controls, and those that turn the direction of writing."""


def folder_name(label: str, *, what: str = "name") -> str:
    """The name of a method or study in a store, from what a person calls it.

    Parameters
    ----------
    label : str
    what : str
        First word of the name where no letter or digit of the label can be kept.

    Returns
    -------
    str
        Latin letters without their marks, digits, dots and dashes. If letters had to be
        left out, a short hash of the label keeps the name unique.

    Raises
    ------
    StudyError
        If there is no letter or digit of any script in the label.
    """
    label = label.strip()
    if not any(c.isalnum() for c in label):
        raise StudyError(
            gettext("'{label}' cannot be a name.", label=label),
            expected=gettext("at least one letter or digit, such as 'ResNet-50'."),
            remedy=gettext("choose another name."),
        )
    latin = as_latin(label)
    name = re.sub(r"[^a-z0-9._]+", "-", latin).strip("-._")
    name = re.sub(r"\.{2,}", ".", name)[:MAX_LENGTH]
    if any(c.isalnum() and not c.isascii() for c in latin) or not name:
        return told_apart(name or what, label)
    return name


def told_apart(name: str, label: str) -> str:
    """A name with a short hash of the label, for one that others have too."""
    alike = unicodedata.normalize("NFC", label.strip()).casefold()
    mark = hashlib.sha256(alike.encode()).hexdigest()[:HASH_LENGTH]
    return f"{name[: MAX_LENGTH - HASH_LENGTH - 1].rstrip('-._')}-{mark}"


def is_same_label(one: str, other: str) -> bool:
    """Whether two labels are one, written in other capitals at the most."""
    one, other = (unicodedata.normalize("NFC", s.strip()) for s in (one, other))
    return one.casefold() == other.casefold()


def as_folder(label: str, *, what: str = "name") -> tuple[str, list[Finding]]:
    """As ``folder_name``; empty with a fault if there is no possible name."""
    try:
        return folder_name(label, what=what), []
    except StudyError as error:
        return "", [Finding(FAULT, error.problem, error.expected, error.remedy)]


def made_names_note(labels: Mapping[str, str]) -> list[Finding]:
    """Say which names were made; ``labels`` by name."""
    others = [
        gettext("'{label}' is '{name}'", label=label, name=name)
        for name, label in labels.items()
        if name != label
    ]
    if not others:
        return []
    names = ", ".join(others[:NAMED])
    if len(others) > NAMED:
        names = gettext("{names} and {n} more", names=names, n=str(len(others) - NAMED))
    said = gettext("In files and addresses {names}.", names=names)
    return [Finding(NOTE, said)]


def check_safe(what: str, *texts: str) -> list[Finding]:
    """Refuse names that would be more than text where others see them."""
    unsafe = [text for text in texts if re.search(UNSAFE, text)]
    return [unsafe_finding(what, unsafe, ())] if unsafe else []


def unsafe_finding(
    what: str, unsafe: Sequence[str], places: Sequence[Place]
) -> Finding:
    """The fault of such names; ``unsafe`` in every row or, of cells, each once."""
    named = ", ".join(ascii(text) for text in list(unsafe)[:3])
    if len(unsafe) > 3:
        named = gettext("{names} and {n} more", names=named, n=str(len(unsafe) - 3))
    return Finding(
        FAULT,
        gettext(
            "{names} cannot be {what}: it is shown to others as text, and would be an "
            "image, a link, a tag or a hidden mark.",
            names=named,
            what=gettext(what),
        ),
        expected=gettext(
            "letters, digits and signs, without '![', '](', '<' before a letter, "
            "line breaks and control characters."
        ),
        remedy=gettext("write it otherwise."),
        count=len(unsafe),
        places=tuple(places),
    )
