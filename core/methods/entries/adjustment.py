"""Remedies that change the answers of a finished model."""

from core.language import N_
from core.methods.entry import Entry, number
from core.tunable import Between

ENTRIES = (
    Entry(
        name="post-hoc-logit-adjustment",
        label=N_("Post-hoc logit adjustment"),
        paper="Menon et al., Long-Tail Learning via Logit Adjustment, ICLR 2021",
        year=2021,
        summary=N_("The usual training; then the logits of rare classes are raised."),
        part="adjustment",
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
        builder="core.methods.adjustment:post_hoc_logit_adjustment",
        formula=r"\hat{y} = \arg\max_k\; z_k - \tau \ln \pi_k, \quad \pi_k = n_k / N",
        traps=(
            N_(
                "It presumes calibrated probabilities; tau 1 over-corrects a model "
                "that is too sure of itself."
            ),
            N_(
                "Beside a loss or weights that already correct for the counts, it "
                "corrects twice."
            ),
            N_(
                "A tau chosen on the test set is not a result: choose it on validation."
            ),
        ),
    ),
)
