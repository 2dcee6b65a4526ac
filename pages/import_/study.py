"""Import, second way: a study made of a table with truth and predictions."""

from dataclasses import replace

import streamlit as st

from core.errors import EquipoiseError
from core.importing.features import MANY_COLUMNS
from core.importing.file_findings import PredictionsError
from core.importing.layout import Layout, find_layout
from core.importing.reading import RawTable
from core.importing.table_study import (
    PreparedStudy,
    prepare_study,
    with_baseline,
    write_study,
)
from core.importing.task_kind import LayoutChoices
from core.language import N_, gettext, in_form, ngettext
from core.tasks import Binary, Regression
from core.text import to_markdown
from pages.import_.uploads import (
    READ,
    choose_file,
    finish,
    make_once,
    show_faults,
)
from pages.shell.findings import show_findings
from pages.shell.progress import progress_bar
from pages.shell.show import show_error, show_table, stop_with

KINDS = {
    "binary": N_("Two classes"),
    "multiclass": N_("Several classes"),
    "regression": N_("A number"),
}
WIDE = N_("(none: columns for each model)")
PREVIEW_ROWS = 100
LAYOUTS = "import_layouts"
FORMS = N_("""
**Wide**: a row for each image, with columns for each model:

```
image_id,truth,gender,resnet_pred,resnet_p_yes,vit_p_yes
a.jpg,yes,female,yes,0.91,0.74
```

**Long**: a row for each image and method, perhaps with a `seed`:

```
image_id,truth,gender,method,seed,pred,p_yes
a.jpg,yes,female,resnet,0,yes,0.91
a.jpg,yes,female,vit,0,yes,0.74
```

Predictions are labels in `..._pred`, or probabilities in `..._p_<class>`, or both; of a
number, the number. Columns that are left over and have few different values are
proposed as sensitive features. A column `split` may mark validation images.
""")


def import_study() -> None:
    """Name a study, bring a table, look at how it is understood, import it."""
    name = st.text_input(
        gettext("Name of the study"),
        placeholder=gettext("such as Skin lesions 2026"),
        key="import_study_name",
        max_chars=64,
        width=420,
    )
    with st.expander(gettext("What the table holds"), icon=":material/table:"):
        st.markdown(gettext(FORMS))
    raw = choose_file(
        "import_study_file",
        help_text=gettext(
            "A table with truth, groups and the predictions of several models."
        ),
        written=gettext(
            "of every image its id, truth, split and sensitive features; the "
            "predictions and seeds; the names of the study and of its methods"
        ),
    )
    if raw is None:
        return
    asked = _choose_layout(raw)
    if not name.strip():
        stop_with(gettext("Give the study a name above: it is listed under that."))
    _check_and_import(raw, name, asked)


def _choose_layout(raw: RawTable) -> LayoutChoices:
    """What the columns are: as found out, until a person says otherwise."""
    found = _found(raw, LayoutChoices())
    key = st.session_state[READ][0]
    with st.container(border=True):
        st.subheader(gettext("What the columns are"), anchor=False)
        names = list(raw.names)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            truth = st.selectbox(
                gettext("Truth"),
                names,
                index=names.index(found.truth) if found else None,
                placeholder=gettext("Choose a column"),
                key=f"import_truth_{key}",
                width=240,
            )
        if truth is None:
            stop_with(gettext("Choose the column that holds the truth."))
        # Further classes are chosen below, and change what is guessed here.
        further = st.session_state.get(f"import_classes_{key}_{truth}", ())
        asked = LayoutChoices(truth=truth, classes=tuple(further))
        found = _found(raw, asked)
        asked = _choose_task(raw, asked, found, f"{key}_{truth}")
        found = _found(raw, asked) or found
        if found is not None:
            kind = found.task.kind
            asked = _choose_columns(raw, asked, found, f"{key}_{truth}_{kind}")
    return asked


def _found(raw: RawTable, asked: LayoutChoices) -> Layout | None:
    """How the table is understood; looked for once for each thing asked of a file."""
    file = st.session_state[READ][0]
    kept = st.session_state.get(LAYOUTS)
    if kept is None or kept[0] != file:
        kept = st.session_state[LAYOUTS] = (file, {})
    if asked not in kept[1]:
        with progress_bar(len(raw.names) >= MANY_COLUMNS) as report:
            kept[1][asked], _ = find_layout(raw, asked, report)
    layout: Layout | None = kept[1][asked]
    return layout


def _choose_task(
    raw: RawTable, asked: LayoutChoices, found: Layout | None, key: str
) -> LayoutChoices:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control(
            gettext("What is predicted"),
            list(KINDS),
            default=found.task.kind if found else "multiclass",
            required=True,
            format_func=lambda kind: gettext(KINDS[kind]),
            key=f"import_kind_{key}_{len(asked.classes)}",
        )
        # As it is guessed it stays a guess, which a note says.
        is_guess = found is not None and kind == found.task.kind
        asked = replace(asked, kind=None if is_guess else kind)
        layout = _found(raw, asked)
        if layout is not None and isinstance(layout.task, Binary):
            positive = st.selectbox(
                gettext("Positive class"),
                layout.task.classes,
                index=None if layout.is_guessed else 1,
                placeholder=gettext("Choose a class")
                if any(columns.is_score for columns in layout.models.values())
                else gettext(
                    "{positive}, as the rarer one", positive=layout.task.positive
                ),
                key=f"import_positive_{key}",
                width=240,
            )
            known = "" if layout.is_guessed else layout.task.positive
            asked = replace(asked, positive="" if positive == known else positive or "")
        if layout is not None and isinstance(layout.task, Regression):
            return _choose_unit(replace(asked, classes=()), layout.task, key)
    if kind == "regression":
        return replace(asked, classes=())
    st.multiselect(
        gettext("Further classes"),
        raw.column(asked.truth).groups or (),
        accept_new_options=True,
        placeholder=gettext("None"),
        key=f"import_classes_{key}",
        help=gettext(
            "Classes that no image of the table has. Two that differ in capitals "
            "alone are two where both are chosen."
        ),
    )
    return asked


def _choose_unit(asked: LayoutChoices, task: Regression, key: str) -> LayoutChoices:
    unit = st.text_input(
        gettext("Unit"),
        placeholder=gettext(task.unit),
        key=f"import_unit_{key}",
        width=140,
    )
    width = st.number_input(
        gettext("Width of the bins"),
        min_value=0.0,
        value=None,
        placeholder=in_form(f"{task.bin_width:g}"),
        key=f"import_bin_width_{key}",
        width=160,
    )
    return replace(asked, unit=unit.strip(), bin_width=width or None)


def _choose_columns(
    raw: RawTable, asked: LayoutChoices, found: Layout, key: str
) -> LayoutChoices:
    names = [name for name in raw.names if name != asked.truth]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        image_id = st.selectbox(
            gettext("Image"),
            names,
            index=names.index(found.image_id) if found.image_id else None,
            placeholder=gettext("The rows, by number"),
            key=f"import_id_{key}",
            width=220,
        )
        method = st.selectbox(
            gettext("Method"),
            [WIDE, *names],
            format_func=lambda name: gettext(name) if name == WIDE else name,
            index=names.index(found.method) + 1 if found.method else 0,
            key=f"import_method_column_{key}",
            width=280,
        )
    is_long = method != WIDE
    asked = replace(asked, image_id=image_id or "", method=method if is_long else "")
    found = _found(raw, asked) or found
    rest = [name for name in names if name not in (image_id, method)]
    if not is_long:
        models = list(found.models)
        chosen = st.multiselect(
            gettext("Models, as their columns begin"),
            list(dict.fromkeys((*models, *rest))),
            default=[model for model in models if model],
            key=f"import_models_{key}_{method}",
        )
        asked = replace(asked, models=tuple(chosen) or None)
    features = st.multiselect(
        gettext("Sensitive features"),
        rest,
        default=[name for name in found.features if name in rest],
        key=f"import_features_{key}_{method}",
    )
    if tuple(features) != found.features:
        asked = replace(asked, features=tuple(features))
    stray = getattr(_found(raw, asked), "stray", ())
    if stray:
        ignored = st.multiselect(
            gettext("Neither models nor sensitive features"),
            stray,
            placeholder=gettext("Choose what to leave out"),
            key=f"import_ignored_{key}_{method}",
        )
        asked = replace(asked, ignored=tuple(ignored))
    return asked


def _check_and_import(raw: RawTable, name: str, asked: LayoutChoices) -> None:
    title = name.strip()
    replacing = st.toggle(
        gettext("Replace an earlier study of this name that was made of a table"),
        key="import_study_replace",
    )
    made = make_once(
        ("study", title, asked, replacing),
        lambda: prepare_study(
            raw,
            name=title,
            title=title,
            choices=asked,
            replacing=replacing,
        ),
    )
    if isinstance(made, PredictionsError):
        show_faults(made, raw.name)
        return
    _preview(made, raw)
    show_findings(made.findings, name=f"{raw.name}-findings")
    labels = {name: table.label for name, table in made.study.methods.items()}
    baseline = st.selectbox(
        gettext("Baseline, which the others are compared with"),
        list(labels),
        index=list(labels).index(made.study.baseline),
        format_func=labels.__getitem__,
        key=f"import_baseline_{st.session_state[READ][0]}",
        width=320,
    )
    if st.button(
        gettext("Import"),
        type="primary",
        icon=":material/upload:",
        key="import_study_button",
    ):
        try:
            write_study(with_baseline(made, baseline))
        except EquipoiseError as error:
            show_error(error)
            return
        finish(made.study.name, made.study.title)


def _preview(made: PreparedStudy, raw: RawTable) -> None:
    st.success(
        to_markdown(
            gettext(
                "No fault in {file}: {images}, {methods}, {runs}.",
                file=raw.name,
                images=ngettext("{count} image", "{count} images", len(made.manifest)),
                methods=ngettext(
                    "{count} method", "{count} methods", len(made.study.methods)
                ),
                runs=ngettext("{count} run", "{count} runs", len(made.tables)),
            )
        ),
        icon=":material/check_circle:",
    )
    with st.expander(gettext("Preview"), icon=":material/preview:"):
        lines = made.layout.lines(raw.names)
        st.table(
            {
                gettext("what"): [to_markdown(what) for what, _ in lines],
                gettext("columns"): [to_markdown(which) for _, which in lines],
            },
            border="horizontal",
        )
        table = next(iter(made.tables.values()))
        show_table(
            table.head(PREVIEW_ROWS),
            name=f"import-{made.study.name}",
            alt=gettext(
                "The first images with truth, features and the first predictions"
            ),
            note=ngettext(
                "The first image of the first run, as it would be kept.",
                "The first {count} images of the first run, as they would be kept.",
                min(PREVIEW_ROWS, len(table)),
            ),
        )
