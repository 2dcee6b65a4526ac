"""What differs between two studies, as a view."""

import pytest

from core.errors import NothingToShow
from core.text import to_plain
from core.views.studies import open_study
from core.views.two_studies import draw_study_differences


def test_every_setting_that_differs_has_a_row() -> None:
    view = open_study("utkface", other="utkface-scratch")
    drawn = draw_study_differences(view)
    assert drawn.numbers is not None
    assert view.two is not None
    settings = [to_plain(cell) for cell in drawn.numbers.frame["Setting"]]
    assert settings == [one.setting for one in view.two.differing]
    assert drawn.title == "What differs between utkface and utkface-scratch"


def test_one_study_alone_has_nothing_to_differ_from() -> None:
    with pytest.raises(NothingToShow, match="No other study stands beside"):
        draw_study_differences(open_study("avatars"))
