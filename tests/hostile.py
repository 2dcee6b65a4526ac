"""Names that somebody could give, to see what becomes of them on a page."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.importing.layout import LayoutChoices
from core.importing.reading import read_file
from core.importing.table_study import prepare_study, write_study
from core.runs import STORE_VARIABLE
from tests import synthetic
from tests.imports import wide

HOST = "other.example"
# Each is read as something else by Markdown, by Streamlit, by Plotly or a spreadsheet.
PARTS = (
    f"![t](http://{HOST}/x.png)",
    f"[click](https:{HOST})",
    f"http://{HOST}/a",
    f"www.{HOST}",
    f"a@{HOST}",
    f"<http://{HOST}>",
    f'<a href="http://{HOST}">a</a>',
    "<b>b</b>",
    "$x^2$",
    "**bold**",
    "_em_",
    "~~s~~",
    ":red[x]",
    ":material/home:",
    ":smile:",
    ":streamlit:",
    "`code`",
    "%{x}",
    "a | b",
    "&lt;",
)
HOSTILE = "=" + " ".join(PARTS) + "\nnext"
NAMES = (
    *PARTS,
    HOSTILE,
    "# head",
    "- item",
    "+ item",
    "1. item",
    "12) x",
    "> quote",
    "---",
    "===",
    "```",
    "~~~",
    f"[foo]: http://{HOST}",
    "[^1]",
    "a -> b <- c <-> d -- e >= f <= g ~= h",
    "\\*x\\*",
    "end\\",
    "{foreground=red}",
    "x` y `",
    f"(http://{HOST})",
    f"[1.0, 2.0](http://{HOST})",
    f"![1](http://{HOST}/p.png)",
    "|---|---|",
    "    indented",
)

# In a store that was made with these plain names, they become hostile ones.
STAND_INS = {
    "KLASSE": HOSTILE,
    "GRUPPE": f"GRUPPE {HOSTILE}",
    "TITEL": f"TITEL {HOSTILE}",
    "MARKE": f"MARKE {HOSTILE}",
    "EINHEIT": f"EINHEIT {HOSTILE}",
    "QUELLE": f"QUELLE {HOSTILE}",
}
# The name of a task and of a feature is a part of the names of columns and metrics.
STAND_INS |= {"MERKMAL": "=MERKMAL ![t](http://other.example) $x^2$ <b>b</b> %{x}"}


def poison(folder: Path) -> None:
    """Put hostile names in place of the stand-ins in every file of a store."""

    def hostile(value: object) -> object:
        if not isinstance(value, str):
            return value
        for plain, bad in STAND_INS.items():
            value = value.replace(plain, bad)
        return value

    def within(value: object) -> object:
        if isinstance(value, dict):
            return {hostile(key): within(each) for key, each in value.items()}
        if isinstance(value, list):
            return [within(each) for each in value]
        return hostile(value)

    for path in folder.rglob("*.json"):
        path.write_text(json.dumps(within(json.loads(path.read_text()))))
    for path in folder.rglob("*.parquet"):
        table = pd.read_parquet(path)
        for name in table:
            if table[name].dtype.kind not in "biuf":
                table[name] = [hostile(cell) for cell in table[name].astype(object)]
        table.rename(columns=hostile).to_parquet(path)


def write_hostile_store(store: Path) -> None:
    """Write studies whose every name is hostile: two of a table, one of synthetic runs.

    Of the runs it is the study ``utkface``.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STORE_VARIABLE, str(store))
        for kind in ("binary", "regression"):
            write_table_study(store, kind)
    synthetic.write_store(
        store, "utkface", methods=("baseline", "ins"), seeds=(0,), rows=320
    )
    rename_study(store)


def write_table_study(store: Path, kind: str) -> str:
    """Write a study made of a table whose every name is hostile; its name."""
    table = wide(160)
    names = {"gender": "MERKMAL", "small_pred": "small_pred"}
    groups = {"f": "GRUPPE", "m": "m"}
    table["gender"] = table["gender"].replace(groups)
    if kind == "regression":
        rng = np.random.default_rng(2)
        truth = rng.uniform(20, 60, len(table))
        table["truth"] = truth
        table["small_pred"] = truth + rng.normal(0, 5, len(table))
        table["large_pred"] = truth + rng.normal(0, 3, len(table))
        table = table.drop(columns="large_p_yes")
        asked = LayoutChoices(
            unit="EINHEIT", kind="regression", features=("MERKMAL", "site")
        )
    else:
        table = table.replace({"truth": {"yes": "KLASSE"}})
        table = table.replace({"small_pred": {"yes": "KLASSE"}})
        names["large_p_yes"] = "large_p_KLASSE"
        asked = LayoutChoices(features=("MERKMAL", "site"))
    name = f"hostile-{kind}"
    raw = read_file(
        table.rename(columns=names).to_csv(index=False).encode(), name="QUELLE.csv"
    )
    prepared = prepare_study(raw, name=name, title="TITEL", choices=asked)
    methods = {
        key: method.model_copy(update={"label": f"MARKE {key}"})
        for key, method in prepared.study.methods.items()
    }
    options = dict(prepared.study.dataset.options)
    options["asked"] = "MARKE"
    dataset = prepared.study.dataset.model_copy(update={"options": options})
    study = prepared.study.model_copy(
        update={"methods": methods, "dataset": dataset, "notice": "QUELLE"}
    )
    for run in write_study(replace(prepared, study=study)):
        path = run.folder / "run.json"
        content = json.loads(path.read_text())
        content["imported"]["label"] = f"MARKE {run.method}"
        path.write_text(json.dumps(content))
    poison(store / name)
    return name


def rename_study(store: Path, name: str = "utkface") -> None:
    """Give a study of synthetic runs hostile title, labels, notices and sources."""
    for path in (*store.glob(f"{name}/study.json"), *store.glob(f"{name}/**/run.json")):
        content = json.loads(path.read_text())
        study = content.get("resolved", content)
        study["title"], study["notice"] = "TITEL", "QUELLE"
        for key, method in study.get("methods", {}).items():
            method["label"] = f"MARKE {key}"
        method = study.get("method")
        if isinstance(method, dict) and "label" in method:
            method["label"] = f"MARKE {method['label']}"
        if path.name == "study.json":
            study["published"] = [
                {
                    "method": "ins",
                    "metric": "age.mae",
                    "change_percent": -4.2,
                    "source": "QUELLE",
                },
                {
                    "method": "ins",
                    "metric": "ethnicity.macro_f1",
                    "value": 0.7,
                    "source": "QUELLE",
                },
            ]
            study["search"] = {
                "trials": [
                    {
                        "method": "ins",
                        "settings": {"use.MARKE.p": "MARKE"},
                        "score": 0.5,
                        "metrics": {"age.mae": 9.1},
                        "chosen": True,
                    },
                    {"method": "ins", "setting": "MARKE"},
                    {
                        "method": "ins",
                        "settings": {"use.MARKE.p": "MARKE"},
                        "state": "pruned",
                        "score": 0.25,
                    },
                ],
                "importance": {"ins": {"use.MARKE.p": 1.0}},
            }
        path.write_text(json.dumps(content))
    poison(store / name)
