"""Whose pictures are shown where: a person's own copy to them alone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.data.picture_paths import DATA_VARIABLE
from core.views import own_copy
from core.views.own_copy import show_copies_where, shown_copy
from core.views.pictures import find_shown_paths, load_thumbnails, why_no_pictures
from core.views.studies import open_study


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of UTKFace that the environment names."""
    folder = tmp_path / "utkface"
    folder.mkdir()
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    before = own_copy._is_seen_alone
    yield folder
    show_copies_where(before)


def test_a_copy_is_shown_to_its_owner_alone(copy: Path) -> None:
    view = open_study("utkface")
    show_copies_where(lambda: False)
    assert shown_copy(view.study) is None
    assert "may not be passed on" in why_no_pictures(view)
    show_copies_where(lambda: True)
    assert shown_copy(view.study) == copy
    assert why_no_pictures(view) == ""


def test_what_is_drawn_from_a_copy_is_kept_apart(copy: Path) -> None:
    view = open_study("utkface")
    show_copies_where(lambda: False)
    hidden = replace(view).cache_key
    show_copies_where(lambda: True)
    assert replace(view).cache_key != hidden


def test_generated_pictures_are_drawn_for_everyone() -> None:
    view = open_study("avatars")
    assert why_no_pictures(view) == ""
    ids = ["avatar-000000", "no such picture"]
    paths = find_shown_paths(view, ids)
    assert list(paths) == ids[:1]
    found = load_thumbnails(view.study, paths, ids)
    assert list(found) == ids[:1]
    assert found[ids[0]].startswith(b"\x89PNG")
