"""Losses with a margin."""

from core.language import N_
from core.methods.entry import Entry, choice, focusing, head, number
from core.tunable import Between, Powers

_SCALE = number(
    "scale",
    0.1,
    1000.0,
    N_("Factor on the logits of the margin term."),
    tuned=Powers(1.0, 100.0),
)
_MAX_MARGIN = number(
    "max_margin",
    0.0,
    10.0,
    N_("Margin of the rarest class."),
    tuned=Between(0.1, 1.0),
)

ENTRIES = (
    Entry(
        name="ldam",
        label="LDAM",
        paper=(
            "Cao et al., Learning Imbalanced Datasets with "
            "Label-Distribution-Aware Margin Loss, NeurIPS 2019"
        ),
        year=2019,
        summary=N_("Rare classes must be right by a larger margin."),
        part="loss",
        task_kinds=("binary", "multiclass"),
        parameters=(
            _MAX_MARGIN,
            _SCALE,
            head("cosine"),
        ),
        needs=("class counts",),
        builder="core.methods.losses.margin:LDAM",
        formula=(
            r"L = -\ln \frac{e^{s (z_y - \Delta_y)}}{e^{s (z_y - \Delta_y)} + "
            r"\sum_{k \ne y} e^{s z_k}}, \quad "
            r"\Delta_k = \Delta_{\max} \left(n_{\min} / n_k\right)^{1/4}"
        ),
        traps=(
            N_(
                "It is meant for cosine logits, of normalised features and class "
                "vectors: on plain logits a margin of 0.5 is soon too small to "
                "matter, and the scale of 30 makes the loss huge."
            ),
            N_("The model's probabilities are the softmax of s times the cosines."),
            N_(
                "Most of its published gain comes with DRW: class-balanced weights "
                "that start at 160 of 200 epochs (class-balanced with start = 0.8)."
            ),
            N_(
                "The denominator sums e^z over all classes k; a write-up that sums the "
                "true class's is in error."
            ),
        ),
    ),
    Entry(
        name="lmf",
        label="LMF",
        paper=(
            "Sadi et al., LMFLOSS: A Hybrid Loss For Imbalanced Medical Image "
            "Classification, arXiv 2212.12741, 2022"
        ),
        year=2022,
        summary=N_("A weighted sum of LDAM and focal loss on the same logits."),
        part="loss",
        task_kinds=("multiclass",),
        parameters=(
            number(
                "alpha",
                0.0,
                1000.0,
                N_("Weight of the LDAM half."),
                tuned=Powers(0.1, 10.0),
            ),
            number(
                "beta",
                0.0,
                1000.0,
                N_("Weight of the focal half."),
                tuned=Powers(0.01, 10.0),
            ),
            focusing(),
            _MAX_MARGIN,
            _SCALE,
            choice(
                "class_weighting",
                ("none", "margins"),
                N_(
                    "Whether the margins also weigh the classes, as in the authors' "
                    "code."
                ),
            ),
            head("logits"),
        ),
        needs=("class counts",),
        builder="core.methods.losses.margin:LMF",
        formula=(
            r"L = \alpha L_{\mathrm{LDAM}}(s, \Delta) + "
            r"\beta\, \left[-(1 - p_y)^\gamma \ln p_y\right]"
        ),
        traps=(
            N_(
                "Its loss is many times cross-entropy's and drowns the other heads "
                "of a shared backbone, unless the head's weight is searched too."
            ),
            N_(
                "Both halves see the same raw logits and only the LDAM half is "
                "scaled: a head that ends in a softmax is an error that nothing "
                "reports."
            ),
            N_(
                "The authors' training passes the margins as class weights, so that "
                "common classes count less; that is class_weighting = margins, and "
                "off here."
            ),
            N_("With margins as weights the loss of an image depends on its batch."),
            N_(
                "The paper has alpha 1.5, beta 1 and gamma 1.5; the defaults are "
                "those of the UTKFace project."
            ),
        ),
        not_all_zero=("alpha", "beta"),
    ),
)
