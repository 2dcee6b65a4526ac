"""Every kind of picture a person may drop on the page, made in memory.

``REFUSED`` maps a name to ``(make, what the message says)``; ``ODD`` to pictures that
are unusual and must work, each showing ``reference()``.
"""

import struct
import zlib
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 96, 64
RED, GREEN, BLUE, WHITE = (220, 40, 40), (40, 180, 60), (40, 60, 220), (250, 250, 250)
BOMB_SIDE = 30_000


def reference() -> NDArray[np.uint8]:
    """Quarters of red, green, blue and white: wrong turns and colours show."""
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    picture[: HEIGHT // 2, : WIDTH // 2] = RED
    picture[: HEIGHT // 2, WIDTH // 2 :] = GREEN
    picture[HEIGHT // 2 :, : WIDTH // 2] = BLUE
    picture[HEIGHT // 2 :, WIDTH // 2 :] = WHITE
    return picture


def encode(picture: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of a picture in a format."""
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def plain() -> bytes:
    return encode(Image.fromarray(reference()), "JPEG", quality=95)


def empty() -> bytes:
    return b""


def text() -> bytes:
    return b"Dear reader, this is a letter and no picture.\n" * 20


def truncated_jpeg() -> bytes:
    whole = plain()
    return whole[: len(whole) * 2 // 3]


def truncated_png() -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    return encode(Image.fromarray(noise), "PNG")[:4000]


@lru_cache
def bomb() -> bytes:
    """A whole PNG of 30,000 x 30,000 pixels in about 0.1 MB."""
    packer = zlib.compressobj(9)
    rows = bytes(100 * (1 + BOMB_SIDE // 8))
    data = b"".join(packer.compress(rows) for _ in range(BOMB_SIDE // 100))
    return png(BOMB_SIDE, BOMB_SIDE, 1, 0, data + packer.flush())


def over_limit() -> bytes:
    """A good JPEG, and more bytes than may be uploaded."""
    return plain() + bytes(10 * 1024 * 1024)


def png(width: int, height: int, depth: int, colour: int, data: bytes) -> bytes:
    """A PNG file from its header and its compressed rows."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body))
        + name
        + body
        + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def cmyk() -> bytes:
    return encode(Image.fromarray(reference()).convert("CMYK"), "JPEG", quality=95)


def sixteen_bit_grey() -> bytes:
    return encode(Image.fromarray(_grey().astype(np.uint16) * 257), "PNG")


def sixteen_bit_tiff() -> bytes:
    return encode(Image.fromarray(_grey().astype(np.uint16) * 257), "TIFF")


def sixteen_bit_rgb() -> bytes:
    deep = (reference().astype(">u2") * 257).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    return png(WIDTH, HEIGHT, 16, 2, zlib.compress(rows))


def grey() -> bytes:
    return encode(Image.fromarray(_grey()), "JPEG", quality=95)


def grey_alpha() -> bytes:
    return encode(Image.fromarray(_grey()).convert("LA"), "PNG")


def opaque_rgba() -> bytes:
    return encode(Image.fromarray(reference()).convert("RGBA"), "PNG")


def palette() -> bytes:
    return encode(Image.fromarray(reference()).quantize(8), "PNG")


def one_bit() -> bytes:
    return encode(Image.fromarray(_grey() > 128), "PNG")


def animated_gif() -> bytes:
    return _animated("GIF")


def animated_webp() -> bytes:
    return _animated("WEBP", lossless=True)


def transparent() -> bytes:
    """White quarter and blue quarter fully transparent; the rest opaque."""
    alpha = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    alpha[HEIGHT // 2 :] = 0
    return encode(Image.fromarray(np.concatenate([reference(), alpha], 2)), "PNG")


# As the EXIF standard defines them: what the first row and the first column of the
# stored picture are of the upright one.
STORED: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a[:, ::-1].transpose(1, 0, 2),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: a[::-1].transpose(1, 0, 2),
}


def rotated(orientation: int, picture: NDArray[np.uint8] | None = None) -> bytes:
    """A JPEG as a camera held that way would store it."""
    upright = reference() if picture is None else picture
    stored = np.ascontiguousarray(STORED[orientation](upright))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(Image.fromarray(stored), "JPEG", quality=95, exif=exif)


def broken_exif() -> bytes:
    """A good JPEG whose EXIF block is nonsense."""
    return encode(
        Image.fromarray(reference()), "JPEG", quality=95, exif=b"Exif\0\0nonsense!"
    )


def astronaut() -> NDArray[np.uint8]:
    """A photo of one face in the public domain (NASA, Eileen Collins), 512 px."""
    import skimage.data

    return skimage.data.astronaut()


def crowd(*, across: int = 10, down: int = 5) -> Image.Image:
    """A picture with many faces in rows."""
    face = Image.fromarray(astronaut()).crop((140, 20, 310, 215)).resize((110, 126))
    picture = Image.new("RGB", (across * 120, down * 160), (90, 120, 140))
    for index in range(across * down):
        picture.paste(face, (index % across * 120 + 5, index // across * 160 + 10))
    return picture


def small_face(width: int = 20) -> Image.Image:
    """A large picture with one face of about that many pixels across."""
    face = Image.fromarray(astronaut()).crop((140, 20, 310, 215))
    share = width / 85  # the face itself is 85 px of the crop's 170
    picture = Image.new("RGB", (400, 400), (90, 120, 140))
    picture.paste(face.resize((round(170 * share), round(195 * share))), (133, 133))
    return picture


def _grey() -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(reference()).convert("L"))


def _animated(kind: str, **options: object) -> bytes:
    first = Image.fromarray(reference())
    rest = [Image.new("RGB", first.size, colour) for colour in (GREEN, BLUE)]
    return encode(
        first, kind, save_all=True, append_images=rest, duration=100, **options
    )


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (empty, "is empty"),
    "text": (text, "is not a picture"),
    "truncated_jpeg": (truncated_jpeg, "is damaged"),
    "truncated_png": (truncated_png, "is damaged"),
    "bomb": (bomb, "too many pixels"),
    "over_limit": (over_limit, "is too large"),
}
ODD: dict[str, Callable[[], bytes]] = {
    "plain": plain,
    "cmyk": cmyk,
    "sixteen_bit_grey": sixteen_bit_grey,
    "sixteen_bit_tiff": sixteen_bit_tiff,
    "sixteen_bit_rgb": sixteen_bit_rgb,
    "grey": grey,
    "grey_alpha": grey_alpha,
    "opaque_rgba": opaque_rgba,
    "palette": palette,
    "one_bit": one_bit,
    "animated_gif": animated_gif,
    "animated_webp": animated_webp,
    "broken_exif": broken_exif,
}
COLOURLESS = {
    "sixteen_bit_grey",
    "sixteen_bit_tiff",
    "grey",
    "grey_alpha",
    "one_bit",
}
