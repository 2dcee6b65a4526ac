"""``equipoise app``: the pages, in the browser."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import typer

from core.errors import EquipoiseError


def serve(ctx: typer.Context) -> None:
    """Open the app in the browser; further options go to `streamlit run`."""
    script = Path(__file__).resolve().parents[2] / "streamlit_app.py"
    if not script.is_file():
        raise EquipoiseError(
            f"The app is not beside the package: {script} is not there.",
            expected="a checkout of the project, installed with `make demo`.",
            remedy="run `make demo` in the checkout.",
        )
    from core.runs import STORE_VARIABLE, user_store

    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    command += ["--server.showEmailPrompt=false", *ctx.args]
    # Streamlit reads its settings from the folder it is started in; the runs stay
    # those of the folder that the person is in.
    environment = {**os.environ, STORE_VARIABLE: str(user_store().resolve())}
    code = subprocess.call(command, cwd=script.parent, env=environment)
    if code:
        raise typer.Exit(code)
