"""How datasets of faces cut their pictures: where in a crop the face is."""

from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True)
class FaceTemplate:
    """The crop that a dataset's faces are aligned in.

    Parameters
    ----------
    width, height : int
        Of the crop, in pixels.
    landmarks : tuple of five (x, y)
        Where in it are, about, the left eye, the right eye, the nose and the left and
        right corner of the mouth; left and right as the viewer sees them.
    """

    width: int
    height: int
    landmarks: tuple[Point, Point, Point, Point, Point]


UTKFACE = FaceTemplate(
    200, 200, ((58, 58), (137, 58), (99, 103), (64, 136), (131, 138))
)
CELEBA = FaceTemplate(
    178, 218, ((69, 111), (108, 111), (88, 136), (72, 152), (105, 152))
)
