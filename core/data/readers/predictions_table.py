"""A table of predictions that others made: no pictures, and nothing to train."""

from pathlib import Path
from typing import Annotated, Literal, Self

import pandas as pd
from pydantic import Field, model_validator

from core.data.cache import Progress
from core.data.manifest import DatasetInfo, LoadedDataset
from core.errors import DatasetError
from core.language import N_, gettext
from core.study import DatasetOptions, FromList
from core.tasks import Binary, Multiclass, Regression, Task

NAME = "table"
_Text = Annotated[str, Field(min_length=1)]


class TableOptions(DatasetOptions):
    """Roles of the columns of the table.

    Parameters
    ----------
    file : str
        Name of the file that the table came from.
    task : str
        Name of what is predicted, the prefix of its columns in a run.
    asked : str
        What a reader sees for it.
    kind : {"binary", "multiclass", "regression"}
    classes : list of str
        Of a task with classes; of two, the second is the positive one.
    unit : str
        Of a regression, in the plural.
    minimum, maximum, bin_width : float
        Range of a regression's truth, and the width of the bins it is looked at in.
    features : dict of str to list of str
        Sensitive features and their groups.
    """

    file: _Text = "table.csv"
    task: _Text = "label"
    asked: _Text = "Label"
    kind: Literal["binary", "multiclass", "regression"] = "binary"
    classes: FromList[tuple[_Text, ...]] = ("no", "yes")
    unit: str = ""
    minimum: float = 0.0
    maximum: float = 1.0
    bin_width: Annotated[float, Field(gt=0)] = 0.1
    features: dict[str, list[str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_a_task(self) -> Self:
        least = {"binary": 2, "multiclass": 2, "regression": 0}[self.kind]
        most = 2 if self.kind == "binary" else len(self.classes)
        if not least <= len(set(self.classes)) == len(self.classes) <= most:
            raise ValueError(
                gettext(
                    "'classes': {count} of a {kind} task.",
                    count=len(self.classes),
                    kind=self.kind,
                )
            )
        if not self.minimum < self.maximum:
            raise ValueError(gettext("'minimum': expected a number below 'maximum'."))
        return self

    @property
    def as_task(self) -> Task:
        """The task of the table."""
        if self.kind == "regression":
            return Regression(
                self.task,
                self.asked,
                self.unit,
                self.minimum,
                self.maximum,
                self.bin_width,
            )
        if self.kind == "binary":
            return Binary(self.task, self.asked, (self.classes[0], self.classes[1]))
        return Multiclass(self.task, self.asked, self.classes)


def info_of(options: TableOptions) -> DatasetInfo:
    """The description of the table."""
    return DatasetInfo(
        name=NAME,
        title=f"The table {options.file}",
        tasks=(options.as_task,),
        sensitive_features={n: tuple(v) for n, v in options.features.items()},
        shareable=False,
        generated=False,
        notice=(
            N_(
                "Truth and predictions were imported from a table: what may be done "
                "with them is for you to know."
            )
        ),
        has_pictures=False,
    )


INFO = info_of(TableOptions())


def load(
    location: Path | None,
    options: TableOptions,
    *,
    shipped: pd.DataFrame | None = None,
    progress: Progress = lambda what, done, total: None,
) -> LoadedDataset:
    """Say that there is nothing to load.

    Raises
    ------
    DatasetError
        Always: a table of predictions has no pictures to train on.
    """
    raise DatasetError(
        gettext(
            "{file} is a table of predictions: there are no pictures.",
            file=options.file,
        ),
        expected=gettext("a dataset with pictures, to train on them."),
        remedy=gettext(
            "add methods to this study with `equipoise import FILE --study NAME`."
        ),
    )
