"""Images that a person brings: an archive, or a folder of the machine itself."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from core.data.archive import Unpacked, unpack_upload, upload_limit_mb
from core.errors import DatasetError, EquipoiseError
from core.host_check import is_own_machine
from core.importing.image_study import forget_old_uploads, new_upload_place
from core.language import N_, gettext, language
from core.runs import user_store
from core.text import code, emphasis, to_markdown
from pages.shell.progress import progress_bar
from pages.shell.show import show_error
from pages.shell.upload_key import upload_key

WAYS = {
    "archive": N_("A zip archive"),
    "folder": N_("A folder of this machine"),
}
# What was brought last, its fault if there is one, and how often something was kept:
# after each the place for the file is an empty one.
BROUGHT, TIMES = "images_brought", "images_times"


@dataclass(frozen=True)
class Brought:
    """A folder of images.

    Parameters
    ----------
    key : str
        Of what was made of it in this session.
    name : str
        What the person calls it.
    root : Path
    unpacked : Unpacked or None
        Of an archive: its folder lies in the store, and is nobody else's.
    """

    key: str
    name: str
    root: Path
    unpacked: Unpacked | None = None


def bring_images() -> Brought | None:
    """Let a person bring images; None where there are none, or they cannot be read."""
    forget_old_uploads()
    way = "archive"
    if is_own_machine(st.get_option("server.address")):
        way = st.segmented_control(
            gettext("Where are the images?"),
            list(WAYS),
            default="archive",
            required=True,
            format_func=lambda way: gettext(WAYS[way]),
            key="images_from",
        )
    return _from_archive() if way == "archive" else _from_folder()


def let_go(*, is_kept: bool = False) -> None:
    """Forget what was brought; what was uploaded is deleted unless it was kept."""
    kept = st.session_state.pop(BROUGHT, None)
    brought = None if kept is None else kept[1]
    is_ours = isinstance(brought, Brought) and brought.unpacked is not None
    if is_ours and not is_kept:
        shutil.rmtree(brought.root, ignore_errors=True)
    for name in ("images_found", "images_checked", "images_looked"):
        st.session_state.pop(name, None)


def _from_archive() -> Brought | None:
    limit = upload_limit_mb()
    upload = st.file_uploader(
        gettext("Zip archive of the images"),
        type=["zip", "tar", "tgz", "gz"],
        max_upload_size=limit,
        key=upload_key(f"images_file_{st.session_state.get(TIMES, 0)}"),
        help=gettext(
            "Class folders, or pictures with a table (CSV, TSV, Parquet or Excel) that "
            "has a row for each."
        ),
    )
    st.caption(
        to_markdown(
            gettext(
                "The pictures are unpacked into the store of this app ({store}), and "
                "are deleted again, within a day at the latest, unless you press "
                "{button}. They are sent nowhere.",
                store=code(user_store() / "images"),
                button=emphasis(gettext("Keep this study")),
            )
        )
    )
    if upload is None:
        let_go()
        return None
    return _remembered(("archive", upload.file_id), lambda: _unpack(upload))


def _from_folder() -> Brought | None:
    path = st.text_input(
        gettext("Path of the folder"),
        placeholder=gettext("such as /home/me/xrays"),
        key="images_path",
    )
    st.caption(gettext("The images stay where they are; nothing of them is copied."))
    if not path.strip():
        let_go()
        return None
    st.button(
        gettext("Read it again"),
        key="images_again",
        icon=":material/refresh:",
        type="tertiary",
        help=gettext("After you have changed something in the folder."),
        on_click=let_go,
    )
    return _remembered(("folder", path.strip()), lambda: _open(path.strip()))


def _remembered(asked: tuple[str, str], make: Any) -> Brought | None:
    """What is made of what was asked for; it is made once."""
    kept = st.session_state.get(BROUGHT)
    # What is wrong is said in the reader's language.
    is_fault = kept is not None and not isinstance(kept[1], Brought)
    if kept is None or kept[0] != asked or (is_fault and kept[2] != language()):
        let_go()
        try:
            made = make()
        except EquipoiseError as error:
            made = error
        kept = st.session_state[BROUGHT] = (asked, made, language())
    if isinstance(kept[1], Brought):
        return kept[1]
    show_error(kept[1])
    return None


def _unpack(upload: Any) -> Brought:
    place = new_upload_place()
    with progress_bar(is_shown=True) as report:
        unpacked = unpack_upload(upload, place, name=upload.name, progress=report)
    return Brought(upload.file_id, Path(upload.name).stem, place, unpacked)


def _open(path: str) -> Brought:
    place = Path(path).expanduser()
    with suppress(OSError, RuntimeError):
        place = place.resolve()
    if not place.is_dir():
        raise DatasetError(
            gettext("There is no folder at {location}.", location=path),
            expected=gettext("the path of a folder on the machine of this app."),
            remedy=gettext("check the path, or upload the images as a zip archive."),
        )
    return Brought(str(place), place.name, place)
