"""DeepSMOTE: an encoder, a decoder, and SMOTE in between.

Source: Dablain et al., IEEE Transactions on Neural Networks and Learning Systems, 2022,
algorithm 1. The loss is the mean squared error of decoded pictures, and a penalty: the
codes of pictures of one class change places before they are decoded, and are compared
with the pictures in their old places. So a code must give a picture that also resembles
others of its class, as a new one's will. The authors' code compares with the pictures
in their new places, which is a second reconstruction, with as many pictures of each
class: ``form = "official"``.

Departures, so that it trains on two cores: three convolutions in place of four, 16
filters in the first in place of 64, 64 latent numbers in place of 300, 40 epochs in
place of 200, at a learning rate of 1e-3 in place of 2e-4, on pictures of at most 32
pixels. Others: a class smaller than a batch is drawn from with replacement; there is no
batch normalisation, whose statistics depended on the classes that were drawn last; and
the encoder learns from the penalty too, which in the authors' code is cut off from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray
from PIL import Image

from core.methods.generation import Between, GenerationPlan
from core.models.latent_smote import interpolate

BATCH = 64
LEAST_STEPS = 8
DECODED_AT_ONCE = 256
LEARNING_RATE = 1e-3
BLOCKS = 3

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Generator:
    """The two halves of a trained generator.

    Parameters
    ----------
    encoder : keras.Model
        Pictures, shape (n, side, side, 3) in -1..1, to codes, shape (n, latent).
    decoder : keras.Model
        The other way.
    """

    encoder: keras.Model
    decoder: keras.Model


def build_generator(plan: GenerationPlan, side: int) -> Generator:
    """Build encoder and decoder with their first weights.

    Parameters
    ----------
    plan : GenerationPlan
    side : int
        Of the pictures, a multiple of 8.
    """
    picture = keras.Input((side, side, 3))
    x = picture
    for block in range(BLOCKS):
        x = layers.Conv2D(plan.width * 2**block, 4, 2, "same")(x)
        # LeakyReLU with the authors' slope; TensorFlow complains while it fuses that.
        x = ops.maximum(x, 0.2 * x)
    encoder = keras.Model(picture, layers.Dense(plan.latent)(layers.Flatten()(x)))
    code = keras.Input((plan.latent,))
    grid, deepest = side // 2**BLOCKS, plan.width * 2 ** (BLOCKS - 1)
    x = layers.Dense(grid * grid * deepest, activation="relu")(code)
    x = layers.Reshape((grid, grid, deepest))(x)
    for block in reversed(range(BLOCKS - 1)):
        x = layers.Conv2DTranspose(plan.width * 2**block, 4, 2, "same")(x)
        x = layers.ReLU()(x)
    drawn = layers.Conv2DTranspose(3, 4, 2, "same", activation="tanh")(x)
    return Generator(encoder, keras.Model(code, drawn))


class ClassBatches(keras.utils.PyDataset):
    """Pictures in batches, each with as many of a single class behind them.

    Parameters
    ----------
    pictures : uint8 array, shape (n, side, side, 3)
    plan : GenerationPlan

    Notes
    -----
    The second half comes from a class drawn at random, each equally likely. In the form
    of the paper each of its pictures is compared with the one before it, which is to
    encode them, move the codes by a place, and decode these.
    """

    def __init__(self, pictures: Pixels, plan: GenerationPlan) -> None:
        super().__init__()
        self.pictures, self.plan = pictures, plan
        # Few pictures in smaller batches: an epoch needs some steps.
        self.batch_size = max(2, min(BATCH, len(pictures) // LEAST_STEPS))
        self._of_class = [
            np.flatnonzero(plan.codes == label) for label in np.unique(plan.codes)
        ]
        self._start(0)

    def _start(self, epoch: int) -> None:
        self._epoch = epoch
        rng = np.random.default_rng([self.plan.seed, epoch])
        self._order = rng.permutation(len(self.pictures))
        self._class_rows = [self._draw_class(rng) for _ in range(len(self))]

    def _draw_class(self, rng: np.random.Generator) -> NDArray[np.int64]:
        rows = self._of_class[int(rng.integers(len(self._of_class)))]
        size = self.batch_size
        return rng.choice(rows, size=size, replace=len(rows) < size)

    def __len__(self) -> int:
        """Batches of an epoch; an incomplete last one is left out."""
        return max(1, len(self.pictures) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Both halves, and what their decoded pictures are compared with."""
        start = index * self.batch_size
        rows = self._order[start : start + self.batch_size]
        own = self._class_rows[index]
        moved = np.roll(own, -1)
        compared = own if self.plan.form == "paper" else moved
        inputs, targets = (
            to_range(self.pictures[np.concatenate([rows, each])])
            for each in (moved, compared)
        )
        return inputs, targets

    def on_epoch_end(self) -> None:
        """Draw the next epoch."""
        self._start(self._epoch + 1)


def to_range(pixels: Pixels) -> NDArray[np.float32]:
    """Levels 0..255 to -1..1."""
    return np.asarray(pixels, dtype=np.float32) / np.float32(127.5) - np.float32(1)


def to_levels(values: NDArray[np.floating]) -> Pixels:
    """Values -1..1 to levels 0..255."""
    levels = np.rint((values + 1) * 127.5).clip(0, 255)
    return np.asarray(levels, dtype=np.uint8)


def train_generator(
    pictures: Pixels,
    plan: GenerationPlan,
    *,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
) -> Generator:
    """Train encoder and decoder on the real pictures.

    Parameters
    ----------
    pictures : uint8 array, shape (n, side, side, 3)
    plan : GenerationPlan
        Of n real images.
    callbacks : tuple of keras.callbacks.Callback
        For progress.

    Returns
    -------
    Generator
        The same for the same pictures and plan, on one machine and one thread.
    """
    keras.utils.set_random_seed(plan.seed)
    generator = build_generator(plan, pictures.shape[1])
    images = keras.Input(pictures.shape[1:])
    model = keras.Model(images, generator.decoder(generator.encoder(images)))
    model.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE),
        loss="mean_squared_error",
        jit_compile=False,
    )
    model.fit(
        ClassBatches(pictures, plan),
        epochs=plan.epochs,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
    )
    return generator


def generate(
    generator: Generator,
    pictures: Pixels,
    plan: GenerationPlan,
    image_size: int,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Pixels, Between]:
    """Draw the images of a plan.

    Parameters
    ----------
    generator : Generator
    pictures : uint8 array, shape (n, side, side, 3)
        The real ones.
    plan : GenerationPlan
    image_size : int
        Side of the images to return, in pixels.
    progress : callable
        ``(done, total)``: images drawn.

    Returns
    -------
    uint8 array, shape (generated, image_size, image_size, 3)
    Between
        What each lies between.
    """
    codes = np.concatenate(
        [
            ops.convert_to_numpy(generator.encoder(to_range(part), training=False))
            for part in _parts(pictures)
        ]
    )
    between = interpolate(codes, plan)
    share = between.share[:, None]
    new = share * codes[between.first] + (1 - share) * codes[between.second]
    drawn = np.empty((len(new), image_size, image_size, 3), dtype=np.uint8)
    done = 0
    for part in _parts(new.astype(np.float32)):
        values = ops.convert_to_numpy(generator.decoder(part, training=False))
        drawn[done : done + len(part)] = resized(to_levels(values), image_size)
        done += len(part)
        progress(done, len(new))
    return drawn, between


def resized(pictures: Pixels, side: int) -> Pixels:
    """Pictures at another size, by Pillow's bicubic filter."""
    if pictures.shape[1] == side:
        return pictures
    size = (side, side)
    made = [
        np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
        for picture in pictures
    ]
    return np.stack(made) if made else np.empty((0, side, side, 3), dtype=np.uint8)


def _parts(values: NDArray[Any]) -> list[NDArray[Any]]:
    starts = range(0, len(values), DECODED_AT_ONCE)
    return [values[start : start + DECODED_AT_ONCE] for start in starts]
