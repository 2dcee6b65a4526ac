"""Write the results in README anew, from what the commands print of the shipped runs.

A block of README stands between ``<!-- equipoise compare ... -->`` and ``<!-- end -->``
and holds what that command prints. ``python -m docs.readme`` replaces them all.
"""

import argparse
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from core.cli import app
from core.runs import STORE_VARIABLE

README = Path(__file__).resolve().parents[1] / "README.md"
_BLOCK = re.compile(
    r"(?P<open><!-- equipoise (?P<command>[^>]+?) -->\n)(?P<content>.*?)"
    r"(?P<close><!-- end -->)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """What README says that a command prints, and the command."""

    command: str
    content: str


def blocks(text: str) -> Iterator[Block]:
    """Every block of a text."""
    for match in _BLOCK.finditer(text):
        yield Block(_one_line(match["command"]), match["content"].strip())


def without_blocks(text: str) -> str:
    """The text that was written by hand."""
    return _BLOCK.sub("", text)


def output_of(command: str) -> str:
    """What a command prints; its words as on a command line, without the program."""
    result = CliRunner().invoke(app, shlex.split(command))
    if result.exit_code:
        raise SystemExit(f"equipoise {command}\n{result.stderr}")
    return result.stdout.strip()


def regenerated(text: str, output: Callable[[str], str] = output_of) -> str:
    """The text with every block as its command prints it now."""

    def block(match: re.Match[str]) -> str:
        content = output(_one_line(match["command"]))
        return f"{match['open']}\n{content}\n\n{match['close']}"

    return _BLOCK.sub(block, text)


def _one_line(command: str) -> str:
    return " ".join(command.split())


def main() -> None:
    """Replace the blocks of README, or say whether one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; leave with 1 if one differs",
    )
    check = parser.parse_args().check
    before = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as empty:
        # The shipped runs alone, whatever else was trained here.
        os.environ[STORE_VARIABLE] = empty
        after = regenerated(before)
    if check:
        sys.exit(int(after != before))
    README.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
