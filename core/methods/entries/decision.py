"""Remedies that change the decision from the probabilities of a finished model."""

from core.language import N_
from core.methods.entry import Entry, choice, number

ENTRIES = (
    Entry(
        name="threshold-optimizer",
        label=N_("Threshold optimizer"),
        paper=(
            "Hardt et al., Equality of Opportunity in Supervised Learning, NeurIPS 2016"
        ),
        year=2016,
        summary=N_(
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
                N_(
                    "The rates that must be equal between the groups; the last is "
                    "equal opportunity."
                ),
            ),
            choice(
                "objective",
                ("accuracy_score", "balanced_accuracy_score"),
                N_("The metric to maximise under the constraint."),
            ),
        ),
        needs=("validation",),
        builder="core.methods.threshold_optimizer:fit_threshold_rule",
        formula=(
            r"\Pr(\hat{y} = 1) = \pi_g c + (1 - \pi_g) \left( p_g\, [s > t_g] + "
            r"(1 - p_g)\, [s > t_g'] \right)"
        ),
        traps=(
            N_(
                "It decides by the group of an image: where that is not known, as on "
                "an uploaded photo, it has no answer."
            ),
            N_(
                "Between two thresholds it may choose at random: the same image gets "
                "the same draw in a run, and another one with another seed."
            ),
            N_(
                "The constraint holds on the validation images and over the draws; "
                "on test images only as far as the two are alike."
            ),
            N_(
                "The probabilities beside its answers are the model's: an AUC is the "
                "baseline's."
            ),
            N_(
                "Deciding by group may be against the law where the decision concerns "
                "people."
            ),
        ),
    ),
    Entry(
        name="temperature-scaling",
        label=N_("Temperature scaling"),
        paper="Guo et al., On Calibration of Modern Neural Networks, ICML 2017",
        year=2017,
        summary=N_(
            "The usual training; then the logits are divided by one number, fitted on "
            "validation images, so that the probabilities can be believed."
        ),
        part="decision",
        task_kinds=("binary", "multiclass"),
        parameters=(
            number(
                "fewest",
                20,
                10_000,
                N_(
                    "With groups: validation images that the temperature of one "
                    "rests on at the least; others have the overall one."
                ),
            ),
        ),
        needs=("validation",),
        builder="core.methods.temperature:fit_temperatures",
        formula=(
            r"\hat{p}_k = \frac{e^{z_k / T}}{\sum_j e^{z_j / T}}, \quad "
            r"T = \arg\min_T \sum_{i \in \mathrm{val}} -\ln \hat{p}_{i, y_i}"
        ),
        traps=(
            N_(
                "No answer changes: accuracy, F1 and recall are those of the model "
                "that it is fitted on."
            ),
            N_(
                "It calibrates for images like the validation images: where the test "
                "set is drawn otherwise, its probabilities may still be too high."
            ),
            N_(
                "One number moves all classes alike: a rare class may stay too "
                "improbable while the mean over the classes is right."
            ),
            N_(
                "By group it needs the group of every image. A photo has none and "
                "gets the overall temperature."
            ),
        ),
        groups="optional",
    ),
)
