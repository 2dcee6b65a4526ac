"""Figures of the Predict page: answers worked out by hand, boxes found by colour."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageColor

from core.language import speaking
from core.plots import predict as plots
from core.plots.heat_map import plot_cells
from core.plots.look import Look, method_styles
from core.predictor import ClassificationAnswer, RegressionAnswer
from core.tasks import Binary, Regression
from core.text import strong, to_plain

AGE = Regression("age", "Age", "years", 1, 80, 10)
GENDER = Binary("gender", "Gender", ("male", "female"))
LABELS = {"base": "Base", "ins": "INS", "lmf": "LMF"}
LOOK = Look(tuple(LABELS), method_styles(tuple(LABELS), "base"), LABELS, "base")


def gender(probability):
    label = "female" if probability > 0.5 else "male"
    return ClassificationAnswer(
        label=label,
        probability=max(probability, 1 - probability),
        probabilities={"male": 1 - probability, "female": probability},
        sd=0.01,
    )


@pytest.fixture
def answers():
    return {
        "base": {"age": RegressionAnswer(31.0, 1.5), "gender": gender(0.9)},
        "ins": {"age": RegressionAnswer(38.2, None), "gender": gender(0.8)},
        "lmf": {"age": RegressionAnswer(45.0, 2.0), "gender": gender(0.3)},
    }


@pytest.fixture
def expected():
    rows = [
        ("base", "30-39", -6.0, 12.0, 50),
        ("base", "40-49", -9.0, 18.0, 40),
        ("ins", "30-39", -100.0, 100.0, 45),
        ("lmf", "40-49", np.nan, np.nan, 0),
    ]
    table = pd.DataFrame(rows, columns=["method", "bin", "low", "high", "n"])
    return {"age": table.astype({"bin": "category"})}


def test_values_get_the_interval_of_their_own_bin_within_the_range(answers, expected):
    table = plots.tabulate_values(answers, AGE, expected["age"])
    assert table["value"].tolist() == [31.0, 38.2, 45.0]
    assert table["low"].tolist()[:2] == [25.0, AGE.minimum]
    assert table["high"].tolist()[:2] == [43.0, AGE.maximum]
    assert np.isnan(table[["low", "high"]].iloc[2]).all()
    assert table["n"].tolist() == [50, 45, 0]
    assert np.isnan(table["sd"].iloc[1])


def test_sentence_on_values_names_the_ends(answers, expected):
    table = plots.tabulate_values(answers, AGE, expected["age"])
    sentence = plots.takeaway_values(table, AGE, LABELS, stands_out=True)
    assert to_plain(sentence) == (
        "Age: from 31 (Base) to 45 (LMF) years. The methods disagree, by 14 years."
        " In 90\xa0% of such answers of Base the truth is 25 to 43 years."
    )
    calm = plots.takeaway_values(table.iloc[:1], AGE, LABELS)
    assert calm == (
        "Age: Base answers 31 years. In 90\xa0% of such answers the truth is 25 to 43"
        " years."
    )
    unknown = plots.takeaway_values(table.iloc[2:], AGE, LABELS)
    assert unknown == "Age: LMF answers 45 years."
    same = plots.takeaway_values(table.assign(value=40.2), AGE, LABELS)
    assert same.startswith("Age: all methods answer 40 years")


def test_sentences_on_answers_are_said_in_french(answers, expected):
    table = plots.tabulate_values(answers, AGE, expected["age"])
    with speaking("fr"):
        said = plots.takeaway_values(table, AGE, LABELS, stands_out=True)
        figure = plots.plot_values(table, AGE, LOOK)
    assert to_plain(said) == (
        "Âge\xa0: de 31 (Base) à 45 (LMF) ans. Les méthodes sont en désaccord, de 14"
        " ans. Pour 90\xa0% de telles réponses de Base, la vérité va de 25 à 43 ans."
    )
    assert figure.layout.separators == ",\u202f"
    assert figure.layout.xaxis.title.text == "âge (ans)"


def test_value_chart_draws_error_bars_where_known(answers, expected):
    table = plots.tabulate_values(answers, AGE, expected["age"])
    figure = plots.plot_values(table, AGE, LOOK)
    assert [trace.x[0] for trace in figure.data] == [31.0, 38.2, 45.0]
    assert [trace.error_x.visible for trace in figure.data] == [True, True, False]
    bar = figure.data[0].error_x
    assert (bar.array[0], bar.arrayminus[0]) == (12.0, 6.0)


def test_probabilities_and_who_stands_apart(answers):
    table = plots.tabulate_probabilities(answers, GENDER)
    assert table.loc["lmf"].tolist() == pytest.approx([0.7, 0.3])
    sentence = plots.takeaway_probabilities(table, "Gender", LABELS)
    assert to_plain(sentence) == (
        "Gender: the methods disagree: 2 of 3 answer female, not LMF (male);"
        " probabilities 70 to 90\xa0%."
    )
    agreed = plots.takeaway_probabilities(table.iloc[:2], "Gender", LABELS)
    assert (
        agreed == "Gender: all methods answer female, with probability 80 to 90\xa0%."
    )


def test_probability_chart_writes_percent_and_marks_the_answer(answers):
    table = plots.tabulate_probabilities(answers, GENDER)
    figure = plots.plot_probabilities(table, "Gender", LABELS)
    texts = [note.text for note in figure.layout.annotations]
    assert texts == [
        "10\xa0%",
        "<b>90\xa0%</b>",
        "20\xa0%",
        "<b>80\xa0%</b>",
        "<b>70\xa0%</b>",
        "30\xa0%",
    ]


def test_many_classes_have_the_percent_sign_once():
    table = pd.DataFrame([[0.97, 0.02, 0.01, 0.0]], ["lmf"], list("abcd"))
    figure = plots.plot_probabilities(table, "Hair", LABELS)
    assert figure.layout.xaxis.title.text == "Hair (%)"
    texts = [note.text for note in figure.layout.annotations]
    assert texts == ["<b>97</b>", "2", "1", "0"]


def test_words_mark_the_odd_one_out(answers, expected):
    table = plots.describe_answers(answers, (AGE, GENDER), expected, LABELS)
    assert table["Method"].tolist() == ["Base", "INS", "LMF"]
    assert table["Age (years)"].tolist() == [
        f"{strong(31)} (25 to 43)",
        f"{strong(38)} ({AGE.minimum:.0f} to {AGE.maximum:.0f})",
        strong(45),
    ]
    assert table["Gender"].iloc[0] == f"{strong('female')} 90\N{NO-BREAK SPACE}%"
    assert f"≠ {strong('male')}" in table["Gender"].iloc[2]


def test_download_holds_every_answer(answers, expected):
    table = plots.tabulate_answers(answers, (AGE, GENDER), expected)
    assert len(table) == 6
    row = table[(table["method"] == "ins") & (table["task"] == "gender")].iloc[0]
    assert (row["answer"], row["probability"]) == ("female", pytest.approx(0.8))
    hidden = plots.tabulate_answers(answers, (AGE,), expected)
    assert set(hidden["task"]) == {"age"}


def test_boxes_are_drawn_where_they_are():
    photo = Image.new("RGB", (300, 200), "grey")
    shown = np.asarray(plots.draw_faces(photo, [(100, 60, 80, 90)]))
    orange = np.all(shown == ImageColor.getrgb(plots.BOX_COLOUR), axis=-1)
    rows, columns = np.nonzero(orange)
    assert columns.min() == pytest.approx(100, abs=2)
    assert columns.max() == pytest.approx(180, abs=2)
    assert rows.max() == pytest.approx(150, abs=2)
    assert np.asarray(photo).std() == 0, "the photo itself is not drawn on"


def test_large_photos_are_shown_smaller_with_boxes_in_place():
    photo = Image.new("RGB", (4800, 2400), "grey")
    shown = plots.draw_faces(photo, [(2400, 1200, 800, 800)])
    assert max(shown.size) == plots.SHOWN_SIDE
    orange = np.all(np.asarray(shown) == ImageColor.getrgb(plots.BOX_COLOUR), axis=-1)
    assert np.nonzero(orange)[1].min() == pytest.approx(600, abs=3)


@pytest.mark.parametrize("size", [(4000, 3), (3, 4000), (1000, 2), (1, 1)])
def test_a_strip_keeps_a_side_when_it_is_made_small(size):
    shown = plots.draw_faces(Image.new("RGB", size), [])
    wide, high = max(shown.size), min(shown.size)
    assert high * plots.LEAST_WIDTH >= wide


@pytest.mark.parametrize(
    "box", [(-50, -50, 20, 20), (290, 190, 100, 100), (5, 5, 0, 0)]
)
def test_boxes_over_the_edge_do_no_harm(box):
    assert plots.draw_faces(Image.new("RGB", (300, 200)), [box]).size == (300, 200)


def test_text_is_readable_on_every_shade():
    shades = np.linspace(0, 1, 101)[None]
    figure = plot_cells(
        shades,
        [["n"] * 101],
        rows=["row"],
        columns=[str(i) for i in range(101)],
        hover=[["n"] * 101],
        height=100,
    )
    scale = figure.data[0].colorscale
    for shade, note in zip(shades[0], figure.layout.annotations, strict=True):
        assert contrast(note.font.color, colour_at(scale, shade)) > 4.5


def colour_at(scale, shade):
    stops = [place for place, _ in scale]
    colours = np.array([ImageColor.getrgb(colour) for _, colour in scale])
    return tuple(np.interp(shade, stops, colours[:, i]) for i in range(3))


def contrast(text, background):
    """WCAG 2 contrast ratio."""
    light, dark = sorted(
        (luminance(ImageColor.getrgb(text)), luminance(background)), reverse=True
    )
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = np.asarray(colour[:3]) / 255
    linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_top_classes_are_the_most_probable_ones_of_all():
    names = [f"breed {i}" for i in range(120)]
    shares = pd.Series(np.full(120, 0.2 / 115), index=names)
    for place, share in ((7, 0.4), (100, 0.2), (3, 0.1), (50, 0.06), (119, 0.04)):
        shares.iloc[place] = share
    figure = plots.plot_top_classes(shares, title="INS", colour="#0072B2")
    (bars,) = figure.data
    assert list(bars.customdata) == [f"breed {i}" for i in (7, 100, 3, 50, 119)]
    assert list(bars.x) == pytest.approx([40, 20, 10, 6, 4])
    assert list(bars.text) == [
        "<b>40\xa0%</b>",
        "20\xa0%",
        "10\xa0%",
        "6\xa0%",
        "4\xa0%",
    ]
    assert bars.marker.color[0] == "#0072B2"
    assert set(bars.marker.color[1:]) == {"rgba(0, 114, 178, 0.45)"}
    assert "INS" in figure.layout.title.text


def test_long_names_are_shortened_and_said_whole_when_pointed_at():
    name = "American Staffordshire terrier, brindle"
    shares = pd.Series({name: 0.9, "pug": 0.1})
    figure = plots.plot_top_classes(shares, title="INS", colour="#0072B2")
    shown = figure.layout.yaxis.ticktext
    assert shown[0].endswith("…")
    assert name.startswith(shown[0][:-1])
    assert shown[1] == "pug"
    assert figure.data[0].customdata[0] == name


def test_a_tie_is_in_the_order_of_the_classes():
    shares = pd.Series({"cat": 0.5, "dog": 0.5, "bird": 0.0})
    figure = plots.plot_top_classes(shares, title="INS", colour="#0072B2", top=2)
    assert list(figure.data[0].customdata) == ["cat", "dog"]
