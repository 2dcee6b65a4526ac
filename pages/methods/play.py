"""What the head of the Methods page chose, as its pictures need it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.language import gettext
from core.methods.entry import HEAD, Entry, HeadName, Value
from core.plots.look import Look
from core.plots.methods import HEADS
from core.tasks import Task
from core.views.caching import Fingerprint
from core.views.study_view import StudyView
from pages.methods.parameters import movable, values_of


@dataclass(frozen=True)
class Play:
    """What the head of the page chose.

    Parameters
    ----------
    view : StudyView
    task : Task
    chosen : tuple of Entry
        In the order in which they are offered.
    every : Look
        Of all methods that are offered.
    counts : tuple of int
        Training images of each class; empty for a number.
    targets : tuple of float
        Training targets of a number; empty for classes.
    source : tuple
        Of the file that these are read from: a key for what is computed from them.
    """

    view: StudyView
    task: Task
    chosen: tuple[Entry, ...]
    every: Look
    counts: tuple[int, ...]
    targets: tuple[float, ...]
    source: Fingerprint

    def look(self, entries: Sequence[Entry]) -> Look:
        """The look of some of the chosen."""
        return self.every.only(tuple(entry.name for entry in entries))

    def only(self, *parts: str) -> list[Entry]:
        """The chosen entries that change one of these parts of training."""
        return [entry for entry in self.chosen if entry.part in parts]


def head_of(entry: Entry) -> HeadName:
    """Output of the last layer that a method takes, as its widget was last left."""
    return values_of(entry).get(HEAD, "logits")


def by_head(entries: Sequence[Entry]) -> dict[HeadName, list[Entry]]:
    """Entries that can be compared with one another: those with the same head."""
    groups = {head: [e for e in entries if head_of(e) == head] for head in HEADS}
    return {head: group for head, group in groups.items() if group}


def labels_by_head(
    groups: Mapping[HeadName, Sequence[Entry]],
) -> dict[HeadName, list[str]]:
    """What the entries of ``by_head`` are called."""
    return {
        head: [gettext(entry.label) for entry in entries]
        for head, entries in groups.items()
    }


def defaults_of(entry: Entry) -> dict[str, Value]:
    """Default of each parameter."""
    return {p.name: p.default for p in movable(entry)}
