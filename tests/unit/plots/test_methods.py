"""Figures and sentences of the Methods page, on tables of known content."""

import tomllib

import numpy as np
import pandas as pd
import pytest

from core.methods.entries import ENTRIES
from core.methods.registry import validate_parameters
from core.plots import methods as plots
from core.plots.look import Look, method_styles
from core.text import strong

NAMES = ("plain", "focused", "muting")
LOOK = Look(
    NAMES,
    method_styles(NAMES, "plain"),
    {"plain": "Plain", "focused": "Focused", "muting": "Muting"},
    "plain",
)
P = np.concatenate(
    [np.geomspace(1e-8, 0.1, 200, endpoint=False), np.arange(0.1, 1, 0.01)]
)


def tables():
    muted = -np.log(P) * P / (P + 1e-4)
    return {
        "plain": pd.DataFrame({"x": P, "loss": -np.log(P), "gradient": P - 1}),
        "focused": pd.DataFrame(
            {"x": P, "loss": -np.log(P) / 5, "gradient": (P - 1) / 5}
        ),
        "muting": pd.DataFrame({"x": P, "loss": muted, "gradient": 3 * (P - 1)}),
    }


def draw(value="loss", **options):
    given = {"defaults": {}, "num_classes": 4, "log_axis": True, **options}
    return plots.plot_by_probability(tables(), value, LOOK, **given)


def lines(figure):
    return {trace.name: trace for trace in figure.data if trace.mode == "lines"}


def test_curves_are_drawn_as_given():
    drawn = lines(draw("gradient"))
    assert list(drawn) == ["Plain", "Focused", "Muting"]
    np.testing.assert_array_equal(drawn["Focused"].y, (P - 1) / 5)
    assert drawn["Plain"].line.width > drawn["Focused"].line.width


def test_shapes_are_compared_by_their_highest():
    for trace in lines(draw(relative=True)).values():
        assert np.max(np.abs(trace.y)) == pytest.approx(1)


def test_an_even_axis_leaves_out_the_decades():
    figure = draw(log_axis=False)
    assert figure.layout.xaxis.type is None
    assert min(min(trace.x) for trace in lines(figure).values()) >= 0.005
    assert draw().layout.xaxis.type == "log"


def test_defaults_are_drawn_thin_and_dotted():
    figure = draw(defaults={"focused": tables()["plain"]})
    ghost = lines(figure)["Focused, default"]
    assert ghost.line.dash == "dot"
    assert not ghost.showlegend


def test_what_belongs_to_a_method_goes_with_its_name_in_the_legend():
    figure = draw(defaults={"focused": tables()["plain"]})
    groups = {trace.legendgroup: [] for trace in figure.data}
    for trace in figure.data:
        groups[trace.legendgroup].append(trace.name)
    assert groups["focused"] == ["Focused, default", "Focused"]
    assert groups["plain"] == ["Plain"]
    assert len(groups["muting"]) == 2, "its peak is marked"


def test_methods_with_another_head_are_said_to_be_drawn_apart():
    assert plots.heads_note({"logits": ["LMF", "Focal loss"]}) == ""
    assert plots.heads_note({"cosine": ["LDAM"]}) == ""
    said = plots.heads_note({"logits": ["LMF"], "cosine": ["LDAM", "Other"]})
    assert said.startswith("Drawn apart: LDAM and Other take cosines times a scale")


def test_guessing_is_marked():
    figure = draw(num_classes=10)
    assert figure.layout.annotations[0].text == "guessing: 1/10"
    assert figure.layout.annotations[0].x == pytest.approx(-1)


def test_a_peak_is_found_between_the_points():
    # -ln p times p / (p + a) is highest where p + a (1 + ln p) = 0.
    peak = plots.peak_of(tables()["muting"])
    assert peak + 1e-4 * (1 + np.log(peak)) == pytest.approx(0, abs=2e-6)
    assert plots.peak_of(tables()["plain"]) is None
    nothing = pd.DataFrame({"x": P, "loss": np.nan, "gradient": np.nan})
    assert plots.peak_of(nothing) is None


def test_the_sentence_names_peak_and_pull():
    peak = plots.peak_of(tables()["muting"])
    words = plots.probability_takeaway(
        tables(), LOOK, "plain", deltas={"muting": 1 / peak}, num_classes=2
    )
    assert f"{strong('Muting')} costs most near p = 6.4 × 10⁻⁴" in words
    assert "(1 / delta)" in words
    # What a loss is multiplied by says nothing of where it looks.
    assert "guessed (p = 0.5), one that is already right (p = 0.9) keeps" in words
    assert "20 % under Plain, 20 % under Focused and 20 % under Muting" in words


def test_a_pull_is_compared_by_its_shape():
    bent = pd.DataFrame({"x": P, "loss": -np.log(P), "gradient": -10 * (1 - P) ** 2})
    words = plots.probability_takeaway(
        {**tables(), "focused": bent}, LOOK, "plain", deltas={}, num_classes=2
    )
    # 0.01 of 0.25, against 0.1 of 0.5.
    assert "4 % under Focused (5.0 times less)" in words


def test_a_loss_that_is_drawn_alone_has_a_sentence():
    only = {"focused": tables()["focused"]}
    words = plots.probability_takeaway(only, LOOK, "plain", deltas={}, num_classes=2)
    assert words == (
        "Of the pull at an image that is guessed (p = 0.5), one that is already right "
        "(p = 0.9) keeps 20 % under Focused."
    )


def test_losses_by_error():
    errors = np.linspace(-30, 30, 61)
    given = {
        "plain": pd.DataFrame(
            {"x": errors, "loss": np.abs(errors), "gradient": np.sign(errors)}
        ),
        "focused": pd.DataFrame(
            {"x": errors, "loss": errors**2, "gradient": 2 * errors}
        ),
        "muting": pd.DataFrame(
            {"x": errors, "loss": (errors - 7) ** 2, "gradient": 2 * (errors - 7)}
        ),
    }
    words = plots.error_takeaway(given, LOOK, unit="years", true_value=60)
    assert "Plain pulls as hard at a large error as at a small one" in words
    assert "Focused pulls 10.0 times as hard at an error of 20 years" in words
    assert "Muting is lowest 7 years above the truth" in words


@pytest.mark.parametrize(
    ("value", "relative", "title"),
    [
        ("loss", False, "loss"),
        ("loss", True, "loss (share of its highest)"),
        ("gradient", False, "gradient (loss per year)"),
    ],
)
def test_axes_of_errors_say_their_units(value, relative, title):
    errors = np.linspace(-3, 3, 7)
    given = {
        "plain": pd.DataFrame(
            {"x": errors, "loss": np.abs(errors), "gradient": np.sign(errors)}
        )
    }
    figure = plots.plot_by_error(
        given, value, LOOK, defaults={}, unit="years", relative=relative
    )
    assert figure.layout.xaxis.title.text == "prediction − truth (years)"
    assert figure.layout.yaxis.title.text == title


def test_what_cosines_cannot_reach_is_said():
    nothing = pd.DataFrame({"x": P, "loss": np.nan, "gradient": np.nan})
    given = {"focused": nothing, "muting": nothing}
    words = plots.probability_takeaway(given, LOOK, "plain", deltas={}, num_classes=2)
    assert words == (
        "Focused and Muting cannot reach p = 0.9 at this scale: two cosines are at "
        "most 2 apart."
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.25, "0.25"),
        (0.9999, "0.9999"),
        (1e5, "10⁵"),
        (1.26e-5, "1.3 × 10⁻⁵"),
        (-2e7, "-2 × 10⁷"),
        (300, "300"),
    ],
)
def test_short_numbers(value, text):
    assert plots.short_number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.00123, "0.0012"), (-1.256, "−1.3"), (123.4, "120")]
)
def test_two_figures_with_a_real_minus(value, text):
    assert plots.two_figures(value) == text


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_the_snippet_is_toml_that_the_registry_takes(name):
    entry = ENTRIES[name]
    values = {p.name: p.default for p in entry.parameters}
    text = plots.toml_of(name, entry.label, "hair", values)
    method = tomllib.loads(text)["methods"][name]
    assert method["label"] == entry.label
    used = dict(method["use"][name])
    assert used.pop("on") == "hair"
    assert validate_parameters(entry, used) == values


def test_a_table_of_numbers_is_toml_too():
    text = plots.toml_of("w", "W", "group", {"weights": {"a b": 1.0, "c": 0.1}})
    used = tomllib.loads(text)["methods"]["w"]["use"]["w"]
    assert used == {"on": "group", "weights": {"a b": 1.0, "c": 0.1}}
