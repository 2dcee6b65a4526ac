"""Pages are visited before a reader comes, once each, and never without a server."""

import os
from pathlib import Path

import pytest

from core import kept_results
from core.language import LANGUAGES
from pages.shell import warm_up


@pytest.fixture
def visited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, str, str]]:
    """Page, study and language of each visit, which runs no page."""
    seen: list[tuple[str, str, str]] = []

    def note(*visit: str) -> bool:
        seen.append(visit)
        return True

    monkeypatch.setattr(warm_up, "_open", note)
    monkeypatch.setattr(kept_results, "_shelf", None)
    monkeypatch.setattr(warm_up, "WAIT_S", 0)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EQUIPOISE_RUNS", str(tmp_path / "runs"))
    return seen


def test_each_page_of_the_shipped_studies_is_visited_once_a_language(
    visited: list[tuple[str, str, str]],
) -> None:
    warm_up.main(os.getppid())
    assert len(visited) == len(set(visited))
    for place, every in enumerate((set(warm_up.PAGES), {"utkface"}, set(LANGUAGES))):
        assert {visit[place] for visit in visited} >= every
    visited.clear()
    warm_up.main(os.getppid())
    assert visited == []


def test_without_its_server_it_ends(visited: list[tuple[str, str, str]]) -> None:
    warm_up.main(-1)
    assert visited == []
