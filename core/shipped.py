"""Files that are shipped with the project, and how a record names them."""

from pathlib import Path

from core.language import N_

PRETRAINED_FOLDER = Path(__file__).resolve().parent.parent / "pretrained"
# Beside the folders of the studies' runs.
WEIGHTS_FOLDER = PRETRAINED_FOLDER / "weights"
# Key of a run's record: what became of its model when the run was shipped.
SHIPPED = "shipped"
WEIGHTS_LICENCES = {
    "efficientnet_lite0": N_(
        "Apache License 2.0 (EfficientNet-Lite of Google, trained on ImageNet)"
    )
}
"""Licences of the ImageNet weights that are shipped, by backbone."""
