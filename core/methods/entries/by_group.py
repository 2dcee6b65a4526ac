"""Remedies that compare the groups of a sensitive feature."""

from core.language import N_
from core.methods.entry import Entry, Kind, number

_ANY_TASK: tuple[Kind, ...] = ("regression", "binary", "multiclass")
# A search does not try their parameters: it only looks at quality, and would switch
# them off.
_VALIDATION = N_(
    "Validation is the mean loss, as for every method: the epoch that is kept need not "
    "be the fairest."
)

ENTRIES = (
    Entry(
        name="group-dro",
        label=N_("Group DRO"),
        paper=(
            "Sagawa et al., Distributionally Robust Neural Networks for Group Shifts, "
            "ICLR 2020"
        ),
        year=2020,
        summary=N_("The groups with the largest losses count more and more."),
        part="objective",
        task_kinds=_ANY_TASK,
        parameters=(
            number(
                "step_size",
                0.0,
                1.0,
                N_(
                    "Eta: how fast a group with a large loss gains; 0 balances the "
                    "groups."
                ),
            ),
            number(
                "adjustment",
                0.0,
                10.0,
                N_("C: raises a group's loss, over the root of its size."),
            ),
        ),
        needs=("group counts",),
        builder="core.methods.losses.by_group:GroupDRO",
        formula=(
            r"L = \sum_g q_g m_g, \quad "
            r"q_g \propto q_g\, e^{\eta (m_g + C / \sqrt{n_g})}"
        ),
        traps=(
            N_(
                "A network that fits every training image has no worst group left: the "
                "authors need strong weight decay or early stopping."
            ),
            N_(
                "A group with wrong labels always has the largest loss, and takes over."
            ),
            N_(
                "The authors draw their batches balanced by group: balanced batches "
                "beside it do so."
            ),
            N_(
                "In years or other units losses are larger than in nats: a smaller "
                "step."
            ),
            N_(
                "Validation is the mean loss, as for every method: the epoch that is "
                "kept need not be the fairest. The authors keep the one with the "
                "best worst group."
            ),
        ),
    ),
    Entry(
        name="fairness-penalty",
        label=N_("Fairness penalty"),
        paper=(
            "Donini et al., Empirical Risk Minimization Under Fairness Constraints, "
            "NeurIPS 2018"
        ),
        year=2018,
        summary=N_(
            "The difference between the mean losses of the groups is added to the loss."
        ),
        part="objective",
        task_kinds=_ANY_TASK,
        parameters=(
            number("strength", 0.0, 100.0, N_("Lambda: 0 is the plain loss.")),
        ),
        needs=("group counts",),
        builder="core.methods.losses.by_group:FairnessPenalty",
        formula=(
            r"L = \frac{1}{|B|} \sum_i w_i l_i + \lambda\, (\max_g m_g - \min_g m_g),"
            r" \quad m_g = \operatorname{mean}_{i \in B, g_i = g} l_i"
        ),
        traps=(
            N_("The gap closes as well when the better group's loss rises."),
            N_(
                "It is taken within each batch: of a rare group, a few images decide "
                "it, and by chance alone it is above 0."
            ),
            N_(
                "A batch without one of two groups has no penalty; balanced batches "
                "always have both."
            ),
            _VALIDATION,
        ),
    ),
)
