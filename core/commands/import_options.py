"""Options of ``equipoise import``, and which of them go together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from core.commands.options import refuse_without_effect
from core.errors import EquipoiseError

FileArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="CSV or Parquet file of predictions."),
]
StudyOption = Annotated[
    str, typer.Option(metavar="STUDY", help="Study that the test images belong to.")
]
NameOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Name of the method.")
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        max=2**32 - 1,
        help="Seed of a file without a column 'seed'; 0 by default.",
    ),
]
ReplaceOption = Annotated[
    bool,
    typer.Option(
        "--replace",
        help="Replace what was imported before, and the file of --template or "
        "--faults.",
    ),
]
RemoveOption = Annotated[
    bool,
    typer.Option(
        "--remove",
        help="Remove the imported method --name of --study, or without a name the "
        "study, if it was made of a table.",
    ),
]
CheckOption = Annotated[
    bool, typer.Option("--check", help="Check the file only; write nothing.")
]
TemplateOption = Annotated[
    Path | None,
    typer.Option(metavar="CSV", help="Write an empty form for --study to this file."),
]
FaultsOption = Annotated[
    Path | None,
    typer.Option(metavar="CSV", help="Write every fault found to this file."),
]
NewStudyOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Make a study of a table with truth and several models' predictions.",
    ),
]
TitleOption = Annotated[
    str, typer.Option(metavar="TEXT", help="Title of the new study.")
]
TruthOption = Annotated[
    str, typer.Option(metavar="COLUMN", help="Column of the truth.")
]
KindOption = Annotated[
    Literal["binary", "multiclass", "regression"] | None,
    typer.Option(help="Kind of the task, where it is not seen from the truth."),
]
PositiveOption = Annotated[
    str, typer.Option(metavar="CLASS", help="Positive class of a binary task.")
]
ClassesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--class",
        metavar="CLASS",
        help="A class that no image of the table has; may be given several times. "
        "Two that differ in capitals alone are two where both are given.",
    ),
]
FeatureOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="A sensitive feature; may be given several times. '' for none. "
        "By default, columns of few groups are proposed.",
    ),
]
IgnoreOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="A column that is neither a model nor a feature, whatever it holds; may "
        "be given several times.",
    ),
]
ModelOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="A model of a wide table, as its columns begin; may be given several "
        "times.",
    ),
]
MethodColumnOption = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", help="Column of the method, of a long one. '' for none."
    ),
]
IdColumnOption = Annotated[
    str | None,
    typer.Option(
        "--id",
        metavar="COLUMN",
        help="Column of the image's id. '' for none: the rows are the images.",
    ),
]
BaselineOption = Annotated[
    str, typer.Option(metavar="METHOD", help="Baseline of the new study.")
]
UnitOption = Annotated[
    str, typer.Option(metavar="WORD", help="Unit of a regression, such as years.")
]
BinWidthOption = Annotated[
    float | None,
    typer.Option(metavar="X", help="Width of the bins of a regression's truth."),
]

Mode = Literal["template", "remove", "new_study", "study"]
_FILE: Final = ("file", "seed", "replace", "check", "faults")
GO_TOGETHER: Final[dict[Mode, tuple[str, ...]]] = {
    "template": ("study", "replace"),
    "remove": ("study", "name", "seed"),
    "new_study": (
        *_FILE,
        "title",
        "truth",
        "kind",
        "positive",
        "classes",
        "feature",
        "ignore",
        "model",
        "method_column",
        "id_column",
        "baseline",
        "unit",
        "bin_width",
    ),
    "study": ("name", *_FILE),
}
"""Modes of the command, by the first of these options that is given, and the options
that fit each."""


def choose_mode(ctx: typer.Context) -> Mode:
    """The mode that the options ask for.

    Raises
    ------
    EquipoiseError
        If it is not said, or said twice; or if an option would change nothing: more is
        removed or written then than was meant.
    """
    labels = {
        str(one.name): one.opts[0] if one.opts[0].startswith("-") else "FILE"
        for one in ctx.command.params
    }
    given = [name for name in labels if _is_given(ctx, name)]
    mode = next((mode for mode in GO_TOGETHER if mode in given), None)
    both = mode == "new_study" and "study" in given
    if mode is None or both:
        raise EquipoiseError(
            "A file belongs to an existing study or to a new one."
            if both
            else "The study of the predictions is missing.",
            expected="--study STUDY --name NAME, or --new-study NAME.",
            remedy="leave out one of the two." if both else "add one of the two.",
        )
    fitting = GO_TOGETHER[mode]
    if mode == "remove" and "name" not in given:
        # A study has no seed of its own to remove.
        fitting = ("study",)
    named = ", ".join(labels[name] for name in fitting)
    refuse_without_effect(
        [labels[name] for name in given if name not in (mode, *fitting)],
        expected=f"with {labels[mode]} no other than {named}.",
    )
    return mode


def _is_given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
