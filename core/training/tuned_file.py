"""The file of a tuned study: checks of its place, and its header."""

from pathlib import Path

from core.errors import EquipoiseError, StudyError
from core.language import gettext
from core.study import Study, check_name, known_studies, load_study, own_study_path
from core.study_toml import write_study_file

_HEAD = """\
# Written by `equipoise tune {study}`: settings chosen on validation images alone.
# Train it with its own seeds, none of which the search has seen, before comparing it.
"""


def check_searchable(study: Study) -> None:
    """Refuse a study that trains nothing.

    Raises
    ------
    EquipoiseError
    """
    if not study.is_trained:
        raise EquipoiseError(
            gettext(
                "The study '{study}' trains nothing: its methods are imported "
                "predictions.",
                study=study.name,
            ),
            expected=gettext("a study that trains its methods."),
            remedy=gettext("choose one of those that `equipoise studies` lists."),
        )


def check_place(path: Path, study: Study) -> None:
    """Refuse a file that cannot hold the tuned study, before anything is searched.

    Raises
    ------
    EquipoiseError
        If its name cannot be a study's name or is another study's, or if it exists and
        is not from an earlier search of this study.
    """
    remedy = gettext("choose another with --out.")
    if path.suffix != ".toml":
        raise EquipoiseError(
            gettext("{path} is not the name of a study's file.", path=path),
            expected=gettext("a name that ends in .toml."),
            remedy=remedy,
        )
    name = check_name(path.stem, "study")
    is_own = path.resolve() == own_study_path(name).resolve()
    if name == study.name or (name in known_studies() and not is_own):
        raise EquipoiseError(
            gettext(
                "The tuned study cannot be called '{study}': there is such a study, "
                "whose runs have other settings.",
                study=name,
            ),
            expected=gettext("a name of its own."),
            remedy=remedy,
        )
    if not path.exists():
        return
    try:
        searched = load_study(path).search.of
    except StudyError:
        searched = ""
    if searched != study.name:
        raise EquipoiseError(
            gettext(
                "{path} exists already, and was not written by a search of '{study}'.",
                path=path,
                study=study.name,
            ),
            expected=gettext(
                "a new file, or the one of an earlier search of this study."
            ),
            remedy=remedy,
        )


def write_tuned(study: Study, path: Path) -> None:
    """Write a tuned study as its TOML file, in one step.

    Raises
    ------
    EquipoiseError
        If it cannot be written.
    """
    try:
        write_study_file(study, path, head=_HEAD.format(study=study.search.of))
    except OSError as error:
        raise EquipoiseError(
            gettext(
                "The tuned study could not be written to {path}: {fault}.",
                path=path,
                fault=error.strerror or str(error),
            ),
            expected=gettext("a writable folder with room."),
            remedy=gettext(
                "run the same command with another --out: the search is kept."
            ),
        ) from error
