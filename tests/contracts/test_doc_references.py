"""Whatever the documents refer to is there: files, headings, names, pages, studies."""

import re
import tomllib

import pytest

import streamlit_app
from core import runs
from docs.blocks import ROOT, documents

TEXTS = documents()
README, CONTRIBUTING = "README.md", "CONTRIBUTING.md"
README_LINES = 150
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# A path of the project, in which NAME stands for a name that the reader chooses.
PATH = re.compile(r"`((?:core|pages|tests|bench|docs|pretrained)/[\w./-]*)`")
NAME_IN_FILE = re.compile(
    r"`(\w+)`\s+(?:in|of)\s+`((?:core|pages|tests|bench)/[\w/]+\.py)`"
)
each_document = pytest.mark.parametrize("name", TEXTS)


def without_fences(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def links(text: str) -> list[str]:
    """Addresses of links and pictures; what stands in code is none."""
    return LINK.findall(re.sub(r"`[^`\n]*`", "", without_fences(text)))


def anchors(text: str) -> set[str]:
    """How a link names the headings of a text."""
    headings = re.findall(r"^#+ (.+)$", without_fences(text), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading) for heading in headings)
    return {heading.lower().replace(" ", "-") for heading in plain}


def broken_links(name: str, document: str) -> list[str]:
    """Links of a document to files or headings that are not there."""
    broken = []
    for link in links(document):
        place, _, anchor = link.partition("#")
        if link.startswith("https://"):
            continue
        target = (ROOT / name).parent / place if place else ROOT / name
        known = target.is_file()
        if known and anchor:
            known = anchor in anchors(target.read_text(encoding="utf-8"))
        if not known:
            broken.append(link)
    return broken


def missing_names(text: str) -> list[str]:
    """Paths that are not there, and names that are not in the file that they are of."""
    # A file to be added is not there yet, but its folder is.
    paths = {path: re.sub(r"[^/]*NAME.*", "", path) for path in PATH.findall(text)}
    missing = [path for path, place in paths.items() if not (ROOT / place).exists()]
    for name, path in NAME_IN_FILE.findall(text):
        if path not in missing:
            content = (ROOT / path).read_text(encoding="utf-8")
            if not re.search(rf"\b{name}\b", content):
                missing.append(f"{name} of {path}")
    return missing


@each_document
def test_every_link_and_picture_is_there(name: str) -> None:
    assert links(TEXTS[name])
    assert broken_links(name, TEXTS[name]) == []


def test_a_broken_link_is_found() -> None:
    text = "![a](docs/overview.png) [b](docs/none.md) [c](#one) [d](#two)\n# One"
    text += "\n[e](docs/tuning.md#the-record) [f](docs/tuning.md#nothing) `[g](h)`"
    # A heading is looked for in the document as it is saved, here in README.
    broken = ["docs/none.md", "#one", "#two", "docs/tuning.md#nothing"]
    assert broken_links(README, text) == broken
    assert anchors("# One, `two`: 3\n```\n# four\n```") == {"one-two-3"}


@each_document
def test_every_path_and_name_is_there(name: str) -> None:
    assert missing_names(TEXTS[name]) == []


def test_a_path_or_name_that_is_not_there_is_found() -> None:
    text = "`core/runs.py`, `core/gone.py`, `core/data/NAME.py`, `core/gone/NAME.py`; "
    text += "`read_run` in `core/runs.py`, `gone_run` of\n`core/runs.py`"
    missing = ["core/gone.py", "core/gone/NAME.py", "gone_run of core/runs.py"]
    assert missing_names(text) == missing


def test_contributing_names_the_files_to_touch() -> None:
    assert len(set(PATH.findall(TEXTS[CONTRIBUTING]))) > 30


def test_readme_is_short() -> None:
    assert len(TEXTS[README].splitlines()) <= README_LINES


def test_readme_and_the_documents_link_to_each_other() -> None:
    linked = {link.partition("#")[0] for link in links(TEXTS[README])}
    others = set(TEXTS) - {README}
    assert others <= linked
    for name in others:
        assert f"{'../' * name.count('/')}{README}" in links(TEXTS[name]), name


@pytest.mark.parametrize("name", [name for name in TEXTS if name != README])
def test_a_document_begins_with_what_it_answers(name: str) -> None:
    title, first, *_ = TEXTS[name].split("\n\n")
    assert title.startswith("# ")
    assert first.startswith("This page answers: ")
    assert first.endswith("?")


def test_readme_lists_the_pages_of_the_app() -> None:
    section = TEXTS[README].partition("## The pages\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \|", section, flags=re.MULTILINE)
    assert rows == ["Page", *(title for title, *_ in streamlit_app.PAGES)]


def test_readme_lists_the_shipped_studies() -> None:
    section = TEXTS[README].partition("## What is shipped\n")[2].partition("\n## ")[0]
    named = re.findall(r"^- \*\*([\w-]+)\*\*:", section, flags=re.MULTILINE)
    shipped = {place.parent.name for place in runs.shipped_store().glob("*/study.json")}
    assert set(named) == shipped
    assert len(named) == len(shipped)


def test_the_layers_are_those_that_the_linter_holds() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (
        contract
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["name"] == "Imports point down the layers"
    )
    layers = "\n".join(contract["layers"])
    assert f"```\n{layers}\n```" in TEXTS["docs/architecture.md"]
