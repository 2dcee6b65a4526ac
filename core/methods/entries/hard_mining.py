"""Losses that favour hard images and mute hopeless ones."""

from core.language import N_
from core.methods.entry import BETAS, Entry, choice, number
from core.tunable import Powers

ENTRIES = (
    Entry(
        name="hmloss",
        label="HMLoss",
        paper=(
            "Foahom Gouabou et al., HMLoss: Une fonction de coût robuste au "
            "déséquilibre des classes, GRETSI 2022"
        ),
        year=2022,
        summary=N_(
            "Hard images count most; those that are right, and those that are "
            "hopelessly wrong, count less."
        ),
        part="loss",
        task_kinds=("binary", "multiclass"),
        parameters=(
            number(
                "delta",
                1.0,
                1e9,
                N_("Where hopeless begins: the peak is near probability 1.2 / delta."),
                tuned=Powers(1e2, 1e7),
            ),
            choice(
                "form",
                ("official", "paper"),
                N_(
                    "The authors' code, ten times as large and with the class weight "
                    "inside the probability; or their equations."
                ),
            ),
            choice(
                "class_weighting",
                ("none", "ins", "class-balanced"),
                N_(
                    "Class weights inside the loss: the paper's CS is ins, its CB "
                    "class-balanced."
                ),
            ),
            number(
                "beta",
                0.0,
                0.9999999,
                N_("Beta of class-balanced weights."),
                only_with=("class_weighting", ("class-balanced",)),
                tuned=BETAS,
            ),
        ),
        needs=("class counts",),
        builder="core.methods.losses.hard_mining:HardMining",
        formula=(
            r"L = -\left[\mathrm{sinc}(p_y) - e^{-\delta p_y}\, "
            r"\mathrm{sinc}(\delta p_y)\right] \ln p_y, \quad "
            r"\mathrm{sinc}(x) = \sin(\pi x) / (\pi x)"
        ),
        traps=(
            N_(
                "It mutes, and even pushes down, images whose p is below 1.2 / "
                "delta: the authors train half the epochs with cross-entropy, then "
                "with HMLoss at a hundredth of the learning rate (start = 0.5 and a "
                "learning-rate drop)."
            ),
            N_(
                "It needs class weights beside it, CS or CB: alone it had 21.8 % "
                "error on CIFAR-10-LT in the paper, against focal's 21.0."
            ),
            N_(
                "The official form is ten times the paper's, and its class weights "
                "change the probability that it looks at: the two are different "
                "losses."
            ),
            N_(
                "A wrong label and a very hard image look the same to it: both are "
                "muted."
            ),
            N_(
                "Delta depends on the number of classes: 1e5 for CIFAR-10, 1e4 for "
                "CIFAR-100 and ISIC in the paper."
            ),
        ),
    ),
)
