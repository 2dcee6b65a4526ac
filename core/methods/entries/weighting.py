"""Remedies that weigh images."""

from core.language import N_
from core.methods.entry import BETAS, Entry, mapping, number
from core.tunable import Between, Powers

ENTRIES = (
    Entry(
        name="ins",
        label=N_("INS weights"),
        paper=(
            "Huang et al., Learning Deep Representation for Imbalanced "
            "Classification, CVPR 2016"
        ),
        year=2016,
        summary=N_("Each image counts by the inverse of the number of its class."),
        part="weights",
        task_kinds=("binary", "multiclass"),
        parameters=(
            number(
                "power",
                0.0,
                2.0,
                N_("Exponent of the count: 0 is uniform."),
                tuned=Between(0.25, 1.5),
            ),
        ),
        needs=("labels",),
        builder="core.methods.weights:inverse_frequency_sample_weights",
        formula=r"w_i = \frac{n_{y_i}^{-p}}{\frac{1}{N} \sum_j n_{y_j}^{-p}}",
        traps=(
            N_(
                "The few images of a rare class are repeated in effect: a network "
                "learns them by heart."
            ),
            N_(
                "PyTorch's weighted loss divides by the sum of the weights in the "
                "batch, Keras's by the number of images: the weights here have mean "
                "1 over the training images, so that the learning rate means the "
                "same."
            ),
            N_(
                "It counts on every task of the study, not only on the one it looks at."
            ),
        ),
        heads="all",
    ),
    Entry(
        name="class-balanced",
        label=N_("Class-balanced weights"),
        paper=(
            "Cui et al., Class-Balanced Loss Based on Effective Number of Samples, "
            "CVPR 2019"
        ),
        year=2019,
        summary=N_("Each image counts by the inverse of its class's effective number."),
        part="weights",
        task_kinds=("binary", "multiclass"),
        parameters=(
            number(
                "beta",
                0.0,
                0.9999999,
                N_("How far images of a class differ: 0 is uniform, towards 1 is INS."),
                tuned=BETAS,
            ),
        ),
        needs=("labels",),
        builder="core.methods.weights:effective_number_sample_weights",
        formula=(
            r"w_i \propto \frac{1 - \beta}{1 - \beta^{n_{y_i}}}, \quad "
            r"\frac{1}{N} \sum_i w_i = 1"
        ),
        traps=(
            N_(
                "In float32, 1 - 0.9999 is off by 1e-4: the weights are made in "
                "float64."
            ),
            N_(
                "With classes of thousands of images and beta 0.999 the common ones "
                "weigh the same; with beta 0.9999 it is close to INS in the tail."
            ),
            N_(
                "The paper's weights have mean 1 over the classes, which on a long "
                "tail makes the loss, and so the step, much smaller; here the mean "
                "is 1 over the training images."
            ),
            N_(
                "From the first epoch on it harms the features: LDAM's authors let it "
                "start late (DRW, start = 0.8)."
            ),
        ),
        heads="all",
    ),
    Entry(
        name="group-weights",
        label=N_("Group weights"),
        paper=(
            "Idrissi et al., Simple data balancing achieves competitive "
            "worst-group-accuracy, CLeaR 2022"
        ),
        year=2022,
        summary=N_(
            "Each image counts by its group: as a table of weights says, or every "
            "group the same in total."
        ),
        part="weights",
        task_kinds=("binary", "multiclass"),
        parameters=(
            mapping(
                "weights",
                0.0,
                1e6,
                N_(
                    "Weight of an image of each group; without it, the inverse of the "
                    "group's number of images."
                ),
            ),
        ),
        needs=("names",),
        builder="core.methods.weights:group_weights",
        formula=(
            r"w_i = \frac{v_{g_i}}{\frac{1}{N} \sum_j v_{g_j}}, \quad "
            r"v_g = n_g^{-1} \text{ unless given}"
        ),
        traps=(
            N_(
                "on = 'gender x blond' weighs every group of every class: only then "
                "is the class balanced within the groups."
            ),
            N_(
                "Weights have mean 1 over the training images: 1 and 0.1 for two "
                "groups of one size act as 1.82 and 0.18."
            ),
            N_(
                "A group that is weighed down is learned worse: the gap may close "
                "because the better group falls."
            ),
            N_("It counts on every task of the study."),
        ),
        heads="all",
    ),
    Entry(
        name="denseweight",
        label="DenseWeight",
        paper=(
            "Steininger et al., Density-based weighting for imbalanced "
            "regression, Machine Learning 110, 2021"
        ),
        year=2021,
        summary=N_(
            "Images with rare targets count more, by the density of the targets."
        ),
        part="weights",
        task_kinds=("regression",),
        parameters=(
            number(
                "alpha",
                0.0,
                10.0,
                N_("Strength: 0 is uniform, 1 the usual."),
                tuned=Powers(0.1, 2.0),
            ),
        ),
        needs=("targets",),
        builder="core.methods.weights:dense_weights",
        formula=(
            r"w_i \propto \max(1 - \alpha\, p'(y_i),\ 10^{-6}), \quad "
            r"p' \text{ the density scaled to } [0, 1]"
        ),
        traps=(
            N_("From alpha 1 on, the densest targets have almost no weight."),
            N_(
                "It weighs the error once: alpha inside the loss as well would "
                "square the weights."
            ),
            N_(
                "The lone image of a very rare target leads: noise there is learned "
                "too."
            ),
            N_(
                "Which age is rare depends on the bandwidth, 1.06 std n^(-1/5), "
                "which is wide where the ages are many-peaked."
            ),
        ),
        heads="on",
    ),
)
