"""``equipoise stability``: how far answers move when an image is harmlessly changed."""

from __future__ import annotations

from core.commands.console import say_line
from core.commands.measuring import load_measured_study, measure_and_say
from core.commands.options import (
    DataOption,
    MeasureAgainOption,
    MethodsOption,
    SeedsOption,
    StudyArgument,
)


def stability(
    study: StudyArgument,
    method: MethodsOption = None,
    seed: SeedsOption = None,
    data: DataOption = None,
    replace: MeasureAgainOption = False,
) -> None:
    """Measure how far the answers of finished runs move under harmless changes.

    Each test image is answered for at 256, 512 and 1,024 px, as JPEG of quality 40 and
    95, mirrored, and 20 % lighter and darker. Training does this by itself. The command
    is for older runs in your store that have a model. Stored answers do not change, and
    a model that gives other answers is refused. The same command continues where it was
    stopped.
    """
    from core.data.catalog import dataset_of
    from core.evaluation.metrics import stability_keys
    from core.runs import shipped_manifest

    chosen = load_measured_study(study)
    from core.training.stability import Stability

    measure_and_say(
        chosen,
        Stability(),
        methods=method or (),
        seeds=seed or (),
        data=data,
        replace=replace,
    )
    tasks = dataset_of(chosen, shipped_manifest, needed=True).tasks
    asked = " ".join(f"--metric {key}" for key in stability_keys(tasks))
    say_line(f"To see it: equipoise compare {chosen.name} {asked}")
