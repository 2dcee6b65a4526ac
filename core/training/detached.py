"""Processes of ``equipoise worker`` that outlive whoever starts them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from core.stores import STORE_VARIABLE, location_of


def worker_command(*options: str) -> list[str]:
    """The command line of ``equipoise worker``, with this Python."""
    return [sys.executable, "-m", "core.cli", "worker", *options]


def environment_of(store: Path) -> dict[str, str]:
    """The environment of a process that has the same store as this one."""
    return {**os.environ, STORE_VARIABLE: location_of(store)}


def start_detached(
    *options: str, store: Path, log: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start a worker in a session of its own; all that it says goes into the log.

    Raises
    ------
    OSError
        If it cannot be started.
    """
    return subprocess.Popen(
        worker_command(*options),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=environment_of(store),
        start_new_session=True,
    )
