"""Another study that shares test images, found and set beside the chosen one."""

from collections import Counter

import streamlit as st

from core.data.catalog import dataset_of
from core.data.manifest import DatasetInfo
from core.errors import EquipoiseError
from core.plots.style import MethodStyle, counterpart_style, method_styles, plural
from core.results.frame import table_frame
from core.results.run_settings import TOGETHER
from core.results.two_studies import (
    TwoStudies,
    differences_notes,
    differences_table,
    join_studies,
    name_beside,
    pairing_notes,
    shared_test_images,
)
from core.runs import Run, list_runs, list_studies, shipped_manifest, study_of_runs
from core.study import Study
from core.text import BREAK, code, strong, to_markdown
from pages.shell.fingerprints import Fingerprint, fingerprint, manifest_fingerprint
from pages.shell.show import show_static_table


def studies_beside(study: Study) -> dict[str, str]:
    """Titles of the studies that share test images with a study, by name."""
    found = {}
    for name in list_studies():
        try:
            other = study_of_runs(name)
        except EquipoiseError:  # the study's own page says so
            continue
        keys = manifest_fingerprint(study.name), manifest_fingerprint(name)
        datasets = (study.dataset.model_dump_json(), other.dataset.model_dump_json())
        if name != study.name and _share_images(keys, datasets, study, other):
            found[name] = other.title
    known = Counter([study.title, *found.values()])
    return {n: f"{t} ({n})" if known[t] > 1 else t for n, t in found.items()}


@st.cache_data(max_entries=256, show_spinner=False)
def _share_images(
    key: tuple[Fingerprint, Fingerprint],
    datasets: tuple[str, str],
    _study: Study,
    _other: Study,
) -> bool:
    """Whether the kept splits have test images in common; by their ids alone."""
    try:
        return bool(all(key) and shared_test_images(_study, _other).ids)
    except EquipoiseError:
        return False


def load_two_studies(
    study: Study, dataset: DatasetInfo, runs: tuple[Run, ...], other: str
) -> TwoStudies:
    """Another study beside the chosen one.

    Raises
    ------
    EquipoiseError
        If the other one cannot be read, or the two cannot be compared.
    """
    beside = study_of_runs(other)
    listing = list_runs(other)
    info = dataset_of(beside, shipped_manifest, needed=bool(listing.runs))
    keys = (
        *(manifest_fingerprint(study.name), manifest_fingerprint(other)),
        *(fingerprint(runs), fingerprint(listing.runs)),
    )
    names = (study.model_dump_json(), beside.model_dump_json())
    return _joined(keys, names, study, dataset, runs, beside, info, listing.runs)


# A resource and not data: of a large study a copy at every rerun takes long.
@st.cache_resource(max_entries=8, show_spinner="Setting the studies side by side…")
def _joined(
    key: tuple[Fingerprint, ...],
    studies: tuple[str, str],
    _study: Study,
    _dataset: DatasetInfo,
    _runs: tuple[Run, ...],
    _other: Study,
    _other_dataset: DatasetInfo,
    _other_runs: tuple[Run, ...],
) -> TwoStudies:
    return join_studies(_study, _dataset, _runs, _other, _other_dataset, _other_runs)


def styles_beside(two: TwoStudies, study: Study) -> dict[str, MethodStyle]:
    """Own methods as their study draws them; a counterpart in the colour of its own."""
    prefix = name_beside(two.other.name, "")
    theirs = {
        name: name.removeprefix(prefix)
        for name in two.study.methods
        if name.startswith(prefix)
    }
    own = [m for m in two.study.methods if m not in theirs]
    alone = [name for name, method in theirs.items() if method not in own]
    styles = method_styles((*own, *alone), study.baseline)
    return styles | {
        name: counterpart_style(styles[method])
        for name, method in theirs.items()
        if method in own
    }


def two_studies_caption(two: TwoStudies, baseline: str) -> str:
    """What is compared with what, on which images, and what else differs."""
    _, other = two.names
    first = "Each method is compared with the study's own baseline."
    if two.counterparts is not None:
        first = (
            "The baseline of each method is the same method there; where one baseline "
            f"is spoken of, it is {strong(baseline)}."
        )
    said = list(pairing_notes(two))
    if two.differing:
        count = plural(len(two.differing), "setting")
        said.append(f"They differ in {count}, which Overview lists. {TOGETHER}")
    begins = f"Beside {strong(two.other.title)} ({code(other)}). {first}"
    return BREAK.join((begins, " ".join(said)))


def show_differences(two: TwoStudies) -> None:
    """The settings that the two studies do not have alike."""
    table = differences_table(two)
    with st.container(border=True):
        st.subheader(to_markdown(table.title), anchor=False)
        said = " ".join(differences_notes(two))
        if not table.rows:
            st.markdown(to_markdown(said))
            return
        show_static_table(
            table_frame(table),
            name=f"{two.study.name}-{two.other.name}-differences",
            takeaway=said,
            note="As the runs record it; none: the setting is not there.",
        )
