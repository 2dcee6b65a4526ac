"""Which Python the environment is made with."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.13", "3.12", "3.11")
WORKS = "exit 0"
NO_ENSUREPIP = 'case "$2" in *ensurepip*) exit 1;; esac'
SHIM = 'echo "pyenv: command not found" >&2; exit 127'

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Run make with Pythons that do as they are told, and none beside them."""
    monkeypatch.delenv("PYTHON", raising=False)
    for variable in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
        monkeypatch.delenv(variable, raising=False)

    def run(pythons, *arguments):
        for version in VERSIONS:
            file = tmp_path / f"python{version}"
            file.write_text(f"#!/bin/sh\n{pythons.get(version, SHIM)}\n")
            file.chmod(0o755)
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["make", "--file", ROOT / "Makefile", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def chosen(make, pythons, *arguments):
    show = "--eval=shown: ; @echo $(PYTHON)"
    return make(pythons, *arguments, show, "shown").stdout.strip()


@pytest.mark.parametrize(
    ("pythons", "taken"),
    [
        (dict.fromkeys(VERSIONS, WORKS), "python3.13"),
        ({"3.12": WORKS, "3.11": WORKS}, "python3.12"),
        ({"3.13": NO_ENSUREPIP, "3.11": WORKS}, "python3.11"),
        ({"3.13": NO_ENSUREPIP, "3.12": NO_ENSUREPIP}, ""),
    ],
)
def test_the_newest_python_that_can_make_an_environment_is_taken(make, pythons, taken):
    assert chosen(make, pythons) == taken


def test_a_python_that_is_named_is_taken(make):
    assert chosen(make, {"3.13": WORKS}, "PYTHON=python3.11") == "python3.11"


def test_without_a_python_it_is_said_what_to_do(make, tmp_path):
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    done = make({}, "environment")
    assert done.returncode != 0
    assert "Python 3.11, 3.12 or 3.13" in done.stderr
    assert "make PYTHON=/path/to/python3.13" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_the_same_versions_are_named_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [one.rpartition(" ")[2] for one in project["classifiers"]]
    assert named == sorted(VERSIONS)
    assert project["requires-python"] == ">=3.11,<3.14"
    readme = (ROOT / "README.md").read_text()
    assert "Python 3.11, 3.12 or 3.13" in readme
    assert f"py -{VERSIONS[0]} -m venv" in readme
    listed = " ".join(f"python{version}" for version in VERSIONS)
    assert f"PYTHONS := {listed}" in (ROOT / "Makefile").read_text()
    run = (ROOT / ".ci" / "run").read_text()
    assert all(f"makes_environments python{version}" in run for version in VERSIONS)
