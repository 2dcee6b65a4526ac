"""What a study shows within groups, unasked and asked for."""

import pytest

from core.data.catalog import dataset_info
from core.errors import EquipoiseError, StudyError
from core.evaluation.comparison import compare_runs
from core.evaluation.fairness_views import (
    FairnessView,
    chosen_views,
    default_features,
    fairness_views,
    group_features,
)
from core.runs import list_studies, study_of_runs
from core.study import Study, load_study, shipped_studies
from core.tasks import Multiclass
from tests.synthetic import TASKS, synthetic_study, synthetic_tables

FACES = TASKS["utkface"]
FEATURES = ("gender", "ethnicity")


def study_with(**tables: object) -> Study:
    plain = synthetic_study("utkface", methods=("baseline",), seeds=(0,))
    return Study.model_validate({**plain.model_dump(), **tables})


def shown(views: tuple[FairnessView, ...]) -> list[tuple[str, str]]:
    return [(view.metric, view.crossing) for view in views]


def test_without_a_choice_every_task_is_shown_by_the_first_other_feature() -> None:
    assert shown(fairness_views(study_with(), FACES, FEATURES)) == [
        ("age.mae", "gender"),
        ("gender.accuracy", "ethnicity"),
        ("ethnicity.macro_f1", "gender"),
    ]
    # The bins of an age serve where there is no other feature.
    assert shown(fairness_views(study_with(), FACES, ("gender",)))[1] == (
        *("gender.accuracy", "age_bin"),
    )
    gender = FACES[1:2]
    assert fairness_views(study_with(), gender, ("gender",)) == ()


def test_page_and_command_have_one_default_of_features() -> None:
    own = [
        {"metric": "age.rmse", "by": ["gender", "ethnicity"]},
        {"metric": "age.mae", "by": ["gender"]},
    ]
    study = study_with(fairness=own)
    features = {
        task.name: default_features(study, task, FACES, FEATURES) for task in FACES
    }
    assert features == {
        "age": ("gender", "ethnicity"),
        "gender": ("ethnicity",),
        "ethnicity": ("gender",),
    }
    for study in (study_with(), load_study("utkface")):
        views = fairness_views(study, FACES, FEATURES)
        for task in FACES:
            first = next(view for view in views if view.task == task.name)
            assert first.features == default_features(study, task, FACES, FEATURES)


def test_the_first_headline_metric_that_groups_have_is_taken() -> None:
    study = study_with(headline=["age.within_5", "age.rmse", "age.mae"])
    (first, *_) = fairness_views(study, FACES, ("gender",))
    assert first == FairnessView("age", ("gender",), "age.rmse")
    (only,) = fairness_views(study_with(headline=["age.within_5"]), FACES[:1], ("g",))
    assert only.metric == "age.mae"


def test_a_studys_own_choice_is_taken_as_it_stands() -> None:
    own = [{"metric": "ethnicity.recall[Asian]", "by": ["gender", "age_bin"]}]
    (view,) = fairness_views(study_with(fairness=own), FACES, FEATURES)
    assert view == FairnessView(
        "ethnicity", ("gender", "age_bin"), "ethnicity.recall[Asian]"
    )
    assert view.title(FACES) == "Ethnicity recall (Asian) by gender × age bin"


@pytest.mark.parametrize(
    ("metric", "by", "named"),
    [
        ("age.mae", "colour", "colour"),
        ("age.mae", "gender_bin", "gender_bin"),
        ("age.within_5", "gender", "within_5"),
        ("height.mae", "gender", "height"),
        ("ethnicity.recall[Martian]", "gender", "Martian"),
    ],
)
def test_a_choice_that_does_not_exist_is_named(metric, by, named) -> None:
    study = study_with(fairness=[{"metric": metric, "by": [by]}])
    with pytest.raises(EquipoiseError, match=named):
        fairness_views(study, FACES, FEATURES)


def test_a_choice_by_nothing_is_refused_with_the_file() -> None:
    with pytest.raises(ValueError, match=r"fairness\.0\.by"):
        study_with(fairness=[{"metric": "age.mae", "by": []}])


def test_what_is_shown_decides_no_run() -> None:
    own = [{"metric": "age.mae", "by": ["gender"]}]
    assert study_with(fairness=own).fingerprint() == study_with().fingerprint()


def test_features_asked_for_take_the_place_of_the_studys() -> None:
    study = load_study("utkface")
    crossed = chosen_views(study, FACES, FEATURES, by=("ethnicity", "age_bin"))
    assert shown(crossed) == [
        ("age.mae", "ethnicity × age_bin"),
        ("gender.accuracy", "ethnicity × age_bin"),
    ]
    asked = ("gender.recall", "age.within_5")
    views = chosen_views(study, FACES, FEATURES, by=("gender",), metrics=asked)
    assert shown(views) == [("gender.recall", "gender")]


def test_metrics_asked_for_are_shown_where_the_study_shows_their_task() -> None:
    study = load_study("utkface")
    asked = ("ethnicity.f1[Black]", "age.bias", "age.within_5")
    assert shown(chosen_views(study, FACES, FEATURES, metrics=asked)) == [
        ("ethnicity.f1[Black]", "gender"),
        ("age.bias", "gender × ethnicity"),
    ]
    usual = chosen_views(study, FACES, FEATURES)
    assert usual == fairness_views(study, FACES, FEATURES)


def test_a_class_among_many_may_be_asked_for_by_name() -> None:
    breed = Multiclass("breed", "Breed", tuple(f"b{i}" for i in range(30)))
    (view,) = chosen_views(
        study_with(), (breed,), ("coat",), by=("coat",), metrics=("breed.recall[b7]",)
    )
    assert view.metric == "breed.recall[b7]"


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"by": ["colour"]}, "gender, ethnicity, age_bin"),
        ({"by": ["gender"], "metrics": ["age.within_5"]}, "age.mae, age.bias"),
    ],
)
def test_what_cannot_be_shown_is_said_with_what_can(asked, named) -> None:
    with pytest.raises(EquipoiseError) as caught:
        chosen_views(study_with(), FACES, FEATURES, **asked)
    assert named in str(caught.value)


def test_a_study_without_sensitive_features_has_no_groups() -> None:
    label = TASKS["cifar10-lt-200"]
    study = synthetic_study("cifar10-lt-200", methods=("baseline",), seeds=(0,))
    assert group_features(FACES, ()) == ()
    assert fairness_views(study, label, ()) == ()
    with pytest.raises(StudyError, match="no sensitive feature"):
        chosen_views(study, label, (), by=("gender",))


@pytest.mark.parametrize("name", shipped_studies())
def test_shipped_studies_show_what_exists(name: str) -> None:
    study = load_study(name)
    info = dataset_info(study.dataset.name)
    if not info.knows_classes:
        assert not study.fairness
        return
    views = fairness_views(study, info.tasks, tuple(info.sensitive_features))
    assert bool(views) == bool(info.sensitive_features)
    assert {view.task for view in views} <= {task.name for task in info.tasks}


@pytest.mark.parametrize("name", list_studies())
def test_what_is_shown_of_shipped_runs_is_what_the_study_says(name: str) -> None:
    kept, study = study_of_runs(name), load_study(name)
    assert kept.fairness == study.fairness
    assert kept.published_by_group == study.published_by_group


def test_the_shipped_faces_show_what_was_asked_for() -> None:
    assert shown(fairness_views(load_study("utkface"), FACES, FEATURES)) == [
        ("gender.accuracy", "ethnicity × age_bin"),
        ("age.mae", "gender × ethnicity"),
        ("ethnicity.balanced_accuracy", "gender"),
        ("ethnicity.recall[Asian]", "gender"),
    ]


def test_every_view_can_be_compared() -> None:
    tables = synthetic_tables(methods=("baseline", "ins"), seeds=(0,), rows=400)
    for view in fairness_views(load_study("utkface"), FACES, FEATURES):
        comparison = compare_runs(
            tables,
            FACES,
            "baseline",
            by=view.features,
            metrics=[view.metric],
            resamples=50,
        )
        assert set(comparison.groups["metric"]) == {view.metric}
        assert comparison.grouping.feature == view.crossing
