"""Views of corrupted images: the numbers drawn are those of the stored answers."""

import pytest

from core.errors import NothingToShow, ViewError
from core.plots import robustness as plots
from core.runs import list_runs
from core.views import robustness
from core.views.caching import clear_caches
from core.views.studies import open_study
from tests.synthetic import add_corrupted, write_store


@pytest.fixture
def view(tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_RUNS", str(tmp_path / "own"))
    monkeypatch.setattr("core.runs.shipped_store", lambda: tmp_path / "none")
    write_store(tmp_path / "own", "utkface", methods=("baseline", "ins"), seeds=(0,))
    add_corrupted(tmp_path / "own", "utkface")
    return open_study("utkface")


def test_a_line_is_the_mean_over_its_family_and_starts_at_the_clean_images(view):
    drawn = robustness.draw_robustness(view, task="age")
    (run,) = [r for r in list_runs("utkface").runs if r.method == "ins"]
    answers = run.corrupted()
    images = answers["image_id"].unique()
    own = answers[answers["severity"] == 3]
    own = own[own["corruption"].isin(["snow", "fog", "brightness"])]
    table = drawn.data.set_index(["method", "family", "severity"])
    wanted = (own["age_pred"] - own["age_true"]).abs().mean()
    assert table.loc[("ins", "weather", 3), "mean"] == pytest.approx(wanted, rel=1e-4)
    clean = run.predictions("test").query("image_id in @images")
    wanted = (clean["age_pred"] - clean["age_true"]).abs().mean()
    assert table.loc[("ins", "noise", 0), "mean"] == pytest.approx(wanted, rel=1e-4)
    assert len(images) == 40
    assert "40 test images, each under 12 corruptions at 5 severities" in drawn.note
    assert "At severity 5 it is" in drawn.takeaway
    (figure,) = drawn.figures.values()
    assert sum(trace.name == "INS" for trace in figure.data) == 4


def test_of_many_methods_the_baseline_alone_has_its_band(view, monkeypatch):
    two = robustness.draw_robustness(view, task="age")
    monkeypatch.setattr(plots, "MOST_BANDS", 1)
    clear_caches()
    lone = robustness.draw_robustness(view, task="age")
    bands = [
        {trace.legendgroup for trace in figure.data if trace.fill is not None}
        for drawn in (two, lone)
        for figure in drawn.figures.values()
    ]
    assert bands == [{"baseline", "ins"}, {"baseline"}]
    said = "only the baseline has its band"
    assert said in lone.note
    assert said not in two.note


def test_the_table_has_the_mean_corruption_error_with_verdicts(view):
    drawn = robustness.draw_mean_corruption_error(view, task="gender")
    frame = drawn.numbers.frame
    (run,) = [r for r in list_runs("utkface").runs if r.method == "baseline"]
    answers = run.corrupted()
    wrong = 100 * (answers["gender_pred"] != answers["gender_true"]).mean()
    (cell,) = (
        frame.loc[frame["Method"].str.contains("Baseline")]
        .filter(like="error rate (")
        .values[0]
    )
    assert f"{wrong:.1f}" in cell
    assert {"baseline", "ins"} == set(drawn.data["method"])
    assert "Over all corruptions and severities: " in drawn.takeaway


def test_pictures_are_of_an_avatar_whatever_the_study(view):
    drawn = robustness.draw_corruptions(view)
    assert list(drawn.figures) == ["Noise", "Blur", "Weather", "Digital"]
    assert {len(figure.layout.images) for figure in drawn.figures.values()} == {3}
    assert "no person is shown" in drawn.note


def test_a_study_without_answers_says_how_to_get_them_and_a_metric_is_checked(view):
    with pytest.raises(ViewError, match="not judged by 'auc'"):
        robustness.draw_robustness(view, task="age", metric="auc")
    for run in view.runs:
        (run.folder / "corrupted.parquet").unlink()
    with pytest.raises(NothingToShow, match="were not measured on corrupted") as error:
        robustness.draw_robustness(open_study("utkface"), task="age")
    assert "equipoise robustness utkface" in str(error.value)
