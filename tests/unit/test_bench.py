"""The bench: how a bound is read, and that every row has one."""

import pytest

from bench.run import Result, Row, cells, within


@pytest.mark.parametrize(
    ("value", "bound", "holds"),
    [
        (0.9, "at least 0.90", True),
        (0.89, "at least 0.90", False),
        (1.05, "at most 1.05 x", True),
        (1.06, "at most 1.05 x", False),
        (100.0, "100 x faster", True),
        (99.0, "100 x faster", False),
        (249.0, "median under 250 ms", True),
        (250.0, "median under 250 ms", False),
        (999.0, "1,000 images/s", False),
        (True, "yes", True),
        (False, "yes", False),
    ],
)
def test_a_bound_is_read_as_a_person_reads_it(value, bound, holds):
    assert within(value, bound) is holds


def test_what_could_not_be_measured_does_not_hold():
    row = Row("bench.app", 0, "label", "under 5 s")
    assert cells(Result(row, None, "why")) == ("label", "under 5 s", "-", "no", "why")
    assert cells(Result(row, 4.5678, ""))[2:4] == ("4.568", "yes")
