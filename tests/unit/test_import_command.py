"""`equipoise import`: what it writes, what it says, and how it leaves."""

import pandas as pd
import pytest
from typer.testing import CliRunner

import core.runs
from core.cli import app
from tests.imports import ROWS, STUDY, theirs, wide, write_study


@pytest.fixture
def store(tmp_path, monkeypatch):
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(folder))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    write_study(folder)
    return folder


def run(*options, code=0):
    result = CliRunner().invoke(app, ["import", *map(str, options)])
    assert result.exit_code == code, result.output
    return result


def written(tmp_path, table, name="mine.csv"):
    path = tmp_path / name
    if name.endswith(".csv"):
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)
    return path


@pytest.mark.parametrize("name", ["mine.csv", "mine.parquet"])
def test_a_file_becomes_a_run_and_is_compared(store, tmp_path, name):
    file = written(tmp_path, theirs(), name)
    said = run(file, "--study", STUDY, "--name", "My net").stdout
    assert str(store / STUDY / "my-net" / "seed-0") in said
    result = CliRunner().invoke(app, ["compare", STUDY])
    assert result.exit_code == 0, result.output
    assert "my-net" in result.stdout
    assert "No cost is known of My net" in " ".join(result.stdout.split())
    for options in (["--markdown", "--cost"], ["--json"]):
        result = CliRunner().invoke(app, ["compare", STUDY, *options])
        assert result.exit_code == 0, result.output
        assert "My net" in result.stdout or "my-net" in result.stdout


def test_faults_leave_with_2_and_can_be_kept(store, tmp_path):
    table = theirs()
    table.loc[3, "gender_pred"] = "woman"
    kept = tmp_path / "faults.csv"
    options = ("--study", STUDY, "--name", "x", "--faults", kept)
    said = run(written(tmp_path, table), *options, code=2).stderr
    assert "'woman' in 'gender_pred' is not a class of gender" in said
    assert "row 4" in said
    assert "Nothing was written." in said
    assert not (store / STUDY / "x").exists()
    (row,) = pd.read_csv(kept).query("value == 'woman'").to_dict("records")
    assert (row["row"], row["level"]) == (4, "fault")


def test_a_check_writes_nothing(store, tmp_path):
    file = written(tmp_path, theirs())
    said = run(file, "--study", STUDY, "--name", "x", "--check").stdout
    assert "No fault was found" in said
    assert not (store / STUDY / "x").exists()


def test_removal_and_replacement(store, tmp_path):
    file = written(tmp_path, theirs())
    options = ("--study", STUDY, "--name", "x")
    run(file, *options)
    assert "imported before" in run(file, *options, code=2).stderr
    run(file, *options, "--replace")
    run("--remove", *options)
    assert not (store / STUDY / "x").exists()
    assert "no imported method" in run("--remove", *options, code=2).stderr


def test_the_form_is_written(store, tmp_path):
    place = tmp_path / "form.csv"
    run("--study", STUDY, "--template", place)
    form = pd.read_csv(place)
    assert len(form) == ROWS
    assert set(form) == set(theirs())


def test_a_table_becomes_a_study(store, tmp_path):
    file = written(tmp_path, wide())
    result = run(
        file, "--new-study", "My table", "--positive", "no", "--feature", "site"
    )
    assert "binary: no (positive) against yes" in result.stdout
    study = core.runs.study_of_runs("my-table")
    assert list(study.dataset.options["features"]) == ["site"]
    result = CliRunner().invoke(app, ["compare", "my-table"])
    assert result.exit_code == 0, result.output
    listed = CliRunner().invoke(app, ["studies"]).stdout
    assert "My table" in listed
    run("--remove", "--study", "my-table")
    assert core.runs.list_studies() == (STUDY,)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--remove", "--check", "--name", "x"], "--check"),
        (["--remove", "mine.csv", "--name", "x"], "FILE"),
        (["--remove", "--seed", "0"], "--seed"),
        (["--template", "form.csv", "--remove"], "--remove"),
        (["--template", "form.csv", "--name", "x"], "--name"),
        (
            ["mine.csv", "--name", "y", "--truth", "a", "--kind", "binary"],
            "--truth and --kind",
        ),
        (["mine.csv", "--name", "y", "--model", "a", "--class", "b"], "--class"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(
    store, tmp_path, monkeypatch, options, said
):
    run(written(tmp_path, theirs()), "--study", STUDY, "--name", "x")
    before = sorted(store.rglob("*"))
    monkeypatch.chdir(tmp_path)
    stderr = " ".join(run(*options, "--study", STUDY, code=2).stderr.split())
    assert f"{said} " in stderr
    assert "would change nothing here" in stderr
    assert sorted(store.rglob("*")) == before
    assert not (tmp_path / "form.csv").exists()


def test_a_name_is_none_of_a_new_study(store, tmp_path):
    file = written(tmp_path, wide())
    said = run(file, "--new-study", "t", "--name", "x", code=2).stderr
    assert "--name would change nothing here" in said


def test_a_name_left_empty_removes_nothing(store, tmp_path):
    run(written(tmp_path, wide()), "--new-study", "t")
    options = ("--remove", "--study", "t")
    assert "--name is missing" in run(*options, "--name", "", code=2).stderr
    assert "t" in core.runs.list_studies()


def test_files_that_are_there_are_overwritten_only_when_asked(store, tmp_path):
    file = written(tmp_path, theirs().drop(columns="age_pred"))
    form, kept = tmp_path / "form.csv", tmp_path / "faults.csv"
    for place, options in (
        (form, ("--study", STUDY, "--template", form)),
        (kept, (file, "--study", STUDY, "--name", "x", "--faults", kept)),
    ):
        place.write_text("mine")
        assert "exists already" in run(*options, code=2).stderr
        assert place.read_text() == "mine"
        run(*options, "--replace", code=0 if place == form else 2)
        assert len(pd.read_csv(place)) > 0
    nowhere = tmp_path / "nowhere" / "form.csv"
    said = run("--study", STUDY, "--template", nowhere, code=2).stderr
    assert "cannot be written" in said


def test_none_may_be_said_of_columns(store, tmp_path):
    file = written(tmp_path, wide().assign(method=["a", "b"] * 30))
    options = ("--new-study", "t", "--method-column", "", "--id", "", "--check")
    said = run(file, *options).stdout
    assert "wide: columns for each model" in said
    assert "the rows, by their number" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["mine.csv"], "The study of the predictions is missing"),
        (["mine.csv", "--study", STUDY], "--name is missing"),
        (["--study", STUDY, "--name", "x"], "No file is given"),
        (["mine.csv", "--study", STUDY, "--new-study", "x"], "or to a new one"),
        (["mine.csv", "--study", "nowhere", "--name", "x"], "nowhere"),
        (["gone.csv", "--study", STUDY, "--name", "x"], "gone.csv cannot be imported"),
        (["--remove"], "--study is missing"),
        (["mine.csv", "--study", STUDY, "--name", "!!"], "'!!' cannot be a name"),
        (["mine.csv", "--new-study", "?!"], "'?!' cannot be a name"),
    ],
)
def test_what_is_not_said_is_asked_for(store, tmp_path, monkeypatch, options, said):
    written(tmp_path, theirs())
    monkeypatch.chdir(tmp_path)
    result = run(*options, code=2)
    assert said in result.stderr
    assert "Traceback" not in result.output
