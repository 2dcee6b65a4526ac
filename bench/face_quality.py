"""The quality of UTKFace's test faces, and what smaller and blurred ones cost.

``python -m bench.face_quality FOLDER``, of UTKFace's aligned crops, prints where the
bounds of ``core.face_quality`` come from.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter

from core.data.images import decode_image
from core.data.manifest import TEST
from core.data.readers.utkface import INFO
from core.face_quality import measure_quality
from core.faces import Face, FaceDetector
from core.predictor import Predictor
from core.runs import first_models, list_runs, shipped_manifest

STUDY, METHOD = "utkface", "baseline"
COUNT, SEED = 500, 0
WIDTHS = (60, 50, 40, 30, 20, 10)
BLURS = (1, 2, 3, 4)
BATCHES = (1, 4, 16, 64)
Changed = tuple[Image.Image, Face]


def main() -> None:
    """Print the measures of faces, then the errors of smaller and of blurred ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=COUNT)
    asked = parser.parse_args()
    manifest = shipped_manifest(STUDY)
    rows = manifest[manifest["split"] == TEST].sample(asked.count, random_state=SEED)
    faces, rows = find_test_faces(asked.folder, rows)
    found = pd.DataFrame([measure_quality(*face).values for face in faces])
    print(f"{len(faces)} of {asked.count} faces found")  # noqa: T201
    print(found.agg(["min", "median", "max"]).T.round(3).to_string())  # noqa: T201
    runs = [run for run in list_runs(STUDY).runs if run.method == METHOD]
    predictor = Predictor.load(first_models(runs), INFO.tasks)
    cases: dict[str, Callable[[Changed], Changed]] = {"whole": lambda face: face}
    cases |= {f"{w} px wide": lambda face, w=w: shrink(face, w) for w in WIDTHS}
    cases |= {f"blurred by {b} px": lambda face, b=b: blur(face, b) for b in BLURS}
    for name, change in cases.items():
        mae = age_mae([change(face) for face in faces], rows["age"], predictor)
        print(f"{name}: age MAE {mae:.2f} years")  # noqa: T201


def find_test_faces(
    folder: Path, rows: pd.DataFrame
) -> tuple[list[Changed], pd.DataFrame]:
    """The crops in which the detector finds a face, and their rows."""
    detector = FaceDetector()
    seen = []
    for name in rows["image_id"]:
        path = next(folder.rglob(f"{Path(name).name}*"))
        image = decode_image(path)
        seen.append([(image, face) for face in detector.detect(image)[:1]])
    return [each[0] for each in seen if each], rows[[bool(each) for each in seen]]


def shrink(face: Changed, width: int) -> Changed:
    """The same face so many pixels wide."""
    image, known = face
    scale = width / known.box[2]
    points = tuple((x * scale, y * scale) for x, y in known.landmarks)
    small = image.resize(
        (round(image.width * scale), round(image.height * scale)),
        Image.Resampling.LANCZOS,
    )
    return small, replace(known, landmarks=points)


def blur(face: Changed, pixels: float) -> Changed:
    """The same face, blurred by a Gaussian of that deviation."""
    image, known = face
    return image.filter(ImageFilter.GaussianBlur(pixels)), known


def age_mae(faces: list[Changed], ages: pd.Series, predictor: Predictor) -> float:
    """Mean absolute error of the ages that the first model answers, in years."""
    pictures = {
        kind: np.stack([kind.cut(*face) for face in faces])
        for kind in predictor.preprocessings
    }
    answered = predictor.outputs(pictures, batches=BATCHES)["age"][0, :, 0]
    return float(np.abs(answered - ages.to_numpy()).mean())


if __name__ == "__main__":
    main()
