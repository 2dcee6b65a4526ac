"""Remedies that change the decision from the probabilities of a finished model."""

from core.methods.entry import Entry, choice

ENTRIES = (
    Entry(
        name="threshold-optimizer",
        label="Threshold optimizer",
        paper=(
            "Hardt et al., Equality of Opportunity in Supervised Learning, NeurIPS 2016"
        ),
        year=2016,
        summary=(
            "The usual training; then each group gets thresholds of its own, chosen on "
            "validation images."
        ),
        part="decision",
        task_kinds=("binary",),
        parameters=(
            choice(
                "constraint",
                (
                    "demographic_parity",
                    "equalized_odds",
                    "true_positive_rate_parity",
                ),
                "The rates that must be equal between the groups; the last is equal "
                "opportunity.",
            ),
            choice(
                "objective",
                ("accuracy_score", "balanced_accuracy_score"),
                "The metric to maximise under the constraint.",
            ),
        ),
        needs=("validation",),
        builder="core.methods.threshold_optimizer:fit_threshold_rule",
        formula=(
            r"\Pr(\hat{y} = 1) = \pi_g c + (1 - \pi_g) \left( p_g\, [s > t_g] + "
            r"(1 - p_g)\, [s > t_g'] \right)"
        ),
        traps=(
            "It decides by the group of an image: where that is not known, as on an "
            "uploaded photo, it has no answer.",
            "Between two thresholds it may choose at random: the same image gets the "
            "same draw in a run, and another one with another seed.",
            "The constraint holds on the validation images and over the draws; on test "
            "images only as far as the two are alike.",
            "The probabilities beside its answers are the model's: an AUC is the "
            "baseline's.",
            "Deciding by group may be against the law where the decision concerns "
            "people.",
        ),
    ),
)
