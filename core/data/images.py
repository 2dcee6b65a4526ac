"""Pictures in, arrays out: the one decoding and the one resize of the project."""

import importlib.util
import struct
import warnings
import zlib
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError, features

from core.data.harmless_changes import DRAWN_SIDE, apply_change
from core.errors import ImageError
from core.language import gettext
from core.study import Fit, Resample
from core.text import number

MAX_UPLOAD_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 64_000_000
# Closed list: Pillow can also read formats that start other programs (EPS).
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF") + (
    ("AVIF",) if features.check("avif") else ()
)
# Read by a package that need not be there; it is imported with the first such file.
HEIC = importlib.util.find_spec("pillow_heif") is not None
SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *((".avif",) if "AVIF" in FORMATS else ()),
    *((".heic", ".heif") if HEIC else ()),
)
NO_END = "no_end"
"""In ``info`` of a picture that was read although the mark at its end is missing."""
NEUTRAL = (128, 128, 128)

_JPEG = ("JPEG", "MPO")
_END = b"\xff\xd9"
_FILLINGS = (b"", b"\x55" * 64, b"\xaa" * 64)
_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Errors of Pillow's decoders on damaged data.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    ArithmeticError,
    struct.error,
    zlib.error,
)

# Between one and two times its limit Pillow only warns of a bomb; we refuse both.
warnings.simplefilter("error", Image.DecompressionBombWarning)


def readable_formats() -> str:
    """The formats that are read here, as in a sentence: "JPEG, PNG or TIFF"."""
    names = ["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF"]
    names += ["AVIF"] * ("AVIF" in FORMATS) + ["HEIC"] * HEIC
    return gettext(
        "{formats} or {last_format}",
        formats=", ".join(names[:-1]),
        last_format=names[-1],
    )


def accepted() -> str:
    """The pictures that are read here, for the end of a sentence."""
    return gettext("a {formats} picture", formats=readable_formats())


def decode_image(
    source: Path | bytes, *, name: str = "", at_least: int | None = None
) -> Image.Image:
    """Decode a picture to RGB, upright, in memory.

    Parameters
    ----------
    source : Path or bytes
        A file, or the content of an upload (at most ``MAX_UPLOAD_BYTES``).
    name : str, optional
        What to call the picture in messages; a file is called by its name.
    at_least : int, optional
        A hint that no side need be longer than this many pixels: a JPEG of at
        least twice that is decoded at a half, a quarter or an eighth.

    Returns
    -------
    PIL.Image.Image
        Mode RGB. The first frame of an animation; 16 bits scaled to 8; what is
        transparent laid over neutral grey; turned as its EXIF orientation says. A JPEG
        that is whole but for the mark at its end is read, and has ``NO_END`` in its
        ``info``.

    Raises
    ------
    ImageError
        If it is empty, too large, no picture, damaged, or has more than
        ``MAX_PIXELS`` pixels; the last is read from the header, before decoding.
    """
    if isinstance(source, bytes):
        name = name or gettext("The picture")
        check_upload(len(source), name)
        return _decode(BytesIO(source), name, at_least)
    name = name or source.name
    try:
        with source.open("rb") as file:
            return _decode(file, name, at_least)
    except OSError as error:
        raise ImageError(
            gettext(
                "{name} could not be read: {why}.",
                name=name,
                why=error.strerror or error,
            ),
            expected=f"{accepted()}.",
            remedy=gettext("check the path and its permissions."),
        ) from None


def describe_end(image: Image.Image) -> str:
    """What a reader should know of a picture as it was read; empty if nothing."""
    if NO_END not in image.info:
        return ""
    return gettext(
        "The mark at the end of the file is missing; the picture is complete."
    )


def preprocess(
    image: Image.Image, size: int, *, resample: Resample = "bicubic", fit: Fit = "crop"
) -> NDArray[np.uint8]:
    """Make a square of a picture: what every model sees.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB, as from ``decode_image``.
    size : int
        Side of the result in pixels, at least 1.
    resample : str
        Pillow's filter; antialiased but for "nearest".
    fit : {"crop", "stretch"}
        Of the picture, its largest centred square, or all of it in another shape.

    Returns
    -------
    uint8 array, shape (size, size, 3)
        A square picture of that size is unchanged.

    Notes
    -----
    The image cache, the predictor and the evaluation all come through here, with the
    ``resize`` that a run's model table records. Stretched, the pixels are those of the
    processor that comes with a Hugging Face checkpoint.
    """
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    cropped = fit == "crop"
    small = image.resize(
        (size, size),
        Image.Resampling[resample.upper()],
        box=(left, top, left + side, top + side) if cropped else None,
        # In two steps it is faster, and a little off what those processors give.
        reducing_gap=3.0 if cropped else None,
    )
    return np.asarray(small, dtype=np.uint8)


def load_preprocessed(
    source: Path | bytes,
    size: int,
    *,
    name: str = "",
    resample: Resample = "bicubic",
    fit: Fit = "crop",
    change: str = "",
) -> NDArray[np.uint8]:
    """Decode and preprocess a picture, with a large JPEG decoded at a fraction.

    Parameters are those of ``decode_image`` and ``preprocess``; ``change`` is one of
    ``harmless_changes.CHANGES``, made in between to the picture in full.

    Returns
    -------
    uint8 array, shape (size, size, 3)

    Raises
    ------
    ImageError
        As ``decode_image``.
    """
    image = decode_image(source, name=name, at_least=None if change else 2 * size)
    image = apply_change(image, change)
    return preprocess(image, size, resample=resample, fit=fit)


def preprocess_drawn(
    draw: Callable[[int], NDArray[np.uint8]],
    size: int,
    change: str = "",
    *,
    resample: Resample = "bicubic",
    fit: Fit = "crop",
) -> NDArray[np.uint8]:
    """Draw a picture as the square that is wanted; there is nothing to resize.

    With a ``change``, one of ``harmless_changes.CHANGES``, it is drawn as a picture
    that somebody keeps, changed, and resized like one. ``draw`` takes pixels of a side.
    """
    if not change:
        return draw(size)
    kept = apply_change(Image.fromarray(draw(DRAWN_SIDE)), change)
    return preprocess(kept, size, resample=resample, fit=fit)


def check_upload(num_bytes: int, name: str) -> None:
    """Refuse a photo over the upload limit, or an empty one.

    Raises
    ------
    ImageError
        If ``num_bytes`` is 0 or above ``MAX_UPLOAD_BYTES``.
    """
    if num_bytes == 0:
        raise _empty(name)
    if num_bytes > MAX_UPLOAD_BYTES:
        raise ImageError(
            gettext(
                "{name} is too large: {size} MB.",
                name=name,
                size=number(num_bytes / 2**20, 1),
            ),
            expected=gettext("at most {size} MB.", size=MAX_UPLOAD_BYTES // 2**20),
            remedy=gettext("save it smaller or as JPEG, then try again."),
        )


def open_picture(file: BinaryIO, name: str) -> Image.Image:
    """Open a picture in any of the formats that are read here; decode nothing yet.

    Parameters
    ----------
    file : binary file
        At its beginning.
    name : str
        What to call the picture in messages.

    Raises
    ------
    ImageError
        If it is empty, too large, no picture, or damaged at its beginning.
    """
    start = file.read(32)
    if not start:
        raise _empty(name)
    file.seek(0)
    if _is_heic(start) and not HEIC:
        raise _heic_cannot_be_read(name)
    try:
        return Image.open(file, formats=_heic() if _is_heic(start) else FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(name) from None
    except UnidentifiedImageError:
        if _begins_as_picture(start):
            raise _damaged(name) from None
        raise ImageError(
            _no_picture(name, start),
            expected=f"{accepted()}.",
            remedy=gettext("open it in a picture program and save it as JPEG or PNG."),
        ) from None
    except _DAMAGE:
        raise _damaged(name) from None


@lru_cache
def _heic() -> tuple[str, ...]:
    """Let Pillow read HEIC, and give its name for it."""
    importlib.import_module("pillow_heif").register_heif_opener()
    return ("HEIF",)


def _decode(file: BinaryIO, name: str, at_least: int | None) -> Image.Image:
    with open_picture(file, name) as image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_many_pixels(name, f"{image.width:,} x {image.height:,}")
        try:
            return _read(image, at_least)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise _too_many_pixels(name) from None
        except _DAMAGE:
            if image.format in _JPEG and (whole := _read_without_end(file, at_least)):
                return whole
            raise _damaged(name) from None
        except MemoryError:
            raise _too_many_pixels(name) from None


def _read(image: Image.Image, at_least: int | None) -> Image.Image:
    if at_least is not None and image.format in _JPEG:
        image.draft(None, (at_least, at_least))
    image.load()
    return _upright(_to_rgb(image), _orientation(image))


def _read_without_end(file: BinaryIO, at_least: int | None) -> Image.Image | None:
    """Read a JPEG that lacks the mark at its end, and nothing of its picture.

    The decoder does not say whether it had all data: it fills up what is missing. So
    the file is read with three different fillings, and is whole if they change nothing.
    None if it is not.
    """
    file.seek(0)
    content = file.read().removesuffix(_END[:1])
    whole = None
    for filling in _FILLINGS:
        mended = BytesIO(content + filling + _END)
        try:
            with Image.open(mended, formats=("JPEG",)) as image:
                read = _read(image, at_least)
        except _DAMAGE:
            return None
        if whole is not None and whole.tobytes() != read.tobytes():
            return None
        whole = read
    if whole is not None:
        whole.info[NO_END] = True
    return whole


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_to_8_bits(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        over = image.convert("RGBA")
        under = Image.new("RGBA", over.size, (*NEUTRAL, 255))
        return Image.alpha_composite(under, over).convert("RGB")
    return image.convert("RGB")


def _to_8_bits(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale 16-bit grey by its range, anything wider by its largest value."""
    values = np.nan_to_num(grey.astype(np.float32), posinf=0.0, neginf=0.0)
    largest = float(values.max())
    unit = 1.0 if largest <= 1 else 255.0
    top = unit if grey.dtype.kind == "f" else 65535.0
    scaled = np.rint(values * (255.0 / max(top, largest)))
    bounded: NDArray[np.uint8] = np.clip(scaled, 0, 255).astype(np.uint8)
    return bounded


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_EXIF_ORIENTATION, 1)
    except _DAMAGE:  # a damaged tag does not make a good picture useless
        return 1
    return value if isinstance(value, int) else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


def _begins_as_picture(start: bytes) -> bool:
    signatures = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*")
    webp = start.startswith(b"RIFF") and start[8:12] == b"WEBP"
    avif = start[4:12] in (b"ftypavif", b"ftypavis")
    return webp or avif or _is_heic(start) or start.startswith(signatures)


def _is_heic(start: bytes) -> bool:
    """Whether a file begins as HEIC or another HEIF but AVIF, which Pillow reads."""
    is_heif = start[4:8] == b"ftyp" and start[8:11] in (b"hei", b"hev", b"mif")
    return is_heif and b"avif" not in start[16:]


def _heic_cannot_be_read(name: str) -> ImageError:
    return ImageError(
        gettext("{name} is HEIC, a phone's format, which is not read here.", name=name),
        expected=f"{accepted()}.",
        remedy=gettext(
            "save it as JPEG, or install what reads it: {command}.",
            command="pip install 'equipoise[heic]'",
        ),
    )


def _no_picture(name: str, start: bytes) -> str:
    """Say that a file is not a picture, and what it is instead."""
    if start.startswith(b"%PDF"):
        return gettext(
            "{name} is not a picture that can be read (it is a PDF), whatever its name "
            "says.",
            name=name,
        )
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in start):
        return gettext(
            "{name} is not a picture that can be read (it holds text), whatever its "
            "name says.",
            name=name,
        )
    return gettext(
        "{name} is not a picture that can be read, whatever its name says.", name=name
    )


def _empty(name: str) -> ImageError:
    return ImageError(
        gettext("{name} is empty: 0 bytes.", name=name),
        expected=f"{accepted()}.",
        remedy=gettext("copy the file again from where it came from."),
    )


def _damaged(name: str) -> ImageError:
    return ImageError(
        gettext(
            "{name} is damaged: it begins as a picture but breaks off or cannot "
            "be decoded.",
            name=name,
        ),
        expected=gettext("{accepted}, complete.", accepted=accepted()),
        remedy=gettext("copy the file again from where it came from."),
    )


def _too_many_pixels(name: str, extent: str = "") -> ImageError:
    return ImageError(
        gettext("{name} has too many pixels: {extent}.", name=name, extent=extent)
        if extent
        else gettext("{name} has too many pixels.", name=name),
        expected=gettext("at most {n} million pixels.", n=MAX_PIXELS // 10**6),
        remedy=gettext("save it at a smaller size, then try again."),
    )
