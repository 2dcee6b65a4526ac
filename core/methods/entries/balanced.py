"""Losses that act on the softmax by how common each class is."""

from core.language import N_
from core.methods.entry import Entry, number
from core.tunable import Between, Powers

_RAW_AT_INFERENCE = N_(
    "The counts belong to the training only: the model predicts with its plain logits."
)
_UNWEIGHTED = N_(
    "Class weights or balanced sampling on top would correct for the counts twice."
)

ENTRIES = (
    Entry(
        name="balanced-softmax",
        label=N_("Balanced softmax"),
        paper=(
            "Ren et al., Balanced Meta-Softmax for Long-Tailed Visual Recognition, "
            "NeurIPS 2020"
        ),
        year=2020,
        summary=N_(
            "While training, common classes get a head start they lose afterwards."
        ),
        part="loss",
        task_kinds=("binary", "multiclass"),
        parameters=(),
        needs=("class counts",),
        builder="core.methods.losses.balanced:BalancedSoftmax",
        formula=r"L = -\ln \frac{n_y e^{z_y}}{\sum_k n_k e^{z_k}}",
        traps=(
            _RAW_AT_INFERENCE,
            _UNWEIGHTED,
            N_(
                "Its probabilities are those of a world where all classes are equally "
                "common; accuracy on an imbalanced test set falls."
            ),
            N_(
                "The published 18.5 % on CIFAR-10-LT was reached with stronger "
                "augmentation."
            ),
        ),
    ),
    Entry(
        name="logit-adjusted",
        label=N_("Logit adjustment"),
        paper="Menon et al., Long-Tail Learning via Logit Adjustment, ICLR 2021",
        year=2021,
        summary=N_("As balanced softmax, with a head start of any size."),
        part="loss",
        task_kinds=("binary", "multiclass"),
        parameters=(
            number(
                "tau",
                0.0,
                10.0,
                N_("Size of the adjustment: 0 changes nothing."),
                tuned=Between(0.25, 2.5),
            ),
        ),
        needs=("class counts",),
        builder="core.methods.losses.balanced:LogitAdjusted",
        formula=(
            r"L = -\ln \frac{\pi_y^\tau e^{z_y}}{\sum_k \pi_k^\tau e^{z_k}}, \quad "
            r"\pi_k = n_k / N"
        ),
        traps=(
            N_("With tau 1 it is balanced softmax."),
            _RAW_AT_INFERENCE,
            _UNWEIGHTED,
        ),
    ),
    Entry(
        name="softmax-equalization",
        label=N_("Softmax equalization"),
        paper=(
            "Tan et al., Equalization Loss for Long-Tailed Object Recognition, "
            "CVPR 2020"
        ),
        year=2020,
        summary=N_("Images of other classes mostly leave the rare classes alone."),
        part="loss",
        task_kinds=("multiclass",),
        parameters=(
            number(
                "gamma",
                0.0,
                1.0,
                N_("How often a rare class is left alone: 0 is cross-entropy."),
                tuned=Between(0.5, 0.99),
            ),
            number(
                "threshold",
                0.0,
                1.0,
                N_(
                    "Share of the images below which a class is rare: 0 is "
                    "cross-entropy."
                ),
                tuned=Powers(0.001, 0.1),
            ),
        ),
        needs=("class counts",),
        builder="core.methods.losses.balanced:SoftmaxEqualization",
        formula=(
            r"L = \ln \sum_k w_k e^{z_k} - z_y, \quad "
            r"w_k = 1 - b_k\,[n_k / N < \lambda]\,(1 - y_k), \quad "
            r"b_k \sim \mathrm{Bernoulli}(\gamma)"
        ),
        traps=(
            N_(
                "With gamma 1 nothing ever teaches the others to stay away from a rare "
                "class."
            ),
            N_(
                "The threshold is a share: where no class is below it, this is "
                "cross-entropy."
            ),
            N_(
                "It draws at random, in validation too: its validation loss has "
                "noise, and is lower than cross-entropy's by construction."
            ),
            N_(
                "The authors published only the form for detection, with sigmoids; the "
                "softmax form was checked against another implementation."
            ),
        ),
    ),
)
