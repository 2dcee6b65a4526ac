"""Where this user's files are kept: runs, and beside them studies and images."""

import os
from pathlib import Path

from core import remote_store

STORE_VARIABLE, CACHE_VARIABLE = "EQUIPOISE_RUNS", "EQUIPOISE_CACHE"
STUDIES_FOLDER, IMAGES_FOLDER = "studies", "images"
MIRRORS_FOLDER = "stores"
RESERVED = frozenset({STUDIES_FOLDER, IMAGES_FOLDER})
"""Folders of the user's store that are not those of a study's runs."""


def user_store() -> Path:
    """Where this user's runs go: ``$EQUIPOISE_RUNS``, or ``runs/`` here.

    Raises
    ------
    RunError
        If the variable is the URL of a store that cannot be read.
    """
    return store_at(os.environ.get(STORE_VARIABLE, "runs"))


def store_at(location: str | Path) -> Path:
    """The folder of a store: the mirror of one that is named by a URL.

    Raises
    ------
    RunError
        If the location is the URL of a store that cannot be read.
    """
    text = str(location)
    if remote_store.is_url(text):
        return remote_store.mirror(text, cache_root() / MIRRORS_FOLDER)
    return Path(location)


def location_of(store: Path) -> str:
    """How another process or machine finds a store: its URL, or its whole path."""
    return remote_store.url_of(store) or str(store.resolve())


def cache_root() -> Path:
    """Where what can be made again is kept: ``$EQUIPOISE_CACHE``."""
    default = Path.home() / ".cache" / "equipoise"
    return Path(os.environ.get(CACHE_VARIABLE) or default)


def studies_folder() -> Path:
    """Where the studies are kept that this user made: a TOML file each."""
    return user_store() / STUDIES_FOLDER


def find_place(path: str) -> Path | None:
    """Where images are that a study names; None if it names none.

    Parameters
    ----------
    path : str
        One that is not absolute is looked for in the store, then in this folder.
    """
    if not path:
        return None
    place = Path(path).expanduser()
    in_store = user_store() / place
    return in_store if in_store.exists() else place


def images_folder(study: str) -> Path:
    """Where the images are kept that were uploaded for a study."""
    return user_store() / IMAGES_FOLDER / study
