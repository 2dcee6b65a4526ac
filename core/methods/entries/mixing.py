"""Remedies that show new pictures: mixed, pasted, or generated."""

from core.language import N_
from core.methods.entry import Entry, choice, number

_ALPHA = N_("Beta distribution of the shares: 1 is even, near 0 mixes only a little.")
_HEADS = N_(
    "All heads see the mixed picture: on every task of classes both labels count by "
    "their share, a number such as an age is averaged, and each label brings its own "
    "image's weight."
)
_STEPS = N_("An epoch takes as many steps as without.")
_REFUSED = N_(
    "Not with FDS or an objective over groups: a mixed image has no one group."
)

ENTRIES = (
    Entry(
        name="mixup",
        label="Mixup",
        paper="Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018",
        year=2018,
        summary=N_(
            "Two images of a batch are laid over one another, and their labels with "
            "them."
        ),
        part="sampler",
        task_kinds=("binary", "multiclass"),
        parameters=(number("alpha", 0.01, 100.0, _ALPHA),),
        needs=("labels", "batch size", "image size"),
        builder="core.methods.mixing:mixup",
        formula=r"\tilde x = \lambda x_i + (1 - \lambda) x_j, \quad \tilde y = "
        r"\lambda y_i + (1 - \lambda) y_j, \quad \lambda \sim "
        r"\mathrm{Beta}(\alpha, \alpha)",
        traps=(
            N_(
                "It is not a remedy for imbalance: classes are shown as often as "
                "before. It is here as the plain form of Remix."
            ),
            _HEADS,
            _STEPS,
            N_(
                "Probabilities become less sure; with few epochs it may cost more "
                "than it gives."
            ),
            _REFUSED,
        ),
        pixels="mixed",
    ),
    Entry(
        name="cutmix",
        label="CutMix",
        paper=(
            "Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers "
            "with Localizable Features, ICCV 2019"
        ),
        year=2019,
        summary=N_(
            "A box of another image of the batch is pasted in; the labels are mixed by "
            "its area."
        ),
        part="sampler",
        task_kinds=("binary", "multiclass"),
        parameters=(
            number("alpha", 0.01, 100.0, _ALPHA),
            number("probability", 0.0, 1.0, N_("Chance that a batch is mixed at all.")),
        ),
        needs=("labels", "batch size", "image size"),
        builder="core.methods.mixing:cutmix",
        formula=r"\tilde x = M \odot x_i + (1 - M) \odot x_j, \quad \tilde y = "
        r"\lambda y_i + (1 - \lambda) y_j, \quad \lambda = \overline{M}",
        traps=(
            N_(
                "It is not a remedy for imbalance: classes are shown as often as "
                "before. It is here as the plain form of CMO."
            ),
            N_(
                "The label goes by area: a box that hides all that makes the class, "
                "such as glasses or hair, leaves a wrong label."
            ),
            _HEADS,
            _STEPS,
            _REFUSED,
        ),
        pixels="mixed",
    ),
    Entry(
        name="remix",
        label="Remix",
        paper="Chou et al., Remix: Rebalanced Mixup, ECCV Workshops 2020",
        year=2020,
        summary=N_(
            "Mixup whose label goes to the rarer of two classes of very unequal size."
        ),
        part="sampler",
        task_kinds=("binary", "multiclass"),
        parameters=(
            number("alpha", 0.01, 100.0, _ALPHA),
            number(
                "kappa",
                1.0,
                1000.0,
                N_("How many times as common a class must be to give its label away."),
            ),
            number(
                "tau",
                0.0,
                1.0,
                N_(
                    "A common class gives its label away where its share of the "
                    "pixels is below this."
                ),
            ),
        ),
        needs=("labels", "batch size", "image size"),
        builder="core.methods.mixing:remix",
        formula=r"\lambda_y = \begin{cases} 0 & n_i / n_j \ge \kappa, \lambda < \tau "
        r"\\ 1 & n_i / n_j \le 1 / \kappa, 1 - \lambda < \tau \\ \lambda & "
        r"\text{else} \end{cases}",
        traps=(
            N_(
                "Only the task that it is on leans to the rarer class; on a sensitive "
                "feature, every task of classes does. Other heads mix their labels as "
                "mixup does."
            ),
            N_(
                "It does nothing beyond mixup where no class is kappa times as "
                "common as another."
            ),
            N_("With inverse weights on top, rare classes are corrected for twice."),
            _HEADS,
            _STEPS,
            _REFUSED,
        ),
        pixels="mixed",
    ),
    Entry(
        name="cmo",
        label="CMO",
        paper=(
            "Park et al., The Majority Can Help the Minority: Context-rich Minority "
            "Oversampling for Long-tailed Classification, CVPR 2022"
        ),
        year=2022,
        summary=N_(
            "A box of an image of a rare class is pasted onto any image; the labels "
            "are mixed by its area."
        ),
        part="sampler",
        task_kinds=("binary", "multiclass"),
        parameters=(
            number("alpha", 0.01, 100.0, _ALPHA),
            number("probability", 0.0, 1.0, N_("Chance that a batch is mixed at all.")),
            number(
                "power",
                0.0,
                4.0,
                N_(
                    "Power of the inverse class count by which the pasted image is "
                    "drawn: 1 draws all classes alike."
                ),
            ),
            number(
                "plain_last",
                0,
                1000,
                N_("Last epochs without mixing, at most half of all."),
            ),
        ),
        needs=("labels", "batch size", "image size", "epoch"),
        builder="core.methods.mixing:cmo",
        formula=r"\tilde x = M \odot x_i + (1 - M) \odot x_j, \quad "
        r"P(j) \propto n_{c(j)}^{-r}, \quad \lambda = \overline{M}",
        traps=(
            N_(
                "It supposes that a class is an object on a background. Where the "
                "class is a property of the whole picture, such as a face's, a "
                "pasted box may show nothing of it, and the label is wrong."
            ),
            N_(
                "Faces are aligned: a box comes from the same place of the other "
                "face, so that features are swapped rather than moved."
            ),
            N_("With inverse weights on top, rare classes are corrected for twice."),
            _HEADS,
            _STEPS,
            _REFUSED,
        ),
        pixels="mixed",
    ),
    Entry(
        name="deepsmote",
        label="DeepSMOTE",
        paper=(
            "Dablain et al., DeepSMOTE: Fusing Deep Learning and SMOTE for Imbalanced "
            "Data, IEEE Transactions on Neural Networks and Learning Systems, 2022"
        ),
        year=2022,
        summary=N_(
            "Every class is filled up with generated images, which lie between two "
            "real ones in the codes of an encoder."
        ),
        part="sampler",
        task_kinds=("binary", "multiclass"),
        parameters=(
            number(
                "up_to",
                0.01,
                1.0,
                N_("Size that each class is filled up to, as a share of the largest."),
            ),
            number(
                "neighbours", 1, 100, N_("Nearest images that one may lie towards.")
            ),
            number("latent", 2, 1024, N_("Numbers that a picture is encoded in.")),
            number("width", 4, 256, N_("Filters of the first convolution.")),
            number(
                "side",
                8,
                128,
                N_("Side in pixels at which pictures are generated, a multiple of 8."),
            ),
            number("epochs", 1, 1000, N_("Epochs of the generator's training.")),
            choice(
                "form",
                ("paper", "official"),
                N_(
                    "Pictures that the penalty compares with: others of the class, "
                    "as in the paper, or the picture itself, as in the authors' code."
                ),
            ),
        ),
        needs=("labels",),
        builder="core.methods.generation:plan_deepsmote",
        formula=r"z = z_i + u (z_j - z_i), \quad u \sim U(0, 1), \quad z_i = E(x_i), "
        r"\quad \tilde x = D(z), \quad j \in \mathrm{NN}_k(i)",
        traps=(
            N_(
                "Generated images are blurred, the more the smaller a class: a model "
                "may learn that blur is rare, and not the class. Look at them on "
                "Data first."
            ),
            N_(
                "The paper's penalty draws a picture towards the mean of its class. "
                "On avatars form = 'official' is much sharper, and nearer to the "
                "real images."
            ),
            N_(
                "An image beside its nearest real one shows whether the generator "
                "copies."
            ),
            N_(
                "All heads see a generated image: it has the labels of both images "
                "that it lies between, by their shares, a number such as an age is "
                "averaged, and each label brings its own image's weight."
            ),
            N_(
                "Epochs are longer, by up to the number of classes, and the "
                "generator is trained first: its time counts as the method's."
            ),
            N_("With inverse weights on top, rare classes are corrected for twice."),
            N_(
                "Not with FDS or an objective over groups: an image between two has "
                "no one group."
            ),
        ),
        pixels="generated",
    ),
)
