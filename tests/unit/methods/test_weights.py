import dataclasses

import numpy as np
import pytest
from scipy.stats import gaussian_kde
from sklearn.utils.class_weight import compute_class_weight

from core.errors import MethodError
from core.methods.weights import (
    DenseWeight,
    count_classes,
    dense_weights,
    effective_number_sample_weights,
    effective_number_weights,
    group_weights,
    inverse_frequency_sample_weights,
    inverse_frequency_weights,
)
from tests.unit.methods.reference import cases

AGES = np.array([1, 1, 3, 22, 24, 25, 25, 26, 27, 27, 29, 31, 35, 40, 52, 70, 79])


def ids(case):
    return case["id"]


class TestInverseFrequency:
    @pytest.mark.parametrize("case", cases("ins_weights"), ids=ids)
    def test_equals_the_originals(self, case):
        weights = inverse_frequency_weights(
            case["inputs"]["class_counts"], **case["params"]
        )
        expected = case["expected"]
        np.testing.assert_allclose(weights, expected["weights"], rtol=1e-9)
        if "sample_weights" in expected:
            drawn = weights[case["inputs"]["labels"]]
            np.testing.assert_allclose(drawn, expected["sample_weights"], rtol=1e-9)

    def test_sample_weights_are_scikit_learns_balanced_ones(self):
        labels = np.array([0] * 7 + [1] * 2 + [2] * 11)
        oracle = compute_class_weight("balanced", classes=np.arange(3), y=labels)
        weights = inverse_frequency_sample_weights(labels)
        np.testing.assert_allclose(weights, oracle[labels])
        assert weights.mean() == pytest.approx(1)

    def test_every_class_weighs_the_same_in_all(self):
        labels = np.array([0] * 7 + [1] * 2 + [2] * 11)
        weights = inverse_frequency_sample_weights(labels)
        totals = [weights[labels == k].sum() for k in range(3)]
        np.testing.assert_allclose(totals, 20 / 3)

    @pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
    def test_mean_is_one_at_any_power(self, power):
        labels = np.repeat([0, 1, 2], [500, 30, 1])
        weights = inverse_frequency_sample_weights(labels, power=power)
        assert weights.mean() == pytest.approx(1)
        assert weights[0] * 500**power == pytest.approx(weights[-1])

    @pytest.mark.parametrize(
        "normalization", ["balanced", "sum_to_num_classes", "min_over_n"]
    )
    def test_equal_counts_give_ones(self, normalization):
        weights = inverse_frequency_weights([8, 8, 8], normalization=normalization)
        np.testing.assert_allclose(weights, 1)

    def test_a_class_without_images_is_named(self):
        with pytest.raises(MethodError, match="Class Asian has no training image"):
            count_classes([0, 1, 1], 3, names=("White", "Black", "Asian"))
        with pytest.raises(MethodError, match="Classes 1, 3 have no training image"):
            inverse_frequency_weights([4, 0, 5, 0])
        with pytest.raises(MethodError, match="Class 1 has no training image"):
            inverse_frequency_sample_weights([0, 2, 2])
        with pytest.raises(MethodError, match="Class 2 has no training image"):
            inverse_frequency_sample_weights([0, 1], num_classes=3)

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            ([0, 1, 5], "run from 0 to 5"),
            ([-1, 0, 1], "run from -1 to 1"),
            ([0.0, 1.0, 2.0], "float64"),
            ([[0], [1], [2]], r"shape \(3, 1\)"),
        ],
    )
    def test_bad_labels(self, labels, message):
        with pytest.raises(MethodError, match=message):
            count_classes(labels, 3)

    def test_bad_arguments(self):
        with pytest.raises(MethodError, match="no training images"):
            inverse_frequency_sample_weights([])
        with pytest.raises(MethodError, match="<U5"):
            inverse_frequency_sample_weights(["White", "Black"])
        with pytest.raises(MethodError, match="normalization 'mean'"):
            inverse_frequency_weights([1, 2], normalization="mean")
        for power in (-0.1, float("nan")):
            with pytest.raises(MethodError, match="power"):
                inverse_frequency_weights([1, 2], power=power)
        for counts in ([], [1.5, 2], [float("nan"), 1], ["a"]):
            with pytest.raises(MethodError, match="class counts"):
                inverse_frequency_weights(counts)

    def test_a_huge_imbalance_stays_finite(self):
        weights = inverse_frequency_weights([10**9, 1], power=2.0)
        assert np.isfinite(weights).all()
        assert weights.min() > 0


class TestEffectiveNumber:
    @pytest.mark.parametrize("case", cases("class_balanced_weights"), ids=ids)
    def test_equals_the_originals(self, case):
        weights = effective_number_weights(
            case["inputs"]["class_counts"], **case["params"]
        )
        np.testing.assert_allclose(weights, case["expected"]["weights"], rtol=1e-9)

    @pytest.mark.parametrize("case", cases("drw_weights"), ids=ids)
    def test_equals_drws_at_its_betas(self, case):
        params = case["params"]
        late = case["params"]["epoch"] >= params["drw_epoch"]
        weights = effective_number_weights(
            case["inputs"]["class_counts"], beta=params["betas"][late]
        )
        np.testing.assert_allclose(weights, case["expected"]["weights"], rtol=1e-9)

    def test_by_hand(self):
        # Effective numbers 1 and 1.5 of one image and of two, at beta 1/2.
        np.testing.assert_allclose(
            effective_number_weights([1, 2], beta=0.5), [1.2, 0.8]
        )
        weights = effective_number_sample_weights([0, 1, 1], beta=0.5)
        np.testing.assert_allclose(weights, np.array([1.5, 1, 1]) * 3 / 3.5)

    def test_beta_runs_from_uniform_to_the_inverse_of_the_count(self):
        counts = [500, 30, 1]
        np.testing.assert_array_equal(effective_number_weights(counts, beta=0), 1)
        np.testing.assert_allclose(
            effective_number_weights(counts, beta=1 - 1e-9),
            inverse_frequency_weights(counts, normalization="sum_to_num_classes"),
            rtol=1e-6,
        )

    @pytest.mark.parametrize("beta", [0.0, 0.9, 0.9999])
    def test_mean_is_one_over_the_images(self, beta):
        labels = np.repeat([0, 1, 2], [500, 30, 1])
        weights = effective_number_sample_weights(labels, beta=beta)
        assert weights.dtype == np.float64
        assert weights.mean() == pytest.approx(1)

    def test_equal_counts_give_ones(self):
        np.testing.assert_allclose(effective_number_weights([8, 8, 8]), 1)

    @pytest.mark.parametrize("beta", [-0.1, 1.0, 1.5, float("nan")])
    def test_bad_beta(self, beta):
        with pytest.raises(MethodError, match="beta of the class-balanced weights"):
            effective_number_weights([5, 1], beta=beta)

    def test_bad_arguments(self):
        with pytest.raises(MethodError, match="Class 1 has no training image"):
            effective_number_weights([5, 0])
        with pytest.raises(MethodError, match="Class 1 has no training image"):
            effective_number_sample_weights([0, 2, 2])
        with pytest.raises(MethodError, match="no training images"):
            effective_number_sample_weights([])
        with pytest.raises(MethodError, match="normalization 'mean'"):
            effective_number_weights([1, 2], normalization="mean")


class TestDenseWeight:
    @pytest.mark.parametrize(
        "case", cases("denseweight") + cases("dense_loss"), ids=ids
    )
    def test_equals_the_authors_package(self, case):
        params, inputs = case["params"], case["inputs"]
        expected = case["expected"]
        fitted = DenseWeight.fit(
            inputs["targets"],
            alpha=params["alpha"],
            bandwidth=params.get("bandwidth"),
            eps=params["eps"],
            grid_points=params.get("grid_points", 4096),
        )
        close = {"rtol": 1e-9, "atol": 1e-10}
        np.testing.assert_allclose(
            fitted.training_weights, expected["weights"], **close
        )
        if "query" in inputs:
            queried = fitted.weights(inputs["query"])
            np.testing.assert_allclose(queried, expected["query_weights"], **close)
            np.testing.assert_allclose(
                fitted.training_density, expected["density_norm"], **close
            )
            assert fitted.bandwidth == pytest.approx(expected["bandwidth_used"])
            assert fitted.mean_weight == pytest.approx(expected["mean_w_star"])

    def test_is_close_to_an_exact_gaussian_density(self):
        fitted = DenseWeight.fit(AGES, alpha=1.0)
        bandwidth = 1.06 * AGES.std() * len(AGES) ** (-1 / 5)
        exact = gaussian_kde(AGES, bw_method=bandwidth / AGES.std(ddof=1))
        p = exact(fitted.grid)
        p = (exact(AGES) - p.min()) / (p.max() - p.min())
        raw = np.maximum(1 - p, 1e-6)
        np.testing.assert_allclose(
            fitted.training_weights, raw / raw.mean(), atol=0.02, rtol=0.02
        )

    @pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0, 3.0])
    def test_mean_is_one_and_order_is_rarity(self, alpha):
        weights = dense_weights(AGES, alpha=alpha)
        assert weights.shape == AGES.shape
        assert weights.mean() == pytest.approx(1)
        assert (weights > 0).all()
        if alpha == 0:
            assert (weights == 1).all()
        else:
            assert weights[-1] == weights.max()  # 79, the only one so old
            assert weights[6] < 1  # 25, in the thick of it

    def test_outside_the_grid_reads_the_nearer_end(self):
        skewed = DenseWeight.fit([1, 1, 2, 2, 2, 3, 60], alpha=1.0)
        low, high = skewed.density_at([-1e9, 1e9])
        assert low == skewed.density[0]
        assert high == skewed.density[-1]
        # The two ends differ, so reading the wrong one would show.
        assert low != high

    def test_reads_the_grid_point_at_or_below(self):
        fitted = DenseWeight.fit(AGES)
        middle = 2000
        between = 0.25 * fitted.grid[middle] + 0.75 * fitted.grid[middle + 1]
        at, above = fitted.density_at([fitted.grid[middle], between])
        assert at == above == fitted.density[middle]

    def test_fitting_again_leaves_no_trace(self):
        first = DenseWeight.fit(AGES)
        second = DenseWeight.fit(10 * AGES)
        assert second.bandwidth == pytest.approx(10 * first.bandwidth)
        np.testing.assert_allclose(
            second.training_weights, first.training_weights, atol=0.01
        )
        with pytest.raises(dataclasses.FrozenInstanceError):
            first.alpha = 1.0
        with pytest.raises(ValueError, match="read-only"):
            first.density[0] = 1.0

    def test_other_alpha_needs_no_fit(self):
        moved = DenseWeight.fit(AGES, alpha=0.25).with_alpha(1.0)
        np.testing.assert_array_equal(
            moved.training_weights, dense_weights(AGES, alpha=1.0)
        )

    def test_curve_is_what_training_uses(self):
        fitted = DenseWeight.fit(AGES, alpha=1.0)
        curve = fitted.curve(1, 79, points=79)
        np.testing.assert_allclose(curve.targets, np.arange(1, 80))
        rows = AGES - 1
        np.testing.assert_allclose(curve.weights[rows], fitted.training_weights)
        assert curve.density.min() >= 0
        assert curve.density.max() <= 1

    @pytest.mark.parametrize("targets", [[30.0] * 9, [30.0], []])
    def test_nothing_to_weigh(self, targets):
        with pytest.raises(MethodError, match="all targets are the same"):
            DenseWeight.fit(targets)

    @pytest.mark.parametrize("alpha", [-0.1, float("nan"), float("inf")])
    def test_bad_alpha(self, alpha):
        with pytest.raises(MethodError, match="alpha"):
            DenseWeight.fit(AGES, alpha=alpha)
        with pytest.raises(MethodError, match="alpha"):
            DenseWeight.fit(AGES).with_alpha(alpha)

    def test_bad_targets_and_arguments(self):
        with pytest.raises(MethodError, match="1 of 3 targets"):
            DenseWeight.fit([1.0, float("nan"), 2.0])
        with pytest.raises(MethodError, match="1 of 1 targets"):
            DenseWeight.fit(AGES).weights([float("nan")])
        with pytest.raises(MethodError, match="numbers"):
            DenseWeight.fit(["old", "young"])
        with pytest.raises(MethodError, match="eps"):
            DenseWeight.fit(AGES, eps=0.0)
        with pytest.raises(MethodError, match="bandwidth"):
            DenseWeight.fit(AGES, bandwidth=-1.0)
        with pytest.raises(MethodError, match="rule 'wide'"):
            DenseWeight.fit(AGES, bandwidth="wide")


TARGETS = np.random.default_rng(5).normal(35, 12, 200)


class TestDenseWeightInItsOtherForms:
    def test_a_line_between_two_points_of_the_grid(self):
        coarse = DenseWeight.fit(TARGETS, grid_points=64)
        straight = DenseWeight.fit(TARGETS, grid_points=64, lookup="linear")
        middle = (coarse.grid[10] + coarse.grid[11]) / 2
        assert coarse.density_at([middle]) == coarse.density[10]
        between = (coarse.density[10] + coarse.density[11]) / 2
        assert straight.density_at([middle]) == pytest.approx(between)

    def test_extremes_at_the_targets(self):
        fitted = DenseWeight.fit(TARGETS, extremes="targets")
        assert fitted.training_density.min() == 0
        assert fitted.training_density.max() == 1
        # Over the grid, which is wider, the least density is that of its ends.
        assert DenseWeight.fit(TARGETS).training_density.min() > 0

    @pytest.mark.parametrize(
        ("name", "word"), [("lookup", "cubic"), ("extremes", "mean")]
    )
    def test_no_such_form(self, name, word):
        with pytest.raises(MethodError, match=f"no {name} '{word}' of DenseWeight"):
            DenseWeight.fit(TARGETS, **{name: word})


class TestGroupWeights:
    def test_a_table_of_weights_by_hand(self):
        # Mean of 1, 1, 1 and 0.1 is 0.775.
        weights = group_weights(list("wwwm"), weights={"w": 1.0, "m": 0.1})
        np.testing.assert_allclose(weights, [1 / 0.775] * 3 + [0.1 / 0.775])

    def test_without_a_table_every_group_has_the_same_total(self):
        groups = np.repeat(["a", "b", "c"], [6, 3, 1])
        weights = group_weights(groups)
        totals = [weights[groups == g].sum() for g in "abc"]
        np.testing.assert_allclose(totals, 10 / 3)
        ids = np.repeat([0, 1, 2], [6, 3, 1])
        np.testing.assert_allclose(weights, inverse_frequency_sample_weights(ids))

    def test_a_group_may_weigh_nothing(self):
        weights = group_weights(["a", "b"], weights={"a": 0.0, "b": 3.0})
        np.testing.assert_array_equal(weights, [0, 2])

    @pytest.mark.parametrize(
        ("weights", "said"),
        [
            ({"a": 1.0}, "have no weight: b"),
            ({"a": 1.0, "b": 1.0, "c": 2.0}, "have no training image: c"),
            ({"a": 0.0, "b": 0.0}, "group weights are 0, 0"),
            ({"a": 1.0, "b": -1.0}, "group weights are 1, -1"),
            ({"a": 1.0, "b": np.inf}, "group weights are 1, inf"),
        ],
    )
    def test_tables_that_cannot_be_are_refused(self, weights, said):
        with pytest.raises(MethodError, match=said):
            group_weights(["a", "b", "a"], weights=weights)

    def test_no_images_are_refused(self):
        with pytest.raises(MethodError, match="no training images"):
            group_weights([])
