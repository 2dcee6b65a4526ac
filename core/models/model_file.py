"""A saved model as a file: its architecture and its weights, read without Keras."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import RunError
from core.language import gettext

# Errors of zipfile, HDF5 and Keras for a damaged or foreign file.
DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ImportError,
    RuntimeError,
    zipfile.BadZipFile,
)
CONFIG, WEIGHTS = "config.json", "model.weights.h5"
# Smaller arrays stay in float32: they are few bytes, and rounding them moves every
# value that goes through them.
LEAST_HALVED = 4096
# Files that are read at once.
READERS = 2
# Keras imports any class of KerasHub that a file names; runs hold its ViT alone.
_HUB, _TRUSTED_HUB = "keras_hub", "keras_hub.src.models.vit."


@dataclass(frozen=True)
class ModelFile:
    """The content of a ``.keras`` file.

    Parameters
    ----------
    path : Path
    config : mapping
        The architecture, as Keras serialises it.
    arrays : mapping of str to array
        The weights, by their place in the file.
    """

    path: Path
    config: Mapping[str, Any] = field(repr=False)
    arrays: Mapping[str, NDArray[Any]] = field(repr=False)


def read_ahead(paths: Sequence[Path]) -> list[Future[ModelFile]]:
    """Read files in threads, while Keras is imported or other models are built.

    Parameters
    ----------
    paths : sequence of Path

    Returns
    -------
    list of Future
        Of ``read_model_file`` for each of them, in their order.
    """
    pool = ThreadPoolExecutor(READERS, thread_name_prefix="model-files")
    futures = [pool.submit(read_model_file, path) for path in paths]
    pool.shutdown(wait=False)
    return futures


def read_model_file(path: Path) -> ModelFile:
    """Read a saved model without building anything.

    Raises
    ------
    RunError
        As ``read_config``, or if the weights are damaged.
    """
    import h5py

    config = read_config(path)
    arrays: dict[str, NDArray[Any]] = {}

    def keep(place: str, item: Any) -> None:
        # Links to other files are not followed.
        if isinstance(item, h5py.Dataset) and not (item.external or item.is_virtual):
            arrays[place] = item[()]

    try:
        with h5py.File(io.BytesIO(_read_part(path, WEIGHTS))) as weights:
            weights.visititems(keep)
    except DAMAGE:
        raise damaged(path) from None
    return ModelFile(path, config, arrays)


def read_config(path: Path) -> dict[str, Any]:
    """Read the architecture of a saved model, and refuse what runs do not hold.

    Parameters
    ----------
    path : Path
        A ``.keras`` file.

    Raises
    ------
    RunError
        If the file is missing or damaged, or holds what runs do not: a Lambda layer,
        which is code, or a class of KerasHub other than its ViT's. No part of the file
        is built or run.
    """
    if not path.is_file():
        raise RunError(
            gettext(
                "There is no {name} in {folder}.", name=path.name, folder=path.parent
            ),
            expected=gettext("the inference model of the run."),
            remedy=gettext("train it again; its results can be read without it."),
        )
    try:
        config = json.loads(_read_part(path, CONFIG))
        objects = list(_objects(config))
    except (*DAMAGE, RecursionError):
        raise damaged(path) from None
    if any(item.get("class_name") == "Lambda" for item in objects):
        raise RunError(
            gettext(
                "{path} holds a Lambda layer, which would run code from the file.",
                path=path,
            ),
            expected=gettext("a model made of Keras's and Equipoise's own layers."),
            remedy=gettext(
                "replace the Lambda layer by a layer class and train it again."
            ),
        )
    _check_modules(objects, path)
    if not isinstance(config, dict):
        raise damaged(path)
    return config


def read_architecture(path: Path) -> str:
    """Fingerprint of a saved model (``fingerprint_config``).

    Raises
    ------
    RunError
        As ``read_config``.
    """
    return fingerprint_config(read_config(path))


def fingerprint_config(config: Any) -> str:
    """Fingerprint of an architecture without its names.

    Parameters
    ----------
    config : mapping
        As Keras serialises a model or a layer; lists in place of tuples, as in JSON.

    Returns
    -------
    str
        Equal for two models that differ in weights, names and seeds only.
    """
    objects = _objects(config)
    names = [item["name"] for item in objects if isinstance(item.get("name"), str)]
    places = {name: f"#{i}" for i, name in enumerate(dict.fromkeys(names))}
    text = json.dumps(_rename(config, places), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def halvable_sizes(file: Path) -> list[int]:
    """Sizes of the arrays of a saved model that may be halved, ascending, each once.

    Raises
    ------
    RunError
        As ``read_model_file``.
    """
    arrays = read_model_file(file).arrays.values()
    return sorted({array.size for array in arrays if _may_be_halved(array)})


def write_halved(file: Path, out: Path, *, least: int = LEAST_HALVED) -> None:
    """Write a saved model again, with its large weights in half precision.

    Parameters
    ----------
    file : Path
        A ``.keras`` file.
    out : Path
        Where it goes: a ``.keras`` file, compressed. Keras loads it into the same
        layers, which compute in float32.
    least : int
        Arrays of fewer values stay as they are.

    Raises
    ------
    RunError
        As ``read_config``, or if the weights are damaged.

    Notes
    -----
    Arrays of fewer than ``LEAST_HALVED`` values are never rounded. With all values of
    eleven CNNs trained on UTKFace rounded, the age for a test image moved by up to 0.3
    years. With these values spared it moved by up to 0.016.
    """
    import h5py

    read_config(file)
    half = io.BytesIO()
    try:
        with zipfile.ZipFile(file) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        with (
            h5py.File(io.BytesIO(parts[WEIGHTS])) as full,
            h5py.File(half, "w") as written,
        ):
            written.attrs.update(full.attrs)

            def copy(place: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset):
                    made = written.create_dataset(place, data=_halve(item[()], least))
                else:
                    made = written.require_group(place)
                made.attrs.update(item.attrs)

            full.visititems(copy)
    except DAMAGE:
        raise damaged(file) from None
    parts[WEIGHTS] = half.getvalue()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)


def damaged(path: Path) -> RunError:
    """The error for a file that is damaged or does not hold a model."""
    return RunError(
        gettext(
            "{path} is damaged, or is not a Keras model that can be loaded safely.",
            path=path,
        ),
        expected=gettext("the inference model of the run, as Equipoise saved it."),
        remedy=gettext("train it again, or delete the folder."),
    )


def _may_be_halved(values: NDArray[Any]) -> bool:
    return bool(values.dtype == np.float32 and values.size >= LEAST_HALVED)


def _halve(values: NDArray[Any], least: int) -> NDArray[Any]:
    if not _may_be_halved(values) or values.size < least:
        return values
    with np.errstate(
        over="ignore"
    ):  # the comparison of the answers finds infinite values
        return values.astype(np.float16)


def _read_part(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def _check_modules(objects: Sequence[Mapping[str, Any]], path: Path) -> None:
    modules = {m for item in objects if isinstance(m := item.get("module"), str)}
    hub = {m for m in modules if m.partition(".")[0] == _HUB}
    foreign = sorted(m for m in hub if not m.startswith(_TRUSTED_HUB))
    if foreign:
        raise RunError(
            gettext(
                "{path} holds classes of {modules}.",
                path=path,
                modules=", ".join(foreign),
            ),
            expected=gettext(
                "a model made of Keras's and Equipoise's own layers and KerasHub's ViT."
            ),
            remedy=gettext("train it again with one of Equipoise's backbones."),
        )


def _objects(config: Any) -> Iterator[Mapping[str, Any]]:
    """Every table of a nested configuration, outermost first."""
    if isinstance(config, dict):
        yield config
        for value in config.values():
            yield from _objects(value)
    elif isinstance(config, list):
        for value in config:
            yield from _objects(value)


def _rename(config: Any, places: Mapping[str, str]) -> Any:
    """Names by the place where they first occur, without names of one process."""
    if isinstance(config, dict):
        dropped = ("seed", "compile_config", "shared_object_id")
        return {k: _rename(v, places) for k, v in config.items() if k not in dropped}
    if isinstance(config, list):
        return [_rename(value, places) for value in config]
    return places.get(config, config) if isinstance(config, str) else config
