"""How far the answers for one photo move under harmless changes: table and sentence."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from core.language import gettext, ngettext
from core.plots.predict import Answers
from core.plots.stability import change_label
from core.tasks import Regression, Task
from core.text import listed, number, strong

# Change, then what the methods answer; the empty change is the photo itself.
Changed = Mapping[str, Answers]


def tabulate_moves(changed: Changed, tasks: Sequence[Task]) -> pd.DataFrame:
    """Every answer under every change, in long form: for a download.

    Returns
    -------
    DataFrame
        Columns change (empty for the photo as it is), method, task, answer and unit.
    """
    rows = [
        {
            "change": change,
            "method": method,
            "task": task.name,
            "answer": round(given[task.name].value, 2)
            if isinstance(task, Regression)
            else given[task.name].label,
            "unit": task.unit if isinstance(task, Regression) else "",
        }
        for task in tasks
        for change, answers in changed.items()
        for method, given in answers.items()
    ]
    return pd.DataFrame(rows, columns=["change", "method", "task", "answer", "unit"])


def describe_moves(
    table: pd.DataFrame, tasks: Sequence[Task], labels: Mapping[str, str]
) -> pd.DataFrame:
    """One row a method, in words: from where to where its answers go.

    Parameters
    ----------
    table : DataFrame
        From ``tabulate_moves``.
    tasks : sequence of Task
    labels : mapping of str
        What a reader sees for each method.

    Returns
    -------
    DataFrame
        Column "Method", as it is said, then one column a task, with marks.
    """
    methods = list(dict.fromkeys(table["method"]))
    shown = pd.DataFrame({gettext("Method"): [labels.get(m, m) for m in methods]})
    for task in tasks:
        said = [_answers_of(table, method, task) for method in methods]
        if isinstance(task, Regression):
            name = f"{gettext(task.label)} ({gettext(task.unit)})"
            shown[name] = [_range_in_words(values.astype(float)) for values in said]
        else:
            shown[gettext(task.label)] = [_counts_in_words(values) for values in said]
    return shown


def _answers_of(table: pd.DataFrame, method: str, task: Task) -> pd.Series:
    chosen = (table["method"] == method) & (table["task"] == task.name)
    return table.loc[chosen, "answer"]


def _range_in_words(values: pd.Series) -> str:
    span = gettext(
        "{low} to {high}", low=number(values.min(), 0), high=number(values.max(), 0)
    )
    return strong(span)


def _counts_in_words(values: pd.Series) -> str:
    counts = Counter(values)
    if len(counts) == 1:
        return gettext("{answer}, always", answer=strong(values.iloc[0]))
    return listed(
        [
            gettext("{answer} ({count} of {total})", answer=name, count=n, total=total)
            for total in (len(values),)
            for name, n in counts.most_common()
        ]
    )


def moves_takeaway(
    table: pd.DataFrame, tasks: Sequence[Task], labels: Mapping[str, str]
) -> str:
    """Whose answers move furthest on each task, for this photo.

    Parameters as for ``describe_moves``.
    """
    count = table["change"].nunique() - 1
    said = [
        ngettext(
            "This photo, under {count} harmless change:",
            "This photo, under {count} harmless changes:",
            count,
        )
    ]
    for task in tasks:
        own = table[table["task"] == task.name].groupby("method")["answer"]
        if isinstance(task, Regression):
            values = own.agg(lambda column: column.astype(float).max())
            spans = values - own.agg(lambda column: column.astype(float).min())
            most = str(spans.idxmax())
            said.append(
                gettext(
                    "{task} moves furthest for {method}, by {span} {unit}.",
                    task=gettext(task.label),
                    method=labels.get(most, most),
                    span=number(spans[most], 0),
                    unit=gettext(task.unit),
                )
            )
            continue
        flipped = [str(method) for method, n in own.nunique().items() if n > 1]
        names = listed([labels.get(method, method) for method in flipped])
        said.append(
            gettext(
                "{task} becomes another for {methods}.",
                task=gettext(task.label),
                methods=names,
            )
            if flipped
            else gettext("{task} stays the same.", task=gettext(task.label))
        )
    return " ".join(said)


def moves_note(changes: Sequence[str], left_out: Sequence[str], width: int) -> str:
    """Say how the photo was changed, and which changes were left out.

    Parameters
    ----------
    changes, left_out : sequence of str
        Names of ``CHANGES``.
    width : int
        Pixels below which a face is too small.
    """
    note = gettext(
        "The whole photo is changed, each time in one way: {changes}. The face is not "
        "looked for again.",
        changes=listed([change_label(change) for change in changes]),
    )
    if not left_out:
        return note
    left = gettext(
        "Left out, because the picture would be narrower than {width} px: {changes}.",
        width=str(width),
        changes=listed([change_label(change) for change in left_out]),
    )
    return f"{note} {left}"
