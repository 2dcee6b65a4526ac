"""Photos that a visitor gives to be answered: uploaded, taken, or a sample."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

import streamlit as st
from PIL import Image
from starlette.formparsers import MultiPartParser

from core.data.images import MAX_UPLOAD_BYTES, readable_formats
from core.language import N_, gettext
from core.plots.data import columns_of, pick_samples
from core.runs import shipped_manifest
from core.study import Study
from core.text import to_markdown
from core.views.caching import Fingerprint, cached, manifest_fingerprint
from core.views.study_view import StudyView
from pages.shell.upload_key import upload_key

# Above this size an upload would go through a temporary file: it never may.
MultiPartParser.spool_max_size = MAX_UPLOAD_BYTES + 2**21

ASTRONAUT = Path(__file__).parents[1] / "assets" / "astronaut.jpg"
ASTRONAUT_CREDIT = N_(
    "Sample: astronaut Eileen Collins, a woman. Photo: NASA, public domain. One photo "
    "does not tell which method is better."
)
SAMPLES_EACH = 2
PRIVACY = N_(
    ":material/lock: Photos stay in the memory of this server while the page is open."
    " They are not written to disk, not logged, not shown to other visitors, and not"
    " sent anywhere."
)


@dataclass(frozen=True)
class Photo:
    """A photo to be answered.

    Parameters
    ----------
    key : str
        Tells it from others of the same name.
    name : str
        What a reader sees.
    content : bytes
        The file, as it was given.
    aligned : bool
        Whether it is known to be one aligned face.
    credit : str
        Where a sample is from.
    """

    key: str
    name: str
    content: bytes
    aligned: bool = False
    credit: str = ""


def choose_photos(view: StudyView) -> tuple[tuple[Photo, ...], bool]:
    """Draw the ways in: uploads, the camera, samples.

    Returns
    -------
    tuple of Photo
        What was given.
    bool
        Whether faces are to be found in them.
    """
    left, right = st.columns([3, 2], gap="large")
    with left:
        uploads = st.file_uploader(
            gettext("Photos"),
            type="image",
            accept_multiple_files=True,
            max_upload_size=MAX_UPLOAD_BYTES // 2**20,
            key=upload_key("predict_photos"),
            help=gettext("{formats}; several at once.", formats=readable_formats()),
        )
        st.caption(gettext(PRIVACY))
    with right:
        samples = {photo.name: photo for photo in list_samples(view)}
        chosen = []
        if samples:
            chosen = st.pills(
                gettext("Or a sample"),
                list(samples),
                selection_mode="multi",
                format_func=lambda name: to_markdown(gettext(name)),
                key=f"predict_samples_{view.study.name}",
                wrap=True,
            )
        camera = None
        if st.toggle(gettext("Use the camera"), key="predict_camera_on"):
            camera = st.camera_input(
                gettext("Take a photo"), key=upload_key("predict_camera")
            )
        find_faces = view.dataset.of_faces and st.toggle(
            gettext("Find faces in the photos"),
            value=not view.dataset.generated,
            key=f"predict_find_{view.study.name}",
            help=gettext(
                "Off: each picture is taken for one face that is already aligned."
            ),
        )
        if not view.dataset.of_faces:
            st.caption(
                to_markdown(
                    gettext(
                        "Each picture is taken as a whole, as in training. These "
                        "models know {dataset} and nothing else: whatever a picture "
                        "shows, they answer with one of its classes.",
                        dataset=gettext(view.dataset.title),
                    )
                )
            )
    photos = [Photo(up.file_id, up.name, up.getvalue()) for up in uploads or ()]
    if camera is not None:
        name = gettext("Photo from the camera")
        photos.append(Photo(camera.file_id, name, camera.getvalue()))
    photos += [replace(samples[name], name=gettext(name)) for name in chosen]
    return tell_apart(photos), find_faces


def tell_apart(photos: Iterable[Photo]) -> tuple[Photo, ...]:
    """Number the photos of one name after the first: "me.jpg", "me.jpg (2)"."""
    taken: set[str] = set()
    apart = []
    for photo in photos:
        names = (f"{photo.name} ({place})" for place in count(2))
        name = next(n for n in chain([photo.name], names) if n not in taken)
        taken.add(name)
        apart.append(replace(photo, name=name))
    return tuple(apart)


def list_samples(view: StudyView) -> tuple[Photo, ...]:
    """Photos that anyone may be shown: generated ones, or one in the public domain."""
    return _samples(manifest_fingerprint(view.study.name), view.study, view)


@cached(entries=8)
def _samples(split: Fingerprint, study: Study, _view: StudyView) -> tuple[Photo, ...]:
    return tuple(_draw_samples(_view))


def _draw_samples(view: StudyView) -> Iterator[Photo]:
    if not view.dataset.of_faces:
        return
    if not view.dataset.generated:
        content = ASTRONAUT.read_bytes()
        credit = gettext(ASTRONAUT_CREDIT)
        yield Photo("astronaut", N_("Astronaut"), content, credit=credit)
        return
    manifest = shipped_manifest(view.study.name)
    if manifest is None:
        return
    rarest = columns_of(view.dataset, manifest)[view.tasks[-1].name]
    for name, rows in pick_samples(manifest, rarest, each=SAMPLES_EACH).items():
        for place, (_, row) in enumerate(rows.iterrows(), start=1):
            labels = ", ".join(
                f"{gettext(task.label).lower()} {row[task.name]}" for task in view.tasks
            )
            yield Photo(
                key=row["image_id"],
                name=f"{name} {place}",
                content=_draw_sample(row["image_id"], view),
                aligned=True,
                credit=gettext(
                    "Generated. Labels in the dataset: {labels}.", labels=labels
                ),
            )


def _draw_sample(image_id: str, view: StudyView) -> bytes:
    """A generated picture, at the largest size that a method takes, as PNG."""
    from core.data.catalog import renderer
    from core.data.picture_paths import drawn_paths

    study = view.study
    path = drawn_paths(study, [image_id])[image_id]
    sizes = [study.for_method(name).model.image_size for name in study.methods]
    pixels = renderer(study)(path, max(sizes))
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
