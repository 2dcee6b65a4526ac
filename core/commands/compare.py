"""``equipoise compare``: a study's methods beside its baseline."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.commands.comparison import StudyRuns, headline_there, load_runs
from core.commands.comparison_tables import (
    cost_notes,
    print_cost,
    print_fairness,
    print_leaderboard,
    print_published,
    print_published_by_group,
)
from core.commands.console import print_dim, print_json
from core.commands.options import JsonOption, StudyArgument
from core.commands.studies import load_chosen_study
from core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

    from core.evaluation.compare import Comparison
    from core.evaluation.fairness import GroupComparison
    from core.evaluation.fairness_views import FairnessView
    from core.study import Study


@dataclass(frozen=True)
class _Answer:
    """All that is printed, as tables, Markdown or JSON.

    Parameters
    ----------
    runs : StudyRuns
    comparison : Comparison
    keys : list of str
        Metrics of the leaderboard.
    fairness : mapping of views to GroupComparison
    theirs, theirs_by_group : DataFrame
        What others published.
    per_run, costs : DataFrame
        Costs of each run and of each method.
    """

    runs: StudyRuns
    comparison: Comparison
    keys: list[str]
    fairness: dict[tuple[FairnessView, ...], GroupComparison]
    theirs: pd.DataFrame
    theirs_by_group: pd.DataFrame
    per_run: pd.DataFrame
    costs: pd.DataFrame

    @property
    def study(self) -> Study:
        return self.runs.study

    @property
    def labels(self) -> dict[str, str]:
        """What a reader sees for each method, in the order of the table."""
        from core.report import method_labels

        return method_labels(self.study, self.comparison.methods)

    @property
    def replaced(self) -> tuple[str, ...]:
        """That another method stands in place of the study's baseline, if one does."""
        own, baseline = self.study, self.comparison.baseline
        return () if baseline == own.baseline else (_against_note(baseline, own),)


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
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FEATURE",
            help="Show every group of this sensitive feature, or age_bin; given "
            "several times, the groups are their crossings.",
        ),
    ] = None,
    fairness: Annotated[
        bool | None,
        typer.Option(
            "--fairness/--no-fairness",
            help="What groups differ by. Printed unless told otherwise; in Markdown "
            "only with --fairness or --by.",
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

    Then what its groups differ by, if it has sensitive features. Numbers that others
    published stand below, labelled as theirs.
    """
    name = load_chosen_study(study).name if study.endswith(".toml") else study
    runs = load_runs(name)
    views = _views(runs, metric or (), by or (), fairness, as_markdown)
    asked = bool(fairness or by)
    answer = _gather(runs, metric or (), views, against, asked=asked)
    if as_json:
        print_json(_as_dict(answer))
    elif as_markdown:
        sys.stdout.write(_as_markdown(answer, with_cost, bool(by)) + "\n")
    else:
        _print_tables(answer, with_cost, bool(by))


def _views(
    runs: StudyRuns,
    metrics: Sequence[str],
    by: Sequence[str],
    fairness: bool | None,
    as_markdown: bool,
) -> tuple[FairnessView, ...]:
    """What is shown within groups; what contradicts itself is refused."""
    from core.evaluation.fairness_views import chosen_views, no_groups

    features = tuple(runs.info.sensitive_features)
    if fairness is False and by:
        raise StudyError(
            "--by asks for groups, and --no-fairness for none.",
            expected="one of the two.",
            remedy="leave one of them out.",
        )
    if fairness and not features:
        raise no_groups(runs.study)
    if fairness is None:
        fairness = bool(by) or not as_markdown
    if not fairness:
        return ()
    tasks = runs.info.tasks
    return chosen_views(runs.study, tasks, features, by=by, metrics=metrics)


def _gather(
    runs: StudyRuns,
    metrics: Sequence[str],
    views: Sequence[FairnessView],
    against: str | None,
    *,
    asked: bool,
) -> _Answer:
    """Compute what is asked for, whatever it is printed as."""
    from core.evaluation.cost import cost_table
    from core.evaluation.published import published_table
    from core.evaluation.published_by_group import (
        published_by_group_table,
        published_views,
    )

    study = runs.study
    comparison = runs.compare(metrics, against)
    within = {view.metric for view in views}
    keys = _metrics_to_show(comparison.table, metrics, within, runs)
    # Others' changes are to their own baseline, and so are ours beside them.
    own = comparison if against is None else runs.compare(metrics)
    theirs = published_views(study.published_by_group)
    beside = runs.compare_groups(theirs, against, asked=False)
    per_run = runs.costs()
    return _Answer(
        runs=runs,
        comparison=comparison,
        keys=keys,
        fairness=runs.compare_groups(views, against, asked=asked),
        theirs=published_table(study.published, own.table, study.baseline),
        theirs_by_group=published_by_group_table(
            study.published_by_group, beside.values()
        ),
        per_run=per_run,
        costs=cost_table(per_run),
    )


def _metrics_to_show(
    table: pd.DataFrame, asked: Sequence[str], within: set[str], runs: StudyRuns
) -> list[str]:
    """Metrics of the leaderboard: those asked for, or the headline, or the first ones.

    Some exist within groups alone.
    """
    from core.evaluation.metrics import headline_keys, unknown_metric

    known = dict.fromkeys(table["metric"])
    for metric in asked:
        if metric not in known and metric not in within:
            raise unknown_metric(metric, known, study=f"study '{runs.study.name}'")
    shown = [metric for metric in asked if metric in known]
    if shown:
        return shown
    own = headline_there(table, runs.study, runs.info.tasks)
    return own or [headline_keys((task,))[0] for task in runs.info.tasks]


def _as_dict(answer: _Answer) -> dict[str, Any]:
    from core.evaluation.cost import means_by_method, settings_by_method
    from core.evaluation.fairness_records import fairness_record
    from core.evaluation.published import published_records
    from core.evaluation.published_by_group import published_by_group_records

    cost, settings = means_by_method(answer.costs), settings_by_method(answer.costs)
    entries = answer.comparison.as_dict(answer.study.name, cost)
    for entry in entries["methods"]:
        entry["settings"] = settings[entry["name"]]
    return {
        **entries,
        "fairness": [
            fairness_record(one, answer.labels) for one in answer.fairness.values()
        ],
        "published": published_records(answer.theirs),
        "published_by_group": published_by_group_records(answer.theirs_by_group),
        "notice": answer.study.notice,
    }


def _as_markdown(answer: _Answer, with_cost: bool, with_groups: bool) -> str:
    from core.fairness_report import fairness_markdown, published_by_group_markdown
    from core.report import cost_markdown, markdown_table, published_markdown

    study, tasks = answer.study, answer.runs.info.tasks
    parts = [markdown_table(answer.comparison, study, tasks, answer.keys)]
    seeds = answer.comparison.seed_notes(answer.labels)
    parts.append(" ".join((*answer.replaced, *seeds)))
    if answer.fairness:
        parts.append(
            fairness_markdown(
                answer.fairness, study, tasks, with_groups=with_groups, said=seeds
            )
        )
    if with_cost:
        parts.append(cost_markdown(answer.costs, study))
    if not answer.theirs.empty:
        parts.append(published_markdown(answer.theirs, tasks, study))
    if not answer.theirs_by_group.empty:
        parts.append(published_by_group_markdown(answer.theirs_by_group, study, tasks))
    return "\n\n".join(filter(None, parts))


def _print_tables(answer: _Answer, with_cost: bool, with_groups: bool) -> None:
    comparison, study, info = answer.comparison, answer.study, answer.runs.info
    print_leaderboard(comparison, answer.keys, answer.costs, study, info)
    own = comparison.notes(answer.labels)[1:]
    for note in (*answer.replaced, *own, *cost_notes(answer.per_run, answer.labels)):
        print_dim(note)
    if answer.fairness:
        print_fairness(
            answer.fairness,
            study,
            info.tasks,
            with_groups=with_groups,
            said=comparison.notes(answer.labels),
        )
    if with_cost:
        print_cost(answer.costs, study)
    if not answer.theirs.empty:
        print_published(answer.theirs, study, info)
    if not answer.theirs_by_group.empty:
        print_published_by_group(answer.theirs_by_group, study, info)


def _against_note(method: str, study: Study) -> str:
    label = study.methods[method].label if method in study.methods else method
    return (
        f"Compared with {label} ({method}), in place of the study's baseline "
        f"({study.baseline})."
    )
