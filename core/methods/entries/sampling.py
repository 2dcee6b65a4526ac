"""Remedies that choose which images an epoch sees."""

from core.language import N_
from core.methods.entry import Entry, number
from core.tunable import Between

_JAPKOWICZ = (
    "Japkowicz and Stephen, The class imbalance problem: A systematic study, "
    "Intelligent Data Analysis 6, 2002"
)
_REPEATS = N_("Rare images are shown many times over: they are learned by heart.")
_EPOCH = N_(
    "An epoch takes as many steps as without, but no longer shows every image of the "
    "common classes."
)

ENTRIES = (
    Entry(
        name="undersample",
        label=N_("Under-sampling"),
        paper=_JAPKOWICZ,
        year=2002,
        summary=N_("Each epoch sees another random share of the majority class."),
        part="sampler",
        task_kinds=("binary", "multiclass"),
        parameters=(
            number(
                "keep",
                0.01,
                1.0,
                N_("Share of the majority class that stays."),
                tuned=Between(0.1, 0.9),
            ),
        ),
        needs=("labels",),
        builder="core.methods.samplers:undersample_majority",
        formula=r"n_c' = \begin{cases} \mathrm{keep} \cdot n_c & n_c = n_{\max} \\"
        r" n_c & \text{else} \end{cases}",
        traps=(
            N_("Only the largest class shrinks: a long tail stays one."),
            N_("Epochs are shorter, so the same number of epochs trains fewer steps."),
        ),
    ),
    Entry(
        name="undersample-to-smallest",
        label=N_("Under-sampling to the smallest"),
        paper=_JAPKOWICZ,
        year=2002,
        summary=N_(
            "Each epoch sees as many random images of every class as the smallest has."
        ),
        part="sampler",
        task_kinds=("binary", "multiclass"),
        parameters=(),
        needs=("labels",),
        builder="core.methods.samplers:undersample_to_smallest",
        formula=r"n_c' = n_{\min}",
        traps=(
            N_(
                "Epochs are shorter, so the same number of epochs trains fewer "
                "steps: with a long tail, far fewer."
            ),
            N_(
                "Between the groups of a sensitive feature it balances the groups, and "
                "leaves the classes within them as they are; on = 'gender x blond' "
                "balances both."
            ),
        ),
    ),
    Entry(
        name="oversample",
        label=N_("Over-sampling"),
        paper=_JAPKOWICZ,
        year=2002,
        summary=N_(
            "Random images of the smaller classes are repeated, until every class is "
            "as large as the largest."
        ),
        part="sampler",
        task_kinds=("binary", "multiclass"),
        parameters=(),
        needs=("labels",),
        builder="core.methods.samplers:oversample",
        formula=r"n_c' = n_{\max}",
        traps=(
            _REPEATS,
            N_(
                "Epochs are longer, by up to the number of classes: a training of as "
                "many epochs costs as many times more."
            ),
        ),
    ),
    Entry(
        name="class-balanced-sampling",
        label=N_("Class-balanced sampling"),
        paper=(
            "Shen et al., Relay Backpropagation for Effective Learning of Deep "
            "Convolutional Neural Networks, ECCV 2016"
        ),
        year=2016,
        summary=N_("Every class is shown as often as any other; epochs stay as long."),
        part="sampler",
        task_kinds=("binary", "multiclass"),
        parameters=(),
        needs=("labels",),
        builder="core.methods.samplers:sample_classes_evenly",
        formula=r"n_c' = \frac{n}{C}",
        traps=(
            _REPEATS,
            _EPOCH,
            N_("With inverse weights on top, rare classes are corrected for twice."),
        ),
    ),
    Entry(
        name="balanced-batches",
        label=N_("Balanced batches"),
        paper=(
            "Idrissi et al., Simple data balancing achieves competitive "
            "worst-group-accuracy, CLeaR 2022"
        ),
        year=2022,
        summary=N_("Every batch holds as many images of each class or group."),
        part="sampler",
        task_kinds=("binary", "multiclass"),
        parameters=(),
        needs=("labels", "batch size"),
        builder="core.methods.samplers:balance_batches",
        formula=r"|\{i \in B : c_i = c\}| = \frac{|B|}{C}",
        traps=(
            _REPEATS,
            _EPOCH,
            N_(
                "If the batch is not a multiple of the classes, one of them has an "
                "image more, another one from batch to batch."
            ),
            N_(
                "Idrissi et al. draw the class of each image by itself, so that their "
                "batches are balanced in the mean only."
            ),
        ),
    ),
    Entry(
        name="square-root-sampling",
        label=N_("Square-root sampling"),
        paper=(
            "Mahajan et al., Exploring the Limits of Weakly Supervised Pretraining, "
            "ECCV 2018"
        ),
        year=2018,
        summary=N_(
            "Every class is shown in proportion to the square root of its size: half "
            "way to balance."
        ),
        part="sampler",
        task_kinds=("binary", "multiclass"),
        parameters=(),
        needs=("labels",),
        builder="core.methods.samplers:sample_classes_by_square_root",
        formula=r"n_c' = n \frac{\sqrt{n_c}}{\sum_k \sqrt{n_k}}",
        traps=(
            _EPOCH,
            N_("The classes are still imbalanced, by the root of the ratio."),
        ),
    ),
)
