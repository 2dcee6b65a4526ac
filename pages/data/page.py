"""Data: what the methods were trained and tested on, and what was left out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from core.csv_text import csv_text
from core.data.label_noise import count_flipped
from core.data.leakage import COMPARED, REPORT, SIDE, say_near_copies
from core.data.manifest import SPLITS, TRAINING, split_fingerprint
from core.errors import EquipoiseError
from core.methods.weights import DenseWeight
from core.plots import data as plots
from core.runs import data_report, shipped_manifest
from core.tasks import Regression
from core.text import code, plural, strong, to_markdown
from core.views.caching import cached
from core.views.study_view import StudyView
from pages.data.before_after import show_before_after
from pages.data.mixed_images import show_mixed
from pages.shell.address import end_page, run_page
from pages.shell.choose import choose, choose_task
from pages.shell.pictures import load_thumbnails, why_no_pictures
from pages.shell.show import show_chart, show_error, show_static_table, show_table
from pages.shell.study_bar import study_bar

SAMPLE_SIDE = 128
SAMPLES_EACH = 6
CLASSES_AT_ONCE = 12
MALFORMED_SHOWN = 50
BEFORE_AFTER = "Before and after"
MIXED = "Mixed and generated"
VIEWS_OF_TABLE = ("Split", "Distributions", "Crossings")
VIEWS = (*VIEWS_OF_TABLE, "Weights", "Pictures", MIXED, BEFORE_AFTER)


@cached(entries=8)
def fit_density(study: str, task: str, split_key: str, _values) -> DenseWeight:
    """DenseWeight's density of a study's training targets; strength is set later."""
    return DenseWeight.fit(_values)


def show_split(view: StudyView, manifest: pd.DataFrame, report: dict) -> None:
    """Sizes and fingerprint of the split, images left out, and label noise."""
    sizes = manifest["split"].value_counts()
    with st.container(horizontal=True):
        for split in SPLITS:
            st.metric(
                f"{split.capitalize()} images", f"{sizes.get(split, 0):,}", border=True
            )
        found = (report.get("counts") or {}).get("found", len(manifest))
        st.metric("Images found", f"{found:,}", border=True)
    key = report.get("split_fingerprint") or split_fingerprint(manifest)
    st.caption(
        to_markdown(
            f"Split fingerprint {code(key)}: a hash of which image is in which split, "
            "the same for every method and seed of this study."
        )
    )
    st.download_button(
        "Split (CSV)",
        data=lambda: csv_text(manifest[["image_id", "split"]]),
        file_name=f"{view.study.name}_split.csv",
        mime="text/csv",
        key="data_split_csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )
    if profile := plots.takeaway_profile(report):
        st.markdown(to_markdown(profile))
    accounting = plots.account_images(report)
    if (accounting["kind"] == "left out").any():
        show_chart(
            plots.plot_accounting(accounting),
            name="data_accounting",
            title="Where every image went",
            takeaway=plots.takeaway_accounting(accounting),
            data=accounting,
            note=plots.thinning_note(accounting),
        )
    elif len(accounting):
        st.markdown(to_markdown(plots.takeaway_accounting(accounting)))
    show_malformed(report)
    show_unreadable(report)
    show_near_copies(view, report)
    show_twins(report)
    show_flipped(view, manifest)
    show_known_noise(view, manifest)


def show_malformed(report: dict) -> None:
    """List the names that could not be read."""
    names = (report.get("counts") or {}).get("malformed") or []
    if not names:
        return
    with st.expander(to_markdown(f"{plural(len(names), 'malformed name')} left out")):
        st.code("\n".join(names[:MALFORMED_SHOWN]), language=None)
        if len(names) > MALFORMED_SHOWN:
            st.caption(to_markdown(f"and {len(names) - MALFORMED_SHOWN:,} more"))


def show_unreadable(report: dict) -> None:
    """List the pictures that cannot be read, and why."""
    table = plots.list_unreadable(report)
    if table.empty:
        return
    said = f"{plural(len(table), 'picture')} cannot be read, left out"
    with st.expander(to_markdown(said)):
        show_table(
            table,
            name="data_unreadable",
            alt="Pictures that cannot be read, the split that each was drawn into, and"
            " what is wrong with it",
            note="No count on this page and no prediction has them.",
        )


def show_near_copies(view: StudyView, report: dict) -> None:
    """How many test and validation images have a near-copy in another split."""
    sentence = say_near_copies(report, drawn=view.dataset.generated)
    if not sentence:
        return
    with st.container(border=True):
        st.subheader("Near-copies between the splits", anchor=False)
        st.markdown(to_markdown(sentence))
        with st.container(horizontal=True):
            for of, at in COMPARED:
                table = report[REPORT].get(f"{of}_in_{at}")
                if table:
                    title = f"{of.capitalize()} images with a copy in {at}"
                    st.metric(title, f"{table['share']:.1%}", border=True)
        st.caption(
            f"Compared at {SIDE} pixels, mirrored too, by their lowest frequencies as"
            " they differ from the other pictures'. Looked at by eye, nearly all that"
            " was found on CIFAR-10 and UTKFace showed the same photo. Copies that are"
            " shifted or cut are not found: of CIFAR-10's test images this finds 2.8 %"
            " in all training images, and people found 3.3 % (Barz and Denzler, 2020)."
        )


def show_twins(report: dict) -> None:
    """What two labels of one photo say about all labels."""
    sentence = plots.takeaway_twins(report)
    if not sentence:
        return
    twins = report["twins"]
    noise = twins["label_noise"]
    with st.container(border=True):
        st.subheader("Near-duplicates measure the labels", anchor=False)
        st.markdown(to_markdown(sentence))
        with st.container(horizontal=True):
            st.metric("Pairs of the same photo", f"{twins['pairs']:,}", border=True)
            if "age_mean_difference" in noise:
                st.metric(
                    "Mean difference in age",
                    f"{noise['age_mean_difference']:.1f} years",
                    border=True,
                )
            for name, share in noise.items():
                if name.endswith("_disagreement"):
                    what = name.removesuffix("_disagreement")
                    st.metric(
                        to_markdown(f"Differ in {what}"), f"{share:.1%}", border=True
                    )
        st.caption(
            to_markdown(
                "Two photos count as the same one when their 256-bit perceptual hashes"
                f" differ in at most {twins.get('threshold_bits', '–')} bits. Copies of"
                " test photos, and spare copies, were removed before training."
            )
        )


def show_flipped(view: StudyView, manifest: pd.DataFrame) -> None:
    """Labels that the study flipped on purpose, by group."""
    noise = view.study.label_noise
    if noise is None or (table := count_flipped(manifest, noise)).empty:
        return
    task = view.dataset.task(noise.task)
    with st.container(border=True):
        st.subheader("Labels flipped on purpose", anchor=False)
        show_static_table(
            with_headings(
                table.assign(percent=table["percent"].map("{:.1f}".format)).rename(
                    columns={"group": noise.by or "images", "percent": "flipped (%)"}
                )
            ),
            name="data_flipped",
            takeaway=plots.takeaway_flipped(table, task, noise.by),
            download=table,
        )


def with_headings(table: pd.DataFrame) -> pd.DataFrame:
    """The table with columns that begin with a capital, as headings do."""
    return table.rename(columns=lambda name: name[:1].upper() + name[1:])


def show_known_noise(view: StudyView, manifest: pd.DataFrame) -> None:
    """Label noise by group, where the dataset knows the truth."""
    flipped = view.study.label_noise and view.study.label_noise.task
    tasks = tuple(task for task in view.dataset.tasks if task.name != flipped)
    info = replace(view.dataset, tasks=tasks)
    for feature in info.sensitive_features:
        noise = plots.known_label_noise(manifest, info, feature)
        if noise.empty:
            continue
        with st.container(border=True):
            st.subheader(to_markdown(f"Label noise by {feature}"), anchor=False)
            show_static_table(
                with_headings(
                    noise.map(lambda v: f"{v:.2f}" if isinstance(v, float) else v)
                ),
                name=f"data_noise_{feature}",
                takeaway="These pictures are generated, so the true values are known"
                " beside the labels that the methods are trained on and measured with.",
                download=noise,
            )


def show_distributions(view: StudyView, manifest: pd.DataFrame) -> None:
    """Classes of one target or sensitive feature by split; imbalance of them all."""
    columns = plots.columns_of(view.dataset, manifest)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = choose(
            "Target or sensitive feature",
            list(columns),
            labels=lambda name: columns[name].label,
            key=f"data_column_{view.study.name}",
            parameter="column",
            is_segmented=True,
        )
        unit = choose(
            "Show as",
            ["Share of the split", "Images"],
            key="data_unit",
            parameter="unit",
            is_segmented=True,
        )
    column = columns[name]
    counts = plots.count_classes(manifest, column)
    show_chart(
        plots.plot_classes(counts, column.label, as_share=unit != "Images"),
        name="data_classes",
        title=f"{column.label} by split",
        takeaway=plots.takeaway_classes(counts, column.label),
        data=counts,
        note="Before any method draws from or weighs the training images.",
    )
    if TRAINING not in set(manifest["split"]):
        return
    st.subheader("Imbalance of the training images", anchor=False)
    summary = plots.summarise_columns(manifest, columns.values())
    ratios = summary["imbalance ratio"].map("{:g}".format)
    show_static_table(
        with_headings(summary.assign(**{"imbalance ratio": ratios})),
        name="data_imbalance",
        takeaway=plots.takeaway_columns(summary),
        note="Imbalance ratio: largest class over smallest; 1 is balanced.",
    )


def show_crossing(view: StudyView, manifest: pd.DataFrame) -> None:
    """Images of every pair of classes of two columns."""
    columns = plots.columns_of(view.dataset, manifest)
    if len(columns) < 2:
        st.info("A crossing needs two columns; this dataset has one.")
        return
    names = list(columns)
    # A phone has room for the many classes below one another.
    across, down = sorted(
        (names[0], names[-1]), key=lambda name: len(columns[name].classes)
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rows = choose(
            "Rows",
            names,
            default=down,
            labels=lambda name: columns[name].label,
            key=f"data_rows_{view.study.name}",
            parameter="rows",
            what="column",
            width=220,
        )
        others = [name for name in names if name != rows]
        cols = choose(
            "Columns",
            others,
            default=across if across in others else others[0],
            labels=lambda name: columns[name].label,
            key=f"data_columns_{view.study.name}",
            parameter="columns",
            what="column",
            always=True,
            width=220,
        )
        split = choose(
            "Split",
            [name for name in SPLITS if name in set(manifest["split"])],
            key="data_split",
            parameter="split",
            is_segmented=True,
        )
    table = plots.count_crossing(
        manifest[manifest["split"] == split], columns[rows], columns[cols]
    )
    show_chart(
        plots.plot_crossing(table),
        name="data_crossing",
        title=f"{columns[rows].label} × {columns[cols].label}, {split}",
        takeaway=plots.takeaway_crossing(table, split),
        data=table.reset_index(),
        note="Each cell holds its number of images; the colour follows its logarithm.",
    )


def show_weights(view: StudyView, manifest: pd.DataFrame) -> None:
    """DenseWeight over the real histogram, and the target beside its logarithm."""
    tasks = {
        task.name: task
        for task in view.tasks
        if isinstance(task, Regression) and task.name in manifest
    }
    if not tasks:
        st.info("DenseWeight weighs numbers, and this study predicts classes only.")
        return
    task = choose_task(list(tasks.values()), key=f"data_task_{view.study.name}")
    training = manifest[manifest["split"] == TRAINING]
    values = training[task.name].to_numpy(dtype=np.float64)
    if len(values) < 2 or np.ptp(values) == 0:
        st.info("There are too few different training targets to weigh.")
        return
    alpha = st.slider(
        "DenseWeight's alpha",
        0.0,
        2.0,
        0.25,
        0.05,
        key="data_alpha",
        help="0 weighs every image the same; from 1 on, the most common targets"
        " count for nothing.",
        width=420,
    )
    density = fit_density(
        view.study.name, task.name, split_fingerprint(training), values
    )
    table = plots.weights_by_value(values, density.with_alpha(alpha).training_weights)
    show_chart(
        plots.plot_weights(table, task, alpha),
        name="data_weights",
        title="DenseWeight over the training images",
        takeaway=plots.takeaway_weights(table, task, alpha),
        data=table,
        note="Weights have mean 1 over the training images. Steininger et al., 2021:"
        f" Gaussian kernel, bandwidth {density.bandwidth:.2f} {task.unit}.",
    )
    if values.min() > 0:
        show_chart(
            plots.plot_log_target(values, task),
            name="data_log",
            title=f"{task.label} and its logarithm",
            takeaway=plots.takeaway_log_target(values, task),
            data=pd.DataFrame({task.name: values, f"log_{task.name}": np.log(values)}),
            note="A model that learns the logarithm is held to relative errors: one"
            " year off at five counts as much as ten off at fifty."
            if task.unit == "years"
            else "",
        )


def show_pictures(view: StudyView, manifest: pd.DataFrame) -> None:
    """Sample pictures of each class, where they may be shown."""
    if why := why_no_pictures(view):
        st.info(to_markdown(why), icon=":material/visibility_off:")
        return
    columns = plots.columns_of(view.dataset, manifest)
    name = choose(
        "Sorted by",
        list(columns),
        default=list(columns)[-1],
        labels=lambda name: columns[name].label,
        key=f"data_sorted_{view.study.name}",
        parameter="column",
        is_segmented=True,
    )
    whose = "Generated pictures: no one is shown."
    if not view.dataset.generated:
        whose = "Your own copy, for you alone."
    st.caption(to_markdown(f"{whose} Labels as in the dataset."))
    samples = plots.pick_samples(manifest, columns[name], each=SAMPLES_EACH)
    if len(samples) > CLASSES_AT_ONCE:
        asked = st.multiselect(
            to_markdown(columns[name].label),
            list(samples),
            default=list(samples)[:SAMPLES_EACH],
            max_selections=CLASSES_AT_ONCE,
            key=f"data_classes_{view.study.name}_{name}",
        )
        samples = {group: samples[group] for group in asked}
    pictures = load_thumbnails(
        view, [image_id for rows in samples.values() for image_id in rows["image_id"]]
    )
    for group, rows in samples.items():
        with st.container(border=True):
            st.markdown(to_markdown(strong(f"{columns[name].label}: {group}")))
            with st.container(horizontal=True):
                for _, row in rows[rows["image_id"].isin(pictures)].iterrows():
                    others = ", ".join(str(row[n]) for n in columns if n != name)
                    st.image(
                        pictures[row["image_id"]],
                        caption=to_markdown(others or row["image_id"]),
                        width=SAMPLE_SIDE,
                        alt=f"{columns[name].label} {group}, {others}",
                    )


def main() -> None:
    """Choose a study and a view of its data."""
    view = study_bar(
        "Data",
        lead="What the methods were trained and tested on, and what was left out.",
        needs_runs=False,
        filters=False,
    )
    st.caption(to_markdown(view.dataset.notice))
    if not view.dataset.has_pictures:
        st.info(
            to_markdown(
                f"{strong(view.study.title)} was made of a table of predictions: its "
                "test images are here by name, without pictures or training images."
            ),
            icon=":material/table:",
        )
    try:
        manifest = shipped_manifest(view.study.name)
        report = data_report(view.study.name) or {}
    except EquipoiseError as error:
        show_error(error)
        end_page()
    if manifest is None:
        st.info(
            to_markdown(
                f"The manifest of {strong(view.study.title)} is not here yet: it is "
                "written with the first run. Train one with "
                f"{code(f'equipoise train {view.study.name}')}, then reload this page."
            ),
            icon=":material/info:",
        )
        st.subheader(BEFORE_AFTER, anchor=False)
        show_before_after(view, None)
        end_page()
    chosen = choose(
        "View",
        VIEWS if view.dataset.has_pictures else VIEWS_OF_TABLE,
        key="data_view",
        parameter="view",
        is_segmented=True,
        label_visibility="collapsed",
    )
    if chosen == "Split":
        show_split(view, manifest, report)
    elif chosen == "Distributions":
        show_distributions(view, manifest)
    elif chosen == "Crossings":
        show_crossing(view, manifest)
    elif chosen == "Weights":
        show_weights(view, manifest)
    elif chosen == "Pictures":
        show_pictures(view, manifest)
    elif chosen == MIXED:
        show_mixed(view, manifest)
    else:
        show_before_after(view, manifest)


run_page(main)
