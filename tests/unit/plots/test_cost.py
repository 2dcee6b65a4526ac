"""Cost: figures, sentences and tables from points written by hand."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.evaluation.cost import COSTS, Spread, cost_table, run_costs
from core.evaluation.metrics import metric_info
from core.evaluation.pareto import Step, cost_points
from core.plots import cost as plots
from core.plots.look import INK, MARKERS, Look, method_styles
from core.text import NO_BREAK
from tests import comparisons
from tests.records import record

METHODS = ("baseline", "ins", "lmf", "vit")
LABELS = {"baseline": "Baseline", "ins": "INS", "lmf": "LMF", "vit": "ViT"}
LOOK = Look(METHODS, method_styles(METHODS, "baseline"), LABELS, "baseline")
MAE, BIAS = metric_info("age.mae"), metric_info("age.bias")
ERROR, F1 = metric_info("label.error_rate"), metric_info("label.macro_f1")
TIME, SPEED = COSTS["training_seconds"], COSTS["images_per_second"]
SPREAD = Spread("cnn at 64 px", 4, 1.0, 3.0, COSTS["inference_ms"])
NO_SEEDS = pd.DataFrame(columns=["method", "seed", "cost", "value"])


def comparison_of(metric, means, verdicts=None, width=0.5):
    """A comparison whose one metric has these means, in two seeds each."""
    rows = [
        {"method": m, "metric": metric.key, "mean": v, "low": v - width}
        | {"high": v + width, "verdict": (verdicts or {}).get(m, "inconclusive")}
        for m, v in means.items()
    ]
    index = pd.MultiIndex.from_product([means, (0, 1)], names=["method", "seed"])
    runs = pd.DataFrame({metric.key: 0.0}, index=index)
    for method, mean in means.items():
        runs.loc[(method, 0), metric.key] = mean - 0.1
        runs.loc[(method, 1), metric.key] = mean + 0.1
    return comparisons.comparison_of(rows, seeds=(0, 1), runs=runs)


def points_of(means, spent, metric=MAE, cost=TIME, verdicts=None):
    key = {"training_seconds": "duration_s"}.get(cost.key, cost.key)
    rows = run_costs([record(m, **{key: v}) for m, v in spent.items()])
    comparison = comparison_of(metric, means, verdicts)
    return cost_points(comparison, cost_table(rows), metric, cost, tuple(means))


@pytest.fixture
def points():
    """LMF is dearer than the baseline and worse; the others are on the front."""
    means = {"baseline": 9.0, "ins": 8.0, "lmf": 9.5, "vit": 7.0}
    return points_of(means, {"baseline": 100, "ins": 200, "lmf": 150, "vit": 400})


def step(cheaper="baseline", dearer="vit", verdict="better", ratio=4.0, **numbers):
    numbers = {"delta": -2.0, "low": -3.0, "high": -1.0, "p": 0.001} | numbers
    return Step(cheaper, dearer, ratio, verdict=verdict, **numbers)


def draw(points, metric=MAE, cost=TIME, seeds=NO_SEEDS, **options):
    return plots.plot_cost(points, seeds, metric, cost, LOOK, **options)


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def test_front_is_numbered_from_the_cheapest(points):
    assert plots.front_signs(points) == {"baseline": "①", "ins": "②", "vit": "③"}
    assert plots.place_sign(20) == "⑳"
    assert plots.place_sign(21) == "(21)"


def test_each_method_stands_at_its_cost_with_its_interval(points):
    drawn = traces(draw(points))
    assert set(drawn) == {"Front", "① Baseline", "② INS", "③ ViT", "<b>a</b> LMF"}
    vit = drawn["③ ViT"]
    assert (vit.x[0], vit.y[0]) == (400, 7.0)
    assert vit.error_y.array[0] == vit.error_y.arrayminus[0] == 0.5
    assert vit.marker.line.color == INK
    assert drawn["<b>a</b> LMF"].marker.line.color is None


def test_the_front_is_a_staircase_through_its_members(points):
    front = traces(draw(points))["Front"]
    assert front.x.tolist() == [100, 200, 400]
    assert front.y.tolist() == [9.0, 8.0, 7.0]
    assert front.line.shape == "hv"


def test_letters_of_marks_in_nearly_one_place_stand_on_either_side():
    means = {"baseline": 9.0, "ins": 9.02, "lmf": 9.5, "vit": 7.0}
    near = points_of(means, {"baseline": 301, "ins": 300, "lmf": 400, "vit": 100})
    letters = draw(near).layout.annotations[1:]
    assert [note.text for note in letters] == ["<b>a</b>", "<b>b</b>", "<b>c</b>"]
    assert [note.y for note in letters] == [9.02, 9.0, 9.5]
    assert [note.xshift for note in letters] == [-14, 14, 14]


def test_signs_lie_in_the_corner_that_is_empty(points):
    *notes, letter = draw(points).layout.annotations
    assert [note.text for note in notes] == ["<b>①</b>", "<b>②</b>", "<b>③</b>"]
    assert all(note.xshift < 0 and note.yshift < 0 for note in notes)
    # What is beside the front has a letter, on the other side of its mark.
    assert (letter.text, letter.y) == ("<b>a</b>", points["mean"]["lmf"])
    assert letter.xshift > 0
    assert letter.yshift > 0
    up = points_of({"baseline": 0.5, "ins": 0.6}, {"baseline": 1, "ins": 2}, F1)
    assert all(note.yshift > 0 for note in draw(up, F1).layout.annotations)
    fast = points_of(
        {"baseline": 9.0, "ins": 8.0}, {"baseline": 500, "ins": 200}, cost=SPEED
    )
    figure = draw(fast, cost=SPEED)
    assert all(note.xshift > 0 for note in figure.layout.annotations)
    assert figure.layout.xaxis.title.text.endswith("cheaper ▶")


def test_axes_say_unit_and_the_better_side(points):
    layout = draw(points).layout
    assert layout.xaxis.title.text == "Training time (s)<br>◀ cheaper"
    assert layout.yaxis.title.text == "Age MAE (years)<br>better when lower"


def test_a_logarithmic_axis_has_the_signs_at_the_same_costs(points):
    figure = draw(points, logarithmic=True)
    assert figure.layout.xaxis.type == "log"
    drawn = traces(figure)
    assert drawn["③ ViT"].x[0] == pytest.approx(400)
    assert drawn["Front"].x == pytest.approx([100, 200, 400])
    assert figure.layout.annotations[2].x == pytest.approx(np.log10(400))


def test_seeds_are_small_dots_where_there_are_several(points):
    means = dict(points["mean"])
    rows = [
        record(m, seed, duration_s=points["cost"][m] + 10 * seed)
        for m in means
        for seed in ((0, 1) if m != "vit" else (0,))
    ]
    seeds = plots.seed_points(comparison_of(MAE, means), run_costs(rows), MAE, TIME)
    assert sorted(seeds["method"].unique()) == ["baseline", "ins", "lmf"]
    dots = traces(draw(points, seeds=seeds))["Single seeds"]
    assert dots.marker.size == 7
    assert len(dots.x) == 6
    assert "Baseline</b>, seed 1" in "".join(dots.hovertemplate)
    own = seeds[seeds["method"] == "ins"]
    assert own["value"].tolist() == pytest.approx([7.9, 8.1])
    assert own["cost"].tolist() == [200, 210]


def test_a_share_in_per_cent_is_drawn_so():
    means = {"baseline": 0.30, "ins": 0.25}
    points = points_of(means, {"baseline": 1, "ins": 2}, ERROR)
    figure = draw(points, ERROR)
    assert traces(figure)["② INS"].y[0] == pytest.approx(25)
    assert "(%)" in figure.layout.yaxis.title.text


def test_a_bias_is_drawn_by_its_size():
    means = {"baseline": -2.0, "ins": 0.2}
    points = points_of(means, {"baseline": 1, "ins": 2}, BIAS)
    figure = draw(points, BIAS)
    baseline, ins = traces(figure)["① Baseline"], traces(figure)["② INS"]
    assert baseline.y[0] == 2.0
    assert baseline.error_y.array[0] == pytest.approx(0.5)
    # -0.3 to 0.7 crosses zero: as sizes, 0 to 0.7.
    assert ins.y[0] - ins.error_y.arrayminus[0] == pytest.approx(0)
    assert ins.y[0] + ins.error_y.array[0] == pytest.approx(0.7)
    assert "without sign" in figure.layout.yaxis.title.text


def test_equal_costs_stand_side_by_side_the_best_first():
    means = {"baseline": 9.0, "ins": 8.0, "lmf": 9.5}
    parameters = COSTS["parameters"]
    spent = {"baseline": 589_934, "ins": 589_934, "lmf": 589_930}
    points = points_of(means, spent, cost=parameters)
    assert plots.is_equal(points)
    figure = draw(points, cost=parameters)
    drawn = traces(figure)
    assert set(drawn) == {"① INS", "<b>a</b> Baseline", "<b>b</b> LMF"}
    assert [trace.x[0] for trace in drawn.values()] == [-1, 0, 1]
    assert "cheaper" not in figure.layout.xaxis.title.text


@pytest.mark.parametrize("count", [1, 2, 20])
def test_one_to_twenty_methods_are_drawn_and_none_covers_another(count):
    names = [f"m{i}" for i in range(count)]
    rng = np.random.default_rng(0)
    values = rng.normal(9, 1, count)
    means = dict(zip(names, values, strict=True))
    spent = {name: 100 + i * i / 8 for i, name in enumerate(names)}
    points = points_of(means, spent)
    labels = {name: name.upper() for name in names}
    look = Look(tuple(names), method_styles(names, "m0"), labels, "m0")
    figure = plots.plot_cost(points, NO_SEEDS, MAE, TIME, look)
    places = [t.x[0] for t in figure.data if t.mode == "markers"]
    assert len(places) == len(set(places)) == count
    low, high = figure.layout.xaxis.range
    gaps = np.diff(np.sort(places))
    assert count == 1 or gaps.min() > 0.01 * (high - low)
    looks = {(t.marker.color, t.marker.symbol) for t in figure.data if t.name in labels}
    assert len(looks) == len([t for t in figure.data if t.name in labels])
    assert len(MARKERS) > 1


def test_takeaway_names_the_front_and_says_what_its_dear_end_buys(points):
    steps = [step("baseline", "ins"), step("ins", "vit"), step()]
    said = plots.front_takeaway(points, steps, MAE, TIME, LABELS)
    assert said == (
        "3 of 4 methods are on the front, by the point estimates, cheapest first: "
        "① Baseline, ② INS and ③ ViT. ViT takes 4.0 times the training time of "
        "Baseline and is certainly better: age MAE 2.00 years lower."
    )


def test_a_difference_that_cannot_be_told_is_not_claimed():
    unsure = step(verdict="inconclusive", low=-4.5, high=0.5, p=0.3)
    said = plots.step_sentence(unsure, MAE, TIME, LABELS)
    assert said == (
        "ViT takes 4.0 times the training time of Baseline and no difference "
        "in age MAE between the two was detected."
    )
    assert "better" not in said
    alike = step(verdict="equivalent", low=-0.3, high=0.2, p=0.3)
    said = plots.step_sentence(alike, MAE, TIME, LABELS)
    assert said.endswith("Baseline, and the two are equivalent in age MAE.")


def test_a_ratio_that_the_machine_makes_is_called_so():
    inference = COSTS["inference_ms"]
    near = plots.step_sentence(step(ratio=2.5), MAE, inference, LABELS, spread=SPREAD)
    assert "a ratio that runs of one network show here by themselves," in near
    far = plots.step_sentence(step(ratio=3.5), MAE, inference, LABELS, spread=SPREAD)
    assert "one network" not in far
    away = plots.step_sentence(
        step(ratio=2.5), MAE, inference, LABELS, spread=SPREAD, is_elsewhere=True
    )
    assert "timed on another machine, so that this ratio says little" in away


def test_times_that_differ_as_one_network_does_are_warned_of_first(points):
    wide = Spread("cnn at 64 px", 4, 1.0, 5.0, COSTS["images_per_second"])
    said = plots.front_takeaway(points, [step()], MAE, TIME, LABELS, spread=wide)
    assert said.startswith("No two of these methods differ more in training time")
    assert "by 5.0 times" in said
    assert "the machine's and not the methods'" in said


def test_alone_on_the_front_is_said_by_the_point_estimates():
    points = points_of({"baseline": 9.0, "ins": 8.0}, {"baseline": 200, "ins": 100})
    said = plots.front_takeaway(points, [], MAE, TIME, LABELS)
    assert said == (
        "By the point estimates, INS is alone on the front: of 2 methods, none is "
        "cheaper in training time and none has a better age MAE."
    )


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("better", "certainly better than the baseline."),
        ("inconclusive", "but no difference from the baseline can be told."),
    ],
)
def test_equal_costs_decide_nothing(verdict, said):
    points = points_of(
        {"baseline": 9.0, "ins": 8.0},
        {"baseline": 100, "ins": 101},
        verdicts={"baseline": "baseline", "ins": verdict},
    )
    text = plots.front_takeaway(points, [], MAE, TIME, LABELS)
    assert text.startswith("All 2 methods cost the same in training time (100 s")
    assert "INS is best by the point estimate (8.00 years)" in text
    assert text.endswith(said)


def test_steps_are_rows_with_cost_gain_and_verdict(points):
    unsure = step(
        "baseline", "ins", "inconclusive", 2.0, delta=-1.0, low=-2.5, high=0.5, p=0.4
    )
    table = plots.steps_table(
        [unsure, step()], points, MAE, TIME, LABELS, elsewhere=[step()]
    )
    first, second = table.to_dict("records")
    assert first["Step"] == "① Baseline → ② INS"
    assert first["Training time (s)"] == "100 → 200"
    assert first["Times the cost"] == "2.0"
    assert second["Times the cost"] == "4.0 (another machine)"
    assert first["Difference in Age MAE"] == "−1.00 years [−2.50, 0.50]"
    assert "inconclusive" in first["Is it real?"]
    assert "better" in second["Is it real?"]
    assert second["p"] == "0.001"


def test_how_many_steps_buy_something_is_counted_without_the_way_end_to_end():
    no = "inconclusive"
    one = [step("baseline", "ins", no), step("ins", "vit"), step()]
    said = plots.steps_takeaway(one, MAE, LABELS)
    assert (
        said == "1 of 2 steps along the front buys a certain gain in age MAE: to ViT."
    )
    ends = [step("baseline", "ins", no), step("ins", "vit", no), step()]
    said = plots.steps_takeaway(ends, MAE, LABELS)
    assert "None of the 2 steps" in said
    assert said.endswith("from end to end, from Baseline to ViT, the gain is certain.")
    none = [step("baseline", "ins", no), step("ins", "vit", no), step(verdict=no)]
    assert "nor does the way" in plots.steps_takeaway(none, MAE, LABELS)
    single = plots.steps_takeaway([step(verdict=no)], MAE, LABELS)
    assert single.startswith("The one step along the front buys no difference")
    gained = plots.steps_takeaway([step()], MAE, LABELS)
    assert gained.startswith("1 of 1 step along the front buys a certain gain")


def test_what_is_not_drawn_is_named(points):
    assert plots.left_out_note(points, LOOK, TIME) == ""
    said = plots.left_out_note(points.drop("lmf"), LOOK, TIME)
    assert said.endswith("unknown: LMF.")


def test_the_table_has_every_cost_and_nothing_where_it_is_unknown(points):
    costs = cost_table(
        run_costs([record(m) for m in METHODS[:3]] + [record("vit", inference_ms=0)])
    )
    rows = comparison_of(MAE, dict(points["mean"])).table
    frame = plots.costs_frame(costs, points, rows, MAE, LOOK)
    assert frame["Method"].tolist() == ["Baseline", "INS", "LMF", "ViT"]
    assert frame["Front"].tolist() == ["①", "②", "", "③"]
    assert frame["95 % interval"].iloc[0] == "[8.50, 9.50]"
    for info in COSTS.values():
        assert info.heading in frame
    assert frame["Parameters trained (millions)"].iloc[0] == 1.0
    assert np.isnan(frame["Inference time (ms per image)"].iloc[3])
    assert frame["Hardware"].iloc[0].startswith("AMD EPYC")
    assert json.loads(frame.to_json())


def paid(spent, verdicts=None, **options):
    means = {"baseline": 8.0, "ins": 7.0, "lmf": 9.0}
    verdicts = {"baseline": "baseline", "ins": "better", "lmf": "worse"} | (
        verdicts or {}
    )
    points = points_of(means, spent, verdicts=verdicts)
    to = dict.fromkeys(points.index, "baseline")
    return plots.paid_takeaway(points, TIME, LABELS, to, **options)


def test_what_the_better_ones_pay_is_said_against_the_baseline():
    said = paid({"baseline": 10.0, "ins": 12.0, "lmf": 15.0})
    assert "factor of 1.50, from Baseline to LMF" in said
    assert "INS at 1.20 times the baseline's" in said
    none = paid({"baseline": 10.0, "ins": 12.0}, {"ins": "inconclusive"})
    assert none.endswith("no method is certainly better than the baseline here.")


def test_times_within_what_one_network_shows_are_no_methods():
    spread = Spread("cnn at 64 px", 6, 100.0, 130.0, TIME)
    costs = {"baseline": 10.0, "ins": 12.0, "lmf": 15.0}
    both = {"lmf": "better"}
    said = paid(costs, both, spread=spread)
    assert "factor of 1.50" in said
    assert "where runs of one network differ by 1.30 by themselves" in said
    assert "INS at about the baseline's time, as far as times can tell" in said
    assert "LMF at 1.50 times the baseline's" in said
    all_within = paid(costs, both, spread=replace(spread, high=160.0))
    assert "these times tell no method from another" in all_within
    assert all_within.endswith("certainly better: INS and LMF.")
    assert "times the baseline's" not in all_within


def test_times_of_different_machines_have_no_ratio():
    costs = {"baseline": 10.0, "ins": 12.0, "lmf": 15.0}
    said = paid(costs, {"lmf": "better"}, is_elsewhere=True)
    assert "cannot be compared" in said
    assert "factor" not in said
    assert said.endswith("certainly better: INS and LMF.")


def test_equal_and_unknown_costs_are_said_to_be_so():
    same = paid({"baseline": 10.0, "ins": 10.1, "lmf": 10.0})
    assert same == f"All 3 methods are equal in training time, within 2{NO_BREAK}%."
    assert "not two methods here whose training time is known" in paid({"ins": 1.0})


def test_a_chart_of_nothing_is_empty_and_no_fault():
    assert not draw(points_of({"baseline": 9.0}, {"ins": 1.0})).data
