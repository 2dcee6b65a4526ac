"""Mean maps, with an explainer whose maps are known."""

from types import SimpleNamespace

import numpy as np
import pytest

from core.data.readers import avatars
from core.errors import EquipoiseError
from core.explain.attention_rollout import ROLLOUT
from core.explain.explainer import Explanation
from core.explain.hires_cam import HIRES_CAM
from core.explain.occlusion import Hiding
from core.mean_maps import map_tiles, mean_maps
from core.predictor import Preprocessing
from core.study import load_study
from core.tasks import Binary, Regression

TASK = Binary("glasses", "Glasses", ("no glasses", "glasses"))
AGE = Regression("age", "Age", "years", 1, 80, 10)
SIZE = 24
HIDING = Hiding(0.9, 0.5, np.array([0.8]))
PATHS = ["avatars:1", "avatars:2"]


class Known:
    """Marks the first row in the first picture, and the second row in the second."""

    methods = ("baseline", "vit")

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.seen: list[np.ndarray] = []

    def explain(self, seen, task, classes=None):
        self.asked.append(classes)
        self.seen.append(seen["baseline"])
        heat = np.zeros((SIZE, SIZE), np.float32)
        heat[len(self.seen) - 1] = 1
        heat[5] = 1
        return {
            "baseline": Explanation("baseline", 0, HIRES_CAM, heat, ((6, 6),), HIDING),
            "vit": Explanation("vit", 0, ROLLOUT, 0 * heat, ((3, 3),), HIDING),
        }


@pytest.fixture
def predictor():
    kind = Preprocessing(SIZE)
    return SimpleNamespace(preprocessing_of=lambda method: kind)


def test_maps_and_pictures_are_averaged(predictor):
    explainer, study = Known(), load_study("avatars")
    told = []
    found = mean_maps(
        explainer,
        predictor,
        study,
        PATHS,
        TASK,
        "glasses",
        progress=lambda what, done, total: told.append((done, total)),
    )
    one = found["baseline"]
    heat = one.explanation.heat
    assert heat[0].tolist() == heat[1].tolist() == [0.5] * SIZE
    assert heat[5].tolist() == [1] * SIZE
    assert heat[6:].max() == 0
    assert (one.pictures, one.explanation.grids) == (2, ((6, 6),))
    options = avatars.AvatarsOptions.model_validate(study.dataset.options)
    drawn = [avatars.render(index, SIZE, options) for index in (1, 2)]
    assert (explainer.seen[0] == drawn[0]).all()
    np.testing.assert_allclose(one.picture, np.mean(drawn, axis=0), atol=0.51)
    assert explainer.asked == [{"baseline": "glasses", "vit": "glasses"}] * 2
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert found["vit"].explanation.heat.max() == 0


def test_a_number_has_no_class(predictor):
    explainer = Known()
    mean_maps(explainer, predictor, load_study("avatars"), PATHS, AGE, "10-19")
    assert explainer.asked == [None, None]


def test_tiles_say_of_what_they_are(predictor):
    found = mean_maps(Known(), predictor, load_study("avatars"), PATHS, TASK, "glasses")
    first, second = map_tiles(found, TASK, "glasses", {"baseline": "Baseline"})
    assert first.title == "Baseline"
    assert first.lines == (
        "for glasses",
        "HiResCAM, 6\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}6",
    )
    assert second.title == "vit"
    assert second.lines == (
        "whatever the answer",
        "attention rollout, 3\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}3",
    )
    assert first.pixels.shape[2] == 3
    (age, _) = map_tiles(found, AGE, "10-19", {})
    assert age.lines[0] == "for a higher age"


def test_without_a_picture_there_is_no_map(predictor):
    with pytest.raises(EquipoiseError, match="no picture of 'glasses'"):
        mean_maps(Known(), predictor, load_study("avatars"), [], TASK, "glasses")
