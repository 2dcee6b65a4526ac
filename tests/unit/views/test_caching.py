"""Results are computed once for all who ask, and anew when their files change."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest

from core.views.caching import cached, clear_caches, forget, tell_who_waits
from core.views.studies import open_study


def test_computes_once_by_value_and_forgets_the_oldest() -> None:
    calls = []

    @cached(entries=2)
    def double(number: int, _log: list[int]) -> int:
        _log.append(number)
        return 2 * number

    assert [double(n, calls) for n in (1, 2, 1, 3, 1, 2)] == [2, 4, 2, 6, 2, 4]
    assert calls == [1, 2, 3, 2]
    clear_caches()
    assert double(1, calls) == 2
    assert calls == [1, 2, 3, 2, 1]


def test_the_functions_of_a_file_can_be_forgotten_alone() -> None:
    calls = []

    @cached(entries=2)
    def double(number: int) -> int:
        calls.append(number)
        return 2 * number

    double(1)
    clear_caches("another.py")
    double(1)
    assert calls == [1]
    clear_caches(__file__)
    double(1)
    assert calls == [1, 1]


def test_one_function_is_forgotten_and_no_other() -> None:
    calls = []

    @cached(entries=2)
    def one() -> None:
        calls.append("one")

    @cached(entries=2)
    def other() -> None:
        calls.append("other")

    one(), other()
    forget(one)
    one(), other()
    assert calls == ["one", "other", "one"]


def test_true_and_one_are_two_keys() -> None:
    @cached(entries=4)
    def kind(value: object) -> str:
        return type(value).__name__

    assert [kind(value) for value in (1, True, 1.0)] == ["int", "bool", "float"]


def test_a_failure_is_told_and_not_kept() -> None:
    tries = []

    @cached(entries=2)
    def fail_once() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("the first time")
        return "done"

    with pytest.raises(ValueError, match="the first time"):
        fail_once()
    assert fail_once() == "done"


def test_those_who_ask_at_once_share_one_computation() -> None:
    calls = []

    @cached(entries=2)
    def slow() -> object:
        calls.append(1)
        time.sleep(0.2)
        return object()

    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(slow())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len({id(each) for each in found}) == 1


def test_a_column_added_to_a_table_does_not_reach_the_next_reader() -> None:
    @cached(entries=2)
    def table() -> pd.DataFrame:
        return pd.DataFrame({"a": [1]})

    first = table()
    first["b"] = 2
    first.loc[0, "a"] = 9
    assert table().to_dict("list") == {"a": [1]}


def test_what_has_no_key_is_refused() -> None:
    @cached(entries=2)
    def size(table: object) -> int:
        return 0

    with pytest.raises(TypeError):
        size(pd.DataFrame())


def test_a_reader_who_waits_is_told() -> None:
    told = []

    @contextmanager
    def tell(text: str) -> Iterator[None]:
        told.append(text)
        yield

    @cached(entries=2, says="Counting…")
    def count() -> int:
        return 1

    import core.views.caching as module

    before = module._teller
    tell_who_waits(tell)
    try:
        count()
        count()
    finally:
        tell_who_waits(before)
    assert told == ["Counting…"]


def test_a_data_class_counts_by_its_parts() -> None:
    @dataclass(frozen=True)
    class Point:
        x: int
        tags: tuple[str, ...]

    calls = []

    @cached(entries=4)
    def see(point: Point) -> None:
        calls.append(point)

    for point in (Point(1, ("a",)), Point(1, ("a",)), Point(1, ("b",))):
        see(point)
    assert len(calls) == 2


def test_a_new_report_of_the_data_makes_another_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = open_study("avatars")
    monkeypatch.setenv("EQUIPOISE_RUNS", str(tmp_path))
    (tmp_path / "avatars").mkdir()
    before = replace(view).cache_key
    assert replace(view).cache_key == before
    for name in ("manifest.parquet", "data.json"):
        (tmp_path / "avatars" / name).write_text("{}")
        after = replace(view).cache_key
        assert after != before
        before = after


class _Left(BaseException):
    """As Streamlit ends a page whose reader has gone on."""


def test_who_leaves_takes_nothing_from_those_who_wait() -> None:
    begun, left = threading.Event(), []

    @contextmanager
    def tell(text: str) -> Iterator[None]:
        yield
        if threading.current_thread().name == "first":
            raise _Left

    calls = []

    @cached(entries=2, says="Counting…")
    def count() -> int:
        calls.append(threading.current_thread().name)
        begun.set()
        time.sleep(0.2)
        return 7

    def first() -> None:
        try:
            count()
        except _Left:
            left.append("first")

    import core.views.caching as module

    before = module._teller
    tell_who_waits(tell)
    try:
        thread = threading.Thread(target=first, name="first")
        thread.start()
        begun.wait()
        assert count() == 7
        thread.join()
    finally:
        tell_who_waits(before)
    assert (left, calls) == (["first"], ["first"])


def test_what_was_stopped_in_the_middle_is_computed_by_who_waits() -> None:
    begun, calls = threading.Event(), []

    @cached(entries=2)
    def count() -> int:
        calls.append(threading.current_thread().name)
        if len(calls) == 1:
            begun.set()
            time.sleep(0.2)
            raise _Left
        return 7

    def first() -> None:
        with pytest.raises(_Left):
            count()

    thread = threading.Thread(target=first, name="first")
    thread.start()
    begun.wait()
    assert count() == 7
    thread.join()
    assert len(calls) == 2


def test_one_call_has_one_key_however_it_is_written() -> None:
    calls = []

    @cached(entries=8)
    def add(first: int, second: int = 2) -> int:
        calls.append(first)
        return first + second

    assert {add(1), add(1, 2), add(second=2, first=1)} == {3}
    assert len(calls) == 1
