"""Changes to the brightness of pictures, made before any model sees them.

They act on pixels at the model's size, so that the image cache, the predictor and the
Data page make them by one and the same function.
"""

from functools import partial

import numpy as np
from PIL import Image, ImageOps

from core.data.cache import Pixels, Render, render_file
from core.language import gettext
from core.study import DatasetOptions, Fit, Resample


class Enhancement(DatasetOptions):
    """Which changes are made.

    Parameters
    ----------
    autocontrast : bool
        Each channel is stretched to the full range, 0 to 255.
    equalize : bool
        Each channel is mapped so that its levels are about equally frequent; after
        ``autocontrast``, if both are asked for.
    """

    autocontrast: bool = False
    equalize: bool = False

    @property
    def steps(self) -> tuple[str, ...]:
        """The changes in words, in order; empty without any."""
        done = {
            gettext("autocontrast"): self.autocontrast,
            gettext("histogram equalisation"): self.equalize,
        }
        return tuple(name for name, on in done.items() if on)


def enhance(pixels: Pixels, enhancement: Enhancement) -> Pixels:
    """Change the brightness of a picture.

    Parameters
    ----------
    pixels : uint8 array, shape (height, width, 3)
    enhancement : Enhancement

    Returns
    -------
    uint8 array, shape (height, width, 3)
        The same array if nothing is asked for.

    Notes
    -----
    Pillow's ``ImageOps``, each channel by itself: colours can shift. A channel of one
    level stays as it is.
    """
    if not enhancement.steps:
        return pixels
    image = Image.fromarray(pixels)
    if enhancement.autocontrast:
        image = ImageOps.autocontrast(image)
    if enhancement.equalize:
        image = ImageOps.equalize(image)
    return np.asarray(image, dtype=np.uint8)


def render_enhanced(
    path: str,
    size: int,
    *,
    enhancement: Enhancement,
    resample: Resample = "bicubic",
    fit: Fit = "crop",
    change: str = "",
) -> Pixels:
    """Read a picture from disk at the model's size, and change its brightness."""
    pixels = render_file(path, size, resample=resample, fit=fit, change=change)
    return enhance(pixels, enhancement)


def enhanced_renderer(enhancement: Enhancement) -> Render:
    """Build the renderer with this change, or the plain one without any."""
    if not enhancement.steps:
        return render_file
    return partial(render_enhanced, enhancement=enhancement)
