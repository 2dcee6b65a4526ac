"""``equipoise compare``: a study's methods beside its baseline."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.commands.console import print_json, stdout, warn_of
from core.commands.options import JsonOption, StudyArgument, refuse_without_effect
from core.commands.studies import load_chosen_study
from core.errors import EquipoiseError, StudyError

if TYPE_CHECKING:
    from core.evaluation.fairness_views import FairnessView
    from core.evaluation.slices import SliceSearch
    from core.results.study_document import StudyResults
    from core.results.study_runs import StudyRuns

SECTIONS = (
    *("leaderboard", "notes", "findings", "seeds", "differences"),
    *("fairness", "gaps", "slices", "cost", "published"),
)


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
            help="Gaps between groups. Printed by default; in Markdown "
            "only with --fairness or --by.",
        ),
    ] = None,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown.")
    ] = False,
    with_cost: Annotated[
        bool,
        typer.Option("--cost", help="Print every cost too; JSON always holds them."),
    ] = False,
    with_slices: Annotated[
        bool,
        typer.Option(
            "--slices",
            help="Search the groups of up to two features in which each method is"
            " worst.",
        ),
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD",
            help="Compare with this method, in place of the study's baseline.",
        ),
    ] = None,
    beside: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="OTHER",
            help="Set the methods beside those of another study that shares test "
            "images: each is compared with the same method there, unless --against "
            "names one for all, such as OTHER/METHOD.",
        ),
    ] = None,
    corrupted: Annotated[
        bool,
        typer.Option(
            "--corrupted",
            help="Compare on corrupted test images, which `equipoise robustness` "
            "measured; JSON holds every severity too.",
        ),
    ] = False,
    margin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=VALUE",
            help="Difference of a metric that does not matter, such as age.mae=0.5 or "
            "gender.accuracy=0.01; may be given several times.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help=f"Print only this part: {', '.join(SECTIONS)}; may be given several "
            "times.",
        ),
    ] = None,
) -> None:
    """Compare a study's methods with its baseline, on the test images.

    Then what follows from it in sentences, how many seeds would settle what is open,
    and what its groups differ by, if it has sensitive features. Numbers that others
    published stand below, labelled as theirs. With another study, what differs between
    the two stands there instead.
    """
    from core.results.study_runs import load_study_runs

    parts = _parts(only or (), as_json=as_json)
    if corrupted:
        refuse_without_effect(
            _given(
                **{"--with": beside, "--by": by, "--only": only, "--metric": metric},
                **{"--slices": with_slices, "--cost": with_cost},
                **{"--fairness": fairness is not None},
            ),
            expected="--corrupted with --against, --margin, --markdown or --json.",
        )
    runs = load_study_runs(
        _name(study), _margins(margin or ()), None if beside is None else _name(beside)
    )
    warn_of(runs.problems)
    if corrupted:
        _print_corrupted(runs, against, as_json=as_json, as_markdown=as_markdown)
        return
    views = _views(runs, metric or (), by or (), fairness, as_markdown)
    asked = bool(fairness or by)
    results = _gather(runs, metric or (), views, against, asked=asked)
    if with_slices or "slices" in parts:
        results = replace(results, slices=_slices(runs, against))
    _check_margins(runs, results)
    from core.results.study_document import build_document

    if as_json:
        print_json(_record(runs, results, metric or ()))
        return
    document = build_document(
        results,
        costs_beside_metrics=not as_markdown,
        with_cost=with_cost or "cost" in parts,
        with_groups=bool(by),
    )
    document = document.only(parts) if parts else document
    if as_markdown:
        from core.results.markdown import document_markdown

        sys.stdout.write(document_markdown(document) + "\n")
    else:
        from core.results.console import print_document

        print_document(document, stdout())


def _given(**options: object) -> list[str]:
    """Names of the options that were given."""
    return [name for name, value in options.items() if value]


def _print_corrupted(
    runs: StudyRuns, against: str | None, *, as_json: bool, as_markdown: bool
) -> None:
    """Print how the methods do on corrupted test images."""
    from core.results.corrupted import (
        compare_corrupted,
        corrupted_document,
        corrupted_record,
        read_corrupted,
        require_corrupted,
        robustness_keys,
    )
    from core.results.markdown import document_markdown

    study, tasks = runs.study, runs.info.tasks
    baseline = against or study.baseline
    answers = read_corrupted(runs.runs)
    require_corrupted(answers, study, baseline)
    warn_of([f"{run.name} was measured on other images." for run in answers.others])
    if as_json:
        print_json(corrupted_record(answers, study, tasks, baseline))
        return
    keys = robustness_keys(tasks)
    whole = compare_corrupted(answers, study, tasks, keys, baseline)
    document = corrupted_document(whole, runs.labels, keys, tasks)
    if as_markdown:
        sys.stdout.write(document_markdown(document) + "\n")
        return
    from core.results.console import print_document

    print_document(document, stdout())


def _name(study: str) -> str:
    return load_chosen_study(study).name if study.endswith(".toml") else study


def _gather(
    runs: StudyRuns,
    metrics: Sequence[str],
    views: Sequence[FairnessView],
    against: str | None,
    *,
    asked: bool,
) -> StudyResults:
    """Compute the requested results, for any form of output."""
    from core.results.study_document import study_results

    comparison = runs.compare(metrics, against)
    keys = runs.chosen(comparison, metrics, {view.metric for view in views})
    if not keys:
        keys, problems = runs.headline(comparison)
        warn_of(problems)
    _warn_unmeasured(runs, (*keys, *(view.metric for view in views)))
    fairness, errors = runs.compare_groups(views, against)
    if errors and asked:
        raise errors[0]
    warn_of([str(error) for error in errors])
    return study_results(runs, comparison, keys, fairness)


def _record(
    runs: StudyRuns, results: StudyResults, metrics: Sequence[str]
) -> dict[str, Any]:
    """Everything that is printed as JSON: results, and the views of predictions."""
    from core.results.calibrated import calibrated_records
    from core.results.changed import changes_record
    from core.results.curves import curve_records
    from core.results.study_document import results_record

    baseline = results.comparison.baseline
    curves = curve_records(runs, metrics, baseline)
    warn_of(runs.validation.problems)
    return {
        **results_record(results),
        **calibrated_records(runs, metrics),
        "changed": changes_record(runs, results.comparison),
        **({"curves": curves} if curves else {}),
    }


def _slices(runs: StudyRuns, against: str | None) -> dict[str, dict[str, SliceSearch]]:
    from core.commands.console import progress_bars
    from core.results.slices import study_slices

    with progress_bars() as progress:
        return study_slices(runs, against=against, progress=progress)


def _warn_unmeasured(runs: StudyRuns, keys: Sequence[str]) -> None:
    """Say of which methods it is not known how their answers move, if that is shown."""
    from core.evaluation.metrics import STABILITY, split_key

    if not any(split_key(key)[1] in STABILITY for key in keys):
        return
    tasks = runs.info.tasks
    unknown = dict.fromkeys(r.method for r in runs.runs if not r.has_stability(tasks))
    if unknown:
        warn_of(
            [
                f"the stability of {', '.join(unknown)}: not every run of it was "
                f"measured. `equipoise stability {runs.study.name}` does it where the "
                "models are, in your own store."
            ]
        )


def _views(
    runs: StudyRuns,
    metrics: Sequence[str],
    by: Sequence[str],
    fairness: bool | None,
    as_markdown: bool,
) -> tuple[FairnessView, ...]:
    """Views within groups; options that contradict each other are refused."""
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


def _parts(only: Sequence[str], *, as_json: bool) -> Sequence[str]:
    """The parts to print; one that does not exist is refused."""
    for part in only:
        if part not in SECTIONS:
            raise EquipoiseError(
                f"There is no part '{part}' to print.",
                expected=f"some of {', '.join(SECTIONS)}.",
                remedy="correct --only.",
            )
    if only and as_json:
        raise EquipoiseError(
            "--only would change nothing here.",
            expected="--only without --json, which always holds everything.",
            remedy="leave one of them out.",
        )
    return only


def _margins(given: Sequence[str]) -> dict[str, float]:
    """Read ``METRIC=VALUE``."""
    found = {}
    for text in given:
        key, sign, value = text.rpartition("=")
        try:
            size = float(value)
        except ValueError:
            size = math.nan
        if not (sign and key and 0 < size < math.inf):
            raise EquipoiseError(
                f"The margin '{text}' cannot be read.",
                expected="METRIC=VALUE with a value above 0, such as age.mae=0.5; of a"
                " share a number such as 0.01 for one point.",
                remedy="correct --margin.",
            )
        found[key.strip()] = size
    return found


def _check_margins(runs: StudyRuns, results: StudyResults) -> None:
    """Refuse a margin of a metric that is not compared."""
    from core.evaluation.metrics import unknown_metric

    known = dict.fromkeys(results.comparison.table["metric"])
    for key in runs.given_margins:
        if key not in known:
            raise unknown_metric(key, known, study=f"study '{runs.study.name}'")
