"""The shipped models answer in a process that has done nothing else before."""

import subprocess
import sys

import pytest

from core import runs
from core.study import shipped_studies

SHIPPED = [name for name in shipped_studies() if runs.list_runs(name).runs]
PROGRAM = """
import sys
from pathlib import Path
from core.models.model_file import read_ahead
from core.models.saved import load_groups
_, faults = load_groups(read_ahead([Path(path) for path in sys.argv[1:]]))
sys.exit("; ".join(map(str, faults.values())) or 0)
"""


def test_studies_are_shipped() -> None:
    assert {"avatars", "cifar10-lt-200", "utkface"} <= set(SHIPPED)


@pytest.mark.slow
def test_the_first_model_of_each_method_loads_by_itself() -> None:
    first = [
        str(run.model_path)
        for name in SHIPPED
        for run in runs.first_models(runs.list_runs(name).runs)
    ]
    assert len(first) >= len(SHIPPED)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *first],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
