"""``equipoise robustness``: what models answer when the images are corrupted."""

from __future__ import annotations

from typing import Annotated

import typer

from core.commands.console import say_line
from core.commands.measuring import load_measured_study, measure_and_say
from core.commands.options import (
    DataOption,
    MeasureAgainOption,
    MethodsOption,
    SeedsOption,
    StudyArgument,
)

# Images up to which every resample is drawn image by image.
MOST = 10_000


def robustness(
    study: StudyArgument,
    method: MethodsOption = None,
    seed: SeedsOption = None,
    images: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=20,
            max=MOST,
            help="Test images that are corrupted; each is answered for 60 times.",
        ),
    ] = 200,
    data: DataOption = None,
    replace: MeasureAgainOption = False,
) -> None:
    """Measure what finished runs answer when their test images are corrupted.

    Noise, blur, weather, and faults of storage: twelve corruptions at five severities,
    as in ImageNet-C. Every method sees the same pictures. Stored answers do not change,
    and a model that gives other answers is refused. The command is for runs in your
    store that have a model. The same command continues where it was stopped.
    """
    chosen = load_measured_study(study)
    from core.training.robustness import Robustness

    measure_and_say(
        chosen,
        Robustness(images),
        methods=method or (),
        seeds=seed or (),
        data=data,
        replace=replace,
    )
    say_line(f"To see it: equipoise compare {chosen.name} --corrupted")
