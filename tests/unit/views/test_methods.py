"""What a method changes: the curves are those of textbooks, Keras only for a loss."""

import subprocess
import sys

import numpy as np
import pytest

from core.errors import NothingToShow
from core.language import speaking
from core.runs import shipped_manifest
from core.views import methods
from core.views.studies import open_study
from core.views.study_view import StudyView

WITHOUT_KERAS = """
import sys
from core.views.methods import draw_method, draw_schedule
from core.views.studies import open_study

view = open_study("avatars")
for name in ("ins", "undersample", "denseweight"):
    assert draw_method(view, method=name).figures
assert draw_schedule(view).figures
assert not {"keras", "tensorflow"} & sys.modules.keys()
"""


@pytest.fixture(scope="module")
def view() -> StudyView:
    return open_study("avatars")


def test_weights_are_drawn_by_class_from_common_to_rare(view: StudyView) -> None:
    drawn = methods.draw_method(view, method="ins")
    manifest = shipped_manifest("avatars")
    assert manifest is not None
    counts = manifest.loc[manifest["split"] == "training", "hair"].value_counts()
    assert drawn.data is not None
    weights = drawn.data.set_index("class")["value"]
    # The inverse number of samples, to the power that the study has.
    power = view.study.methods["ins"].use["ins"]["power"]
    scaled = [weights[name] * counts[name] ** power for name in counts.index]
    assert scaled == pytest.approx([scaled[0]] * len(scaled))
    totals = [weights[name] * counts[name] for name in counts.index]
    assert sum(totals) == pytest.approx(counts.sum())
    (figure,) = drawn.figures.values()
    assert "w_i" in drawn.note
    assert figure.data[0].y[0] == pytest.approx(weights[counts.index[0]])


def test_a_loss_is_drawn_beside_the_usual_one() -> None:
    found = open_study("cifar10-lt-200")
    drawn = methods.draw_method(found, method="focal")
    assert len(drawn.figures) == 2
    assert drawn.data is not None
    usual = drawn.data[drawn.data["method"] == "cross-entropy"]
    # Cross-entropy of the true class, at the probabilities drawn.
    np.testing.assert_allclose(usual["loss"], -np.log(usual["p"]), rtol=1e-4, atol=1e-6)
    assert drawn.numbers is not None
    assert list(drawn.numbers.frame["Remedy"]) == ["Focal loss"]


def test_a_remedy_between_groups_has_its_formula_alone() -> None:
    drawn = methods.draw_method(open_study("avatars-softbio"), method="group-dro")
    assert not drawn.figures
    assert "L = Σ_g q_g m_g" in drawn.note
    assert drawn.numbers is not None


def test_weights_and_draws_need_no_keras() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_KERAS], check=True)


def test_a_schedule_has_a_step_a_batch(view: StudyView) -> None:
    drawn = methods.draw_schedule(view, method="ins", images=640)
    batch = view.study.for_method("ins").training.batch_size
    assert f"{640 // batch:,} an epoch" in drawn.note
    assert drawn.data is not None
    assert drawn.data["epoch"].max() <= view.study.training.epochs
    assert methods.first_with_phases(view) in view.study.methods


def test_a_method_that_the_study_does_not_train_is_named(view: StudyView) -> None:
    with pytest.raises(NothingToShow, match="trains no method"):
        methods.draw_method(view, method="nobody")


def test_a_method_is_drawn_in_the_language_that_is_spoken() -> None:
    found = open_study("cifar10-lt-200")
    with speaking("fr"):
        french = methods.draw_method(found, method="csce")
        course = methods.draw_schedule(found, method="csce")
    assert french.numbers is not None
    row = french.numbers.frame.iloc[0]
    assert (row["Remède"], row["Changements"]) == ("Poids INS", "Poids")
    assert "une image pèse 45 contre 0,22 avec Poids INS" in french.takeaway
    assert "échauffement, Entropie croisée avec Poids INS" in course.takeaway
    (figure,) = french.figures.values()
    assert figure.layout.xaxis.title.text.endswith("du fréquent au rare")
    english = methods.draw_method(found, method="csce")
    assert "an image weighs 45 against 0.22 under INS weights" in english.takeaway
    assert english.numbers is not None
    assert list(english.numbers.frame["Remedy"]) == ["INS weights"]
