"""The table of costs, from records written by hand."""

import json
import math

import pytest

from core.evaluation.cost import (
    COSTS,
    are_timed_alike,
    budget_note,
    cost_table,
    describe_hardware,
    machine_note,
    means_by_method,
    mixed_runs_note,
    ratio_text,
    run_costs,
    settings_by_method,
    unknown_note,
    widest_spread,
)
from core.language import speaking
from core.runs import list_runs, read_run
from tests.records import MACHINE, Record, record, vit
from tests.synthetic import synthetic_study, write_run

LABELS = {"baseline": "Baseline", "lmf": "LMF", "vit": "ViT", "vit-lmf": "ViT + LMF"}


def table_of(*records):
    return cost_table(run_costs(records))


def test_costs_are_means_over_the_runs_with_their_spread():
    costs = table_of(
        record(seed=0, duration_s=90.0, inference_ms=1.0),
        record(seed=1, duration_s=110.0, inference_ms=4.0),
        record("lmf", duration_s=300.0),
    )
    assert costs.index.tolist() == ["baseline", "lmf"]
    own = costs.loc["baseline"]
    assert own["training_seconds"] == 100.0
    # Two values lie half their distance from the mean: sd is that times the root of 2.
    assert own["training_seconds_sd"] == pytest.approx(10 * math.sqrt(2))
    assert own["inference_ms"] == 2.5
    assert own["runs"] == 2
    assert math.isnan(costs.loc["lmf", "training_seconds_sd"])


def test_seconds_per_million_count_what_is_trained_and_not_what_is_frozen():
    costs = table_of(record(parameters=25_000_000, parameters_trained=50_000))
    assert costs.loc["baseline", "training_seconds_per_million"] == pytest.approx(2000)


def test_size_is_that_of_the_file_and_unknown_without_one(tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(bytes(2_500_000))
    kept = record("lmf", 0)
    rows = run_costs([record(), Record("lmf", 0, kept.info, path)])
    assert math.isnan(rows.loc[0, "size_mb"])
    assert rows.loc[1, "size_mb"] == 2.5


def test_size_of_a_shipped_model_is_that_before_it_was_shipped(tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(bytes(1_000_000))
    halved = record(shipped={"model": "float16", "size_mb": 2.5})
    gone = record("lmf", shipped={"model": None, "size_mb": 2.25})
    rows = run_costs([Record("baseline", 0, halved.info, path), gone])
    assert rows["size_mb"].tolist() == [2.5, 2.25]


@pytest.mark.parametrize("nothing", [0, 0.0, None, "long", True, float("nan")])
def test_what_is_no_measurement_is_unknown_and_never_zero(nothing):
    keys = ("parameters_trained", "duration_s", "images_per_second", "inference_ms")
    costs = table_of(record(**dict.fromkeys(keys, nothing)))
    row = costs.loc["baseline"]
    for key in set(COSTS) - {"parameters"}:
        assert math.isnan(row[key]), key
        assert COSTS[key].format(row[key]) == "–"


def test_a_mean_is_over_the_runs_that_know_it():
    costs = table_of(record(seed=0, inference_ms=3.0), record(seed=1, inference_ms=0))
    assert costs.loc["baseline", "inference_ms"] == 3.0
    assert math.isnan(costs.loc["baseline", "inference_ms_sd"])


def test_an_empty_record_is_read_as_unknown():
    rows = run_costs([Record("baseline")])
    assert rows[list(COSTS)].isna().all(axis=None)
    assert rows["hardware"].isna().all()
    settings = settings_by_method(cost_table(rows))["baseline"]
    assert set(settings.values()) == {None}


def test_settings_are_those_of_the_run_and_every_one_where_runs_differ():
    costs = table_of(
        vit(seed=0),
        vit(seed=1, epochs=38),
        record(training={"precision": "mixed_bfloat16"}),
    )
    settings = settings_by_method(costs)
    assert settings["vit"]["epochs"] == "38, 40"
    assert settings["vit"]["backbone"] == "vit"
    assert settings["vit"]["image_size"] == 112
    assert settings["vit"]["precision"] == "float32"
    assert settings["vit"]["trained_from"] == "scratch"
    assert settings["baseline"]["precision"] == "mixed_bfloat16"
    assert settings["baseline"]["hardware"] == "AMD EPYC, 2 cores, 1 thread, tensorflow"


def test_the_machine_in_words_has_an_accelerator_too():
    hardware = {**MACHINE, "threads": "all", "accelerators": ["NVIDIA H200"]}
    assert (
        describe_hardware({"hardware": hardware, "backend": "tensorflow"})
        == "AMD EPYC, 2 cores, all threads, NVIDIA H200, tensorflow"
    )
    assert describe_hardware({"backend": "tensorflow"}) is None
    assert describe_hardware({"hardware": {"cores": 1}}) == "1 core"
    with speaking("fr"):
        said = describe_hardware({"hardware": {"cores": 2, "threads": 1}})
    assert said == "2 cœurs, 1 fil d’exécution"


def test_equal_budgets_are_not_spoken_of():
    rows = run_costs([record(seed=0), record(seed=1), record("lmf", epochs=7)])
    assert budget_note(rows, LABELS) == ""
    assert mixed_runs_note(rows, LABELS) == ""


def test_few_methods_with_another_budget_are_named():
    rows = run_costs([vit("vit-lmf"), vit(), *(record(f"m{i}") for i in range(5))])
    said = budget_note(rows, LABELS)
    assert said.startswith(
        "ViT and ViT + LMF differ from the others in backbone (vit, cnn), image size "
        "(64, 112 px) and epochs (10, 40), so "
    )
    assert "cannot be credited to the remedy alone" in said


def test_many_budgets_are_given_by_their_ends():
    sizes = (32, 48, 64, 96, 112)
    rows = run_costs([record(f"m{n}", model={"image_size": n}) for n in sizes])
    assert "The methods differ in image size (32 to 112 px), so" in budget_note(
        rows, {}
    )


def test_weights_to_begin_from_are_a_budget_too():
    rows = run_costs([record(), record("lmf", model={"weights": "imagenet"})])
    said = budget_note(rows, LABELS)
    assert "weights to begin from (scratch, imagenet)" in said


def test_runs_of_one_method_with_different_budgets_are_warned_of():
    rows = run_costs([record("lmf"), record("lmf", 1, training={"epochs": 2})])
    said = mixed_runs_note(rows, LABELS)
    assert "LMF in epochs (2, 10)" in said
    assert "does not describe any one setting" in said


def test_times_of_one_network_tell_how_much_the_machine_does():
    rows = run_costs(
        [
            record(seed=0, inference_ms=1.0),
            # How it learns changes nothing about how long an answer takes.
            record("lmf", model={"dropout": 0.5}, inference_ms=3.0),
            vit(inference_ms=40.0),
        ]
    )
    spread = widest_spread(rows, COSTS["inference_ms"])
    assert spread is not None
    assert (spread.runs, spread.low, spread.high, spread.factor) == (2, 1.0, 3.0, 3.0)
    said = spread.sentence()
    assert "2 runs of one network (cnn at 64 px)" in said
    assert "1.00 to 3.00 ms per image" in said
    assert "a ratio below 3.0 may come from the machine" in said


def test_training_time_depends_on_the_machine_as_the_speed_does():
    rows = run_costs(
        [record(images_per_second=300.0), record("lmf", images_per_second=900.0)]
    )
    for key in ("training_seconds", "training_seconds_per_million"):
        spread = widest_spread(rows, COSTS[key])
        assert spread is not None
        assert spread.factor == 3.0
        assert "images/s" in spread.sentence()


@pytest.mark.parametrize(
    "own", [{"batch_size": 256}, {"augmentation": {"rotation_degrees": 9.0}}]
)
def test_another_batch_or_augmentation_is_no_doing_of_the_machine(own):
    other = record("lmf", training=own, images_per_second=900.0, inference_ms=8.0)
    rows = run_costs([record(), other])
    assert widest_spread(rows, COSTS["training_seconds"]) is None
    assert widest_spread(rows, COSTS["inference_ms"]) is not None


def test_no_spread_where_it_cannot_be_known_or_is_small():
    alone = run_costs([record(), vit()])
    assert widest_spread(alone, COSTS["inference_ms"]) is None
    close = run_costs([record(inference_ms=1.0), record("lmf", inference_ms=1.04)])
    assert widest_spread(close, COSTS["inference_ms"]) is None
    counted = run_costs([record(parameters=1), record("lmf", parameters=9)])
    assert widest_spread(counted, COSTS["parameters"]) is None
    other = {**MACHINE, "processor": "another"}
    apart = run_costs([record(), record("lmf", inference_ms=9.0, hardware=other)])
    assert widest_spread(apart, COSTS["inference_ms"]) is None


def test_different_machines_are_named_with_who_ran_on_them():
    other = {**MACHINE, "accelerators": ["NVIDIA H200"]}
    rows = run_costs([record(), record("lmf"), vit(hardware=other)])
    said = machine_note(rows, LABELS)
    assert "NVIDIA H200, tensorflow (ViT)" in said
    assert "1 thread, tensorflow (the others)" in said
    assert "cannot be compared" in said
    costs = cost_table(rows)
    assert are_timed_alike(costs, ["baseline", "lmf"])
    assert not are_timed_alike(costs, ["baseline", "vit"])


def test_one_machine_and_none_are_said():
    assert "one kind of machine: AMD EPYC" in machine_note(run_costs([record()]), {})
    assert "do not say" in machine_note(run_costs([Record("baseline")]), {})


def test_every_cost_says_what_it_is_and_in_what():
    for key, info in COSTS.items():
        assert info.key == key
        assert info.unit
        assert info.explanation.endswith(".")
        assert info.unit in info.heading
        assert not info.timed_by or info.timed_by in COSTS
    assert COSTS["parameters"].format(589_934, unit=True) == "0.590 millions"


@pytest.mark.parametrize(
    ("ratio", "text"), [(1.02, "1.02"), (1.26, "1.3"), (2.64, "2.6"), (85.4, "85")]
)
def test_ratios_are_written_to_what_they_are_worth(ratio, text):
    assert ratio_text(ratio) == text


def test_a_record_with_null_is_read_and_unknown(tmp_path):
    study = synthetic_study(methods=("baseline",))
    unknown = {"images_per_second": None, "parameters_trained": None}
    folder = write_run(tmp_path, study, "baseline", 0, rows=16, info=unknown)
    rows = run_costs([read_run(folder)])
    assert math.isnan(rows.loc[0, "images_per_second"])
    assert rows.loc[0, "parameters"] == 1_200_000
    assert means_by_method(cost_table(rows))["baseline"]["inference_ms"] == 1.5


@pytest.mark.parametrize("study", ["utkface", "avatars", "cifar10-lt-200"])
def test_shipped_runs_say_what_they_trained(study, monkeypatch, tmp_path):
    monkeypatch.setenv("EQUIPOISE_RUNS", str(tmp_path))
    rows = run_costs(list_runs(study).runs)
    known = ["parameters_trained", "parameters", "training_seconds", "inference_ms"]
    assert rows[[*known, "size_mb"]].notna().all(axis=None)
    assert (rows["parameters_trained"] <= rows["parameters"]).all()
    assert rows["network"].notna().all()
    assert json.loads(rows.loc[0, "network"])


def test_a_method_of_which_nothing_is_known_is_named_and_differs_in_nothing():
    theirs = Record("theirs", info={"resolved": {}, "imported": {"label": "Theirs"}})
    rows = run_costs([record(), record("lmf"), theirs])
    labels = {**LABELS, "theirs": "Theirs"}
    assert budget_note(rows, labels) == ""
    assert unknown_note(rows, labels).startswith("No cost is known of Theirs: ")
    assert unknown_note(rows[:2], labels) == ""
    said = unknown_note(run_costs([theirs]), labels)
    assert said.startswith("No cost is known of any method: ")
    # Beside others that differ it is not among those that are said to.
    mixed = run_costs([vit(), record(), theirs])
    assert "Theirs" not in budget_note(mixed, labels)
