"""``equipoise predict --csv``: one method labels all pictures of a folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from core.commands.console import (
    LOADING,
    print_json,
    progress_bars,
    say_interrupted,
    stderr,
    stdout,
    warn_of,
)
from core.commands.options import FAULT, INTERRUPTED, refuse_without_effect
from core.errors import EquipoiseError
from core.training.engine import load_engine

if TYPE_CHECKING:
    from core.data.manifest import DatasetInfo
    from core.predict_folder import Labelled, Recipe
    from core.runs import Run


@dataclass(frozen=True)
class LabelRequest:
    """The options of ``predict`` that go with ``--csv``, as they were given."""

    csv: Path | None
    method: str | None
    seed: int | None
    task: str | None
    threshold: float | None
    resume: bool

    def check(
        self,
        photos: Sequence[Path],
        *,
        aligned: bool,
        all_faces: bool,
        every_seed: bool,
    ) -> None:
        """Refuse options without effect, and more than one folder.

        Raises
        ------
        EquipoiseError
        """
        if self.csv is not None:
            refuse_without_effect(
                ["--aligned"] * aligned + ["--all-faces"] * all_faces,
                expected="with --csv, pictures that are as the study's own: of faces "
                "crops that are aligned already.",
                remedy="leave it out.",
            )
            refuse_without_effect(
                ["--seeds"] * every_seed,
                expected="with --csv, the mean over all models of the method.",
                remedy="leave it out, or choose one model with --seed.",
            )
            if len(photos) == 1:
                return
            raise EquipoiseError(
                f"{len(photos)} folders are too many for one CSV file.",
                expected="one folder with --csv.",
                remedy="give the folder above them, or a file to each.",
            )
        values = {f"--{each.name}": getattr(self, each.name) for each in fields(self)}
        # Not by ==: 0 is a threshold and a seed.
        given = [
            name
            for name, value in values.items()
            if value is not None and value is not False
        ]
        refuse_without_effect(
            given,
            expected="these options with --csv only.",
            remedy="add --csv FILE, or leave them out.",
        )

    def choose(
        self,
        runs: Sequence[Run],
        info: DatasetInfo,
        *,
        opted_in: bool,
        mirrored: bool = False,
    ) -> Recipe:
        """The models and the threshold that label.

        Raises
        ------
        EquipoiseError
            As ``choose_recipe``, or if the task is answered only if it is asked for.
        """
        from core.predict_folder import choose_recipe

        recipe = choose_recipe(
            runs,
            info.tasks,
            method=self.method,
            seed=self.seed,
            task=self.task,
            threshold=self.threshold,
            mirrored=mirrored,
        )
        name = recipe.task.name
        if recipe.task not in info.answered_tasks(info.opt_in if opted_in else ()):
            raise EquipoiseError(
                f"'{name}' is answered only if it is asked for. {info.opt_in[name]}",
                expected="--ethnicity too.",
                remedy="add it, if that is what you need, or choose another --task.",
            )
        return recipe


def label_folder(
    recipe: Recipe,
    folder: Path,
    csv: Path,
    info: DatasetInfo,
    *,
    resume: bool,
    as_json: bool,
) -> None:
    """Label the pictures of a folder, and print the result."""
    from core.predict_folder import (
        Labelled,
        label_pictures,
        leave_a_core,
        list_failed,
        plan_labels,
    )

    plan = plan_labels(recipe, folder, csv, resume=resume)
    if plan.is_done:
        list_failed(csv, [])
        done = Labelled(labelled=0, already=plan.pictures, unreadable=0, duration_s=0.0)
        _tell(done, recipe, csv, info, as_json=as_json)
        return
    try:
        leave_a_core()
        load_engine()
        with progress_bars(speed=True) as progress:
            predictor = recipe.load(
                loading=lambda name, done, total: progress(LOADING, done, total, name)
            )
            result = label_pictures(
                plan,
                predictor,
                progress=progress,
                left_out=lambda reason: warn_of([reason]),
            )
    except KeyboardInterrupt:
        say_interrupted("predict --csv")
        raise typer.Exit(INTERRUPTED) from None
    _tell(result, recipe, csv, info, as_json=as_json)
    if result.unreadable:
        raise typer.Exit(FAULT)


def _tell(
    result: Labelled, recipe: Recipe, csv: Path, info: DatasetInfo, *, as_json: bool
) -> None:
    from core.predict_folder import failed_of
    from core.tasks import Binary
    from core.text import listed

    if as_json:
        failed = str(failed_of(csv)) if result.unreadable else None
        print_json({"csv": str(csv), **asdict(result), "failed": failed})
        return
    already = f", {result.already:,} were there already" if result.already else ""
    sys.stdout.write(f"{csv}: {_pictures(result.labelled)} labelled{already}.\n")
    seeds = [str(run.seed) for run in recipe.runs]
    models = "the model of seed" if len(seeds) == 1 else "the mean over seeds"
    sys.stdout.write(f"By '{recipe.runs[0].method}', {models} {listed(seeds)}.\n")
    if isinstance(recipe.task, Binary):
        no, yes = recipe.task.classes
        at = f"from a probability of {recipe.threshold} on"
        sys.stdout.write(f"1 is '{yes}', {at}; -1 is '{no}'.\n")
    if result.unreadable:
        line = (
            f"{_pictures(result.unreadable)} could not be read: no label. "
            f"The reasons are in {failed_of(csv)}."
        )
        stderr().print(line, style="yellow", markup=False)
    notice = info.opt_in.get(recipe.task.name, "")
    for each in filter(None, (notice, info.notice)):
        stdout().print(escape(each), style="dim")


def _pictures(count: int) -> str:
    return f"{count:,} picture{'s' * (count != 1)}"
