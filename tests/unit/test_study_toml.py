"""A study written as TOML is read as the same study."""

import tomllib

import pytest

from core.study import Search, Trial, load_study, parse_study, shipped_studies
from core.study_toml import study_toml, toml_value
from tests.tiny import tiny_study


@pytest.mark.parametrize("name", shipped_studies())
def test_every_shipped_study_survives(name: str) -> None:
    study = load_study(name)
    assert parse_study(study_toml(study), origin="the test") == study


def test_a_search_survives() -> None:
    trial = Trial(
        method="ins",
        settings={"model.options.filters": [8, 16], "use.ins.power": 1e-05, "a b": ""},
        state="pruned",
        epochs=3,
        score=0.25,
        metrics={'hair.f1[so "called"]': 0.5},
    )
    importance = {"ins": {"use.ins.power": 1.0}}
    search = Search(trials=(trial,), of="tiny", seed=4, importance=importance)
    study = tiny_study().model_copy(update={"search": search})
    assert parse_study(study_toml(study), origin="the test") == study


@pytest.mark.parametrize(
    "value",
    [True, 0, -3, 0.1, 1e-300, 2.0, 'a "b" \\ \n\x7f \U0001f600', [], [[1], [2.5]], {}],
)
def test_a_value_is_what_a_reader_of_toml_finds(value: object) -> None:
    assert tomllib.loads(f"x = {toml_value(value)}") == {"x": value}
