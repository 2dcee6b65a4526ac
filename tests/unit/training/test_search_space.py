"""What a search varies of a method, and where it puts what it tried."""

from typing import Any

import pytest

from core.data.readers.avatars import INFO
from core.methods.registry import resolve_method
from core.study import MethodTable, Study
from core.training.search_space import search_space, with_settings
from core.tunable import Span, Words
from tests.tiny import tiny_study

VIT = {
    "backbone": "vit",
    "options": {"patch": 16, "layers": 1, "heads": 1, "width": 8, "mlp": 8},
}


def study_with(**methods: MethodTable) -> Study:
    tiny = tiny_study()
    return tiny.model_copy(update={"methods": {**tiny.methods, **methods}})


def table(use: dict[str, Any] | None = None, **more: Any) -> MethodTable:
    return MethodTable(label="Tried", use=use or {}, **more)


def space_of(study: Study, method: str) -> dict[str, Any]:
    features = INFO.sensitive_features
    resolved = resolve_method(study, method, INFO.tasks, features)
    return {s.place: s for s in search_space(study, resolved, INFO.tasks)}


def test_the_baseline_has_the_recipe() -> None:
    space = space_of(tiny_study(weight_decay=0.01), "baseline")
    assert list(space) == [
        "training.learning_rate",
        "training.weight_decay",
        "model.head_units",
        "model.dropout",
        # Its dense layers and its dropout are switched off, and stay so.
        "model.options.filters",
        # That of age stays: only the ratio matters.
        "loss_weights.glasses",
        "loss_weights.hair",
    ]
    rate = space["training.learning_rate"]
    assert rate.tried == Span(0.1 * rate.own, 10 * rate.own, by_powers=True)
    assert space["model.options.filters"].tried == Words.from_values(
        [(8,), (4,), (16,)]
    )
    assert "training.weight_decay" not in space_of(tiny_study(), "baseline")


def test_another_method_has_its_parameters_its_heads_and_its_learning_rate() -> None:
    space = space_of(tiny_study(), "denseweight-lmf")
    assert list(space) == [
        "use.denseweight.alpha",
        *(f"use.lmf.{name}" for name in ("alpha", "beta", "gamma")),
        *(f"use.lmf.{name}" for name in ("max_margin", "scale", "head")),
        "training.learning_rate",
        "loss_weights.age",
        "loss_weights.hair",
    ]
    assert space["use.lmf.head"].own == "cosine"
    assert space["loss_weights.age"].own == 0.1
    low, high = (
        space["loss_weights.age"].tried.low,
        space["loss_weights.age"].tried.high,
    )
    assert (low, high) == (pytest.approx(0.01), pytest.approx(1))


def test_what_acts_afterwards_alone_has_no_training_to_search() -> None:
    post = {"post-hoc-logit-adjustment": {"on": "hair"}}
    study = study_with(post=table(post), both=table({"ins": {"on": "hair"}, **post}))
    assert list(space_of(study, "post")) == ["use.post-hoc-logit-adjustment.tau"]
    both = space_of(study, "both")
    assert {"training.learning_rate", "use.ins.power"} <= set(both)
    assert "use.post-hoc-logit-adjustment.tau" in both
    rule = {"threshold-optimizer": {"on": "glasses", "groups": "group"}}
    assert space_of(study_with(rule=table(rule)), "rule") == {}


def test_what_does_nothing_is_not_searched() -> None:
    loss = {"binary-focal": {"on": "glasses"}}
    study = study_with(focal=table(loss))
    assert "use.binary-focal.alpha" not in space_of(study, "focal")
    loss["binary-focal"]["apply_class_balancing"] = True
    study = study_with(focal=table(loss))
    assert "use.binary-focal.alpha" in space_of(study, "focal")
    late = {"ldam": {"on": "hair", "head": "logits", "start": 0.5}}
    space = space_of(study_with(late=table(late)), "late")
    # Cosine logits are refused to a loss that starts late.
    assert "use.ldam.head" not in space
    assert "use.ldam.scale" in space


def test_a_method_with_a_model_of_its_own_has_its_own_recipe() -> None:
    study = study_with(vit=table(model=VIT))
    space = space_of(study, "vit")
    assert space["model.options.mlp"].tried == Words.from_values([8, 4, 16])
    assert "model.options.filters" not in space
    tried = {"model.options.mlp": 16, "model.dropout": 0.5, "loss_weights.hair": 3.0}
    changed = with_settings(study, "vit", tried)
    assert changed.for_method("vit").model.options == {**VIT["options"], "mlp": 16}
    assert changed.for_method("vit").model.dropout == 0.5
    assert changed.loss_weights("vit")["hair"] == 3.0
    assert changed.model == study.model
    assert changed.training == study.training


def test_loaded_weights_keep_the_shape_of_their_backbone() -> None:
    study = tiny_study()
    options = {**study.model.options, "dropout": 0.2}
    model = study.model.model_copy(
        update={"weights": "run:other/baseline", "options": options}
    )
    space = space_of(study.model_copy(update={"model": model}), "baseline")
    assert "model.options.dropout" in space
    assert "model.options.filters" not in space


def test_the_baseline_s_recipe_is_that_of_all_methods() -> None:
    tried = {
        "training.learning_rate": 0.01,
        "model.options.filters": [16],
        "loss_weights.hair": 2.0,
    }
    changed = with_settings(tiny_study(), "baseline", tried)
    assert changed.methods == tiny_study().methods
    own = changed.for_method("ins")
    assert own.training.learning_rate == 0.01
    assert own.model.options["filters"] == [16]
    assert own.model.options["kernel"] == 5
    assert changed.loss_weights("ins") == {"age": 0.1, "hair": 2.0}


def test_what_the_baseline_has_by_itself_stays_its_own() -> None:
    own = table(training={"learning_rate": 0.5}, loss_weights={"hair": 7.0})
    study = study_with(baseline=own)
    tried = {"training.learning_rate": 0.01, "loss_weights.hair": 2.0}
    changed = with_settings(study, "baseline", tried)
    assert changed.training == study.training
    assert changed.for_method("baseline").training.learning_rate == 0.01
    assert changed.loss_weights("baseline")["hair"] == 2.0


def test_what_was_tried_of_an_entry_stays_beside_the_rest() -> None:
    changed = with_settings(tiny_study(), "denseweight-lmf", {"use.lmf.alpha": 0.5})
    assert changed.methods["denseweight-lmf"].use == {
        "denseweight": {"on": "age", "alpha": 1.0},
        "lmf": {"on": "hair", "head": "cosine", "alpha": 0.5},
    }


def test_the_study_s_own_settings_change_nothing() -> None:
    study = tiny_study()
    for method in study.methods:
        own = {
            place: list(s.own) if isinstance(s.own, tuple) else s.own
            for place, s in space_of(study, method).items()
        }
        changed = with_settings(study, method, own)
        for name in study.methods:
            before, after = study.for_method(name), changed.for_method(name)
            assert after.model == before.model
            assert after.training.learning_rate == before.training.learning_rate
