"""Views of a regression: error, bias and scatter by bin, and its intervals."""

import pandas as pd

from core.evaluation.comparison import Baseline
from core.language import N_, gettext
from core.plots import age as plots
from core.plots.classification import class_table, scores_by_part
from core.runs import Run, data_report
from core.study import Study
from core.tasks import Regression
from core.text import number
from core.views.answers import load_errors
from core.views.caching import cached
from core.views.drawing import Drawn, Numbers, draws, regression_of, share_width
from core.views.loads import compare_loaded, load_comparison, load_training_rows
from core.views.study_view import StudyView


@draws("age-error", N_("Error in each bin of a number"))
def draw_error_by_bin(view: StudyView, *, task: str = "") -> Drawn:
    """MAE of each method in each bin, over the histogram of the training images."""
    asked = regression_of(view, task)
    table = load_comparison(view).table
    scores = scores_by_part(table, asked.name, "mae", asked.bin_labels)
    scores = scores[scores["method"].isin(view.methods)]
    rows = load_training_rows(view.study.name)
    counts = None if rows is None else plots.count_by_bin(rows[asked.name], asked)
    floor = plots.noise_floor_of(data_report(view.study.name), asked)
    mean, unit = view.mean_text.capitalize(), gettext(asked.unit)
    if counts is None:
        title = gettext("{task}: error in each bin", task=gettext(asked.label))
        note = gettext("{mean} with 95 % interval.", mean=mean)
    else:
        title = gettext(
            "{task}: error in each bin, over the training images",
            task=gettext(asked.label),
        )
        note = gettext(
            "{mean} with 95 % interval; below, training images of each bin.", mean=mean
        )
    if floor is not None:
        noise = gettext(
            "The dashed line is the noise of the labels: two labels of one photo "
            "differ by {size} {unit} on average.",
            size=number(floor, 1),
            unit=unit,
        )
        note = f"{note} {noise}"
    figure = plots.plot_error_by_bin(
        scores, asked, counts, view.look, noise_floor=floor
    )
    return Drawn(
        title=title,
        name=f"{view.study.name}-{asked.name}-mae",
        takeaway=plots.error_takeaway(scores, counts, view.look, asked),
        figures={gettext(asked.label): figure},
        data=scores,
        note=note,
        numbers=Numbers(
            class_table(scores, asked.bin_labels, view.look, digits=2),
            gettext(
                "MAE ({unit}) of each bin: {mean}, 95 % interval, verdict.",
                unit=unit,
                mean=view.mean_text,
            ),
        ),
    )


@draws("age-bias", N_("Which way the error of a number leans, in each bin"))
def draw_bias_by_bin(view: StudyView, *, task: str = "") -> Drawn:
    """Mean signed error of each method in each bin."""
    asked = regression_of(view, task)
    scores = _bias_by_bin(asked, view.against, view.chosen_runs, view.study)
    return Drawn(
        title=gettext("{task}: which way the error leans", task=gettext(asked.label)),
        name=f"{view.study.name}-{asked.name}-bias",
        takeaway=plots.bias_takeaway(scores, view.look, asked),
        figures={
            gettext(asked.label): plots.plot_bias_by_bin(scores, asked, view.look)
        },
        data=scores,
        note=gettext(
            "Above zero is predicted too high. {mean}; bars are 95 % intervals over "
            "the test images.",
            mean=view.mean_text.capitalize(),
        ),
    )


@draws("age-scatter", N_("Truth against prediction of a number"))
def draw_truth_prediction(view: StudyView, *, task: str = "") -> Drawn:
    """Truth against prediction, one figure a method."""
    asked = regression_of(view, task)
    answers = load_errors(view, asked).answers
    tables = {method: answers.table(method) for method in view.methods}
    images = len(tables[view.baseline])
    drawn = min(images, plots.MAXIMUM_POINTS)
    if drawn == images:
        note = gettext(
            "One point a test image ({images}), {mean}; the line joins the means of "
            "the bins, the dashes are perfect.",
            images=images,
            mean=view.mean_text,
        )
    else:
        note = gettext(
            "One point a test image ({images}, {drawn} of them drawn), {mean}; the "
            "line joins the means of the bins, the dashes are perfect.",
            images=images,
            drawn=drawn,
            mean=view.mean_text,
        )
    return Drawn(
        title=gettext("{task}: truth against prediction", task=gettext(asked.label)),
        name=f"{view.study.name}-{asked.name}-scatter",
        takeaway=plots.truth_prediction_takeaway(tables, view.look, asked),
        figures={
            view.labels[method]: plots.plot_truth_prediction(
                table, asked, view.styles[method], view.labels[method]
            )
            for method, table in tables.items()
        },
        data=pd.concat(tables, names=["method"]).reset_index(level=0),
        note=note,
        column_width=share_width(len(tables)),
    )


@cached(entries=32, outlives=True)
def _bias_by_bin(
    task: Regression, baseline: Baseline, runs: tuple[Run, ...], study: Study
) -> pd.DataFrame:
    by, metrics = [f"{task.name}_bin"], [f"{task.name}.bias"]
    return compare_loaded(baseline, runs, [task], study, by=by, metrics=metrics).groups
