"""Losses that weight an image by how right its answer already is."""

from core.language import N_
from core.methods.entry import BETAS, Entry, focusing, number, switch
from core.tunable import Between

_PAPER = "Lin et al., Focal Loss for Dense Object Detection, ICCV 2017"
_GAMMA = focusing()
_NO_COUNTS = N_(
    "It does not look at the class counts: an easy image of a rare class is muted too."
)

ENTRIES = (
    Entry(
        name="focal",
        label=N_("Focal loss"),
        paper=_PAPER,
        year=2017,
        summary=N_("Images that are already right count less."),
        part="loss",
        task_kinds=("multiclass",),
        parameters=(_GAMMA,),
        needs=("class counts",),
        builder="core.methods.losses.focal:build_focal",
        formula=r"L = -(1 - p_y)^\gamma \ln p_y",
        traps=(
            _NO_COUNTS,
            N_(
                "Class weights, the paper's alpha, go outside: p is never taken from a "
                "loss that is already weighted, as two known repositories do."
            ),
            N_("Where labels are noisy it runs after the wrong ones."),
            N_(
                "The larger gamma, the smaller loss and gradient: its learning rate "
                "is not cross-entropy's."
            ),
        ),
    ),
    Entry(
        name="binary-focal",
        label=N_("Binary focal loss"),
        paper=_PAPER,
        year=2017,
        summary=N_("Images that are already right count less, on one logit."),
        part="loss",
        task_kinds=("binary",),
        parameters=(
            _GAMMA,
            number(
                "alpha",
                0.0,
                1.0,
                N_("Weight of the positive class; the negative has 1 - alpha."),
                only_with=("apply_class_balancing", (True,)),
                tuned=Between(0.1, 0.9),
            ),
            switch(
                "apply_class_balancing",
                N_("Whether alpha is used at all, as Keras has it."),
            ),
        ),
        needs=(),
        builder="core.methods.losses.focal:BinaryFocal",
        formula=(
            r"L = -\alpha_t (1 - p_t)^\gamma \ln p_t, \quad "
            r"p_t = \sigma(z) \text{ or } 1 - \sigma(z)"
        ),
        traps=(
            N_(
                "Alpha does nothing unless apply_class_balancing is set, here as in "
                "Keras: a published gamma 5 with alpha 0.25 was trained without any "
                "alpha."
            ),
            N_(
                "With alpha 0.25 the positive class counts a third of the negative: "
                "meant for detection, where the focus has muted the negatives "
                "already."
            ),
            _NO_COUNTS,
        ),
    ),
    Entry(
        name="class-balanced-focal",
        label=N_("Class-balanced focal loss"),
        paper=(
            "Cui et al., Class-Balanced Loss Based on Effective Number of Samples, "
            "CVPR 2019"
        ),
        year=2019,
        summary=N_(
            "One yes or no for each class, focal, weighted by the class's effective "
            "number of images."
        ),
        part="loss",
        task_kinds=("multiclass",),
        parameters=(
            number(
                "beta",
                0.0,
                0.9999999,
                N_("How far images of a class differ: 0 is uniform, towards 1 is INS."),
                tuned=BETAS,
            ),
            _GAMMA,
        ),
        needs=("class counts",),
        builder="core.methods.losses.focal:ClassBalancedFocal",
        formula=(
            r"L = -w_y \sum_k (1 - p_k)^\gamma \ln p_k, \quad "
            r"w_y \propto \frac{1 - \beta}{1 - \beta^{n_y}}, \quad "
            r"p_k = \sigma(\pm z_k)"
        ),
        traps=(
            N_(
                "It trains one sigmoid a class: the softmax probabilities shown "
                "afterwards rank the classes, and are not calibrated."
            ),
            N_(
                "Every sigmoid of an image has the weight of its true class, the wrong "
                "ones too."
            ),
            N_(
                "With many classes the first epochs are unstable: the authors start "
                "the biases of the last layer at -ln(C - 1), which is not done here."
            ),
            N_("Weights beside it would count the classes twice."),
        ),
    ),
)
