"""Where the files are that come with the project beside its code."""

from pathlib import Path

PRETRAINED_FOLDER = Path(__file__).resolve().parent.parent / "pretrained"
# Beside the folders of the studies' runs.
WEIGHTS_FOLDER = PRETRAINED_FOLDER / "weights"
