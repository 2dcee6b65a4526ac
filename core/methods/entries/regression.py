"""Remedies for a number with rare values."""

from core.language import N_
from core.methods.entry import Entry, choice, number
from core.tunable import Between, Powers, Whole

_DELVING = "Yang et al., Delving into Deep Imbalanced Regression, ICML 2021"
_KERNELS = ("gaussian", "triang", "laplace")
# A triangle is as wide as its window.
_WITH_SIGMA = ("kernel", ("gaussian", "laplace"))
_MAX_TARGET = number(
    "max_target",
    1,
    100_000,
    N_("Largest target; there are as many bins of width 1, from 0 on."),
)
_KERNEL_SIZES = Whole(3, 15, step=2)
_SIGMAS = Powers(0.5, 8.0)
_ONE_UNIT = N_(
    "Bins are one unit wide: targets that spread over less, or over thousands, should "
    "be rescaled first."
)

ENTRIES = (
    Entry(
        name="inverse-frequency-bins",
        label=N_("Inverse frequency"),
        paper=_DELVING,
        year=2021,
        summary=N_(
            "Each image counts by the inverse of the number of images with its target, "
            "in whole units."
        ),
        part="weights",
        task_kinds=("regression",),
        parameters=(
            number(
                "power",
                0.0,
                2.0,
                N_("Exponent: 0.5 is the square root."),
                tuned=Between(0.25, 1.5),
            ),
            _MAX_TARGET,
        ),
        needs=("targets",),
        builder="core.methods.smoothing:inverse_frequency_bin_weights",
        formula=r"w_i \propto n_{\lfloor y_i \rfloor}^{-\mathrm{power}}",
        traps=(
            N_(
                "An age next to a common one counts as rare if few have it: nothing is "
                "smoothed."
            ),
            N_(
                "With power 1, the only image of an age weighs as much as all images "
                "of a common age together; 0.5 is the usual."
            ),
            _ONE_UNIT,
        ),
    ),
    Entry(
        name="lds",
        label="LDS",
        paper=_DELVING,
        year=2021,
        summary=N_(
            "Each image counts by how rare its target is among neighbouring targets "
            "too: the histogram is smoothed before it is inverted."
        ),
        part="weights",
        task_kinds=("regression",),
        parameters=(
            choice("kernel", _KERNELS, N_("Kernel that smooths the histogram.")),
            number(
                "kernel_size",
                1,
                101,
                N_("Bins that it spans, an odd number."),
                odd=True,
                tuned=_KERNEL_SIZES,
            ),
            number(
                "sigma",
                0.1,
                50.0,
                N_("Its width in bins."),
                only_with=_WITH_SIGMA,
                tuned=_SIGMAS,
            ),
            choice(
                "reweight",
                ("sqrt_inv", "inverse"),
                N_("Whether square roots or clipped counts are smoothed and inverted."),
            ),
            _MAX_TARGET,
        ),
        needs=("targets",),
        builder="core.methods.smoothing:lds_weights",
        formula=r"w_i \propto \Big( \sum_b k(b - b_i) \sqrt{n_b} \Big)^{-1},"
        r" \quad b_i = \lfloor y_i \rfloor",
        traps=(
            N_(
                "The Gaussian window of 5 bins reflects at its ends: with sigma 2 it "
                "is nearly flat, from 0.86 to 1."
            ),
            N_(
                '"inverse" clips the counts to 5..1000 first: beyond, images are '
                "neither rarer nor more common."
            ),
            N_(
                "Bins at the ends of the range have no neighbours outside, and weigh "
                "more."
            ),
            _ONE_UNIT,
        ),
    ),
    Entry(
        name="fds",
        label="FDS",
        paper=_DELVING,
        year=2021,
        summary=N_(
            "While training, features are moved towards the statistics of images with "
            "similar targets."
        ),
        part="features",
        task_kinds=("regression",),
        parameters=(
            choice("kernel", _KERNELS, N_("Kernel that smooths the statistics.")),
            number(
                "kernel_size",
                1,
                101,
                N_("Buckets that it spans, an odd number."),
                odd=True,
                tuned=_KERNEL_SIZES,
            ),
            number(
                "sigma",
                0.1,
                50.0,
                N_("Its width in buckets."),
                only_with=_WITH_SIGMA,
                tuned=_SIGMAS,
            ),
            number("momentum", 0.0, 0.999, N_("Share of the statistics that stays.")),
        ),
        needs=("range",),
        builder="core.models.feature_smoothing:FeatureSmoothing",
        formula=r"\tilde{x} = (x - \mu_b) \sqrt{\mathrm{clip}"
        r"(\tilde{\sigma}_b^2 / \sigma_b^2, 0.1, 10)} + \tilde{\mu}_b",
        traps=(
            N_("The first two epochs are plain: there are no statistics yet."),
            N_(
                "A bucket without images keeps mean 0 and variance 1, and its "
                "neighbours are smoothed with these."
            ),
            N_(
                "The head meets smoothed features in training and plain ones in use: "
                "its training loss is not comparable with the validation's."
            ),
            N_(
                "The authors' code mixes up the statistics of two epochs; here they "
                "are kept apart."
            ),
        ),
    ),
    Entry(
        name="balanced-mse",
        label=N_("Balanced MSE"),
        paper="Ren et al., Balanced MSE for Imbalanced Visual Regression, CVPR 2022",
        year=2022,
        summary=N_(
            "A prediction must be nearer to its own target than to the others of its "
            "batch, so that common targets no longer draw all predictions to them."
        ),
        part="loss",
        task_kinds=("regression",),
        parameters=(
            number(
                "noise_sigma",
                0.01,
                10_000.0,
                N_("Start value of the learned noise, in the unit of the target."),
                tuned=Powers(0.1, 10.0, times_own=True),
            ),
        ),
        needs=(),
        builder="core.methods.losses.regression:BalancedMSE",
        formula=r"L_i = -2 \sigma^2 \ln \frac{e^{-(\hat{y}_i - y_i)^2 / 2 \sigma^2}}"
        r"{\sum_j e^{-(\hat{y}_i - y_j)^2 / 2 \sigma^2}}",
        traps=(
            N_(
                "It depends on the batch: a small one knows little of the targets, and "
                "losses of different batch sizes are not comparable."
            ),
            N_(
                "Its values scale with the learned noise, so that a lower validation "
                "loss need not be a lower error."
            ),
            N_(
                "Under Adam the noise moves by about the learning rate a step: start "
                "it near the error that is expected."
            ),
            N_(
                "In squared units, it drowns the losses of other heads: give it a "
                "small loss weight."
            ),
            N_(
                "Predictions spread wider than under MSE: the mean error over common "
                "targets may rise."
            ),
        ),
    ),
    Entry(
        name="focal-regression",
        label="Focal-R",
        paper=_DELVING,
        year=2021,
        summary=N_("Images whose error is small already count less."),
        part="loss",
        task_kinds=("regression",),
        parameters=(
            choice("kind", ("mse", "l1"), N_("Squared or absolute error.")),
            choice("activate", ("sigmoid", "tanh"), N_("Maps errors to 0..1.")),
            number(
                "beta",
                0.001,
                100.0,
                N_("Steepness of the map."),
                tuned=Powers(0.1, 10.0, times_own=True),
            ),
            number(
                "gamma",
                0.0,
                10.0,
                N_("Focusing: 0 is the plain error."),
                tuned=Powers(0.25, 4.0),
            ),
        ),
        needs=(),
        builder="core.methods.losses.regression:FocalRegression",
        formula=r"L = |e|^k \, (2 \sigma(\beta |e|) - 1)^\gamma,"
        r" \quad e = \hat{y} - y, \; k \in \{1, 2\}",
        traps=(
            N_(
                "It looks at the error and not at rarity: a wrong label counts in full."
            ),
            N_("beta is in one over the unit of the target: 0.2 is meant for years."),
        ),
    ),
    Entry(
        name="huber",
        label=N_("Huber loss"),
        paper=(
            "Huber, Robust Estimation of a Location Parameter, Annals of Mathematical "
            "Statistics 35, 1964"
        ),
        year=1964,
        summary=N_("Small errors cost their square, large ones their size."),
        part="loss",
        task_kinds=("regression",),
        parameters=(
            number(
                "beta",
                0.001,
                1000.0,
                N_("Error from which on it is straight."),
                tuned=Powers(0.1, 10.0, times_own=True),
            ),
        ),
        needs=(),
        builder="core.methods.losses.regression:Huber",
        formula=r"L = \begin{cases} e^2 / 2 \beta & |e| < \beta \\"
        r" |e| - \beta / 2 & \text{else} \end{cases}, \quad e = \hat{y} - y",
        traps=(
            N_("Not a remedy for imbalance: weighted losses are compared with it."),
            N_("Here its slope ends at 1; Keras's and textbooks' ends at their delta."),
        ),
    ),
)
