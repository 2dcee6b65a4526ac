"""Views of a classification: what they are asked for, and what they draw."""

import re

import numpy as np
import pytest

from core.errors import NothingToShow, ViewError
from core.language import speaking
from core.runs import list_runs
from core.views.catalog import draw_view
from core.views.confusions import with_clicks
from core.views.studies import open_study
from core.views.temperature_scaling import why_not_scaled
from core.views.top_k import usual_k


@pytest.fixture(scope="module")
def avatars():
    return open_study("avatars", methods=["ins"], seeds=[0])


@pytest.fixture(scope="module")
def hair(avatars):
    return next(task for task in avatars.tasks if task.name == "hair")


def _answers(method, task="hair"):
    (run,) = (r for r in list_runs("avatars").runs if (r.method, r.seed) == (method, 0))
    table = run.predictions()
    table = table[table["split"] == "test"]
    return table[f"{task}_true"].astype(str), table[f"{task}_pred"].astype(str)


def test_a_difference_is_of_the_shares_of_each_class(avatars, hair):
    drawn = draw_view("confusion-difference", avatars, {"task": "hair"})
    (figure,) = drawn.figures.values()
    shares = {}
    for method in ("baseline", "ins"):
        truth, said = _answers(method)
        shares[method] = [
            [np.mean(said[truth == one] == other) for other in hair.classes]
            for one in hair.classes
        ]
    expected = 100 * (np.array(shares["ins"]) - np.array(shares["baseline"]))
    np.testing.assert_allclose(np.array(figure.data[0].z), expected, atol=1e-9)


def test_matrices_are_of_the_method_that_is_named(avatars):
    both = draw_view("confusions", avatars, {"task": "hair"})
    assert len(both.figures) == 2
    three = open_study("avatars", seeds=[0])
    two = draw_view("confusions", three, {"task": "hair", "method": "ins"})
    labels = [three.labels[m] for m in ("baseline", "ins")]
    assert list(two.figures) == labels


def test_a_zoom_leaves_the_classes_from_one_to_another(avatars, hair):
    ends = (hair.classes[2], hair.classes[1])
    drawn = draw_view("confusions", avatars, {"task": "hair", "zoom": ends})
    cells = next(iter(drawn.figures.values())).data[0]
    assert tuple(cells.x) == tuple(cells.y) == hair.classes[1:3]


def test_cells_can_be_clicked_in_a_copy_that_says_so(avatars, hair):
    drawn = draw_view("confusions", avatars, {"task": "hair"})
    clicked = with_clicks(avatars, drawn)
    assert clicked is with_clicks(avatars, drawn)
    assert "Click a cell" in clicked.note
    assert "Click a cell" not in drawn.note
    for before, after in zip(
        drawn.figures.values(), clicked.figures.values(), strict=True
    ):
        assert len(before.data) == 1
        assert len(after.data[1].x) == len(hair.classes) ** 2


def test_the_worst_pair_is_the_most_common_mistake_by_share(avatars):
    drawn = draw_view("worst-pairs", avatars, {"task": "hair", "method": "ins"})
    truth, said = _answers("ins")
    shares = {
        (one, other): np.mean(said[truth == one] == other)
        for one in set(truth)
        for other in set(said)
        if one != other
    }
    first = drawn.data[drawn.data["method"] == "ins"].iloc[0]
    assert first["share"] == pytest.approx(max(shares.values()))


def test_the_usual_k_is_marked_where_none_is_asked_for(avatars, hair):
    asked = draw_view("top-k", avatars, {"task": "hair", "k": usual_k(hair)})
    assert draw_view("top-k", avatars, {"task": "hair"}).takeaway == asked.takeaway
    other = draw_view("top-k", avatars, {"task": "hair", "k": 1})
    assert "the most probable class is right" in other.takeaway


def test_the_positive_class_stands_for_two(avatars):
    plain = draw_view("curves", avatars, {"task": "glasses", "kind": "pr"})
    asked = {"task": "glasses", "kind": "pr", "class_name": "glasses"}
    assert draw_view("curves", avatars, asked).takeaway == plain.takeaway
    other = draw_view("curves", avatars, {**asked, "class_name": "no glasses"})
    assert other.title.endswith("no glasses")
    assert other.takeaway != plain.takeaway


def test_temperatures_of_groups_are_of_the_feature_that_is_named(avatars):
    drawn = draw_view("group-temperatures", avatars, {"task": "hair", "by": "group"})
    groups = {name for name in drawn.data["group"] if name}
    assert groups == set("ABCD")
    assert [name[0] for name in drawn.numbers.frame.columns[1:]] == list("ABCD")


def test_all_shown_methods_are_scaled(avatars, hair):
    assert why_not_scaled(avatars, hair, "") == []
    drawn = draw_view("temperature-scaling", avatars, {"task": "hair"})
    assert list(drawn.figures) == [avatars.labels[m] for m in avatars.methods]


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("confusions", {"method": "nobody"}, "No method 'nobody' is shown"),
        ("confusions", {"show": "share"}, "cannot take 'share'"),
        ("confusions", {"zoom": ["bald"]}, "from one class to another"),
        ("confusions", {"zoom": ["bald", "blue"]}, "No class 'blue'"),
        ("worst-pairs", {"method": "lmf"}, "No method 'lmf' is shown"),
        ("class-scores", {"score": "auc"}, "cannot take 'auc'"),
        ("curves", {"class_name": "blue"}, "No class 'blue'"),
        ("curves", {"beside": "nobody"}, "No method 'nobody'"),
        ("temperature-scaling", {"by": "height"}, "No sensitive feature 'height'"),
        ("top-k", {"k": 9}, "no top-9 accuracy"),
    ],
)
def test_what_is_not_there_is_named(avatars, name, parameters, said):
    with pytest.raises(ViewError) as error:
        draw_view(name, avatars, {"task": "hair", **parameters})
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("name", "task", "said"),
    [
        ("confusion-difference", "hair", "Only the baseline is shown"),
        ("curve-differences", "hair", "No method .* beside the baseline"),
        ("top-k-differences", "hair", "No method .* beside the baseline"),
        ("top-k", "glasses", "has two"),
        ("class-scores", "glasses", "no Recall of their own"),
        ("whole-task", "age", "no classification task"),
    ],
)
def test_what_there_is_nothing_of_is_said(name, task, said):
    alone = open_study("avatars", methods=["baseline"], seeds=[0])
    score = {"score": "recall"} if name == "class-scores" else {}
    with pytest.raises(NothingToShow, match=said):
        draw_view(name, alone, {"task": task, **score})


@pytest.mark.parametrize(
    ("name", "title", "said"),
    [
        ("class-scores", "chaque classe", "Pour la référence, la classe la plus"),
        (
            "confusions",
            "quelle classe est prise pour quelle autre",
            "La confusion la plus fréquente",
        ),
        ("reliability", "quelle confiance", "a en moyenne une confiance de"),
        ("curves", "courbes ROC", "; au hasard"),
        ("top-k", "exactitude top-k", "la bonne classe est parmi les 2 plus"),
    ],
)
def test_a_view_is_drawn_in_the_language_that_is_spoken(avatars, name, title, said):
    english = draw_view(name, avatars, {"task": "hair"})
    with speaking("fr"):
        french = draw_view(name, avatars, {"task": "hair"})
    assert title in french.title
    assert said in french.takeaway
    assert re.search(r"\d,\d", french.takeaway) or name in ("confusions", "reliability")
    figures = french.figures.values()
    assert all(figure.layout.separators.startswith(",") for figure in figures)
    again = draw_view(name, avatars, {"task": "hair"})
    assert (again.title, again.takeaway) == (english.title, english.takeaway)
    assert title not in again.title


def test_a_heading_of_a_table_is_said_and_what_it_is_read_by_stays(avatars):
    with speaking("fr"):
        drawn = draw_view("class-scores", avatars, {"task": "hair"})
    assert next(iter(drawn.numbers.frame)) == "Méthode"
    assert {"method", "group", "mean"} <= set(drawn.data)
