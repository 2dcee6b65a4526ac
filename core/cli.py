"""The ``equipoise`` command.

Only what a command needs is imported, when it is called: ``--help`` and ``studies``
answer at once, and TensorFlow is loaded by ``train`` and ``predict`` alone.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from core.errors import EquipoiseError, RunError, StudyError

if TYPE_CHECKING:
    import pandas as pd

    from core.data.manifest import DatasetInfo
    from core.evaluation.compare import Comparison
    from core.evaluation.metrics import MetricInfo
    from core.methods.verify import CaseResult, MethodResult, Verification
    from core.predictor import FaceAnswers, PhotoResult
    from core.runs import Run
    from core.study import Study
    from core.tasks import Task

FAILED = 1
FAULT = 2
INTERRUPTED = 128 + signal.SIGINT
# A table that goes into a file or a pipe has no terminal to fit into.
PIPED_WIDTH = 160
DEFAULT_STUDY = "utkface"

StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY", help="Name of a shipped study, or a study's TOML file."
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON and nothing else.")
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Your copy of the dataset: its folder, or the archive."
    ),
]


class _Group(TyperGroup):
    """Turns what can go wrong into a sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the subcommand; leave with 2 for a fault, 130 when interrupted."""
        try:
            return super().invoke(ctx)
        except EquipoiseError as error:
            _say(error)
        except KeyboardInterrupt:
            _say_interrupted(ctx.invoked_subcommand)
            raise typer.Exit(INTERRUPTED) from None
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            _say(_as_fault(error))
        raise typer.Exit(FAULT)


app = typer.Typer(
    name="equipoise",
    cls=_Group,
    help="Compare remedies for imbalanced image data, with their uncertainty.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command; the entry point of the installed program."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    app()


@app.command()
def studies() -> None:
    """List the shipped studies and the runs that are there."""
    from core.study import load_study, shipped_studies

    table = Table("Study", "Title", "Dataset", "Methods", "Seeds", "Runs", box=None)
    for name in shipped_studies():
        study = load_study(name)
        table.add_row(
            name,
            escape(study.title),
            study.dataset.name,
            ", ".join(study.methods),
            ", ".join(map(str, study.seeds)),
            str(_count_runs(name)),
        )
    _out().print(table)


@app.command()
def data(study: StudyArgument, data: DataOption = None) -> None:
    """Report the data of a study: counts, splits, twins removed, imbalance.

    Without --data, the split that is shipped with the study is reported.
    """
    from core.data.catalog import dataset_of

    chosen = _load_study(study)
    manifest, report = _load_data(chosen, data)
    info = dataset_of(chosen, lambda _: manifest)
    out = _out()
    out.print(f"[bold]{escape(chosen.title)}[/bold] · {escape(info.title)}")
    if info.notice:
        out.print(escape(info.notice), style="dim")
    for title, table in _count_tables(manifest, info):
        out.print(f"\n{escape(title)}")
        out.print(table)
    out.print()
    out.print(_report_table(report))


@app.command()
def train(
    study: StudyArgument,
    method: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METHOD", help="Only this method; may be given several times."
        ),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N",
            min=0,
            max=2**32 - 1,
            help="Only this seed; may be given several times.",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(metavar="E", min=1, help="Epochs, in place of the study's."),
    ] = None,
    data: DataOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Store to write to; $EQUIPOISE_RUNS or runs/ if unsaid."
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Keep finished runs, go on with a broken one from its last epoch.",
        ),
    ] = False,
) -> None:
    """Train the methods of a study; every finished run is listed at once."""
    chosen = _load_study(study)
    _check_methods(chosen, method or chosen.methods)
    from core.training.jobs import Listener, train_study, use_one_thread

    use_one_thread()
    _load_engine()
    with _progress() as progress:
        runs = train_study(
            chosen,
            methods=method or (),
            seeds=seed or (),
            epochs=epochs,
            data=data,
            out=out,
            resume=resume,
            listener=Listener(
                progress=progress,
                epoch_done=_print_epoch,
                left_out=lambda reason: _warn_of([reason]),
                taken=_print_taken,
            ),
        )
    for run in runs:
        sys.stdout.write(f"{run.name}: {run.folder}\n")


@app.command()
def compare(
    study: StudyArgument,
    as_json: JsonOption = False,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC",
            help="Metric to show, such as age.mae[0-9] or label.top_3_accuracy; may be "
            "given several times.",
        ),
    ] = None,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a Markdown table.")
    ] = False,
    with_cost: Annotated[
        bool,
        typer.Option("--cost", help="Print every cost too; JSON always holds them."),
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD",
            help="Compare with this method, in place of the study's baseline.",
        ),
    ] = None,
) -> None:
    """Compare a study's methods with its baseline, on the test images.

    Numbers that others published stand below, labelled as theirs.
    """
    from core.evaluation.cost import cost_table, means_by_method, settings_by_method
    from core.evaluation.published import published_records, published_table

    name = _load_study(study).name if study.endswith(".toml") else study
    comparison, per_run, chosen, info = _compare(name, metric or (), against)
    costs = cost_table(per_run)
    cost = means_by_method(costs)
    # Others' changes are to their own baseline, and so are ours beside them.
    own = comparison if against is None else _compare(name, metric or ())[0]
    theirs = published_table(chosen.published, own.table, chosen.baseline)
    if as_json:
        answer = comparison.as_dict(chosen.name, cost)
        settings = settings_by_method(costs)
        for entry in answer["methods"]:
            entry["settings"] = settings[entry["name"]]
        published = published_records(theirs)
        _print_json({**answer, "published": published, "notice": chosen.notice})
        return
    keys = _metrics_to_show(comparison.table, metric, chosen, info.tasks)
    if as_markdown:
        from core.report import cost_markdown, markdown_table, published_markdown

        sys.stdout.write(markdown_table(comparison, chosen, info.tasks, keys) + "\n")
        labels = {key: table.label for key, table in chosen.methods.items()}
        notes = comparison.seed_notes(labels)
        if comparison.baseline != chosen.baseline:
            notes = (_against_note(comparison.baseline, chosen), *notes)
        if notes:
            sys.stdout.write(f"\n{' '.join(notes)}\n")
        if with_cost:
            sys.stdout.write(f"\n{cost_markdown(costs, chosen)}\n")
        if not theirs.empty:
            text = published_markdown(theirs, info.tasks, chosen)
            sys.stdout.write(f"\n{text}\n")
        return
    out = _out()
    out.print(_leaderboard(comparison.table, keys, cost, chosen, info))
    over = "One seed, no sd" if comparison.has_one_seed else "Mean and sd over seeds"
    out.print(
        f"{over}, 95 % interval below; then the paired difference to the baseline, on "
        "the seeds that both have, and its verdict (p corrected by Holm over the "
        "methods).",
        style="dim",
    )
    if comparison.baseline != chosen.baseline:
        out.print(_against_note(comparison.baseline, chosen), style="dim")
    for note in (*comparison.notes()[1:], *_cost_notes(per_run, chosen)):
        out.print(escape(note), style="dim")
    if with_cost:
        _print_cost(costs, chosen)
    if not theirs.empty:
        _print_published(theirs, chosen, info)


@app.command()
def predict(
    photos: Annotated[
        list[Path], typer.Argument(metavar="PHOTO", help="Photos to answer for.")
    ],
    study: Annotated[
        str, typer.Option(metavar="STUDY", help="Study whose methods answer.")
    ] = DEFAULT_STUDY,
    aligned: Annotated[
        bool,
        typer.Option(
            "--aligned", help="Take each photo as one aligned face: detect nothing."
        ),
    ] = False,
    ethnicity: Annotated[
        bool, typer.Option("--ethnicity", help="Show the answers on ethnicity too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Let every method of a study answer for photos: for each face, if it is of faces.

    In a study of other pictures each photo is taken as a whole.
    """
    from core.data.catalog import dataset_of
    from core.runs import list_runs, shipped_manifest, study_of_runs

    chosen = study_of_runs(study)
    listing = list_runs(chosen.name)
    _warn_of(listing.problems)
    info = dataset_of(chosen, shipped_manifest, needed=True)
    results = _answer(photos, listing.runs, info, aligned or not info.of_faces)
    if as_json:
        _print_json([result.as_dict() for result in results])
    else:
        hidden = set() if ethnicity else set(info.opt_in)
        _print_answers(results, info, hidden)
    if any(result.fault for result in results):
        raise typer.Exit(FAULT)


@app.command()
def methods(
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a Markdown table.")
    ] = False,
) -> None:
    """List every remedy: its task, its paper, where it helps in trained studies."""
    from core.evaluation.metrics import headline_keys
    from core.report import Outcome, methods_markdown, methods_table
    from core.runs import list_studies
    from core.study import load_study, shipped_studies

    outcomes = []
    for name in list_studies():
        try:
            comparison, _, study, info = _compare(name, ())
            own = _headline(comparison.table, study, info.tasks)
        except EquipoiseError as error:
            _warn_of([str(error)])
            continue
        keys = tuple(own) or headline_keys(info.tasks)
        outcomes.append(Outcome(study, comparison, info.tasks, keys))
    shipped = map(load_study, shipped_studies())
    untrained = [study for study in shipped if not _count_runs(study.name)]
    if as_markdown:
        sys.stdout.write(methods_markdown(outcomes, untrained) + "\n")
        return
    shown = methods_table(outcomes, untrained)
    table = Table(*shown.columns, box=None, pad_edge=False)
    for row in shown.to_numpy().tolist():
        table.add_row(*(escape(cell.replace("<br>", "\n").strip("`")) for cell in row))
    _out().print(table)


@app.command()
def verify(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="JSON file of cases; the shipped one if unsaid."
        ),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METHOD",
            help="Only this method, as `equipoise methods` or the file has it; may be "
            "given several times.",
        ),
    ] = None,
    dtype: Annotated[
        Literal["float64", "float32"],
        typer.Option(help="Precision of the losses; each has its tolerance."),
    ] = "float64",
    as_json: JsonOption = False,
) -> None:
    """Run our methods against numbers of the original implementations.

    Leaves with 1 if a case fails or has no implementation. A case may bring a
    tolerance of its own. Those of DenseWeight, and of the loss with its weights, do:
    0.02, because the original reads densities off a grid of 4096 points without
    interpolating, and how near ours comes is printed beside it.
    """
    from core.methods.verification.cases import load_cases

    cases = load_cases(file, method or ())
    _load_engine()
    from core.methods.verify import verify as run_cases

    result = run_cases(cases, dtype=dtype)
    if as_json:
        _print_json(result.as_dict())
    else:
        _print_verification(result)
    if not result.passed:
        raise typer.Exit(FAILED)


@app.command(
    name="app",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def serve(ctx: typer.Context) -> None:
    """Open the app in the browser; further options go to `streamlit run`."""
    script = Path(__file__).resolve().parent.parent / "streamlit_app.py"
    if not script.is_file():
        raise EquipoiseError(
            f"The app is not beside the package: {script} is not there.",
            expected="a checkout of the project, installed with `make demo`.",
            remedy="run `make demo` in the checkout.",
        )
    from core.runs import STORE_VARIABLE, user_store

    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    command += ["--server.showEmailPrompt=false", *ctx.args]
    # Streamlit reads its settings from the folder it is started in; the runs stay
    # those of the folder that the person is in.
    environment = {**os.environ, STORE_VARIABLE: str(user_store().resolve())}
    code = subprocess.call(command, cwd=script.parent, env=environment)
    if code:
        raise typer.Exit(code)


def _load_study(name_or_path: str) -> Study:
    """A shipped study, a TOML file, or a study that only its runs tell of."""
    from core.runs import list_studies, study_of_runs
    from core.study import load_study, shipped_studies

    known = name_or_path.endswith(".toml") or name_or_path in shipped_studies()
    if not known and name_or_path in list_studies():
        return study_of_runs(name_or_path)
    return load_study(name_or_path)


def _count_runs(study: str) -> int:
    """Run folders of a study, without opening them."""
    from core.runs import stores

    folders = {
        place.relative_to(store)
        for store in stores()
        for place in store.glob(f"{study}/*/seed-*/run.json")
    }
    return len(folders)


def _check_methods(study: Study, names: Iterable[str]) -> None:
    """Refuse what cannot be trained before anything slow is loaded."""
    from core.data.catalog import dataset_of
    from core.methods.registry import resolve_method

    info = dataset_of(study, lambda _: None)
    for name in names:
        resolve_method(study, name, info.tasks, info.sensitive_features)


def _print_epoch(
    method: str, seed: int, epoch: int, values: Mapping[str, float]
) -> None:
    losses = [
        f"{label} loss {values[name]:.4g}"
        for name, label in (("loss", "training"), ("val_loss", "validation"))
        if name in values
    ]
    line = f"{method}, seed {seed}, epoch {epoch}: {', '.join(losses)}"
    _err().print(line, markup=False, highlight=False)


def _print_taken(method: str, seed: int, run: Run) -> None:
    line = f"{method}, seed {seed}: trained as {run.method}, taken from {run.folder}"
    _err().print(line, markup=False, highlight=False)


def _load_data(
    study: Study, location: Path | None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The manifest and its report: kept with the runs, or read from a copy."""
    from core.runs import data_report, manifest_for
    from core.training.jobs import load_data

    if location is None:
        manifest, report = manifest_for(study), data_report(study.name)
        if manifest is not None and report is not None:
            return manifest, report
    with _progress() as progress:
        loaded, report = load_data(study, location, progress)
    return loaded.manifest, report


def _count_tables(
    manifest: pd.DataFrame, info: DatasetInfo
) -> Iterator[tuple[str, Table]]:
    """One title and table a task: images of each class or bin in each split."""
    import pandas as pd

    from core.data.manifest import SPLITS, TRAINING

    for task in info.tasks:
        if task.kind == "regression":
            names: tuple[str, ...] = task.bin_labels
            classes = pd.Series(task.bin_of(manifest[task.name]), manifest.index)
            classes = classes.map(dict(enumerate(names)))
        else:
            names, classes = task.classes, manifest[task.name]
        counts = pd.crosstab(classes, manifest["split"])
        counts = counts.reindex(index=list(names), columns=list(SPLITS), fill_value=0)
        largest, smallest = counts[TRAINING].max(), counts[TRAINING].min()
        ratio = f"{largest / smallest:.1f}" if smallest else "a class is empty"
        table = Table(escape(task.label), *SPLITS, box=None)
        for column in table.columns[1:]:
            column.justify = "right"
        for label, row in counts.iterrows():
            table.add_row(escape(str(label)), *(f"{count:,}" for count in row))
        yield f"{task.label}: imbalance ratio {ratio} in training", table


def _report_table(report: dict[str, Any]) -> Table:
    """The report as lines of key and value, nested keys joined by a dot."""
    table = Table("Report", "", box=None)
    for key, value in _flatten(report):
        table.add_row(escape(key.replace("_", " ")), escape(value))
    return table


def _flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flatten(part, f"{prefix} · {key}" if prefix else str(key))
    elif isinstance(value, list | tuple):
        shown = ", ".join(map(str, value[:8])) + (" …" if len(value) > 8 else "")
        yield prefix, f"{len(value):,}: {shown}" if value else "none"
    elif isinstance(value, float):
        yield prefix, f"{value:,.4g}"
    elif isinstance(value, int) and not isinstance(value, bool):
        yield prefix, f"{value:,}"
    else:
        yield prefix, str(value)


def _against_note(method: str, study: Study) -> str:
    label = study.methods[method].label if method in study.methods else method
    return (
        f"Compared with {label} ({method}), in place of the study's baseline "
        f"({study.baseline})."
    )


def _compare(
    name: str, asked: Sequence[str], against: str | None = None
) -> tuple[Comparison, pd.DataFrame, Study, DatasetInfo]:
    """Compare the runs of a study on the test split, by the metrics asked for too.

    With the study's baseline, or with another method. The second is what each of
    these runs cost.
    """
    from core.data.catalog import dataset_of
    from core.data.manifest import TEST, TRAINING
    from core.evaluation.classification import training_counts
    from core.evaluation.compare import compare
    from core.evaluation.cost import run_costs
    from core.evaluation.metrics import further_keys, top_k
    from core.runs import list_runs, shipped_manifest, study_of_runs, training_keys

    study = study_of_runs(name)
    listing = list_runs(study.name)
    _warn_of(listing.problems)
    info = dataset_of(study, shipped_manifest, needed=True)
    tables = {}
    for run in listing.runs:
        try:
            table = run.predictions()
        except RunError as error:
            _warn_of([str(error)])
        else:
            tables[run.method, run.seed] = table[table["split"] == TEST]
    present = dict.fromkeys(method for method, _ in tables)
    if against is not None and against not in present:
        raise StudyError(
            f"There is no run of a method '{against}' in study '{study.name}'.",
            expected=f"one of {', '.join(present) or 'none yet'}.",
            remedy="correct --against, or train that method.",
        )
    if against is None and study.baseline not in present:
        raise StudyError(
            f"The baseline '{study.baseline}' of study '{study.name}' has no run.",
            expected="at least one run of the baseline to compare with.",
            remedy=f"train it: equipoise train {study.name} --method {study.baseline}.",
        )
    manifest = shipped_manifest(study.name)
    rows = None if manifest is None else manifest[manifest["split"] == TRAINING]
    comparison = compare(
        tables,
        info.tasks,
        against or study.baseline,
        training_counts=training_counts(rows, info.tasks),
        further=[
            *(key for key in asked if top_k(key.rpartition(".")[2])),
            *further_keys(info.tasks, study.headline),
        ],
        trainings=training_keys(listing.runs),
    )
    compared = [run for run in listing.runs if (run.method, run.seed) in tables]
    return comparison, run_costs(compared), study, info


def _cost_notes(per_run: pd.DataFrame, study: Study) -> Iterator[str]:
    """What a reader should know of the budgets and the times."""
    from core.evaluation.cost import (
        COSTS,
        budget_note,
        machine_note,
        mixed_runs_note,
        widest_spread,
    )

    labels = {name: name for name in study.methods}
    yield from filter(
        None, (mixed_runs_note(per_run, labels), budget_note(per_run, labels))
    )
    yield machine_note(per_run, labels)
    for key in ("training_seconds", "inference_ms"):
        if spread := widest_spread(per_run, COSTS[key]):
            yield spread.sentence()


def _print_cost(costs: pd.DataFrame, study: Study) -> None:
    """Every cost of every method, and what all methods share."""
    from core.report import cost_text

    shown, shared = cost_text(costs, study)
    board = Table(title="What each method costs", title_justify="left")
    for heading in shown.columns:
        board.add_column(
            heading,
            justify="left" if heading == "Method" else "right",
            overflow="fold",
        )
    for row in shown.to_numpy().tolist():
        board.add_row(*map(escape, row))
    out = _out()
    out.print()
    out.print(board)
    out.print(escape(shared), style="dim")


def _metrics_to_show(
    table: pd.DataFrame,
    asked: Sequence[str] | None,
    study: Study,
    tasks: Sequence[Task],
) -> list[str]:
    """The metrics asked for, or the study's headline, or the first of each task."""
    from core.evaluation.metrics import headline_keys, unknown_metric

    known = dict.fromkeys(table["metric"])
    for metric in asked or ():
        if metric not in known:
            raise unknown_metric(metric, known, study=f"study '{study.name}'")
    if asked:
        return list(asked)
    own = _headline(table, study, tasks)
    return own or [headline_keys((task,))[0] for task in tasks]


def _headline(table: pd.DataFrame, study: Study, tasks: Sequence[Task]) -> list[str]:
    """The study's own headline; what its comparison does not have is warned of.

    There is no accuracy of a shot group without classes in it, and no top-k accuracy
    of more classes than there are.
    """
    from core.evaluation.metrics import headline_keys

    if not study.headline:
        return []
    keys, known = headline_keys(tasks, study.headline), set(table["metric"])
    _warn_of(
        [
            f"the headline '{key}', which this comparison of study '{study.name}' does "
            "not have; take it out of `headline` in the study's file."
            for key in keys
            if key not in known
        ]
    )
    return [key for key in keys if key in known]


def _leaderboard(
    table: pd.DataFrame,
    keys: Sequence[str],
    cost: dict[str, dict[str, float]],
    study: Study,
    dataset: DatasetInfo,
) -> Table:
    """Methods as rows, in the study's order; metrics and costs as columns."""
    from core.evaluation.metrics import metric_info

    board = Table("Method", title=escape(study.title), title_justify="left")
    infos = [metric_info(key, dataset.tasks) for key in keys]
    for info in infos:
        unit = f" ({info.unit})" if info.unit else ""
        board.add_column(escape(info.label + unit), justify="right")
    for heading in ("Parameters", "Training s", "Inference ms"):
        board.add_column(heading, justify="right")
    rows = {(row["method"], row["metric"]): row for _, row in table.iterrows()}
    present = list(dict.fromkeys(table["method"]))
    order = [m for m in study.methods if m in present]
    for method in (*order, *(m for m in present if m not in order)):
        spent = cost.get(method, {})
        board.add_row(
            escape(method),
            *(_cell(rows.get((method, info.key)), info) for info in infos),
            _number(spent.get("parameters"), 0),
            _number(spent.get("training_seconds"), 0),
            _number(spent.get("inference_ms"), 2),
            end_section=True,
        )
    return board


def _cell(row: pd.Series | None, info: MetricInfo) -> str:
    """Mean, spread and interval; below, the difference to the baseline."""
    if row is None:
        return "-"

    def write(name: str, *, sign: bool = False) -> str:
        return _number(row[name] * info.factor, info.digits, sign=sign)

    spread = f" ± {write('sd')}" if row["sd"] == row["sd"] else ""
    lines = [write("mean") + spread, f"{write('low')} to {write('high')}"]
    verdict = str(row["verdict"])
    if verdict == "baseline":
        lines.append("baseline")
    else:
        delta, low, high = (
            write(name, sign=True) for name in ("delta", "delta_low", "delta_high")
        )
        style = {"better": "green", "worse": "red"}.get(verdict, "dim")
        lines.append(f"{delta} ({low} to {high})")
        lines.append(f"[{style}]{verdict}[/{style}]")
    return "\n".join(lines)


def _print_published(theirs: pd.DataFrame, study: Study, dataset: DatasetInfo) -> None:
    """Ours beside the published numbers, with sources and what may not be concluded."""
    from core.report import PUBLISHED_NOTE, published_text

    shown, sources = published_text(theirs, dataset.tasks, {})
    board = Table(title="Ours beside the published numbers", title_justify="left")
    for heading in shown.columns:
        is_text = heading in ("Method", "Metric", "Source")
        board.add_column(heading, justify="left" if is_text else "right")
    for row in shown.to_numpy().tolist():
        board.add_row(*map(escape, row))
    out = _out()
    out.print()
    out.print(board)
    for number, source in enumerate(sources, start=1):
        out.print(escape(f"{number}: {source}"))
    out.print(escape(" ".join(filter(None, (PUBLISHED_NOTE, study.notice)))))


def _number(value: Any, digits: int, *, sign: bool = False) -> str:
    if value is None or value != value:
        return "-"
    return f"{value:{'+' if sign else ''},.{digits}f}"


def _answer(
    photos: Sequence[Path], runs: Sequence[Run], info: DatasetInfo, aligned: bool
) -> list[PhotoResult]:
    """Answer photo by photo; one that fails carries its fault and stops no other."""
    from core.faces import FaceDetector
    from core.predictor import Predictor, predict_photo

    _load_engine()
    with _progress() as progress:
        progress("Loading models", 0, 1)
        predictor = Predictor.load(runs, info.tasks)
        detector = None if aligned else FaceDetector()
        progress("Loading models", 1, 1)
        results = []
        for done, photo in enumerate(photos, start=1):
            results.append(predict_photo(photo, predictor, detector, aligned=aligned))
            progress("Answering photos", done, len(photos))
    _warn_of(predictor.problems)
    return results


def _print_answers(
    results: Sequence[PhotoResult], info: DatasetInfo, hidden: Set[str]
) -> None:
    """A table a face or photo, methods as rows; the faults of photos to stderr."""
    out = _out()
    tasks = [task for task in info.tasks if task.name not in hidden]
    for result in results:
        if result.fault:
            _say(result.fault)
        for face in result.faces:
            of_face = f", face {face.number}" if info.of_faces else ""
            title = f"{result.photo}{of_face}"
            out.print(_answer_table(title, face, tasks))
            if face.warning:
                out.print(face.warning, style="yellow", markup=False)
    notices = [info.opt_in[task.name] for task in tasks if task.name in info.opt_in]
    for notice in (*notices, info.notice):
        out.print(escape(notice), style="dim")


def _answer_table(title: str, face: FaceAnswers, tasks: Sequence[Task]) -> Table:
    headings = (escape(task.label) for task in tasks)
    table = Table("Method", *headings, title=escape(title), title_justify="left")
    for method, answers in face.answers.items():
        cells = []
        for task in tasks:
            value = answers[task.name].as_json()
            if isinstance(value, dict):
                cells.append(f"{value['label']} ({value['probability']:.0%})")
            else:
                cells.append(f"{value:.1f} {getattr(task, 'unit', '')}")
        table.add_row(escape(method), *map(escape, cells))
    return table


def _print_verification(result: Verification) -> None:
    """A table of methods, and beneath it what failed."""
    out = _out()
    headings = ("Method", "In the file", "Cases", "Worst / tolerance", "Worst")
    table = Table(*headings, "Tolerance", "Result", box=None)
    for column in table.columns[2:5]:
        column.justify = "right"
    for part in result.methods:
        table.add_row(*_verified_row(part))
    out.print(table)
    for part in result.methods:
        for why in part.reasons:
            line = f"{part.method}: the tolerance is its cases' own: {why}"
            out.print(line, style="dim", markup=False, highlight=False)
    failures = [failure for part in result.methods for failure in part.failures]
    for failure in failures:
        if failure.problem:
            line = f"{failure.case.id}: {failure.problem}"
            out.print(line, style="red", markup=False, highlight=False)
    if any(not check.passed for failure in failures for check in failure.checks):
        out.print()
        out.print(_failure_table(failures))
    total = sum(len(part.cases) for part in result.methods)
    passed = total - len(failures)
    out.print(
        f"{passed} of {total} cases pass on {result.backend}, in {result.dtype}.",
        style="dim",
    )


def _verified_row(part: MethodResult) -> Iterator[str]:
    check, tolerance = part.worst or (None, None)
    yield ", ".join(part.entries) or "-"
    yield escape(part.method)
    yield str(len(part.cases))
    yield f"{check.share:.1e}" if check else "-"
    yield f"{part.worst_deviation:.1e}" if check else "-"
    yield str(tolerance) if tolerance else "-"
    if part.passed:
        yield "[green]passes[/green]"
    else:
        word = "fail" if part.implemented else "fail: no implementation"
        yield f"[red]{len(part.failures)} {word}[/red]"


def _failure_table(failures: Iterable[CaseResult]) -> Table:
    """A row for each field that deviates, at its worst place."""
    table = Table(
        "Case", "Field", "Expected", "Got", "Deviation", "Tolerance", box=None
    )
    for failure in failures:
        for check in failure.checks:
            if not check.passed:
                table.add_row(
                    escape(failure.case.id),
                    escape(check.field),
                    escape(_shown(check.expected)),
                    escape(_shown(check.got)),
                    f"{check.deviation:.1e}",
                    str(failure.tolerance),
                )
    return table


def _shown(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _load_engine() -> None:
    """Import Keras while nothing reaches stderr.

    TensorFlow greets there at any log level, from below Python. What goes wrong in
    the import is an exception, and is not lost.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, no path
            os.dup2(nowhere.fileno(), 2)
        import keras  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Progress bars on stderr: one a thing that is done, named by what it is."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_err()) as bars:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=of)
            bars.update(tasks[what], completed=done, total=of)

        yield report


def _out() -> Console:
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)


def _err() -> Console:
    return Console(stderr=True)


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(_without_nan(value), indent=2) + "\n")


def _without_nan(value: Any) -> Any:
    """JSON has no NaN: what could not be computed is null."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and value != value else value


def _warn_of(problems: Sequence[str]) -> None:
    for problem in problems:
        _err().print(f"Skipped: {problem}", style="yellow", markup=False)


def _say(error: EquipoiseError) -> None:
    lines = [error.problem]
    if error.expected:
        lines.append(f"Expected: {error.expected}")
    if error.remedy:
        lines.append(f"What to do: {error.remedy}")
    # Plain lines, unwrapped: a long path stays whole for copying.
    sys.stderr.write("\n".join(lines) + "\n")


def _say_interrupted(command: str | None) -> None:
    going_on = (
        " The same command with --resume goes on from the last finished epoch."
        if command == "train"
        else ""
    )
    sys.stderr.write(f"Stopped.{going_on}\n")


def _as_fault(error: OSError) -> EquipoiseError:
    place = f" at {error.filename}" if error.filename else ""
    return EquipoiseError(
        f"The system refused{place}: {error.strerror or error}.",
        expected="a place that can be read or written, with room on the disk.",
        remedy="mend that, then run the same command again.",
    )


if __name__ == "__main__":
    main()
