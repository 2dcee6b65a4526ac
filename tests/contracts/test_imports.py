"""Who may import what, seen in a fresh interpreter and not only by a linter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "core"
IMPORTING = ("import ", "from ")
HEAVY = ("keras", "tensorflow", "torch", "jax")
# Packages stand for every module in them.
FREE_OF_KERAS = (
    "core.errors",
    "core.tasks",
    "core.study",
    "core.runs",
    "core.evaluation",
    "core.plots",
    "core.methods.registry",
    "core.data.catalog",
    "core.cli",
    "core.commands",
)
PROGRAM = """
import importlib, json, sys
for name in sys.argv[1].split(","):
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def modules_of(name: str) -> list[str]:
    """The module itself, and every module in it when it is a package."""
    folder = ROOT.joinpath(*name.split("."))
    inside = sorted(folder.rglob("*.py")) if folder.is_dir() else []
    named = [path.relative_to(ROOT).with_suffix("") for path in inside]
    dotted = [".".join(path.parts) for path in named if path.name != "__init__"]
    return [name, *dotted]


def loaded_by(*modules: str) -> set[str]:
    """Top-level packages in memory once the modules are imported, and no more."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, ",".join(modules)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_the_probe_sees_what_it_looks_for():
    assert "sqlite3" in loaded_by("sqlite3")
    assert "sqlite3" not in loaded_by("json")


def test_result_pages_import_no_training_engine():
    names = [module for name in FREE_OF_KERAS for module in modules_of(name)]
    loaded = loaded_by(*names)
    assert "core" in loaded
    assert not loaded & set(HEAVY)
    assert not loaded & {"optuna", "sqlalchemy"}
    assert "streamlit" not in loaded


def test_help_and_studies_do_not_wait_for_tables():
    assert not loaded_by("core.cli") & {"pandas", "numpy", "plotly", *HEAVY}


@pytest.mark.parametrize(
    "path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_core_never_names_streamlit_or_tf_keras(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    imports = [line.split() for line in lines if line.strip().startswith(IMPORTING)]
    imported = {words[1].split(".")[0] for words in imports}
    assert not imported & {"streamlit", "pages"}
    # The last asks Keras first whether this is its backend.
    own = path.name in {"faces.py", "map_rows.py"} or path.parent.name == "explain"
    if not own:
        assert "tensorflow" not in imported
