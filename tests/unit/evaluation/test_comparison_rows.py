"""One engine for all images and groups; families, and verdicts near their bound."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation import comparison as module
from core.evaluation.comparison import compare_runs
from core.evaluation.comparison_rows import STUDY_FAMILY, TaskRows
from core.evaluation.metrics import group_metric_keys
from core.evaluation.verdicts import BORDERLINE, METHOD, MODEL
from tests.oracles import AGE, FEATURES, FOUR, TWO, draw_table
from tests.synthetic import TASKS, synthetic_tables

UTKFACE = TASKS["utkface"]
RUNS = (("baseline", 0), ("baseline", 1), ("other", 0), ("other", 1), ("third", 0))


def drawn_tables(task, runs=RUNS, rows=240, *, rng_seed=0):
    """One table a run, of the same images in two times three groups."""
    first = draw_table(np.random.default_rng(rng_seed), task, rows)
    tables = {}
    for place, run in enumerate(runs):
        table = draw_table(np.random.default_rng([rng_seed, place]), task, rows)
        for column in first:
            if column in FEATURES or column.endswith("_true"):
                table[column] = first[column]
        tables[run] = table.assign(everyone="one")
    return tables


@pytest.fixture(params=["weights", "sums"])
def many_or_few(request, monkeypatch):
    if request.param == "sums":
        monkeypatch.setattr("core.evaluation.resampling.MAX_WEIGHTED_ROWS", 1)
        monkeypatch.setattr("core.evaluation.resampling.SMALL_STRATUM", 10)


@pytest.mark.parametrize("task", [TWO, FOUR, AGE], ids=lambda task: task.name)
def test_all_images_are_a_grouping_with_one_group(task, many_or_few):
    tables, keys = drawn_tables(task), group_metric_keys(task)
    whole, grouped = (
        compare_runs(tables, (task,), "baseline", by=by, metrics=keys, resamples=200)
        for by in ((), ["everyone"])
    )
    for group in ("", "one"):
        cells = grouped.cells
        own = cells[(cells["group"] == group) & (cells["measure"] == "")]
        own = own.assign(group="").reset_index(drop=True)
        pd.testing.assert_frame_equal(own, whole.cells, check_exact=True)
    pd.testing.assert_frame_equal(whole.runs, grouped.runs, check_exact=True)
    assert grouped.gaps["mean"].isna().all()


@pytest.mark.parametrize("task", [TWO, FOUR, AGE], ids=lambda task: task.name)
def test_a_group_has_the_values_of_its_images_alone(task):
    tables = drawn_tables(task, rows=500)
    keys = group_metric_keys(task)
    options = {"metrics": keys, "resamples": 50}
    grouped = compare_runs(tables, (task,), "baseline", by=["size"], **options)
    for group in "ABC":
        part = {run: t[t["size"] == group] for run, t in tables.items()}
        alone = compare_runs(part, (task,), "baseline", **options)
        own = grouped.cells[grouped.cells["group"] == group].reset_index(drop=True)
        same = ["method", "metric", "images", "n", "small", "seeds", "mean", "sd"]
        exact = [*same, "delta"]
        pd.testing.assert_frame_equal(own[exact], alone.cells[exact], rtol=1e-12)


def test_a_group_alone_has_about_the_intervals_of_its_images_alone():
    """Conditional on its size a group's resamples are those of its own images."""
    tables = synthetic_tables(methods=("baseline", "lmf"), seeds=(0, 1))
    group = {run: t[t["ethnicity"] == "Black"] for run, t in tables.items()}
    options = {"resamples": 4000, "metrics": ["age.mae", "age.bias", "age.rmse"]}
    alone = compare_runs(group, UTKFACE, "baseline", **options)
    found = compare_runs(tables, UTKFACE, "baseline", by=["ethnicity"], **options)
    for metric in options["metrics"]:
        ours = found.row("lmf", metric, group="Black")
        theirs = alone.row("lmf", metric)
        for low, high in (("low", "high"), ("delta_low", "delta_high")):
            width = theirs[high] - theirs[low]
            assert ours[low] == pytest.approx(theirs[low], abs=0.06 * width)
            assert ours[high] == pytest.approx(theirs[high], abs=0.06 * width)


def test_large_tables_in_groups_agree_with_image_by_image(monkeypatch):
    runs = (("baseline", 0), ("other", 0))
    monkeypatch.setattr(module, "MAX_BLOCKS", 1)
    for task in (TWO, FOUR, AGE):
        tables = drawn_tables(task, runs, rows=4000)
        options = {"by": ["shape"], "metrics": group_metric_keys(task)[:8]}
        found = []
        for limit in (10_000, 10):
            path = "core.evaluation.resampling.MAX_WEIGHTED_ROWS"
            monkeypatch.setattr(path, limit)
            one = compare_runs(tables, (task,), "baseline", **options, resamples=1000)
            found.append(one.cells[one.cells["measure"] == ""])
        exact, normal = found
        np.testing.assert_allclose(normal["delta"], exact["delta"])
        for low, high in (("low", "high"), ("delta_low", "delta_high")):
            width = (exact[high] - exact[low]).to_numpy()
            wide = width > 1e-9
            ratio = (normal[high] - normal[low]).to_numpy()[wide] / width[wide]
            assert np.nanmax(np.abs(ratio - 1)) < 0.15


def study_tables(**more):
    """A study with one and two seeds, and perhaps what a visitor adds."""
    runs = [("baseline", 0), ("baseline", 1), ("other", 0), ("other", 1), ("third", 0)]
    own = drawn_tables(FOUR, runs)
    for name, seeds in more.items():
        further = drawn_tables(FOUR, [(name, seed) for seed in seeds], rng_seed=0)
        for place, (run, table) in enumerate(further.items()):
            shift = np.random.default_rng(place).permutation(len(table))
            answers = [c for c in table if c.startswith(("four_p", "four_pred"))]
            table[answers] = table[answers].to_numpy()[shift]
            own[run] = table
    return own


@pytest.mark.parametrize("by", [(), ("shape",)], ids=["whole", "groups"])
def test_what_a_visitor_adds_changes_nothing_of_the_study(by, many_or_few):
    families = {"mine": "imported", "theirs": "imported"}
    options = {"by": by, "families": families, "resamples": 100}
    alone = compare_runs(study_tables(), (FOUR,), "baseline", **options)
    tables = study_tables(mine=(0, 1, 2), theirs=(0,))
    both = compare_runs(tables, (FOUR,), "baseline", **options)
    own = both.cells[both.cells["family"] == STUDY_FAMILY].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, alone.cells, check_exact=True)
    kept = both.runs.loc[alone.runs.index]
    pd.testing.assert_frame_equal(kept, alone.runs, check_exact=True)
    added = both.cells[both.cells["family"] == "imported"]
    assert set(added["method"]) == {"mine", "theirs"}
    assert both.methods == ("baseline", "other", "third", "mine", "theirs")
    assert both.families == {
        "baseline": STUDY_FAMILY,
        "other": STUDY_FAMILY,
        "third": STUDY_FAMILY,
        **families,
    }
    # The order of the methods is that of the tables, whoever's they are.
    assert both.cells["method"].drop_duplicates().tolist() == list(both.methods)
    # In the study's own family the same methods widen the intervals of all.
    joined = compare_runs(tables, (FOUR,), "baseline", by=by, resamples=100)
    # An interval of a share is cut where two shares cannot be farther apart.
    p_values = [c.cells["p"][c.cells["method"] == "other"] for c in (alone, joined)]
    assert p_values[1].sum() > p_values[0].sum()


def test_a_visitors_single_seed_says_how_trainings_vary_from_the_study():
    found = compare_runs(
        study_tables(mine=(0,)),
        (FOUR,),
        "baseline",
        families={"mine": "imported"},
        resamples=100,
    )
    for method in ("third", "mine"):
        assert found.row(method, "four.accuracy")["scope"] == METHOD
    single = {run: t for run, t in study_tables().items() if run[1] == 0}
    mine = {("mine", seed): t for (_, seed), t in study_tables(mine=(0, 1)).items()}
    found = compare_runs(
        {**single, **mine},
        (FOUR,),
        "baseline",
        families={"mine": "imported"},
        resamples=100,
    )
    # A visitor's seeds say nothing of the study's trainings.
    assert found.row("other", "four.accuracy")["scope"] == MODEL
    assert found.row("mine", "four.accuracy")["scope"] == METHOD


def near_tables(reach):
    """A difference of so many standard errors, as a t-test on the images has them."""
    rng = np.random.default_rng(0)
    rows = 400
    truth = rng.uniform(10, 60, rows)
    spread = rng.normal(0, 1, rows)
    spread -= spread.mean()
    shift = reach * spread.std() / np.sqrt(rows)
    table = pd.DataFrame({"image_id": np.arange(rows), "age_true": truth})
    return {
        ("baseline", 0): table.assign(age_pred=truth + 10),
        ("other", 0): table.assign(age_pred=truth + 10 + spread - shift),
    }


STUDENT = 1.9659
"""Two-sided 95 % quantile of Student's t with 399 degrees of freedom."""


@pytest.fixture
def blocks(monkeypatch):
    """Blocks of further resamples that were drawn."""
    drawn = []
    plain = TaskRows.draw_more

    def draw_more(self, resampler):
        drawn.append(resampler.block)
        plain(self, resampler)

    monkeypatch.setattr(TaskRows, "draw_more", draw_more)
    return drawn


@pytest.mark.parametrize(
    ("reach", "expected", "verdict", "note"),
    [
        (3.0 * STUDENT, [], "better", ""),
        (0.5 * STUDENT, [], "inconclusive", ""),
        (1.0 * STUDENT, [1, 2, 3, 4, 5, 6, 7], None, BORDERLINE),
    ],
    ids=["clear", "nothing", "at its bound"],
)
def test_a_verdict_near_its_bound_takes_further_resamples(
    blocks, reach, expected, verdict, note
):
    found = compare_runs(
        near_tables(reach),
        (AGE,),
        "baseline",
        metrics=["age.mae"],
        margins={"age.mae": float("nan")},
    )
    row = found.row("other", "age.mae")
    assert row["delta"] == pytest.approx(-reach / 20, rel=0.02)
    assert blocks == expected
    assert row["note"] == note
    if verdict:
        assert row["verdict"] == verdict


def test_further_resamples_decide_what_fewer_could_not(monkeypatch):
    tables = near_tables(1.02 * STUDENT)
    options = {"metrics": ["age.mae"], "margins": {"age.mae": float("nan")}}
    more = compare_runs(tables, (AGE,), "baseline", **options).row("other", "age.mae")
    assert (more["verdict"], more["note"]) == ("better", "")
    monkeypatch.setattr(module, "MAX_BLOCKS", 1)
    few = compare_runs(tables, (AGE,), "baseline", **options).row("other", "age.mae")
    assert few["note"] == BORDERLINE
    assert few["delta"] == more["delta"]


def test_very_many_images_are_not_resampled_more(monkeypatch, blocks):
    monkeypatch.setattr(module, "MAX_DRAWS", 400 * 2000)
    found = compare_runs(
        near_tables(STUDENT),
        (AGE,),
        "baseline",
        metrics=["age.mae"],
        margins={"age.mae": float("nan")},
    )
    assert blocks == []
    assert found.row("other", "age.mae")["note"] == BORDERLINE


def test_gaps_near_their_bound_are_resampled_with_all_that_they_are_made_of(
    blocks, monkeypatch
):
    """Every verdict of the result rests on as many resamples as its metric."""
    monkeypatch.setattr("core.evaluation.comparison_rows.borderline", always_near)
    tables = drawn_tables(TWO, (("baseline", 0), ("other", 0)))
    options = {"by": ["shape"], "metrics": ["two.recall", "two.false_positive_rate"]}
    found = compare_runs(tables, (TWO,), "baseline", resamples=200, **options)
    assert blocks == [1, 2, 3, 4, 5, 6, 7]
    # As many at once give nearly the same.
    monkeypatch.setattr(module, "MAX_BLOCKS", 1)
    at_once = compare_runs(tables, (TWO,), "baseline", resamples=1600, **options)
    others = found.cells["method"] == "other"
    widths = [
        (c.cells["delta_high"] - c.cells["delta_low"])[others].to_numpy()
        for c in (found, at_once)
    ]
    np.testing.assert_allclose(widths[0], widths[1], rtol=0.12)


def always_near(interval, error, margin):
    return np.ones(len(interval.low), bool)


def test_verdicts_do_not_depend_on_the_resamples_unless_it_is_said():
    methods = ("baseline", "ins", "denseweight", "lmf", "undersample")
    tables = synthetic_tables(methods=methods, seeds=(0, 1), rows=320)
    found = [
        compare_runs(tables, UTKFACE, "baseline", rng_seed=seed).table
        for seed in range(3)
    ]
    verdicts = pd.concat([table["verdict"] for table in found], axis=1)
    said = pd.concat([table["note"] == BORDERLINE for table in found], axis=1)
    differ = verdicts.nunique(axis=1) > 1
    assert not (differ & ~said.any(axis=1)).any()
    assert said.any(axis=1).sum() < 0.05 * len(said)


def test_trainings_that_methods_share_count_once():
    """Two copies of one method do not say that trainings vary twice as surely."""
    tables = study_tables()
    trainings = {run: f"{run[0]} {run[1]}" for run in tables}
    alone = compare_runs(tables, (FOUR,), "baseline", trainings=trainings)
    copies = {("copy", seed): tables["other", seed] for seed in (0, 1)}
    shared = trainings | {("copy", seed): f"other {seed}" for seed in (0, 1)}
    families = {"copy": "copies"}
    both = [
        compare_runs(
            {**tables, **copies}, (FOUR,), "baseline", trainings=keys, families=families
        ).row("copy", "four.accuracy")
        for keys in (shared, trainings)
    ]
    third = alone.row("third", "four.accuracy")
    assert third["scope"] == METHOD
    assert both[0]["delta"] == both[1]["delta"]
