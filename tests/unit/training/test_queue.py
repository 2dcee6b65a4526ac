"""The queue: what waits, what is at work, and what was asked of it."""

import json
import sqlite3
from pathlib import Path

import pytest

from core.errors import EquipoiseError
from core.runs import partial_folder
from core.training import queue as q
from core.training.live import Live, write_live
from tests.tiny import tiny_study
from tests.unit.conftest import StartHolder

HOLD = """
import sys, time
from pathlib import Path
from core.locks import take_lock

lock = take_lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""
PAIRS = (("baseline", 0), ("ins", 0))


def put(store: Path, *pairs: tuple[str, int]) -> q.Job:
    job = q.new_job("training", tiny_study(), pairs=pairs or PAIRS)
    q.submit(job, store)
    return job


def states(store: Path) -> list[str]:
    return [each.state for each in q.list_jobs(store)]


def test_a_store_without_a_queue_gets_none_by_being_looked_at(tmp_path: Path) -> None:
    assert q.list_jobs(tmp_path) == ()
    assert q.read_slots(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_jobs_wait_in_their_order_and_are_the_same_for_everybody(
    tmp_path: Path,
) -> None:
    first, second = put(tmp_path), put(tmp_path, ("ins", 1))
    found = q.list_jobs(tmp_path)
    assert [each.job for each in found] == [first, second]
    assert [each.position for each in found] == [1, 2]
    # Nothing that is kept would be unpickled.
    with sqlite3.connect(tmp_path / q.DATABASE) as database:
        tasks = [bytes(row[0]) for row in database.execute("select data from task")]
    database.close()
    assert [json.loads(task)[6] for task in tasks] == [[first.id], [second.id]]


def test_a_job_is_stopped_and_goes_on(tmp_path: Path) -> None:
    job = put(tmp_path)
    q.stop(job.id, tmp_path)
    assert states(tmp_path) == ["stopped"]
    with q.open_queue(tmp_path) as queue:
        assert q.unfinished(queue) == ()
    q.go_on(job.id, tmp_path)
    assert states(tmp_path) == ["waiting"]
    with q.open_queue(tmp_path) as queue:
        assert q.unfinished(queue) == (job.id,)


def test_a_job_is_at_work_while_its_process_holds_its_lock(
    tmp_path: Path, start_holder: StartHolder
) -> None:
    job = put(tmp_path)
    process = start_holder(HOLD, q.job_folder(job.id, tmp_path) / q.LOCK)
    assert states(tmp_path) == ["running"]
    with pytest.raises(EquipoiseError, match="at work"):
        q.delete(job, store=tmp_path)
    q.stop(job.id, tmp_path)
    assert states(tmp_path) == ["stopping"]
    process.kill()
    process.wait()
    assert states(tmp_path) == ["stopped"]


def test_what_became_of_a_job_is_kept(tmp_path: Path) -> None:
    good, bad = put(tmp_path), put(tmp_path, ("ins", 1))
    with q.open_queue(tmp_path) as queue:
        q.begin(good.id, queue)
        q.end(good.id, queue)
        q.end(bad.id, queue, ("No.", "a yes.", "ask."))
        assert q.unfinished(queue) == ()
    by_id = {each.job.id: each for each in q.list_jobs(tmp_path)}
    assert by_id[good.id].state == "finished"
    assert by_id[good.id].started <= by_id[good.id].ended
    assert by_id[bad.id].state == "failed"
    assert by_id[bad.id].fault == ("No.", "a yes.", "ask.")
    q.go_on(bad.id, tmp_path)
    assert sorted(states(tmp_path)) == ["finished", "waiting"]


def test_deleting_a_job_takes_what_no_other_needs(tmp_path: Path) -> None:
    job, other = put(tmp_path), put(tmp_path, ("ins", 0))
    places = q.places_of(job, tmp_path)
    folders = {method: partial_folder(place) for place, (method, _) in places.items()}
    for folder in folders.values():
        folder.mkdir(parents=True)
        write_live(folder, Live(epochs=2, epoch=1))
    assert [part.share for part in q.progress_of(job, tmp_path)] == [0.5, 0.5]
    q.delete(job, store=tmp_path)
    assert [each.job.id for each in q.list_jobs(tmp_path)] == [other.id]
    assert not folders["baseline"].exists()
    assert folders["ins"].exists()


def test_slots_are_a_setting_of_the_store(tmp_path: Path) -> None:
    q.set_slots(3, tmp_path)
    assert q.read_slots(tmp_path) == 3
    q.set_slots(99, tmp_path)
    assert q.read_slots(tmp_path) == q.MOST_AT_ONCE


def test_time_left_comes_from_the_runs_that_are_known() -> None:
    from core.training.live import RunProgress

    half = RunProgress("ins", 0, live=Live(epochs=10, epoch=5, epoch_s=2.0))
    fresh = RunProgress("ins", 1)
    assert q.seconds_left([fresh]) is None
    assert q.seconds_left([half, fresh]) == pytest.approx(10.0 + 20.0)


def test_the_end_of_a_long_log_is_shown(tmp_path: Path) -> None:
    job = put(tmp_path)
    folder = q.job_folder(job.id, tmp_path)
    folder.mkdir(parents=True)
    assert q.log_of(job.id, tmp_path) == ""
    (folder / q.LOG).write_text("\n".join(f"line {n}" for n in range(1000)))
    assert q.log_of(job.id, tmp_path, lines=2) == "line 998\nline 999"
