"""What a page shows of a job: its runs, its curves so far, and how long it takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
import plotly.graph_objects as go

from core.data.catalog import dataset_of
from core.errors import EquipoiseError
from core.language import gettext, ngettext
from core.plots.look import Look, method_styles
from core.plots.runs import (
    curve_label,
    curve_names,
    plot_curves,
    takeaway_curves,
)
from core.runs import shipped_manifest
from core.study import Study
from core.tasks import Task
from core.text import clauses, number
from core.training.live import RunProgress

CHART_HEIGHT = 380
# So few that each has a mark on the axis.
FEW_EPOCHS = 12
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def duration_text(seconds: float) -> str:
    """A duration as a person says it: "40 s", "12 min", "3 h 20 min", "2 days"."""
    if seconds < _MINUTE:
        return gettext("{count} s", count=max(1, round(seconds)))
    if seconds < _HOUR:
        return gettext("{count} min", count=round(seconds / _MINUTE))
    if seconds < _DAY:
        hours, rest = divmod(round(seconds / _MINUTE), 60)
        return gettext("{hours} h {minutes} min", hours=hours, minutes=rest)
    return ngettext("{count} day", "{count} days", round(seconds / _DAY))


def moment_text(moment: str) -> str:
    """A moment (ISO 8601, UTC) by the clock of this machine, to the minute."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"


def size_text(count: float) -> str:
    """A number of bytes as a person says it: "12 MB", "1.4 GB"."""
    if count < 1e9:
        return gettext("{count} MB", count=max(1, round(count / 1e6)))
    return gettext("{count} GB", count=number(count / 1e9, 1))


def run_text(part: RunProgress) -> str:
    """How far a run is, in one line."""
    if part.run is not None:
        return gettext("finished")
    live = part.live
    if live is None:
        return gettext("not begun")
    said = [
        gettext(
            "epoch {epoch} of {epochs}",
            epoch=min(live.epoch + 1, live.epochs),
            epochs=live.epochs,
        )
    ]
    if live.steps:
        said.append(
            gettext("batch {step} of {steps}", step=live.step, steps=live.steps)
        )
    if live.images_per_second is not None:
        speed = number(live.images_per_second, 0)
        said.append(gettext("{count} images/s", count=speed))
    return clauses(said)


def job_history(parts: Sequence[RunProgress]) -> pd.DataFrame:
    """Curves of the runs of a job, finished or not, as ``gather_histories`` has them.

    The best epoch of an unfinished run is the one with the lowest validation loss so
    far.
    """
    tables = []
    for part in parts:
        if part.run is not None:
            try:
                table, best = part.run.history(), part.run.info.get("best_epoch")
            except EquipoiseError:
                continue
        elif part.live is not None and part.live.rows:
            table = part.live.history()
            losses = table[(table["name"] == "loss") & (table["split"] == "validation")]
            best = (
                int(losses.loc[losses["value"].idxmin(), "epoch"])
                if len(losses)
                else None
            )
        else:
            continue
        tables.append(table.assign(method=part.method, seed=part.seed, best_epoch=best))
    columns = ["method", "seed", "best_epoch", "epoch", "split", "name", "value"]
    if not tables:
        return pd.DataFrame(columns=columns)
    return pd.concat(tables, ignore_index=True)[columns]


def curves_of(history: pd.DataFrame) -> tuple[str, ...]:
    """Names of the curves of a job: the loss first."""
    return tuple(name for name in curve_names(history) if name != "learning_rate")


def curve_title(study: Study, name: str) -> str:
    """What a reader sees for a curve."""
    return curve_label(name, tasks_of(study))


def draw_job_curves(
    study: Study, history: pd.DataFrame, name: str
) -> tuple[go.Figure, str]:
    """One curve of every run of a job, and the sentence that says what it shows.

    Parameters
    ----------
    study : Study
    history : DataFrame
        From ``job_history``, not empty.
    name : str
        One of ``curves_of``.
    """
    label = curve_title(study, name)
    methods = tuple(m for m in study.methods if m in set(history["method"]))
    labels = {method: table.label for method, table in study.methods.items()}
    styles = method_styles(tuple(study.methods), study.baseline)
    look = Look(methods, styles, labels, study.baseline)
    figure = plot_curves(history, name, look, label=label, each_seed=True)
    figure.update_layout(height=CHART_HEIGHT)
    if history["epoch"].max() <= FEW_EPOCHS:
        figure.update_xaxes(dtick=1)
    return figure, takeaway_curves(history, name, label=label, labels=labels)


def tasks_of(study: Study) -> tuple[Task, ...]:
    """Tasks of a study, as far as they are known without its images."""
    try:
        return tuple(dataset_of(study, shipped_manifest).tasks)
    except EquipoiseError:
        return ()
