"""Processes that hold something while a test looks on."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

Holder = subprocess.Popen[str]
StartHolder = Callable[..., Holder]


@pytest.fixture
def start_holder() -> Iterator[StartHolder]:
    """Run code with arguments in a process, and wait until it prints "held"."""
    started: list[Holder] = []

    def start(code: str, *arguments: object) -> Holder:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
