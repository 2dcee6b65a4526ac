import json
import os
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core import runs
from core.errors import EquipoiseError, RunError
from core.shipped import PRETRAINED_FOLDER, WEIGHTS_FOLDER
from core.study import LabelNoise
from tests.tiny import tiny_study

PREDICTIONS = pd.DataFrame({"image_id": ["a", "b"], "split": ["validation", "test"]})
HISTORY = pd.DataFrame(
    {"epoch": [1], "split": ["training"], "name": ["loss"], "value": [0.5]}
)


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(runs, "shipped_store", lambda: tmp_path / "shipped")
    monkeypatch.setenv(runs.STORE_VARIABLE, str(tmp_path / "own"))
    return tmp_path / "own"


def _write(
    store: Path, method: str = "baseline", seed: int = 0, **info: Any
) -> runs.Run:
    info = {"resolved": {}, **info, "study": "tiny", "method": method, "seed": seed}
    return runs.write_run(
        store,
        info=info,
        history=HISTORY,
        predictions=PREDICTIONS,
        save_model=lambda path: path.write_bytes(b"model"),
    )


def test_written_run_is_listed_and_read(store: Path) -> None:
    written = _write(store)
    (run,) = runs.list_runs("tiny").runs
    assert run == written
    pd.testing.assert_frame_equal(run.predictions(), PREDICTIONS)
    pd.testing.assert_frame_equal(run.history(), HISTORY)
    assert run.model_path.read_bytes() == b"model"
    assert runs.list_studies() == ("tiny",)
    assert runs.list_runs("other").runs == ()


def test_the_shipped_weights_are_not_a_study(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "shipped_store", lambda: PRETRAINED_FOLDER)
    assert WEIGHTS_FOLDER.is_dir()
    assert "avatars" in runs.list_studies()
    assert WEIGHTS_FOLDER.name not in runs.list_studies()
    (store / WEIGHTS_FOLDER.name).mkdir(parents=True)
    assert WEIGHTS_FOLDER.name in runs.list_studies()


def test_own_run_stands_before_a_shipped_one(store: Path, tmp_path: Path) -> None:
    _write(tmp_path / "shipped")
    own = _write(store)
    _write(tmp_path / "shipped", seed=1)
    listed = runs.list_runs("tiny").runs
    assert [run.seed for run in listed] == [0, 1]
    assert own in listed


def test_writing_again_replaces(store: Path) -> None:
    _write(store)
    _write(store)
    assert len(runs.list_runs("tiny").runs) == 1
    assert [path.name for path in (store / "tiny" / "baseline").iterdir()] == ["seed-0"]


@pytest.mark.parametrize("name", [runs.RECORD, runs.HISTORY, runs.PREDICTIONS])
def test_missing_file_is_named_and_the_rest_works(store: Path, name: str) -> None:
    broken, whole = _write(store), _write(store, seed=1)
    (broken.folder / name).unlink()
    listing = runs.list_runs("tiny")
    assert listing.runs == (whole,)
    assert name in listing.problems[0]


@pytest.mark.parametrize("name", [runs.RECORD, runs.HISTORY, runs.PREDICTIONS])
def test_corrupt_file_is_named_and_the_rest_works(store: Path, name: str) -> None:
    broken, whole = _write(store), _write(store, seed=1)
    (broken.folder / name).write_bytes(b"PAR1 and then nothing")
    listing = runs.list_runs("tiny")
    assert listing.runs == (whole,)
    assert "damaged" in listing.problems[0]


def test_table_without_its_columns_is_named_and_the_rest_works(store: Path) -> None:
    broken, whole = _write(store), _write(store, seed=1)
    HISTORY.drop(columns="value").to_parquet(broken.folder / runs.HISTORY)
    listing = runs.list_runs("tiny")
    assert listing.runs == (whole,)
    assert "no column value" in listing.problems[0]


def test_two_columns_of_one_name_are_named(store: Path) -> None:
    run = _write(store)
    table = pa.Table.from_pandas(PREDICTIONS, preserve_index=False)
    twice = table.append_column("split", table["split"])
    pq.write_table(twice, run.folder / runs.PREDICTIONS)
    with pytest.raises(RunError, match="two columns have the same name"):
        run.predictions()


def test_a_table_that_changes_is_looked_at_again(store: Path) -> None:
    table = _write(store).folder / runs.HISTORY
    assert not runs.list_runs("tiny").problems
    HISTORY.drop(columns="value").to_parquet(table)
    assert "no column value" in runs.list_runs("tiny").problems[0]
    HISTORY.to_parquet(table)
    assert not runs.list_runs("tiny").problems


def test_run_without_its_model_still_shows_results(store: Path) -> None:
    _write(store).model_path.unlink()
    assert len(runs.list_runs("tiny").runs) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema 2"),
        ({"study": "other"}, "does not describe"),
        ({"seed": "0"}, "does not describe"),
        ({"schema": "1"}, "does not describe"),
        ({"duration_s": "long"}, "numbers where"),
        ({"resolved": None, "schema": 1}, None),
        ({"images_per_second": None}, None),
    ],
)
def test_record_is_checked(
    store: Path, change: dict[str, Any], message: str | None
) -> None:
    run = _write(store)
    record = run.folder / runs.RECORD
    record.write_text(json.dumps(json.loads(record.read_text()) | change))
    if message is None:
        assert runs.read_run(run.folder)
        return
    with pytest.raises(RunError, match=message):
        runs.read_run(run.folder)


def test_full_disk_leaves_nothing_half_written(store: Path) -> None:
    def full(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    info = {"study": "tiny", "method": "lmf", "seed": 0, "resolved": {}}
    with pytest.raises(RunError, match="No space left"):
        runs.write_run(
            store,
            info=info,
            history=HISTORY,
            predictions=PREDICTIONS,
            save_model=full,
        )
    assert list(store.iterdir()) == []


def test_a_folder_that_goes_while_it_is_listed_or_read_is_no_traceback(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, gone = _write(store), _write(store, "lmf")
    shutil.rmtree(gone.folder)
    with pytest.raises(RunError, match="deleted or moved meanwhile"):
        gone.predictions()
    own = os.scandir

    def scan(folder: Any) -> Any:
        if Path(folder).name == "lmf":
            Path(folder).rename(store / ".elsewhere")
        return own(folder)

    monkeypatch.setattr(os, "scandir", scan)
    assert runs.list_runs() == runs.RunListing((whole,), ())


def test_what_a_killed_process_left_is_put_back_or_removed(store: Path) -> None:
    run = _write(store)
    replaced = run.folder.with_name(".seed-0.0123abcd.old")
    run.folder.rename(replaced)
    deleted = store / ".gone.0123abcd.gone"
    written, new = store / ".import.0123abcd", store / ".import.4567cdef"
    for folder in (deleted, written, new):
        folder.mkdir()
    for folder in (deleted, written):
        os.utime(folder, (0, 0))
    runs.tidy_store(store)
    assert runs.list_runs().runs == (run,)
    assert sorted(path.name for path in store.iterdir()) == [new.name, "tiny"]


def test_a_run_is_out_of_sight_before_it_is_deleted(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _write(store)

    def kill(folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", kill)
    with pytest.raises(KeyboardInterrupt):
        runs.remove_run(run)
    assert runs.list_runs() == runs.RunListing((), ())


@pytest.mark.parametrize("name", ["../x", "a/b", "", "..", "a..b", "A", "x" * 65])
def test_names_cannot_leave_the_store(store: Path, name: str) -> None:
    with pytest.raises(EquipoiseError, match="cannot be the name"):
        _write(store, method=name)
    if name:
        with pytest.raises(EquipoiseError, match="cannot be the name"):
            runs.list_runs(name)


def test_unfinished_runs_are_not_listed(store: Path) -> None:
    _write(store)
    (store / "tiny" / "baseline" / ".seed-1.partial").mkdir()
    listing = runs.list_runs()
    assert len(listing.runs) == 1
    assert listing.problems == ()


def test_a_run_of_another_split_is_named_and_the_rest_works(
    store: Path, tmp_path: Path
) -> None:
    shipped = _write(tmp_path / "shipped", split_fingerprint="one")
    same = _write(store, "ins", split_fingerprint="one")
    unknown = _write(store, "lmf")
    other = _write(store, split_fingerprint="two")
    listing = runs.list_runs("tiny")
    # Of the same method and seed, yet it does not stand in for the shipped run.
    assert listing.runs == (shipped, same, unknown)
    (problem,) = listing.problems
    assert str(other.folder) in problem
    assert "--out" in problem


NOISE = {"task": "glasses", "share": 0.2, "seed": 0}


def _under(noise: dict[str, Any] | None) -> dict[str, Any]:
    """The study of a run, as its record has it."""
    return {"dataset": {"name": "avatars"}, "label_noise": noise}


def test_a_run_under_other_label_noise_is_named_and_the_rest_works(
    store: Path,
) -> None:
    _write(store, "a", resolved=_under(NOISE))
    same = _write(store, "b", resolved=_under(dict(reversed(NOISE.items()))))
    clean = _write(store, "c", resolved=_under(None))
    more = _write(store, "d", resolved=_under({**NOISE, "share": 0.3}))
    older = _write(store, "e", resolved={"dataset": {}})
    unknown = _write(store, "f", resolved={})
    listing = runs.list_runs("tiny")
    assert [run.method for run in listing.runs] == ["a", same.method, unknown.method]
    for problem, left_out in zip(listing.problems, (clean, more, older), strict=True):
        assert str(left_out.folder) in problem
        assert "trained under other label noise than" in problem
        assert "split" not in problem


def test_the_label_noise_of_the_study_counts_and_not_that_of_an_older_run(
    store: Path,
) -> None:
    older = _write(store, "a", resolved=_under(None))
    now = LabelNoise(task="glasses", share=0.2)
    study = tiny_study().model_copy(update={"label_noise": now})
    runs.write_study_files(store, study, PREDICTIONS, {})
    newer = _write(store, "b", resolved=_under(now.model_dump(mode="json")))
    listing = runs.list_runs("tiny")
    assert listing.runs == (newer,)
    (problem,) = listing.problems
    assert str(older.folder) in problem
    study_file = store / "tiny" / runs.STUDY_FILE
    study_file.write_text("{")
    assert runs.list_runs("tiny").runs == (older,)


def test_a_run_of_another_split_and_noise_is_told_so(store: Path) -> None:
    _write(store, "a", split_fingerprint="one", resolved=_under(None))
    _write(store, "b", split_fingerprint="two", resolved=_under(NOISE))
    (problem,) = runs.list_runs("tiny").problems
    assert "trained on another split and under other label noise than" in problem


def test_the_split_of_the_runs_is_for_their_dataset_only(store: Path) -> None:
    study = tiny_study()
    assert runs.split_source(study) is None
    runs.write_study_files(store, study, PREDICTIONS, {})
    assert runs.split_source(study) == study.name
    options = {**study.dataset.options, "count": 7}
    other = study.dataset.model_copy(update={"options": options})
    assert runs.split_source(study.model_copy(update={"dataset": other})) is None


def test_study_manifest_and_report_come_back(store: Path) -> None:
    study = tiny_study()
    manifest = PREDICTIONS.assign(path="/somewhere/else")
    runs.write_study_files(store, study, manifest, {"counts": {"found": 2}})
    assert runs.study_of_runs("tiny") == study
    assert "path" not in runs.shipped_manifest("tiny")
    assert runs.data_report("tiny") == {"counts": {"found": 2}}


def test_study_without_runs_says_how_to_train_it() -> None:
    assert runs.shipped_manifest("avatars") is None
    assert runs.data_report("avatars") is None
    with pytest.raises(RunError, match="equipoise train avatars"):
        runs.study_of_runs("avatars")


def test_a_study_that_does_not_exist_cannot_be_trained() -> None:
    with pytest.raises(RunError, match="`equipoise studies` lists them all"):
        runs.study_of_runs("avatar")


def test_one_split_and_few_columns_can_be_read(store: Path) -> None:
    table = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "split": pd.Categorical(["validation", "test", "test"]),
            "group": pd.Categorical(["x", "y", "y"]),
            "score": [0.1, 0.2, 0.3],
        }
    )
    info = {"resolved": {}, "study": "tiny", "method": "m", "seed": 0}
    run = runs.write_run(store, info=info, history=HISTORY, predictions=table)
    assert not run.model_path.exists()
    test = run.predictions("test")
    assert test["image_id"].tolist() == ["b", "c"]
    assert test.index.tolist() == [0, 1]
    assert test["group"].cat.categories.tolist() == ["y"]
    few = run.predictions("test", ["score", "image_id"])
    assert few.columns.tolist() == ["image_id", "score"]
    assert few["score"].tolist() == [0.2, 0.3]
    with pytest.raises(RunError, match="no column nothing"):
        run.predictions(columns=["nothing"])


def test_an_imported_method_has_a_label_of_its_own(store: Path) -> None:
    run = _write(store, "theirs", imported={"label": "Their net"})
    assert run.imported == {"label": "Their net"}
    assert _write(store).imported is None
    study = tiny_study()
    labelled = runs.with_imported(study, runs.list_runs("tiny").runs)
    assert labelled.methods["theirs"].label == "Their net"
    assert list(labelled.methods) == [*study.methods, "theirs"]
    assert runs.added_methods(study, runs.list_runs("tiny").runs) == {"theirs"}
    assert runs.added_methods(labelled, runs.list_runs("tiny").runs) == set()


def test_a_run_is_removed_with_the_folders_that_it_leaves_empty(store: Path) -> None:
    kept, gone = _write(store, seed=1), _write(store, seed=2)
    runs.remove_run(gone)
    assert runs.list_runs("tiny").runs == (kept,)
    runs.remove_run(kept)
    assert not (store / "tiny").exists()
    with pytest.raises(RunError, match="could not be removed"):
        runs.remove_run(kept)


def test_who_answers_is_said_where_a_method_has_several_seeds(store: Path) -> None:
    one = [_write(store, method) for method in ("baseline", "lmf")]
    assert runs.describe_models(one, one) == ""
    more = [_write(store, "baseline", seed) for seed in (1, 2)]
    known = [*one, *more]
    said = runs.describe_models(one, known)
    assert said == (
        "Each method answers with one model, that of seed 0: 1 of 1 to 3 seeds."
    )
    assert runs.describe_models(known, known) == (
        "Each answer is the mean over the models of a method: 1 to 3 of 1 to 3 seeds."
    )
    for run in more:
        run.model_path.unlink()
    assert runs.first_models(known) == tuple(one)


def test_runs_of_one_store_alone_can_be_listed(store: Path) -> None:
    _write(store)
    other = store.parent / "other"
    _write(other, "lmf")
    listed = runs.list_runs("tiny", within=[other]).runs
    assert [run.method for run in listed] == ["lmf"]
    assert [run.method for run in runs.list_runs("tiny").runs] == ["baseline"]
