"""What a container and a host install and copy: all that the app needs, and no more."""

import json
import re
import shlex
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs.blocks import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
# Each on one line, without comments.
STEPS = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
# What the installation reads, what the app shows, and the settings of its server.
INSTALLED = {"pyproject.toml", "requirements.txt", "constraints.txt"}
INSTALLED |= {"README.md", "LICENSE"}
SHOWN = {"streamlit_app.py", ".streamlit", "pretrained", "core", "pages"}


def of(instruction: str) -> list[list[str]]:
    """Words of each line of the Dockerfile that begins so."""
    lines = (line.split(maxsplit=1) for line in STEPS.splitlines() if line.strip())
    return [
        json.loads(rest) if rest.startswith("[") else shlex.split(rest)
        for name, rest in lines
        if name == instruction
    ]


def test_the_image_holds_the_app_and_no_more() -> None:
    copied = {source for *sources, _ in of("COPY") for source in sources}
    assert copied == INSTALLED | SHOWN
    assert all((ROOT / name).exists() for name in copied)
    # Else what a developer has there, such as runs, reaches whoever builds.
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert kept == copied


def test_the_image_runs_as_nobody_special_and_says_whether_it_is_well() -> None:
    ((user,),) = of("USER")
    assert user == "1000"
    ((port,),) = of("EXPOSE")
    assert f"--server.port={port}" in of("CMD")[0]
    assert f"127.0.0.1:{port}/_stcore/health" in STEPS
    variables = dict(pair.split("=", 1) for pair in of("ENV")[0])
    ((volume,),) = of("VOLUME")
    for name in ("HOME", "EQUIPOISE_RUNS", "EQUIPOISE_CACHE"):
        assert variables[name].startswith(volume)


def test_all_that_is_installed_is_pinned_and_nothing_is_of_the_tests() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == ["--constraint constraints.txt", "--editable ."]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    versions = {
        canonicalize_name(name): version
        for name, version in (pin.split("==") for pin in pins)
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for line in project["project"]["dependencies"]:
        needed = Requirement(line)
        assert versions[canonicalize_name(needed.name)] in needed.specifier, line
