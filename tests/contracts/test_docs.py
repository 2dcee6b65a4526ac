"""Numbers and claims of the documents are what the commands say of the shipped runs."""

import re
from pathlib import Path

import pytest

from core import runs
from docs.blocks import (
    Block,
    blocks,
    documents,
    output_of,
    regenerated,
    without_blocks,
)

SHIPPED = (
    "avatars",
    "avatars-mixed",
    "avatars-softbio",
    "cifar10-lt-200",
    "cifar10-transfer",
    "utkface",
    "utkface-scratch",
)
TEXTS = documents()
BLOCKS = [(name, block) for name, text in TEXTS.items() for block in blocks(text)]
# What only a verdict may say of a method, and so no hand.
CLAIMS = re.compile(
    r"\b(better|worse|best|worst|beats?|wins?|loses?|gains?|helps?|hurts?|improves?"
    r"|outperforms?|certainly|equivalent|inconclusive)\b",
    re.IGNORECASE,
)


@pytest.fixture(autouse=True)
def _shipped_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runs.STORE_VARIABLE, str(tmp_path))


@pytest.mark.parametrize(
    "block",
    [block for _, block in BLOCKS],
    ids=[f"{name}: {block.command}" for name, block in BLOCKS],
)
def test_a_block_is_what_its_command_prints(block: Block) -> None:
    assert block.content == output_of(block.command), "run: make docs"


def results_sections(text: str) -> dict[str, str]:
    """Sections on results, by their title."""
    parts = re.split(r"^#{2,3} (.+)$", text, flags=re.MULTILINE)
    titled = zip(parts[1::2], parts[2::2], strict=True)
    return {title: part for title, part in titled if title.startswith("Results on")}


def test_every_section_on_results_says_what_was_found_by_command() -> None:
    sections = [
        (name, title, part)
        for name, text in TEXTS.items()
        for title, part in results_sections(text).items()
    ]
    assert len(sections) == 6
    for name, title, part in sections:
        commands = [block.command for block in blocks(part)]
        assert any(
            "--only findings" in command or "--only" not in command
            for command in commands
            if command.startswith("compare")
        ), (name, title)


@pytest.mark.parametrize("name", TEXTS)
def test_no_hand_claims_what_only_a_verdict_may_say(name: str) -> None:
    for title, part in results_sections(without_blocks(TEXTS[name])).items():
        # The original project's own words are quoted as theirs.
        own = part.replace("The original project reported gains", "")
        assert not CLAIMS.search(own), (title, CLAIMS.findall(own))
    assert CLAIMS.findall("LMF helps nowhere here.") == ["helps"]


def test_only_blocks_are_written_anew() -> None:
    text = "a\n<!-- equipoise x --only\ny -->\nold\n<!-- end -->\nb <!-- other -->"
    (block,) = blocks(text)
    assert block == Block("x --only y", "old")
    after = regenerated(text, output=lambda command: f"<{command}>")
    assert after == (
        "a\n<!-- equipoise x --only\ny -->\n\n<x --only y>\n\n<!-- end -->\n"
        "b <!-- other -->"
    )
    assert regenerated(after, output=lambda command: f"<{command}>") == after
    assert without_blocks(after) == "a\n\nb <!-- other -->"


@pytest.mark.parametrize("name", SHIPPED)
def test_every_method_and_seed_is_shipped_as_the_study_says(name: str) -> None:
    from core.data.manifest import split_fingerprint
    from core.study import load_study
    from core.training.reuse import run_key
    from core.training.transfer import resolve_weights

    study = load_study(name)
    study, _ = resolve_weights(study, tuple(study.methods), runs.user_store())
    listing = runs.list_runs(name)
    assert listing.problems == ()
    assert {(run.method, run.seed) for run in listing.runs} == {
        (method, seed) for method in study.methods for seed in study.seeds_of(method)
    }
    split = split_fingerprint(runs.shipped_manifest(name))
    for run in listing.runs:
        assert run.info["key"] == run_key(study, run.method, run.seed, split), run.name
    with_model = {run.method for run in listing.runs if run.model_path.is_file()}
    assert with_model == set(study.methods)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_runs_are_small(name: str) -> None:
    for run in runs.list_runs(name).runs:
        sizes = {file.name: file.stat().st_size for file in run.folder.iterdir()}
        model = sizes.pop("model.keras", 0)
        # Its weights in float32, and how it is built.
        assert model < 4 * run.info["parameters"] + 0.2e6, run.name
        assert sum(sizes.values()) < 0.7e6, run.name
