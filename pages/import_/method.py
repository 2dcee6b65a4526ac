"""Import, first way: predictions for the test images of a study that is there."""

import streamlit as st

from core.csv_text import csv_text
from core.errors import EquipoiseError
from core.importing.file_findings import PredictionsError
from core.importing.predictions import (
    Prepared,
    TestSet,
    load_test_set,
    prepare,
    template,
    write,
)
from core.importing.reading import RawTable
from core.language import gettext, ngettext
from core.runs import Run, list_runs, list_studies, study_of_runs
from core.tasks import Regression
from core.text import code, strong, to_markdown
from core.views.caching import Fingerprint, cached, manifest_fingerprint
from pages.import_.uploads import choose_file, finish, make_once, show_faults
from pages.shell.choose import chosen_before
from pages.shell.findings import show_findings
from pages.shell.show import show_error, show_table, stop_with

PREVIEW_ROWS = 100


def import_method() -> None:
    """Choose a study and a name, bring a file, look at it, import it."""
    studies = _titles()
    if not studies:
        stop_with(
            gettext(
                "There is no study with a test set here. Bring a table that holds the "
                "truth too: it becomes a study of its own."
            )
        )
    asked = st.query_params.get("study") or chosen_before("study")
    names = list(studies)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        study = st.selectbox(
            gettext("Study"),
            names,
            index=names.index(asked) if asked in names else 0,
            format_func=studies.__getitem__,
            key="import_study",
            width=420,
        )
        name = st.text_input(
            gettext("Name of the method"),
            placeholder=gettext("such as My ResNet"),
            key="import_name",
            max_chars=64,
            width=260,
        )
        seed = st.number_input(
            gettext("Seed"),
            min_value=0,
            max_value=2**32 - 1,
            step=1,
            key="import_seed",
            width=140,
            help=gettext(
                "Of a file without a column `seed`: with which seed it was trained."
            ),
        )
    try:
        test_set = _load_test_set(study)
    except EquipoiseError as error:
        show_error(error)
        return
    _explain(test_set)
    raw = choose_file(
        "import_predictions_file",
        help_text=gettext("A row for each test image: image_id and the predictions."),
        written=gettext("the predictions, the seeds, and the name of the method"),
    )
    if raw is None:
        return
    if not name.strip():
        stop_with(
            gettext("Give the method a name above: others will see it under that.")
        )
    _check_and_import(raw, test_set, name, int(seed))


def _check_and_import(raw: RawTable, test_set: TestSet, name: str, seed: int) -> None:
    replacing = st.toggle(
        gettext("Replace an earlier import of this name and seed"), key="import_replace"
    )
    study = test_set.study.name
    given = None if "seed" in raw.names else seed
    made = make_once(
        ("method", study, name, given, replacing, len(test_set.runs)),
        lambda: prepare(raw, test_set, name=name, seed=given, replacing=replacing),
    )
    if isinstance(made, PredictionsError):
        show_faults(made, raw.name)
        return
    _preview(made, raw)
    show_findings(made.findings, name=f"{raw.name}-findings")
    if st.button(
        gettext("Import"),
        type="primary",
        icon=":material/upload:",
        key="import_method_button",
    ):
        try:
            write(made)
        except EquipoiseError as error:
            show_error(error)
            return
        finish(study, made.label)


def _load_test_set(study: str) -> TestSet:
    """The test set, read once for each state of the study's runs."""
    return _test_set(manifest_fingerprint(study), list_runs(study).runs, study)


# It is the study's own and only read: a copy for every rerun would be for nothing.
@cached(entries=4)
def _test_set(split: Fingerprint, runs: tuple[Run, ...], study: str) -> TestSet:
    return load_test_set(study)


def _titles() -> dict[str, str]:
    """Title of each study that has runs, by its name."""
    titles = {}
    for name in list_studies():
        try:
            titles[name] = gettext(study_of_runs(name).title)
        except EquipoiseError:
            continue
    return titles


def _explain(test_set: TestSet) -> None:
    """Which columns a file may have, and the form to fill in."""
    images = gettext("{n} test images", n=len(test_set.images.test_table))
    with st.expander(gettext("What the file holds"), icon=":material/table:"):
        st.markdown(
            to_markdown(
                gettext(
                    "A row for each of the {images}. Truth and sensitive features are "
                    "the study's own and need not be there. A column {column} holds "
                    "several runs of one method; validation images may be there too, "
                    "all of them.",
                    images=strong(images),
                    column=code("seed"),
                )
            )
        )
        rows = [("image_id", gettext("the image; the empty form has every id"))]
        for task in test_set.info.tasks:
            if isinstance(task, Regression):
                said = gettext("a number of {unit}", unit=gettext(task.unit))
                rows.append((f"{task.name}_pred", said))
                continue
            classes = ", ".join(task.classes[:6])
            more = ", ..." if len(task.classes) > 6 else ""
            said = gettext("a label: {classes}", classes=classes + more)
            rows.append((f"{task.name}_pred", said))
            rows.append(
                (
                    f"{task.name}_p_<class>",
                    gettext(
                        "and, or instead, the probability of each class: together 1"
                    ),
                )
            )
        st.table(
            {
                gettext("column"): [to_markdown(name) for name, _ in rows],
                gettext("holds"): [to_markdown(what) for _, what in rows],
            },
            border="horizontal",
        )
        st.download_button(
            gettext("Empty form (CSV)"),
            data=lambda: csv_text(template(test_set)),
            file_name=f"{test_set.study.name}-predictions.csv",
            mime="text/csv",
            key="import_template",
            icon=":material/download:",
            on_click="ignore",
        )


def _preview(made: Prepared, raw: RawTable) -> None:
    table = next(iter(made.tables.values()))
    st.success(
        to_markdown(
            ngettext(
                "No fault in {file}: {count} run of {method}, {images}.",
                "No fault in {file}: {count} runs of {method}, {images} each.",
                len(made.tables),
                file=raw.name,
                method=strong(made.label),
                images=ngettext("{count} image", "{count} images", len(table)),
            )
        ),
        icon=":material/check_circle:",
    )
    with st.expander(gettext("Preview"), icon=":material/preview:"):
        show_table(
            table.head(PREVIEW_ROWS),
            name=f"import-{made.method}",
            alt=gettext(
                "The first images of {label} with truth and predictions",
                label=made.label,
            ),
            download=table,
            note=ngettext(
                "The first image as it would be kept, the truth beside the "
                "predictions.",
                "The first {count} images as they would be kept, the truth beside the "
                "predictions.",
                min(PREVIEW_ROWS, len(table)),
            ),
        )
