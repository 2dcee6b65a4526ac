"""Where this user's files are kept: runs, and beside them studies and images."""

import os
from pathlib import Path

STORE_VARIABLE = "EQUIPOISE_RUNS"
STUDIES_FOLDER, IMAGES_FOLDER = "studies", "images"
RESERVED = frozenset({STUDIES_FOLDER, IMAGES_FOLDER})
"""Folders of the user's store that are not those of a study's runs."""


def user_store() -> Path:
    """Where this user's runs go: ``$EQUIPOISE_RUNS``, or ``runs/`` here."""
    return Path(os.environ.get(STORE_VARIABLE, "runs"))


def studies_folder() -> Path:
    """Where the studies are kept that this user made: a TOML file each."""
    return user_store() / STUDIES_FOLDER


def images_folder(study: str) -> Path:
    """Where the images are kept that were uploaded for a study."""
    return user_store() / IMAGES_FOLDER / study
