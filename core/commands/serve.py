"""``equipoise app``: the pages, in the browser."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from core.commands.console import stderr
from core.errors import EquipoiseError
from core.host_check import LOOPBACK, is_own_machine, may_train

OPENED = (
    "{host} is not this machine alone: everybody who can reach it over the network can "
    "see the pictures and runs shown here, upload photos and predictions, and use its "
    "models."
)


def serve(
    ctx: typer.Context,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Where to listen; 0.0.0.0 opens the app to the whole network.",
        ),
    ] = LOOPBACK,
) -> None:
    """Open the app in the browser, for this machine alone unless --host says more.

    Further options go to `streamlit run`.
    """
    _refuse_address(ctx.args)
    script = Path(__file__).resolve().parents[2] / "streamlit_app.py"
    if not script.is_file():
        raise EquipoiseError(
            f"The app was not found beside the package: {script} is not there.",
            expected="a checkout of the project, installed with `make demo`.",
            remedy="run `make demo` in the checkout.",
        )
    from core.runs import tidy_store
    from core.stores import STORE_VARIABLE, location_of, user_store

    tidy_store(user_store())
    if may_train(host):
        from core.training.worker import resume_jobs

        # Jobs that nobody is at since this machine, or the worker, was stopped.
        resume_jobs()
    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    command += ["--server.showEmailPrompt=false", f"--server.address={host}"]
    if not is_own_machine(host):
        stderr().print(OPENED.format(host=host), markup=False)
        if not _is_every_interface(host):
            # Else the address that is printed would be localhost.
            command += [f"--browser.serverAddress={host}"]
    command += ctx.args
    # Streamlit reads its settings from the folder it is started in; the runs stay
    # those of the folder that the person is in.
    environment = {**os.environ, STORE_VARIABLE: location_of(user_store())}
    if code := run_server(command, cwd=script.parent, env=environment):
        raise typer.Exit(code)


def run_server(command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> int:
    """Run the server; in place of this process, if the system can.

    What stops the command then stops the server.
    """
    if os.name == "posix":
        os.chdir(cwd)
        os.execve(sys.executable, list(command), env)
    return subprocess.call(command, cwd=cwd, env=env)


def _is_every_interface(host: str) -> bool:
    return host in ("0.0.0.0", "::")


def _refuse_address(arguments: Sequence[str]) -> None:
    """Refuse Streamlit's own option: --host says what it opens."""
    if any(each.split("=")[0] == "--server.address" for each in arguments):
        raise EquipoiseError(
            "--server.address is not an option of `equipoise app`.",
            expected="--host ADDRESS.",
            remedy="leave it out for this machine alone, or write --host in its place.",
        )
