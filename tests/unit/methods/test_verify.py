"""The verifier: it passes what is right, and fails what is not."""

import copy
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from keras import ops

from core.errors import EquipoiseError
from core.methods.registry import ENTRIES
from core.methods.verification.cases import (
    ENTRY_NAMES,
    SHIPPED,
    Case,
    NoImplementation,
    Tolerance,
    load_cases,
)
from core.methods.verification.comparison import compare
from core.methods.verification.gradients import loss_answers, value_and_gradients
from core.methods.verify import ADAPTERS, verify

ROOT = Path(__file__).resolve().parents[3]
CONTENT = json.loads(SHIPPED.read_text(encoding="utf-8"))
CLOSE = Tolerance(1e-6, 1e-9)


def read(method, place=0):
    """A case of the shipped file, free to be changed."""
    return copy.deepcopy(CONTENT["methods"][method][place])


def run(*entries, dtype="float64"):
    """Verify cases given as in a file, all of one method."""
    cases = [
        Case(
            id=entry["id"],
            method=entry["method"],
            params=entry["params"],
            inputs=entry["inputs"],
            expected=entry["expected"],
            tol=entry.get("tol", {}),
        )
        for entry in entries
    ]
    return verify(cases, dtype=dtype).methods[0]


class TestShippedFile:
    def test_every_method_has_an_adapter(self):
        assert set(ADAPTERS) == set(CONTENT["methods"])

    def test_methods_are_named_as_the_registry_has_them(self):
        assert set(ENTRY_NAMES) < set(ADAPTERS)
        named = {name for names in ENTRY_NAMES.values() for name in names}
        assert named <= set(ENTRIES)

    @pytest.mark.parametrize("method", CONTENT["methods"])
    def test_passes_whole(self, method):
        cases = load_cases(methods=[method])
        result = verify(cases)
        assert len(cases) == len(CONTENT["methods"][method])
        assert result.passed, result.as_dict()

    @pytest.mark.parametrize("method", CONTENT["methods"])
    def test_passes_in_float32(self, method):
        result = verify(load_cases(methods=[method]), dtype="float32")
        assert result.passed, result.as_dict()

    @pytest.mark.skipif(
        not importlib.util.find_spec("torch"), reason="torch is not installed"
    )
    @pytest.mark.slow
    def test_passes_under_torch(self):
        done = subprocess.run(
            [sys.executable, "-m", "core.cli", "verify", "--json"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "KERAS_BACKEND": "torch"},
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["backend"] == "torch"


class TestWhatFails:
    @pytest.mark.parametrize("method", CONTENT["methods"])
    def test_every_field_of_every_method_is_looked_at(self, method):
        entry = read(method)
        for field, value in entry["expected"].items():
            changed = copy.deepcopy(entry)
            numbers = np.asarray(value)
            changed["expected"] = {
                field: (
                    ["nonsense"] * len(value)
                    if numbers.dtype.kind == "U"
                    else (1.1 * numbers + 0.1).tolist()
                )
            }
            result = run(changed)
            assert not result.passed, field
            assert result.implemented, field
            (failure,) = result.failures
            assert failure.checks[0].field.startswith(field)

    def test_one_number_in_the_seventh_digit(self):
        entry = read("ldam_loss")
        entry["expected"]["per_sample_loss"][1] *= 1 + 1e-5
        result = run(entry)
        (check,) = (c for c in result.failures[0].checks if not c.passed)
        assert check.field == "per_sample_loss[1]"
        assert check.expected == entry["expected"]["per_sample_loss"][1]
        assert check.got == pytest.approx(check.expected, rel=2e-5)
        assert 1 < check.share == pytest.approx(10, rel=0.05)

    def test_one_bad_case_leaves_the_others(self):
        good, bad = read("fair_metric", 0), read("fair_metric", 1)
        bad["expected"]["value"] = 0.5
        result = run(good, bad)
        assert [failure.case.id for failure in result.failures] == [bad["id"]]

    def test_an_own_tolerance_is_kept(self):
        entry = read("fair_metric")
        entry["expected"]["value"] += 1e-4
        assert not run(entry).passed
        entry["tol"] = {"rtol": 0.0, "atol": 2e-4}
        assert run(entry).passed
        entry["tol"] = {"rtol_f64": 0.0, "atol_f64": 2e-5}
        assert not run(entry).passed
        assert run(entry, dtype="float32").passed

    @pytest.mark.parametrize(
        ("method", "part", "name", "value", "message"),
        [
            ("focal_loss", "params", "gamma", -1.0, "gamma is -1"),
            ("hmloss", "params", "delta", -5.0, "delta of HMLoss is -5"),
            ("ldam_loss", "inputs", "class_counts", [5, 0, 1, 2], "Class 1 has no"),
            ("ldam_loss", "inputs", "labels", [9] * 8, "Labels run from 9 to 9"),
            ("ldam_loss", "inputs", "labels", [0], "shape"),
            ("lds_weights", "inputs", "targets", [-3.0, 1.0], "out of range"),
            ("focal_loss", "inputs", "logits", "none", "There are labels"),
        ],
    )
    def test_what_a_method_refuses_is_said(self, method, part, name, value, message):
        entry = read(method)
        entry[part][name] = value
        result = run(entry)
        assert not result.passed
        assert message in result.failures[0].problem

    def test_what_breaks_a_backend_is_said(self):
        entry = read("weighted_regression_loss")
        entry["inputs"]["preds"] = [1.0, 2.0, 3.0]
        assert "It could not be run" in run(entry).failures[0].problem


class TestWithoutImplementation:
    def test_an_unknown_method(self):
        entry = {**read("fair_metric"), "method": "equal_luck"}
        result = run(entry)
        assert not result.passed
        assert not result.implemented
        assert "no method 'equal_luck'" in result.failures[0].problem

    @pytest.mark.parametrize(
        ("method", "name", "value", "message"),
        [
            ("ldam_loss", "temperature", 2.0, "takes no 'temperature'"),
            ("ldam_loss", "reduction", "median", "no reduction 'median'"),
            ("focal_loss", "variant", "sideways", "no variant 'sideways'"),
            ("hmloss", "variant", "sideways", "no variant 'sideways'"),
            ("lmf_loss", "class_weighting", "luck", "no class weighting 'luck'"),
            ("imbalance_profile", "imb_type", "zipf", "no profile 'zipf'"),
            ("training_schedule", "kind", "zigzag", "no schedule 'zigzag'"),
            ("lds_weights", "reweight", "cubic", "no re-weighting 'cubic'"),
            ("weighted_regression_loss", "kind", "cubic", "no error 'cubic'"),
            ("weighted_regression_loss", "gamma", 2, "takes no 'gamma'"),
            ("dense_loss", "base", "cubic", "no error 'cubic'"),
            ("fds", "start_smooth", 7, "smooths from the next"),
            ("fair_metric", "weight", 1.0, "takes no 'weight'"),
            ("fair_metric", "dtype", 1.0, "'dtype'"),
        ],
    )
    def test_an_unknown_word(self, method, name, value, message):
        entry = read(method)
        entry["params"][name] = value
        result = run(entry)
        assert not result.implemented
        assert message in result.failures[0].problem

    def test_a_missing_input(self):
        entry = read("ldam_loss")
        del entry["inputs"]["logits"]
        assert "needs 'logits'" in run(entry).failures[0].problem

    def test_an_unknown_field_beside_known_ones(self):
        entry = read("ldam_loss")
        entry["expected"]["hessian"] = 1.0
        result = run(entry)
        assert not result.implemented
        assert "Nothing answers to 'hessian'" in result.failures[0].problem
        assert all(check.passed for check in result.failures[0].checks)


class TestParameters:
    """Combinations that the shipped file has not, against each other or by hand."""

    @pytest.mark.parametrize("method", ["ldam_loss", "focal_loss", "hmloss"])
    def test_reductions_of_one_loss(self, method):
        entry = read(method, 1 if method == "ldam_loss" else 3)
        weights = entry["inputs"].get("class_weights") or entry["inputs"]["alpha"]
        drawn = np.asarray(weights)[entry["inputs"]["labels"]].sum()
        each = np.asarray(entry["expected"]["per_sample_loss"])
        for reduction, divisor in (
            ("mean", len(each)),
            ("weighted_mean", drawn),
            ("sum", 1.0),
        ):
            entry["params"]["reduction"] = reduction
            entry["expected"] = {"loss": each.sum() / divisor}
            assert run(entry).passed, reduction

    def test_a_drop_at_any_epoch_of_a_shorter_training(self):
        entry = read("training_schedule", 1)
        entry["params"].update(epochs_total=60, start_hm_epoch=33, lr=1.0)
        entry["inputs"]["epochs"] = [0, 32, 33, 59]
        entry["expected"] = {
            "lr": [0.2, 1.0, 0.01, 0.01],
            "phase": ["ce", "ce", "hmloss", "hmloss"],
        }
        assert run(entry).passed

    def test_three_groups(self):
        entry = read("fair_metric")
        entry["inputs"] = {"acc_a": 0.9, "acc_b": 0.8, "acc_c": 0.7}
        entry["expected"] = {"value": 0.8 - 2 * 0.2}
        assert run(entry).passed

    def test_a_factor_in_place_of_a_ratio(self):
        entry = read("imbalance_profile", 1)
        del entry["params"]["rho"]
        assert run(entry).passed

    def test_later_betas(self):
        entry = read("drw_weights", 3)
        entry["params"].update(epoch=400, betas=[0, 0.9, 0.0])
        entry["expected"] = {"weights": [1.0] * 4}
        assert run(entry).passed


class TestGradients:
    def test_is_exact_where_the_value_is_large_and_the_slope_small(self):
        value, (slope,) = value_and_gradients(lambda x: 1e-30 * ops.sum(x), [1e10, 1.0])
        np.testing.assert_array_equal(slope, [1e-30, 1e-30])
        assert value == pytest.approx(1e-20)

    def test_of_several_arguments(self):
        value, (by_x, by_y) = value_and_gradients(
            lambda x, y: ops.sum(x * x * y), [[2.0, 3.0]], 5.0
        )
        assert value == 65
        np.testing.assert_allclose(by_x, [[20.0, 30.0]])
        np.testing.assert_allclose(by_y, 13.0)

    def test_keeps_the_precision(self):
        _, (slope,) = value_and_gradients(lambda x: ops.sum(x), [1.0], dtype="float32")
        assert slope.dtype == np.float32

    def test_sample_weights_multiply_and_divide(self):
        answers = loss_answers(
            lambda x: x**2,
            {"x": [1.0, 2.0]},
            sample_weights=[1.0, 3.0],
            reduction="weighted_mean",
            dtype="float64",
        )
        np.testing.assert_allclose(answers["per_sample_loss"], [1.0, 12.0])
        assert answers["loss"] == pytest.approx(13 / 4)
        np.testing.assert_allclose(answers["grad_x"], [0.5, 3.0])
        with pytest.raises(NoImplementation, match="median"):
            loss_answers(lambda x: x, {"x": [1.0]}, reduction="median", dtype="float64")


class TestComparison:
    @pytest.mark.parametrize(
        ("expected", "got", "share"),
        [
            (1.0, 1.0 + 0.5e-6, 0.5),
            (0.0, 2e-9, 2.0),
            ([1.0, 2.0], [1.0, 2.0], 0.0),
            (1.0, np.nan, np.inf),
            (1.0, np.inf, np.inf),
            ([1.0], [1.0, 2.0], np.inf),
            (["ce"], ["ce"], 0.0),
            (["ce"], ["hmloss"], np.inf),
            (["ce"], [1.0], np.inf),
            ([], [], 0.0),
        ],
    )
    def test_share_of_the_tolerance(self, expected, got, share):
        check = compare("field", expected, got, CLOSE)
        assert check.share == pytest.approx(share, rel=2e-3)
        assert check.passed == (share <= 1)

    def test_names_the_worst_place(self):
        check = compare("field", [[0.0, 1.0], [2.0, 3.0]], [[0, 1], [2.1, 3.1]], CLOSE)
        assert (check.field, check.expected, check.got) == ("field[1, 0]", 2.0, 2.1)
        assert check.deviation == pytest.approx(0.1)

    def test_no_tolerance_asks_for_equality(self):
        exact = Tolerance(0.0, 0.0)
        assert compare("field", 0.5, 0.5, exact).passed
        assert not compare("field", 0.5, 0.5 + 1e-15, exact).passed


class TestBadFiles:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("{", "is not JSON"),
            ("[]", "is of schema None"),
            ('{"schema": "golden-imbalance/2"}', "schema 'golden-imbalance/2'"),
            ('{"schema": "golden-imbalance/1"}', "no 'methods'"),
            ('{"schema": "golden-imbalance/1", "methods": {"a": 1}}', "no 'methods'"),
            ('{"schema": "golden-imbalance/1", "methods": {}}', "has no cases"),
            (
                '{"schema": "golden-imbalance/1", "methods": {"a": [1]}}',
                "is not an object",
            ),
        ],
    )
    def test_what_is_wrong_is_said(self, tmp_path, content, message):
        path = tmp_path / "cases.json"
        path.write_text(content, encoding="utf-8")
        with pytest.raises(EquipoiseError, match=message) as caught:
            load_cases(path)
        assert caught.value.expected
        assert caught.value.remedy

    @pytest.mark.parametrize(
        ("part", "value", "message"),
        [
            ("params", None, "no 'params'"),
            ("inputs", [1], "no 'inputs'"),
            ("expected", "loss", "no 'expected'"),
            ("expected", {}, "expects nothing"),
            ("expected", {"loss": None}, "'loss' is not a finite number"),
            (
                "expected",
                {"loss": [1.0, float("nan")]},
                "'loss' is not a finite number",
            ),
            ("expected", {"loss": [[1.0], [2.0, 3.0]]}, "rows of several lengths"),
            ("tol", {"rtol": "wide"}, "'tol' that is not a tolerance"),
            ("tol", [1], "'tol' that is not a tolerance"),
        ],
    )
    def test_a_bad_case_is_named(self, tmp_path, part, value, message):
        entry = {**read("fair_metric"), part: value}
        path = tmp_path / "cases.json"
        content = {**CONTENT, "methods": {"fair_metric": [entry]}}
        path.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(EquipoiseError, match=message) as caught:
            load_cases(path)
        assert entry["id"] in caught.value.problem

    def test_no_file_and_no_such_method(self, tmp_path):
        with pytest.raises(EquipoiseError, match="There is no file"):
            load_cases(tmp_path / "missing.json")
        with pytest.raises(EquipoiseError, match="no cases of 'equal_luck'"):
            load_cases(methods=["equal_luck"])
