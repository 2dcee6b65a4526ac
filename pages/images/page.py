"""Images: images of one's own are understood, checked, and made a study."""

import streamlit as st

from core.host_check import TRAINING_VARIABLE, may_train
from core.language import N_, gettext
from core.text import code, strong, to_markdown
from pages.images.bring import bring_images
from pages.images.kept import show_kept
from pages.images.understood import show_understood
from pages.shell.address import run_page
from pages.shell.next_page import link_to_training
from pages.shell.show import stop_with

WAYS = {
    "bring": N_("Bring images"),
    "kept": N_("What was kept"),
}


def main() -> None:
    """Bring images, see how they are understood, keep a study of them."""
    st.title(gettext("Your images"), anchor=False)
    st.markdown(
        gettext(
            "X-rays, leaves, faces: with classes, numbers or both. They are looked at "
            "before anything is trained, and become a study that compares remedies."
        )
    )
    if not may_train(st.get_option("server.address")):
        stop_with(
            gettext(
                "Images cannot be brought here: others reach this server, and each "
                "upload and training would spend its machine. Who runs it allows it "
                "with {setting}.",
                setting=code(f"{TRAINING_VARIABLE}=on"),
            )
        )
    _say_done()
    way = st.segmented_control(
        gettext("What do you want to do?"),
        list(WAYS),
        default="bring",
        required=True,
        format_func=lambda way: gettext(WAYS[way]),
        key="images_way",
        label_visibility="collapsed",
    )
    if way == "kept":
        show_kept()
        return
    brought = bring_images()
    if brought is None:
        _explain()
        return
    show_understood(brought)


def _say_done() -> None:
    """What was kept or deleted last, and what can be done with it."""
    done = st.session_state.pop("images_done", None)
    if done is not None:
        name, title = done
        with st.container(border=True):
            st.success(
                to_markdown(gettext("The study {title} is kept.", title=strong(title))),
                icon=":material/check_circle:",
            )
            link_to_training(name)
    if said := st.session_state.pop("images_deleted", None):
        st.success(to_markdown(said), icon=":material/delete:")


def _explain() -> None:
    """How images are to lie, for somebody who has brought none yet."""
    with st.expander(
        gettext("How the images may be arranged"), icon=":material/folder:"
    ):
        st.markdown(gettext(FORMS))


FORMS = N_("""
**Class folders**: a folder for each class, perhaps below `train` and `test`.

```
xrays/healthy/001.png
xrays/sick/002.png
```

**A table beside the pictures**: CSV, TSV, Parquet or Excel, with a column that names
the picture of each row. Any other column can be predicted, or be a sensitive feature.

| file | diagnosis | age | gender | patient |
| --- | --- | --- | --- | --- |
| 001.png | healthy | 54 | f | p1 |
| 002.png | sick | 61 | m | p2 |

**Both**: class folders, and a table of ages, say. Pack the folder as a zip archive.
""")


run_page(main)
