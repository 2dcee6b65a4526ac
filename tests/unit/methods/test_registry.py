import subprocess
import sys

import pytest

from core.errors import MethodError, StudyError
from core.language import gettext, speaking
from core.methods.curves import USUAL
from core.methods.entries import ENTRIES
from core.methods.entry import PARTS, Entry, Parameter
from core.methods.registry import (
    get_entry,
    resolve_method,
    validate_parameters,
)
from core.study import Study
from core.tasks import Binary, Multiclass, Regression

TASKS = (
    Regression("age", "Age", "years", 1, 80, 10),
    Binary("gender", "Gender", ("male", "female")),
    Multiclass("ethnicity", "Ethnicity", ("White", "Black", "Asian", "Indian")),
)


def study(**use):
    return Study.model_validate(
        {
            "name": "faces",
            "title": "Faces",
            "baseline": "baseline",
            "dataset": {"name": "utkface"},
            "model": {"backbone": "tiny", "image_size": 32},
            "training": {"epochs": 1},
            "methods": {
                "baseline": {"label": "Baseline"},
                "tried": {"label": "Tried", "use": use},
            },
        }
    )


def resolve(features=("group",), **use):
    return resolve_method(study(**use), "tried", TASKS, features)


class TestResolve:
    def test_a_method_without_entries_is_plain(self):
        plain = resolve_method(study(), "baseline", TASKS)
        assert (plain.name, plain.label) == ("baseline", "Baseline")
        assert (plain.samplers, plain.weights, plain.losses) == ((), (), {})
        assert plain.head("ethnicity") == "logits"

    def test_each_entry_lands_in_its_part(self):
        method = resolve(
            denseweight={"on": "age", "alpha": 1},
            lmf={"on": "ethnicity"},
            undersample={"on": "ethnicity", "keep": 0.25},
            ins={"on": "gender"},
        )
        assert [p.entry.name for p in method.samplers] == ["undersample"]
        assert [(p.entry.name, p.on) for p in method.weights] == [
            ("denseweight", "age"),
            ("ins", "gender"),
        ]
        assert list(method.losses) == ["ethnicity"]
        assert method.weights[0].parameters == {"alpha": 1.0}
        assert method.samplers[0].parameters == {"keep": 0.25}
        assert method.weights[0].entry.heads == "on"
        assert method.weights[1].entry.heads == "all"

    def test_the_published_lmf_is_the_default(self):
        part = resolve(lmf={"on": "ethnicity"}).losses["ethnicity"]
        assert part.head == "logits"
        assert part.parameters == {
            "alpha": 2.5,
            "beta": 0.05,
            "gamma": 4.0,
            "max_margin": 0.5,
            "scale": 30.0,
            "class_weighting": "none",
        }

    def test_the_head_is_the_models_and_no_argument_of_the_loss(self):
        method = resolve(lmf={"on": "ethnicity", "head": "cosine"})
        assert method.head("ethnicity") == "cosine"
        assert method.head("gender") == "logits"
        assert "head" not in method.losses["ethnicity"].parameters
        assert resolve(ldam={"on": "ethnicity"}).head("ethnicity") == "cosine"

    def test_weights_and_samplers_take_a_sensitive_feature(self):
        method = resolve(ins={"on": "group"}, undersample={"on": "group"})
        assert method.weights[0].on == method.samplers[0].on == "group"

    @pytest.mark.parametrize(
        "on", ["group x gender", "group × gender", "ethnicity x gender"]
    )
    def test_weights_and_samplers_take_a_crossing(self, on):
        method = resolve(ins={"on": on}, oversample={"on": on})
        assert method.weights[0].on == method.samplers[0].on == on

    def test_weights_of_groups_are_kept_as_numbers(self):
        given = {"on": "group", "weights": {"a": 1, "b": 0.1}}
        (part,) = resolve(**{"group-weights": given}).weights
        assert part.parameters == {"weights": {"a": 1.0, "b": 0.1}}
        assert type(part.parameters["weights"]["a"]) is float

    @pytest.mark.parametrize("groups", ["group", "group x gender", "group × region"])
    def test_an_objective_goes_beside_a_loss(self, groups):
        given = {"on": "gender", "groups": groups, "step_size": 0.5}
        use = {"group-dro": given, "binary-focal": {"on": "gender"}}
        method = resolve(("group", "region"), **use)
        part = method.objectives["gender"]
        assert (part.groups, part.parameters["step_size"]) == (groups, 0.5)
        assert set(part.parameters) == {"step_size", "adjustment"}
        assert set(method.losses) == {"gender"}

    def test_an_objective_acts_from_its_start_on(self):
        given = {"on": "age", "groups": "group", "start": 0.5}
        method = resolve(**{"fairness-penalty": given})
        assert method.first_epochs(10) == (0, 5)
        assert method.at(4, 10).objectives == {}
        assert set(method.at(5, 10).objectives) == {"age"}

    def test_a_decision_is_made_between_groups(self):
        given = {"on": "gender", "groups": "group", "constraint": "equalized_odds"}
        part = resolve(**{"threshold-optimizer": given}).decisions["gender"]
        assert part.groups == "group"
        assert part.parameters["constraint"] == "equalized_odds"

    def test_a_part_builds(self):
        method = resolve(ins={"on": "ethnicity", "power": 0})
        assert method.weights[0].build([0, 0, 1]).tolist() == [1, 1, 1]

    def test_a_method_that_is_not_there(self):
        with pytest.raises(StudyError, match="no method 'lost'"):
            resolve_method(study(), "lost", TASKS)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ({"smote": {"on": "age"}}, "no method entry 'smote'"),
        ({"ins": {}}, "'on' is missing"),
        ({"ins": {"on": "hair"}}, "'hair', which is not a task or sensitive feature"),
        ({"ins": {"on": 3}}, "on 3, which is not a task"),
        (
            {"ins": {"on": "age"}},
            "'ins' cannot be used on 'age', which is a regression",
        ),
        ({"denseweight": {"on": "gender"}}, "'gender', which is a binary task"),
        ({"denseweight": {"on": "group"}}, "'group', which is a sensitive feature"),
        ({"ins": {"on": "group x age"}}, "cannot be used on 'age', which is a regr"),
        ({"ins": {"on": "group x lost"}}, "'lost', which is not a task or sensitive"),
        ({"lmf": {"on": "ethnicity x group"}}, "'ethnicity x group', which is no"),
        ({"group-dro": {"on": "gender"}}, "between which groups: 'groups' is missing"),
        (
            {"group-dro": {"on": "gender", "groups": "gender"}},
            "between the groups of 'gender', which is not a sensitive feature",
        ),
        (
            {"threshold-optimizer": {"on": "gender", "groups": "group x gender"}},
            "between the groups of 'group x gender', which is not a sensitive",
        ),
        (
            {"threshold-optimizer": {"on": "ethnicity", "groups": "group"}},
            "cannot be used on 'ethnicity', which is a multiclass",
        ),
        (
            {
                "group-dro": {"on": "gender", "groups": "group"},
                "fairness-penalty": {"on": "gender", "groups": "group"},
            },
            "two group objectives on 'gender'",
        ),
        ({"ins": {"on": "gender", "groups": "group"}}, "no parameter 'groups'"),
        (
            {"group-weights": {"on": "group", "weights": {"a": -1}}},
            "'weights' of 'group-weights' for 'a' is -1, outside its range",
        ),
        (
            {"group-weights": {"on": "group", "weights": 2}},
            "which is of the wrong type",
        ),
        ({"ins": {"on": "group", "power": {"a": 1}}}, "of the wrong type"),
        ({"lmf": {"on": "gender"}}, "'lmf' cannot be used on 'gender'"),
        ({"lmf": {"on": "group"}}, "'lmf' cannot be used on 'group'"),
        ({"lmf": {"on": "ethnicity", "gama": 4.0}}, "no parameter 'gama'"),
        ({"lmf": {"on": "ethnicity", "gamma": -1.0}}, "is -1, outside its range"),
        (
            {"lmf": {"on": "ethnicity", "gamma": float("nan")}},
            "nan, which is not a finite",
        ),
        (
            {"lmf": {"on": "ethnicity", "scale": float("inf")}},
            "inf, which is not a finite",
        ),
        (
            {"lmf": {"on": "ethnicity", "alpha": True}},
            "True, which is of the wrong type",
        ),
        ({"lmf": {"on": "ethnicity", "alpha": "2"}}, "'2', which is of the wrong type"),
        ({"lmf": {"on": "ethnicity", "head": "linear"}}, "cannot be 'linear'"),
        ({"lmf": {"on": "ethnicity", "class_weighting": 1}}, "cannot be 1"),
        ({"undersample": {"on": "gender", "keep": 0}}, "is 0, outside its range"),
        ({"lds": {"on": "age", "kernel_size": 4}}, "of 'lds' is 4, an even number"),
        ({"fds": {"on": "age", "kernel_size": 100}}, "of 'fds' is 100, an even"),
        (
            {"lmf": {"on": "ethnicity", "alpha": 0, "beta": 0.0}},
            "Method 'tried' sets 'alpha' and 'beta' of 'lmf' to 0",
        ),
        (
            {"lmf": {"on": "ethnicity"}, "focal": {"on": "ethnicity"}},
            "two losses on 'ethnicity': 'lmf' and 'focal'",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_fault_has_its_own_message(use, message):
    with pytest.raises(MethodError, match=message) as caught:
        resolve(**use)
    assert caught.value.expected
    assert caught.value.remedy


@pytest.mark.parametrize(
    "use",
    [
        {"lds": {"on": "age", "kernel_size": 1}},
        {"fds": {"on": "age", "kernel_size": 101}},
        {"lmf": {"on": "ethnicity", "alpha": 0}},
        {"lmf": {"on": "ethnicity", "beta": 0}},
    ],
)
def test_what_is_odd_or_only_one_of_two_zeros_is_no_fault(use):
    assert resolve(**use)


def test_expected_names_only_what_would_do():
    with pytest.raises(MethodError) as caught:
        resolve(ins={"on": "age"})
    assert caught.value.expected == "one of gender, ethnicity, group."
    with pytest.raises(MethodError) as caught:
        resolve(lmf={"on": "age"})
    assert caught.value.expected == "one of ethnicity."


@pytest.mark.parametrize("sampler", ["mixup", "cutmix", "remix", "cmo", "deepsmote"])
@pytest.mark.parametrize(
    ("other", "given", "needs"),
    [
        ("fds", {"on": "age"}, "one target an image"),
        ("group-dro", {"on": "gender", "groups": "group"}, "one group an image"),
        ("fairness-penalty", {"on": "age", "groups": "group"}, "one group an image"),
    ],
)
def test_images_of_two_are_refused_where_one_label_is_needed(
    sampler, other, given, needs
):
    said = f"'tried' has '{sampler}', .* and '{other}', which needs {needs}"
    with pytest.raises(MethodError, match=said):
        resolve(**{sampler: {"on": "ethnicity"}, other: given})


def test_a_method_says_whether_its_pictures_are_those_of_the_cache():
    assert resolve(cmo={"on": "group"}).changes_pixels
    assert not resolve(oversample={"on": "ethnicity"}).changes_pixels
    assert not resolve().changes_pixels


def test_two_samplers_are_refused(monkeypatch):
    twin = ENTRIES["undersample"]
    monkeypatch.setitem(ENTRIES, "again", twin)
    with pytest.raises(MethodError, match="more than one sampler"):
        resolve(undersample={"on": "gender"}, again={"on": "group"})


@pytest.mark.parametrize(
    ("default", "given", "kept"),
    [(2.0, 3, 3.0), (2, 3, 3), (True, False, False), ("a", "b", "b")],
)
def test_types_are_kept(default, given, kept):
    entry = made(Parameter("p", default, None, None, "", ("a", "b")))
    value = validate_parameters(entry, {"p": given})["p"]
    assert value == kept
    assert type(value) is type(kept)


@pytest.mark.parametrize(
    ("default", "given", "message"),
    [(2, 2.5, "a whole number"), (True, 1, "true or false"), (2, True, "a whole")],
)
def test_types_do_not_convert(default, given, message):
    with pytest.raises(MethodError, match=message):
        validate_parameters(made(Parameter("p", default, None, None, "")), {"p": given})


@pytest.mark.parametrize("bad", [True, "1", None])
def test_what_is_in_a_table_is_a_number(bad):
    with pytest.raises(MethodError, match=f"for 'a' is {bad!r}, .* wrong type"):
        validate_parameters(get_entry("group-weights"), {"weights": {"a": bad}})


def made(*parameters):
    return Entry(
        "made", "Made", "", 2000, "", "weights", ("binary",), parameters, (), "m:f"
    )


def test_get_entry():
    assert get_entry("lmf").label == "LMF"
    with pytest.raises(MethodError, match=r"one of .*ins, .*lmf"):
        get_entry("LMF")


def test_listing_and_resolving_methods_imports_no_training_engine():
    program = (
        "import sys; from core.methods.registry import ENTRIES, resolve_method;"
        "heavy = {'keras', 'tensorflow', 'torch', 'sklearn', 'scipy', 'pandas'};"
        "assert ENTRIES; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_part_acts_from_its_share_of_the_epochs_on():
    faces = study(
        ldam={"on": "ethnicity"}, ins={"on": "ethnicity", "start": 0.8, "power": 0.5}
    )
    method = resolve_method(faces, "tried", TASKS)
    assert method.weights[0].start == 0.8
    assert method.first_epochs(30) == (0, 24)
    assert method.at(23, 30).weights == ()
    assert method.at(23, 30).losses == method.losses
    assert method.at(24, 30).weights == method.weights


@pytest.mark.parametrize("start", [-0.1, 1, 1.5, "half", True])
def test_a_start_that_cannot_be_is_said(start):
    faces = study(ins={"on": "ethnicity", "start": start})
    with pytest.raises(MethodError, match="'start' of 'ins'"):
        resolve_method(faces, "tried", TASKS)


def test_a_cosine_head_cannot_start_late():
    faces = study(ldam={"on": "ethnicity", "head": "cosine", "start": 0.5})
    with pytest.raises(MethodError, match="cosine"):
        resolve_method(faces, "tried", TASKS)


# Names that a paper gave, the same in both languages.
NAMES = {"Balanced MSE", "Group DRO"}


@pytest.mark.parametrize("entry", [*USUAL.values(), *ENTRIES.values()])
def test_every_text_of_an_entry_is_said_in_french(entry: Entry) -> None:
    texts = {entry.summary, *entry.traps, *(p.description for p in entry.parameters)}
    if " " in entry.label:
        texts.add(entry.label)
    with speaking("fr"):
        assert not [text for text in texts - NAMES if gettext(text) == text]


def test_every_name_of_a_part_is_said_in_french() -> None:
    with speaking("fr"):
        for part in PARTS.values():
            for text in (part.title, part.kind, part.plural, part.decides):
                assert gettext(text) != text


def test_a_parameter_out_of_its_range_is_said_in_french() -> None:
    with speaking("fr"), pytest.raises(MethodError) as raised:
        validate_parameters(ENTRIES["undersample"], {"keep": 1.5})
    assert raised.value.problem == (
        "«\xa0keep\xa0» de «\xa0undersample\xa0» vaut 1,5, hors de sa plage."
    )
    assert raised.value.expected == "un nombre de 0,01 à 1."
    assert raised.value.remedy.endswith("la valeur par défaut est 0,5.")
