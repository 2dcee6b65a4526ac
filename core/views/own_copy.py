"""A person's own copy of a dataset, whose pictures only they may see."""

from collections.abc import Callable
from pathlib import Path

from core.data.picture_paths import own_copy
from core.study import Study


def _nowhere() -> bool:
    return False


_is_seen_alone: Callable[[], bool] = _nowhere


def show_copies_where(is_seen_alone: Callable[[], bool]) -> None:
    """Say how it is told that nobody but the owner of a copy sees what is shown.

    Until that is said, no picture of a copy is shown: a file may be passed on.
    """
    global _is_seen_alone
    _is_seen_alone = is_seen_alone


def is_seen_alone() -> bool:
    """Whether nobody but the owner of a copy sees what is shown."""
    return _is_seen_alone()


def shown_copy(study: Study) -> Path | None:
    """The person's own copy, where nobody else sees what is shown of it."""
    return own_copy(study) if _is_seen_alone() else None
