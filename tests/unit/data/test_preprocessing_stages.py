from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.enhancement import Enhancement, enhance
from core.data.images import decode_image, preprocess
from core.data.preprocessing_stages import (
    DRAWN_SIDE,
    LONGEST,
    stages_of_path,
    stages_of_upload,
    try_enhancement,
)
from core.data.readers.avatars import AvatarsOptions, render
from core.errors import ImageError
from core.study import ResizeTable, Study, parse_study
from tests.bad_images import plain

STUDY = """
schema = 1
name = "mine"
title = "Mine"
baseline = "baseline"
[dataset]
name = "{name}"
options = {options}
[model]
backbone = "cnn"
image_size = 32
[training]
epochs = 1
[methods.baseline]
label = "Baseline"
"""


def study_on(
    name: str, options: str = "{}", resize: ResizeTable | None = None
) -> Study:
    study = parse_study(STUDY.format(name=name, options=options), origin="mine")
    model = study.model.model_copy(update={"resize": resize})
    return study.model_copy(update={"model": model})


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "wide.png"
    pixels = np.random.default_rng(0).integers(60, 180, (400, 900, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_a_file_is_shown_as_it_is_and_as_the_cache_holds_it(picture: Path) -> None:
    stages = stages_of_path(
        study_on("image-table", "{ equalize = true }"), str(picture)
    )
    assert stages.extent == (900, 400)
    assert max(stages.before.shape) == LONGEST
    wanted = preprocess(decode_image(picture), 32)
    wanted = enhance(wanted, Enhancement(equalize=True))
    np.testing.assert_array_equal(stages.after, wanted)
    assert stages.steps == (
        "cropped to its largest centred square",
        "resized to 32 × 32 pixels (bicubic)",
        "histogram equalisation",
    )


def test_a_box_is_one_of_the_steps(picture: Path) -> None:
    study = study_on("stanford-dogs", "{ crop_to_box = true }")
    stages = stages_of_path(study, f"{picture}\t10,20,110,220")
    assert stages.extent == (900, 400)
    assert stages.steps[0] == "cropped to the box 10, 20, 110, 220"
    cropped = decode_image(picture).crop((10, 20, 110, 220))
    np.testing.assert_array_equal(stages.after, preprocess(cropped, 32))


def test_a_generated_picture_is_drawn_at_both_sizes() -> None:
    stages = stages_of_path(study_on("avatars", "{ count = 60 }"), "avatars:7")
    options = AvatarsOptions(count=60)
    np.testing.assert_array_equal(stages.before, render(7, DRAWN_SIDE, options))
    np.testing.assert_array_equal(stages.after, render(7, 32, options))
    assert stages.steps == ("drawn at 32 × 32 pixels",)


def test_an_upload_is_taken_whole_and_resized_as_the_model_asks() -> None:
    resize = ResizeTable(resample="bilinear", fit="stretch")
    study = study_on("stanford-dogs", "{ crop_to_box = true }", resize)
    stages = stages_of_upload(study, plain())
    image = decode_image(plain())
    wanted = preprocess(image, 32, resample="bilinear", fit="stretch")
    np.testing.assert_array_equal(stages.after, wanted)
    assert stages.steps == ("stretched and resized to 32 × 32 pixels (bilinear)",)
    with pytest.raises(ImageError, match="mine is not a picture"):
        stages_of_upload(study, b"Dear reader", name="mine")


def test_what_is_tried_comes_last_and_says_so(picture: Path) -> None:
    stages = stages_of_path(study_on("image-table"), str(picture))
    tried = try_enhancement(stages, Enhancement(autocontrast=True))
    assert tried.steps == (*stages.steps, "autocontrast (tried here only)")
    assert np.ptp(tried.after) == 255
    np.testing.assert_array_equal(tried.before, stages.before)
    assert try_enhancement(stages, Enhancement()).after is stages.after
