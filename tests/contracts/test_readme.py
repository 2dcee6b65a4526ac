"""README's numbers are those of the shipped runs."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core import runs
from core.cli import app
from core.data.catalog import dataset_info
from core.data.manifest import TEST
from core.evaluation.compare import compare
from core.report import markdown_table

METRICS = ("age.mae", "gender.accuracy", "ethnicity.macro_f1", "ethnicity.f1[Asian]")
README = Path(__file__).resolve().parents[2] / "README.md"
SHIPPED = (
    "avatars",
    "avatars-softbio",
    "cifar10-lt-200",
    "cifar10-transfer",
    "utkface",
)
COMMANDS = (
    ("methods", "--markdown"),
    ("compare", "cifar10-lt-200", "--markdown"),
    ("compare", "cifar10-transfer", "--markdown", "--metric", "label.accuracy"),
    tuple(
        "compare avatars-softbio --markdown --fairness --metric target.accuracy".split()
    ),
)


@pytest.fixture(autouse=True)
def _shipped_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runs.STORE_VARIABLE, str(tmp_path))


def test_table_is_what_compare_prints() -> None:
    study = runs.study_of_runs("utkface")
    tasks = dataset_info(study.dataset.name).tasks
    listed = runs.list_runs("utkface").runs
    tables = {
        (run.method, run.seed): table[table["split"] == TEST]
        for run in listed
        for table in (run.predictions(),)
    }
    trainings = runs.training_keys(listed)
    comparison = compare(tables, tasks, study.baseline, trainings=trainings)
    expected = markdown_table(comparison, study, tasks, METRICS)
    assert expected in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_tables_are_what_commands_print(command: tuple[str, ...]) -> None:
    printed = CliRunner().invoke(app, list(command))
    assert printed.exit_code == 0
    tables = [part for part in printed.stdout.split("\n\n") if part.startswith("|")]
    assert tables
    for table in tables:
        assert table.strip() in README.read_text(encoding="utf-8")


def test_what_is_said_of_groups_is_what_compare_says() -> None:
    asked = ["compare", "utkface", "--by", "gender", "--metric", "age.mae"]
    lines = README.read_text(encoding="utf-8").splitlines()
    text = " ".join(" ".join(line.removeprefix("> ") for line in lines).split())
    printed = CliRunner().invoke(app, asked).stdout.splitlines()
    (certain,) = [line.strip() for line in printed if line.endswith(": worse.")]
    assert certain in text
    records = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    methods = {entry["name"]: entry for entry in records["fairness"][0]["methods"]}
    gap, _ = methods["baseline"]["gaps"]
    assert (gap["lowest"], gap["highest"]) == ("male", "female")
    assert f"{gap['value']:.2f} years more on the age of women" in text


@pytest.mark.parametrize("name", SHIPPED)
def test_every_method_and_seed_is_shipped_as_the_study_says(name: str) -> None:
    from core.data.manifest import split_fingerprint
    from core.study import load_study
    from core.training.beginnings import run_key
    from core.training.transfer import take_over

    study = load_study(name)
    study, _ = take_over(study, tuple(study.methods), runs.user_store())
    listing = runs.list_runs(name)
    assert listing.problems == ()
    assert {(run.method, run.seed) for run in listing.runs} == {
        (method, seed) for method in study.methods for seed in study.seeds_of(method)
    }
    split = split_fingerprint(runs.shipped_manifest(name))
    for run in listing.runs:
        assert run.info["key"] == run_key(study, run.method, run.seed, split), run.name
        assert run.model_path.is_file()


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_runs_are_small(name: str) -> None:
    for run in runs.list_runs(name).runs:
        sizes = {file.name: file.stat().st_size for file in run.folder.iterdir()}
        model = sizes.pop("model.keras")
        # Its weights in float32, and how it is built.
        assert model < 4 * run.info["parameters"] + 0.2e6, run.name
        assert sum(sizes.values()) < 0.7e6, run.name
