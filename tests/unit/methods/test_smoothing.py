import numpy as np
import pytest
from scipy.ndimage import convolve1d, gaussian_filter1d
from scipy.signal.windows import triang

from core.errors import MethodError
from core.methods.smoothing import (
    FeatureStatistics,
    bin_targets,
    bucket_of,
    compute_bucket_statistics,
    effective_density,
    inverse_frequency_bin_weights,
    kernel_window,
    lds_curve,
    lds_weights,
    smooth_over_buckets,
)
from tests.unit.methods.reference import cases

AGES = np.array([1, 1, 3, 22, 24, 25, 25, 26, 27, 27, 29, 31, 35, 40, 52, 70, 79.5])
CLOSE = {"rtol": 1e-9, "atol": 1e-11}


def ids(case):
    return case["id"]


def of_case(case):
    """Arguments of ``lds_weights`` that a case asks for."""
    params = case["params"]
    return {
        "kernel": params["kernel"] if params["lds"] else None,
        "kernel_size": params["ks"],
        "sigma": params["sigma"],
        "reweight": params["reweight"],
        "max_target": params["max_target"],
        "outside": "last bin",
    }


def lds_cases(*, readme):
    return [
        case
        for case in cases("lds_weights")
        if readme == case["params"]["reweight"].startswith("readme")
    ]


class TestKernelWindow:
    @pytest.mark.parametrize(
        "case", [c for c in cases("lds_weights") if c["params"]["lds"]], ids=ids
    )
    def test_equals_the_originals(self, case):
        params = case["params"]
        window = kernel_window(
            params["kernel"], kernel_size=params["ks"], sigma=params["sigma"]
        )
        np.testing.assert_allclose(window, case["expected"]["kernel_window"], **CLOSE)

    @pytest.mark.parametrize("size", [1, 3, 5, 9, 31])
    @pytest.mark.parametrize("sigma", [0.1, 0.7, 2.0, 8.0])
    def test_equals_scipys_filter_and_window(self, size, sigma):
        one = np.zeros(size)
        one[size // 2] = 1
        filtered = gaussian_filter1d(one, sigma)
        gaussian = kernel_window("gaussian", kernel_size=size, sigma=sigma)
        np.testing.assert_allclose(gaussian, filtered / filtered.max(), atol=1e-12)
        triangle = kernel_window("triang", kernel_size=size, sigma=sigma)
        np.testing.assert_allclose(triangle, triang(size), atol=1e-12)

    @pytest.mark.parametrize("kernel", ["gaussian", "triang", "laplace"])
    def test_is_symmetric_falls_from_its_middle_and_adds_up_to_one(self, kernel):
        window = kernel_window(kernel, kernel_size=7, sigma=1.5, total_one=True)
        assert window.sum() == pytest.approx(1)
        np.testing.assert_allclose(window, window[::-1])
        assert (np.diff(window[3:]) < 0).all()

    def test_laplace_by_hand(self):
        window = kernel_window("laplace", kernel_size=3, sigma=1 / np.log(2))
        np.testing.assert_allclose(window, [0.5, 1, 0.5])

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"kernel": "box"}, "kernel 'box'"),
            ({"kernel_size": 4}, "kernel_size is 4"),
            ({"kernel_size": -1}, "kernel_size is -1"),
            ({"sigma": 0.0}, "sigma of the kernel is 0"),
            ({"sigma": float("nan")}, "sigma of the kernel is nan"),
        ],
    )
    def test_bad_parameters(self, arguments, message):
        with pytest.raises(MethodError, match=message):
            kernel_window(**arguments)


class TestBins:
    def test_whole_parts_and_the_last_bin(self):
        bins = bin_targets([0, 0.99, 1.0, 8.2, 9.0, 10.0], max_target=10)
        np.testing.assert_array_equal(bins, [0, 0, 1, 8, 9, 9])

    def test_beyond_the_range(self):
        with pytest.raises(
            MethodError, match="1 of 3 targets are out of range: 4 to 1"
        ):
            bin_targets([4, 9, 10.5], max_target=10)
        bins = bin_targets([4, 9, 10.5], max_target=10, outside="last bin")
        np.testing.assert_array_equal(bins, [4, 9, 9])

    @pytest.mark.parametrize("outside", ["error", "last bin"])
    def test_below_0_is_never_right(self, outside):
        with pytest.raises(MethodError, match="2 of 3 targets are out of range: -2 to"):
            bin_targets([-0.5, -2, 3], outside=outside)

    @pytest.mark.parametrize("bad", [[1, float("nan")], [float("inf")], ["old"]])
    def test_no_numbers(self, bad):
        with pytest.raises(MethodError, match="not finite numbers"):
            bin_targets(bad)

    def test_nothing_at_all(self):
        with pytest.raises(MethodError, match="no training images"):
            bin_targets([])
        with pytest.raises(MethodError, match="max_target is 0"):
            bin_targets([1], max_target=0)


class TestLDS:
    @pytest.mark.parametrize("case", lds_cases(readme=False), ids=ids)
    def test_equals_the_originals(self, case):
        targets, expected = case["inputs"]["targets"], case["expected"]
        weights = lds_weights(targets, **of_case(case), whole=True)
        np.testing.assert_allclose(weights, expected["weights"], **CLOSE)
        plain = lds_weights(targets, **of_case(case))
        np.testing.assert_allclose(
            plain, expected.get("weights_no_int_truncation", weights), **CLOSE
        )

    @pytest.mark.parametrize("case", lds_cases(readme=True), ids=ids)
    def test_equals_the_originals_for_other_data(self, case):
        params, expected = case["params"], case["expected"]
        bins = np.array(case["inputs"]["targets"])
        window = {
            "kernel": params["kernel"],
            "kernel_size": params["ks"],
            "sigma": params["sigma"],
        }
        counts = np.bincount(bins)
        whole = effective_density(counts, **window, whole=True)
        np.testing.assert_array_equal(whole, expected["effective_density"])
        np.testing.assert_allclose(1 / whole[bins], expected["weights"], **CLOSE)
        np.testing.assert_allclose(
            effective_density(counts, **window),
            expected["effective_density_float"],
            **CLOSE,
        )

    def test_by_hand(self):
        # Four images at 2 and one at 3 under [1/2 1 1/2], square roots 2 and 1:
        # densities 2.5 and 2, weights 0.4 and 0.5 of mean 0.42.
        weights = lds_weights([2, 2, 2, 2, 3], kernel="triang", kernel_size=3)
        np.testing.assert_allclose(weights, np.array([0.4] * 4 + [0.5]) / 0.42)

    @pytest.mark.parametrize("reweight", ["sqrt_inv", "inverse"])
    def test_density_is_a_convolution_without_neighbours_outside(self, reweight):
        curve = lds_curve(AGES, reweight=reweight, max_target=90, sigma=1.3)
        counts = np.histogram(AGES, bins=np.arange(91))[0]
        np.testing.assert_array_equal(curve.counts, counts)
        values = np.sqrt(counts) if reweight == "sqrt_inv" else np.clip(counts, 5, 1000)
        window = kernel_window(sigma=1.3)
        expected = convolve1d(values.astype(float), window, mode="constant")
        np.testing.assert_allclose(curve.density, expected)
        np.testing.assert_array_equal(curve.before, values)

    def test_counts_are_clipped_before_they_are_inverted(self):
        # 1 counts as 5, and 2000 as 1000.
        ages = [10] + [20] * 10 + [30] * 2000
        weights = lds_weights(ages, kernel=None, reweight="inverse")
        assert weights[0] / weights[1] == pytest.approx(2)
        assert weights[1] / weights[-1] == pytest.approx(100)

    def test_a_rare_age_among_common_ones_is_not_rare(self):
        ages = np.repeat([20, 21, 22, 60], [400, 4, 400, 4])
        rough, smooth = lds_weights(ages, kernel=None), lds_weights(ages)
        assert rough[400] == pytest.approx(rough[-1])
        assert smooth[400] < smooth[-1] / 10

    def test_mean_is_one_and_the_even_middle_is_flat(self):
        weights = lds_weights(np.repeat(np.arange(50), 3), max_target=50)
        assert weights.mean() == pytest.approx(1)
        np.testing.assert_allclose(weights[6:-6], weights[75])
        assert weights[0] > weights[75]

    def test_the_curve_is_what_images_weigh_and_ends_where_nobody_is_near(self):
        curve = lds_curve(AGES)
        np.testing.assert_array_equal(
            curve.weights[AGES.astype(int)], lds_weights(AGES)
        )
        near = np.abs(np.arange(121)[:, None] - AGES.astype(int)).min(axis=1) <= 2
        np.testing.assert_array_equal(np.isfinite(curve.weights), near)

    def test_a_kernel_of_one_bin_changes_nothing(self):
        np.testing.assert_allclose(
            lds_weights(AGES, kernel_size=1), lds_weights(AGES, kernel=None)
        )

    def test_a_kernel_wider_than_the_range(self):
        density = effective_density([1, 2], kernel="triang", kernel_size=7)
        np.testing.assert_allclose(density, [1 + 2 * 0.75, 2 + 0.75])

    def test_bad_reweighting(self):
        with pytest.raises(MethodError, match="re-weighting 'cubic'"):
            lds_weights(AGES, reweight="cubic")

    def test_ages_out_of_range(self):
        with pytest.raises(MethodError, match="from 0 to 121"):
            lds_weights([30, 122])


class TestInverseFrequencyBins:
    def test_equals_the_originals_square_root(self):
        (case,) = (
            case
            for case in lds_cases(readme=False)
            if not case["params"]["lds"] and case["params"]["reweight"] == "sqrt_inv"
        )
        weights = inverse_frequency_bin_weights(case["inputs"]["targets"], power=0.5)
        np.testing.assert_allclose(weights, case["expected"]["weights"], **CLOSE)

    def test_every_age_weighs_the_same_in_all(self):
        ages = np.repeat([3, 30, 31.5], [1, 700, 20])
        weights = inverse_frequency_bin_weights(ages)
        totals = [weights[ages == age].sum() for age in (3, 30, 31.5)]
        np.testing.assert_allclose(totals, 721 / 3)

    @pytest.mark.parametrize("power", [0.0, 0.5, 2.0])
    def test_powers(self, power):
        weights = inverse_frequency_bin_weights([5] * 9 + [7.9, 7.1], power=power)
        assert weights.mean() == pytest.approx(1)
        assert weights[-1] / weights[0] == pytest.approx(4.5**power)

    def test_bad_parameters(self):
        with pytest.raises(MethodError, match="power is -1"):
            inverse_frequency_bin_weights(AGES, power=-1)
        with pytest.raises(MethodError, match="out of range"):
            inverse_frequency_bin_weights([-1.0])


def by_epoch(case, *, aliased=False):
    """Statistics of a case after each of its two epochs, and its batch's buckets."""
    params, inputs = case["params"], case["inputs"]
    where = {
        "start": params["bucket_start"],
        "buckets": params["bucket_num"] - params["bucket_start"],
    }
    window = kernel_window(
        params["kernel"],
        kernel_size=params["ks"],
        sigma=params["sigma"],
        total_one=True,
    )
    features = len(inputs["batch_features"][0])
    states = [FeatureStatistics.initial(where["buckets"], features)]
    for epoch in (0, 1):
        gathered = compute_bucket_statistics(
            inputs[f"epoch{epoch}_features"],
            bucket_of(inputs[f"epoch{epoch}_labels"], **where),
            buckets=where["buckets"],
        )
        states.append(
            states[-1].end_epoch(
                gathered, window=window, momentum=params["momentum"], aliased=aliased
            )
        )
    return states, bucket_of(inputs["batch_labels"], **where)


class TestFDS:
    @pytest.mark.parametrize("case", cases("fds"), ids=ids)
    def test_equals_the_originals(self, case):
        (_, first, second), bucket = by_epoch(case)
        batch, expected = case["inputs"]["batch_features"], case["expected"]
        for mine, theirs in (
            (second.mean, "running_mean"),
            (second.variance, "running_var"),
            (second.smoothed_mean, "smoothed_mean_last_epoch"),
            (second.smoothed_variance, "smoothed_var_last_epoch"),
            (first.smooth(batch, bucket), "batch_smoothed_epoch1"),
            (second.smooth(batch, bucket), "batch_smoothed_epoch2_no_alias"),
        ):
            np.testing.assert_allclose(mine, expected[theirs], **CLOSE, err_msg=theirs)

    @pytest.mark.parametrize("case", cases("fds"), ids=ids)
    def test_equals_the_originals_with_their_slip(self, case):
        (*_, second), bucket = by_epoch(case, aliased=True)
        np.testing.assert_allclose(
            second.smooth(case["inputs"]["batch_features"], bucket),
            case["expected"]["batch_smoothed_epoch2_official"],
            **CLOSE,
        )

    def test_statistics_are_those_of_each_bucket(self):
        rng = np.random.default_rng(0)
        features, bucket = rng.normal(3, 2, size=(60, 4)), rng.integers(0, 5, size=60)
        bucket[bucket == 3] = 4
        bucket[0] = 3
        statistics = compute_bucket_statistics(features, bucket, buckets=6)
        np.testing.assert_array_equal(
            statistics.counts, [np.sum(bucket == k) for k in range(6)]
        )
        for k in (0, 1, 2, 4):
            own = features[bucket == k]
            np.testing.assert_allclose(statistics.mean[k], own.mean(axis=0))
            np.testing.assert_allclose(statistics.variance[k], own.var(axis=0, ddof=1))
        np.testing.assert_array_equal(statistics.mean[3], features[0])
        np.testing.assert_array_equal(statistics.variance[3], 0)

    def test_buckets_are_whole_parts_clipped_at_the_ends(self):
        bucket = bucket_of([-4.5, 2.9, 3.0, 4.99, 5.0, 80], start=3, buckets=3)
        np.testing.assert_array_equal(bucket, [0, 0, 0, 1, 2, 2])

    def test_smoothing_reflects_without_repeating_the_end(self):
        smoothed = smooth_over_buckets([[1.0], [10.0], [100.0]], [0.25, 0.5, 0.25])
        np.testing.assert_allclose(smoothed, [[5.5], [30.25], [55.0]])

    def test_smoothed_features_have_the_smoothed_statistics(self):
        rng = np.random.default_rng(1)
        bucket = np.repeat(np.arange(6), 50)
        spread = rng.uniform(1, 1.5, size=(6, 3))[bucket]
        features = rng.normal(size=(300, 3)) * spread + bucket[:, None]
        gathered = compute_bucket_statistics(features, bucket, buckets=6)
        window = kernel_window(total_one=True)
        state = FeatureStatistics.initial(6, 3)
        for _ in range(2):
            state = state.end_epoch(gathered, window=window)
        moved = compute_bucket_statistics(
            state.smooth(features, bucket), bucket, buckets=6
        )
        np.testing.assert_allclose(moved.mean, state.smoothed_mean)
        np.testing.assert_allclose(moved.variance, state.smoothed_variance)

    def test_equal_buckets_are_left_as_they_are(self):
        features = np.tile([[1.0, 5.0], [3.0, 4.0]], (4, 1))
        bucket = np.repeat(np.arange(4), 2)
        gathered = compute_bucket_statistics(features, bucket, buckets=4)
        state = FeatureStatistics.initial(4, 2)
        for _ in range(3):
            state = state.end_epoch(gathered, window=kernel_window(total_one=True))
        np.testing.assert_allclose(state.smooth(features, bucket), features)

    def test_a_feature_without_variance_stays(self):
        state = FeatureStatistics.initial(2, 2)
        features = np.array([[7.0, 1.0], [7.0, 2.0], [9.0, 1.0], [9.0, 4.0]])
        bucket = np.array([0, 0, 1, 1])
        gathered = compute_bucket_statistics(features, bucket, buckets=2)
        for _ in range(2):
            state = state.end_epoch(gathered, window=kernel_window(kernel_size=3))
        moved = state.smooth(features, bucket)
        np.testing.assert_array_equal(moved[:, 0], features[:, 0])
        assert (moved[:, 1] != features[:, 1]).all()

    def test_the_ratio_of_variances_is_clipped(self):
        state = FeatureStatistics(
            2,
            *(np.ones(2), np.zeros((2, 1)), np.ones((2, 1))),
            *(np.zeros((2, 1)), np.array([[1e-3], [1e3]])),
            *(np.zeros((2, 1)), np.ones((2, 1))),
        )
        factor, shift = state.calibration()
        np.testing.assert_allclose(factor[:, 0], np.sqrt([10, 0.1]))
        np.testing.assert_array_equal(shift, 0)
        factor, _ = state.calibration(clip_min=1e-9, clip_max=1e9)
        np.testing.assert_allclose(factor[:, 0], np.sqrt([1e3, 1e-3]))

    def test_a_bucket_that_an_epoch_lacks_keeps_its_statistics(self):
        state = FeatureStatistics.initial(2, 1)
        both = compute_bucket_statistics([[1.0], [3.0], [5.0]], [0, 0, 1], buckets=2)
        one = compute_bucket_statistics([[11.0]], [0], buckets=2)
        window = kernel_window(kernel_size=1)
        state = state.end_epoch(both, window=window).end_epoch(one, window=window)
        np.testing.assert_allclose(state.mean, [[0.9 * 2 + 0.1 * 11], [5.0]])
        np.testing.assert_array_equal(state.tracked, [3, 1])

    def test_without_momentum_all_images_count_alike(self):
        rng = np.random.default_rng(2)
        state = FeatureStatistics.initial(1, 2)
        epochs = [rng.normal(size=(count, 2)) for count in (3, 10, 5)]
        for features in epochs:
            bucket = np.zeros(len(features), dtype=int)
            gathered = compute_bucket_statistics(features, bucket, buckets=1)
            window = kernel_window(kernel_size=1)
            state = state.end_epoch(gathered, window=window, momentum=None)
        np.testing.assert_allclose(state.mean[0], np.concatenate(epochs).mean(axis=0))

    def test_bad_parameters(self):
        state = FeatureStatistics.initial(3, 1)
        gathered = compute_bucket_statistics([[1.0]], [0], buckets=3)
        with pytest.raises(MethodError, match="momentum is 1"):
            state.end_epoch(gathered, window=kernel_window(), momentum=1.0)
        with pytest.raises(MethodError, match="over 7 buckets is too wide for 3"):
            smooth_over_buckets(state.mean, kernel_window(kernel_size=7))
