"""Hugging Face checkpoints of vision transformers: their metadata and weights.

Only ``config.json``, ``preprocessor_config.json`` and safetensors are read. Nothing is
unpickled, and no code of a checkpoint is run.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import StudyError, WeightsError
from core.language import gettext
from core.models.transfer import adopt_options, fit_positions
from core.models.vit import TRANSFORMER, ViTOptions, build_vit
from core.study import Option, Resample, ResizeTable
from core.text import listed

CONFIG, PROCESSOR, TENSORS = (
    "config.json",
    "preprocessor_config.json",
    "model.safetensors",
)
SHARDS = "model-*.safetensors"
HUB = "https://huggingface.co"
_HUB_NAME = re.compile(r"hf:([\w-][\w.-]*/[\w-][\w.-]*)")
_FILTERS: dict[int, Resample] = {
    Image.Resampling[name.upper()]: name for name in get_args(Resample)
}
# Names of transformers' ViT, if the checkpoint holds only the transformer.
_PREFIX = "vit."


@dataclass(frozen=True)
class Checkpoint:
    """The metadata of a checkpoint.

    Parameters
    ----------
    weights : str
        How the study names it.
    folder : Path
        Where its files are.
    image_size : int
        Side in pixels of the pictures it was trained on.
    options : dict
        The options of its backbone.
    resize : ResizeTable
        How a picture becomes a square of that side.
    labels : tuple of str
        What its own classifier tells apart; empty if it has none.
    """

    weights: str
    folder: Path
    image_size: int
    options: dict[str, Option]
    resize: ResizeTable
    labels: tuple[str, ...]

    @cached_property
    def key(self) -> str:
        """Hash of all its files that are read."""
        digest = hashlib.sha256()
        for path in (self.folder / CONFIG, self.folder / PROCESSOR, *self.files()):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()[:16]

    def files(self) -> list[Path]:
        """Its safetensors, sorted.

        Raises
        ------
        WeightsError
            If there are none.
        """
        return _tensor_files(self.weights, self.folder)


def load_checkpoint(weights: str, *, folder: Path | None = None) -> Checkpoint:
    """Find a checkpoint and read its metadata.

    Parameters
    ----------
    weights : str
        ``hf:<owner>/<name>``, or a folder.
    folder : Path, optional
        Where its files are, if that is known already.

    Raises
    ------
    StudyError
        If the name cannot be one of the hub.
    WeightsError
        If the files are not there and cannot be downloaded, or the checkpoint is not
        a vision transformer that can be built here.

    Notes
    -----
    A processor that crops resizes to whole pixels first: what is cropped here lies up
    to half a pixel beside it. The picture is then stretched in the same way.
    """
    folder = folder or _find(weights)
    for name in (CONFIG, PROCESSOR):
        if not (folder / name).is_file():
            raise _unusable(weights, folder, f"there is no {name}")
    _tensor_files(weights, folder)
    try:
        config, processor = _read_tables(folder)
    except Exception as error:  # of many kinds, each library having its own
        reason = f"{CONFIG} or {PROCESSOR} is damaged ({_first_line(error)})"
        raise _unusable(weights, folder, reason) from error
    fault = _fault_of_config(config) or _fault_of_processor(processor)
    if fault:
        raise _unusable(weights, folder, fault)
    mean, std = _per_pixel(processor)
    side = processor.size.height or processor.size.shortest_edge
    classifies = any("Classification" in name for name in config.architectures or ())
    # The file sorts names as text, where 10 comes before 2.
    labels = [str(config.id2label[i]) for i in sorted(config.id2label)]
    return Checkpoint(
        weights=weights,
        folder=folder,
        image_size=int(side),
        options={
            "patch": _side(config.patch_size),
            "layers": config.num_hidden_layers,
            "heads": config.num_attention_heads,
            "width": config.hidden_size,
            "mlp": config.intermediate_size,
            "dropout": float(config.hidden_dropout_prob),
            "attention_dropout": float(config.attention_probs_dropout_prob),
            "epsilon": float(config.layer_norm_eps),
            "mean": mean,
            "std": std,
        },
        resize=ResizeTable(
            resample=_FILTERS[processor.resample],
            fit="crop" if processor.size.shortest_edge else "stretch",
        ),
        labels=tuple(labels) if classifies else (),
    )


def build_from_checkpoint(
    checkpoint: Checkpoint, *, image_size: int, options: Mapping[str, object]
) -> keras.Model:
    """Build the backbone of a checkpoint, with its weights.

    Parameters
    ----------
    checkpoint : Checkpoint
    image_size : int
        Side of the images in pixels; 0 for that of the checkpoint. If the image size
        differs, the position embeddings are interpolated.
    options : mapping of str to object
        As a study gives them: regularisation, and settings that the checkpoint has too.

    Returns
    -------
    keras.Model
        As ``build_vit``.

    Raises
    ------
    StudyError
        If an option is not that of the checkpoint, or patches do not fill the picture.
    WeightsError
        If the tensors are damaged or are not those of the configuration.
    """
    own = adopt_options(
        ViTOptions,
        options,
        checkpoint.options,
        backbone="vit",
        weights=checkpoint.weights,
    )
    size = image_size or checkpoint.image_size
    model = build_vit(size, ViTOptions.model_validate(own))
    from keras_hub.src.utils.transformers.convert_vit import convert_weights

    with _Tensors(checkpoint) as tensors:
        convert_weights(model.get_layer(TRANSFORMER), tensors, {})
    return model


def load_classifier(
    weights: str, *, image_size: int = 0
) -> tuple[keras.Model, Checkpoint]:
    """Load a checkpoint as the classifier that it is.

    Parameters
    ----------
    weights : str
        ``hf:<owner>/<name>``, or a folder.
    image_size : int
        As for ``build_from_checkpoint``.

    Returns
    -------
    model : keras.Model
        Pixels, shape (n, size, size, 3) in 0..255, to logits, shape (n, labels).
    checkpoint : Checkpoint
        With the labels, and the ``resize`` that makes such pixels of a picture.

    Raises
    ------
    StudyError, WeightsError
        As ``load_checkpoint`` and ``build_from_checkpoint``; or if the checkpoint has
        no classifier.
    """
    checkpoint = load_checkpoint(weights)
    if not checkpoint.labels:
        reason = "it is a transformer without a classifier"
        raise _unusable(weights, checkpoint.folder, reason)
    backbone = build_from_checkpoint(checkpoint, image_size=image_size, options={})
    dense = keras.layers.Dense(len(checkpoint.labels), name="logits")
    model = keras.Model(backbone.input, dense(backbone.output), name="classifier")
    with _Tensors(checkpoint) as tensors:
        tensors.port_weight(dense.kernel, "classifier.weight", lambda x, _: x.T)
        tensors.port_weight(dense.bias, "classifier.bias")
    return model, checkpoint


class _Tensors(ExitStack):
    """A checkpoint's tensors by name, as KerasHub's converter asks for them."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__()
        self._checkpoint = checkpoint
        self._files: dict[str, Any] = {}

    def __enter__(self) -> "_Tensors":
        from safetensors import SafetensorError, safe_open

        for path in self._checkpoint.files():
            try:
                file = self.enter_context(safe_open(path, framework="np"))
            except (OSError, SafetensorError) as error:
                raise self._damaged(path.name, error) from error
            self._files |= dict.fromkeys(file.keys(), file)
        return self

    def port_weight(
        self,
        keras_variable: keras.Variable,
        hf_weight_key: str,
        hook_fn: Callable[[NDArray[Any], list[int]], NDArray[Any]] | None = None,
    ) -> None:
        """Give a tensor to a variable, by way of a hook that turns it about."""
        names = (hf_weight_key, hf_weight_key.removeprefix(_PREFIX))
        name = next((name for name in names if name in self._files), None)
        if name is None:
            raise self._damaged(hf_weight_key, "it is not there")
        try:
            value = self._files[name].get_tensor(name).astype(np.float32)
            if hook_fn is not None:
                value = hook_fn(value, list(keras_variable.shape))
            if name.endswith("position_embeddings"):
                value = fit_positions(value, keras_variable.shape[0])
            keras_variable.assign(value)
        # SafetensorError is an Exception and nothing more.
        except Exception as error:
            raise self._damaged(name, error) from error

    def _damaged(self, name: str, cause: object) -> WeightsError:
        reason = f"{name} is not what {CONFIG} says ({_first_line(cause)})"
        return _unusable(self._checkpoint.weights, self._checkpoint.folder, reason)


def _find(weights: str) -> Path:
    """The folder of a checkpoint, downloaded if it is one of the hub."""
    if not weights.startswith("hf:"):
        folder = Path(weights).expanduser()
        if not folder.is_dir():
            raise _unusable(weights, folder, gettext("there is no such folder"))
        return folder
    match = _HUB_NAME.fullmatch(weights)
    if match is None:
        raise StudyError(
            gettext(
                "'{weights}' names no checkpoint of Hugging Face.", weights=weights
            ),
            expected=gettext(
                "hf:<owner>/<name>, such as hf:google/vit-base-patch16-224-in21k."
            ),
            remedy=gettext("fix `weights` of the model in the study's file."),
        )
    import huggingface_hub

    try:
        place = huggingface_hub.snapshot_download(
            match.group(1), allow_patterns=[CONFIG, PROCESSOR, TENSORS, SHARDS]
        )
    except Exception as error:  # of the hub, the network, the disk: all end the same
        cache = Path(huggingface_hub.constants.HF_HUB_CACHE)
        raise _unusable(weights, cache, _first_line(error)) from error
    return Path(place)


def _tensor_files(weights: str, folder: Path) -> list[Path]:
    whole = folder / TENSORS
    files = [whole] if whole.is_file() else sorted(folder.glob(SHARDS))
    if not files:
        reason = f"there is no {TENSORS}"
        if any(folder.glob("*.bin")):
            reason += ", and weights in .bin are Python's pickles, which can run code"
        raise _unusable(weights, folder, reason)
    return files


def _read_tables(folder: Path) -> tuple[Any, Any]:
    """The configuration and the image processor, as transformers reads them."""
    # It would warn that PyTorch is missing, which is not needed here.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    from transformers import AutoImageProcessor, ViTConfig

    table = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    if table.get("model_type") != ViTConfig.model_type:
        raise ValueError(f"model_type is {table.get('model_type')!r}, and not 'vit'")
    processor = AutoImageProcessor.from_pretrained(  # type: ignore[no-untyped-call]
        folder, local_files_only=True, trust_remote_code=False, backend="pil"
    )
    return ViTConfig.from_pretrained(folder, local_files_only=True), processor


def _fault_of_config(config: Any) -> str:
    """The parts of a configuration that cannot be built here; empty without any."""
    wanted = {"hidden_act": "gelu", "qkv_bias": True, "num_channels": 3}
    for name, value in wanted.items():
        given = getattr(config, name)
        if given != value:
            return f"its {name} is {given!r}, and only {value!r} can be built here"
    for name in ("image_size", "patch_size"):
        sides = np.unique(getattr(config, name))
        if len(sides) > 1:
            return f"its {name} is {getattr(config, name)}, and not square"
    return ""


def _fault_of_processor(processor: Any) -> str:
    """The steps of an image processor that cannot be done here; empty without any."""
    kind = type(processor).__name__.removesuffix("Pil")
    if kind != "ViTImageProcessor":
        return f"its pictures are prepared by {kind}, and not ViTImageProcessor"
    if processor.resample not in _FILTERS:
        return f"its pictures are resampled by {processor.resample!r}"
    size, crop = processor.size, processor.crop_size
    cut = processor.do_center_crop and (crop.height, crop.width)
    squashed = bool(size.height) and size.height == size.width and not cut
    cropped = bool(size.shortest_edge) and cut == (size.shortest_edge,) * 2
    if not processor.do_resize or not (squashed or cropped):
        return (
            f"its pictures are prepared otherwise (do_resize {processor.do_resize}, "
            f"size {dict(size)}, crop {cut}) than stretched, or cropped to their "
            "centre, as a square"
        )
    return ""


def _per_pixel(processor: Any) -> tuple[list[float], list[float]]:
    """Mean and standard deviation that are taken off, of pixels in 0..1."""
    normalises = processor.do_normalize
    mean = np.broadcast_to(processor.image_mean if normalises else 0.0, 3)
    std = np.broadcast_to(processor.image_std if normalises else 1.0, 3)
    unit = 255 * (processor.rescale_factor if processor.do_rescale else 1.0)
    # Compared to the twelfth digit: 255 times their 1/255 is not exactly 1.
    return np.round(mean / unit, 12).tolist(), np.round(std / unit, 12).tolist()


def _side(size: Any) -> int:
    return int(np.max(size))


def _first_line(cause: object) -> str:
    lines = str(cause).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(cause).__name__


def _unusable(weights: str, place: Path, reason: str) -> WeightsError:
    name = weights.removeprefix("hf:")
    remedy = (
        gettext(
            "download them from {address} where there is a network, and give their "
            'folder as `weights`, such as "./checkpoint".',
            address=f"{HUB}/{name}",
        )
        if name != weights
        else gettext(
            "put them there as transformers' save_pretrained writes them, or fix "
            "`weights` of the model in the study's file."
        )
    )
    return WeightsError(
        gettext(
            "The weights {weights} could not be loaded: {reason}.",
            weights=weights,
            reason=reason,
        ),
        expected=gettext(
            "{files} of a vision transformer, whole, in {place}.",
            files=listed([CONFIG, PROCESSOR, TENSORS]),
            place=place,
        ),
        remedy=remedy,
    )
