"""The ``equipoise`` command.

A command imports its modules only when it is called: ``--help`` and ``studies`` answer
at once, and TensorFlow is loaded by ``train``, ``predict`` and ``verify`` alone.
"""

from __future__ import annotations

import errno
import os
from typing import Any

import typer
from typer.core import TyperGroup

from core.commands.cache import cache
from core.commands.card import card
from core.commands.compare import compare
from core.commands.console import say, say_interrupted
from core.commands.data import data
from core.commands.explain_label import explain_label
from core.commands.import_predictions import import_predictions
from core.commands.label_errors import label_errors
from core.commands.methods import methods
from core.commands.options import FAULT, INTERRUPTED
from core.commands.predict import predict
from core.commands.provenance import provenance
from core.commands.report import report
from core.commands.robustness import robustness
from core.commands.serve import serve
from core.commands.ship import ship
from core.commands.stability import stability
from core.commands.studies import studies
from core.commands.train import train
from core.commands.tune import tune
from core.commands.verify import verify
from core.commands.worker import worker
from core.errors import EquipoiseError, as_fault


class _Group(TyperGroup):
    """Turns what can go wrong into a sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the subcommand; leave with 2 for a fault, 130 when interrupted."""
        try:
            return super().invoke(ctx)
        except EquipoiseError as error:
            say(error)
        except KeyboardInterrupt:
            say_interrupted(ctx.invoked_subcommand)
            raise typer.Exit(INTERRUPTED) from None
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            say(as_fault(error))
        raise typer.Exit(FAULT)


app = typer.Typer(
    name="equipoise",
    cls=_Group,
    help="Compare remedies for imbalanced image data, with their uncertainty.",
    epilog="Variables of the environment: EQUIPOISE_RUNS is where your runs go (runs/ "
    "by default, or a URL such as s3://bucket/runs), EQUIPOISE_CACHE where prepared "
    "images are kept (~/.cache/equipoise) and EQUIPOISE_CACHE_GB how large that may "
    "grow (20), EQUIPOISE_DATA where the app finds your own copies of datasets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# The order of --help.
for command in (
    *(studies, data, train, tune, stability, robustness, compare, explain_label),
    *(
        label_errors,
        report,
        provenance,
        card,
        predict,
        methods,
        verify,
        ship,
        cache,
        worker,
    ),
):
    app.command()(command)
app.command(name="import")(import_predictions)
app.command(
    name="app",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(serve)


def main() -> None:
    """Run the command; the entry point of the installed program."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    app()


if __name__ == "__main__":
    main()
