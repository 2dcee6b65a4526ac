"""Views by name: parameters are checked, and each is drawn once."""

import pandas as pd
import pytest

from core.errors import NothingToShow, StudyError, ViewError
from core.plots.highlight import is_highlighted
from core.report.print_figure import print_figure
from core.text import strong
from core.views.catalog import all_views, draw_view, view_named
from core.views.drawing import Drawn, Numbers, View, share_width
from core.views.studies import open_study
from core.views.study_view import StudyView
from tests.printed import check_numbers, check_texts

# They have every kind of task, few classes and many.
STUDIES = ("avatars", "avatars-softbio", "cifar10-lt-200")
# Views of what none of these has. The others shipped have some of it, and the tests of
# these views draw the rest.
ELSEWHERE = {
    *("published", "published-values", "published-in-numbers", "fairness-published"),
    *("search-trials", "search-importance", "search-table", "study-differences"),
    *("data-unreadable", "data-twins"),
}
OTHERS = ("utkface", "cifar10-transfer")
WIDTHS = ("two-columns", "slide", "one-column")


@pytest.fixture(scope="module")
def shipped() -> dict[tuple[str, str], Drawn | str]:
    """By study and view: every view of what is shipped, or why there is none."""

    def drawn_or_said(kind: View, view: StudyView) -> Drawn | str:
        try:
            return kind.draw(view)
        except NothingToShow as reason:
            return str(reason)

    found = {}
    for study in (*STUDIES, *OTHERS):
        view = open_study(study)
        for name, kind in all_views().items():
            if study in STUDIES or name in ELSEWHERE:
                found[study, name] = drawn_or_said(kind, view)
    return found


def test_every_view_draws_a_shipped_study_or_says_why_not(
    shipped: dict[tuple[str, str], Drawn | str],
) -> None:
    drawn = set()
    titles = {study: open_study(study).study.title for study in (*STUDIES, *OTHERS)}
    for (study, name), found in shipped.items():
        if isinstance(found, str):
            assert titles[study] in found, name
            continue
        assert found.view == name
        assert found.title
        assert found.takeaway
        assert found.figures or found.numbers is not None
        if study in STUDIES:
            drawn.add(name)
    assert drawn | ELSEWHERE == all_views().keys()


@pytest.mark.slow
def test_every_shipped_figure_prints_with_its_numbers(
    shipped: dict[tuple[str, str], Drawn | str],
) -> None:
    printed: set[str] = set()
    for (study, name), found in shipped.items():
        if name in printed or isinstance(found, str):
            continue
        # Of many alike, such as a matrix a method, one is enough.
        figure = next(iter(found.figures.values()), None)
        if figure is None:
            continue
        # Each is printed at one width, as many at one as at another.
        width = WIDTHS[len(printed) % len(WIDTHS)]
        try:
            paper = print_figure(figure, width=width)
            check_numbers(figure, paper)
            check_texts(paper)
        except AssertionError as error:
            raise AssertionError(f"{name} of {study} as {width}: {error}") from error
        printed.add(name)
    assert len(printed) >= 40


def test_the_same_view_is_drawn_once() -> None:
    first = draw_view("age-error", open_study("avatars"), {"task": "age"})
    again = draw_view("age-error", open_study("avatars"), {"task": "age"})
    assert again.figures is first.figures
    other = open_study("avatars", methods=["ins"])
    drawn = draw_view("age-error", other, {"task": "age"})
    assert drawn.figures is not first.figures
    assert drawn.of is other


def test_a_figure_is_finished_with_title_and_highlight() -> None:
    drawn = draw_view("age-error", open_study("avatars"), {})
    (figure,) = drawn.figures.values()
    assert drawn.title in figure.layout.title.text
    assert is_highlighted(figure)
    assert "dim the others" in drawn.note


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("age-eror", {}, "write 'age-error'"),
        ("age-error", {"tsk": "age"}, "no parameter 'tsk'"),
        ("age-error", {"task": 3}, "cannot take 3 as its parameter 'task'"),
    ],
)
def test_what_is_not_there_is_named(
    name: str, parameters: dict[str, object], said: str
) -> None:
    with pytest.raises(ViewError) as error:
        draw_view(name, open_study("avatars"), parameters)
    assert said in str(error.value)


def test_a_task_that_the_study_does_not_have_is_named() -> None:
    with pytest.raises(NothingToShow, match="no task that predicts a number"):
        draw_view("age-error", open_study("avatars"), {"task": "hair"})


def test_methods_and_seeds_that_are_not_there_are_named() -> None:
    with pytest.raises(StudyError, match="no run of the method nobody"):
        open_study("avatars", methods=["nobody"])
    with pytest.raises(StudyError, match="no run of the seed 99"):
        open_study("avatars", seeds=[99])


def test_the_baseline_is_always_among_the_methods() -> None:
    view = open_study("avatars", methods=["ins"], seeds=[0])
    assert view.methods == ("baseline", "ins")
    assert view.seeds == (0,)
    assert {run.seed for run in view.runs} == {0}


def test_a_view_has_its_defaults() -> None:
    assert view_named("age-intervals").defaults["task"] == ""


def test_a_table_is_written_in_markdown_once() -> None:
    frame = pd.DataFrame({"a_b": [strong("x*y"), 3, None]})
    numbers = Numbers(frame, "Three cells.")
    shown = numbers.in_markdown
    assert list(shown.columns) == ["a_b"]
    assert list(shown["a_b"]) == ["**x\\*y**", 3, None]
    assert numbers.in_markdown is shown
    assert frame["a_b"][0] == strong("x*y")


def test_two_or_three_figures_share_the_width_of_a_page():
    assert [share_width(figures, 300) for figures in (2, 3)] == [480, 330]
    assert [share_width(figures, 300) for figures in (1, 4, 11)] == [300] * 3
