"""Write the generated blocks of the documents anew, from what the commands print.

A block of a document stands between ``<!-- equipoise compare ... -->`` and
``<!-- end -->`` and holds what that command prints of the shipped runs.
``python -m docs.blocks`` replaces all blocks of README, CONTRIBUTING and ``docs/``.
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

ROOT = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(
    r"(?P<open><!-- equipoise (?P<command>[^>]+?) -->\n)(?P<content>.*?)"
    r"(?P<close><!-- end -->)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A command, and what a document says that it prints."""

    command: str
    content: str


def documents() -> dict[str, str]:
    """Text of every document by its path: those at the top, then those of ``docs/``."""
    paths = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in paths
    }


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
    """Replace the blocks of all documents, and name the documents that differed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; name the documents that differ and leave with 1",
    )
    check = parser.parse_args().check
    before = documents()
    with tempfile.TemporaryDirectory() as empty:
        # The shipped runs alone, whatever else was trained here.
        os.environ[STORE_VARIABLE] = empty
        after = {name: regenerated(text) for name, text in before.items()}
    changed = [name for name, text in after.items() if text != before[name]]
    for name in changed:
        sys.stdout.write(f"{name}\n")
        if not check:
            (ROOT / name).write_text(after[name], encoding="utf-8")
    sys.exit(int(check and bool(changed)))


if __name__ == "__main__":
    main()
