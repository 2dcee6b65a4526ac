"""Errors that tell a person the problem, what was expected and what to do."""

from collections.abc import Callable

from core.language import gettext


class EquipoiseError(Exception):
    """A fault that is the input's and not the program's.

    Parameters
    ----------
    problem : str
        What was wrong, naming the thing at fault.
    expected : str, optional
        What would have been right.
    remedy : str, optional
        What the reader can do about it.

    Notes
    -----
    Pages and commands show these three sentences and never a traceback. Anything
    that is not an ``EquipoiseError`` is a bug of ours.
    """

    def __init__(self, problem: str, *, expected: str = "", remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.expected = expected
        self.remedy = remedy

    def __str__(self) -> str:
        parts = [self.problem]
        if self.expected:
            parts.append(gettext("Expected: {expected}", expected=self.expected))
        if self.remedy:
            parts.append(gettext("What to do: {remedy}", remedy=self.remedy))
        return " ".join(parts)


def fault_record(
    error: EquipoiseError, recall: Callable[[str], object]
) -> tuple[object, ...]:
    """The three sentences of an error as JSON holds them, for ``say_again``.

    ``recall`` is that of ``remembering``, in whose block the error was raised.
    """
    return tuple(recall(each) for each in (error.problem, error.expected, error.remedy))


def as_fault(error: OSError) -> EquipoiseError:
    """An error of the operating system, as a fault that says what to do."""
    why = error.strerror or str(error)
    return EquipoiseError(
        gettext("The system refused {place}: {why}.", place=error.filename, why=why)
        if error.filename
        else gettext("The system refused it: {why}.", why=why),
        expected=gettext("a place that can be read or written, with room on the disk."),
        remedy=gettext("correct that, then do the same again."),
    )


class NothingToShow(EquipoiseError):
    """A view has nothing to show here; its problem says why, and what to do."""


class StoryError(EquipoiseError):
    """A story's file that cannot be read or does not make sense."""


class ViewError(EquipoiseError):
    """A view that does not exist, or was asked for with wrong parameters."""


class StudyError(EquipoiseError):
    """A study file that cannot be read or does not make sense."""


class DatasetError(EquipoiseError):
    """A dataset that is missing, empty or not in its published layout."""


class ImageError(EquipoiseError):
    """A picture that cannot be used."""


class MethodError(EquipoiseError):
    """A method that does not exist, or a parameter outside its range."""


class RunError(EquipoiseError):
    """A run folder that is missing a file, is damaged, or is of a later schema."""


class DivergedError(RunError):
    """A training whose loss is not a finite number any more."""


class WeightsError(EquipoiseError):
    """Pretrained weights that are not there."""
