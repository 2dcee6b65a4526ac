"""The questions of a jury are answered with the study's own numbers."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import core.runs
from core.language import speaking
from core.story.questions import Question, jury_questions, questions_of
from core.story.story import Story
from core.views.loads import load_comparison
from core.views.studies import open_study
from tests.synthetic import write_store

KEYS = (
    *("certain", "size", "split", "chosen", "interval", "baseline"),
    *("detectable", "seeds", "labels", "cost", "licences", "unknown"),
)
SHIPPED = core.runs.shipped_store()


def asked(study: str) -> dict[str, Question]:
    return {each.key: each for each in jury_questions(open_study(study))}


def infos(study: str) -> list[dict]:
    paths = (SHIPPED / study).glob("*/seed-*/run.json")
    return [json.loads(path.read_text()) for path in paths]


@pytest.mark.parametrize(
    "study", ["utkface", "avatars-softbio", "cifar10-lt-200", "cifar10-transfer"]
)
def test_every_question_has_an_answer_in_whole_sentences(study: str) -> None:
    found = asked(study)
    assert tuple(found) == KEYS
    for each in found.values():
        assert each.question.endswith("?")
        assert each.answer
        for sentence in each.answer:
            assert sentence.endswith(".")
            assert sentence[0].isupper() or sentence[0].isdigit()
            assert not sentence.startswith("Of ")
            assert "nan" not in re.findall(r"\w+", sentence)
        assert each.text == " ".join(each.answer)


def test_the_numbers_are_those_of_the_study() -> None:
    found = asked("utkface")
    counts = json.loads((SHIPPED / "utkface" / "data.json").read_text())["counts"]
    for split in ("training", "validation", "test"):
        assert f"{counts['per_split'][split]:,}" in found["size"].text
        assert f"{counts['per_split'][split]:,} {split}" in found["split"].text
    runs = infos("utkface")
    assert f"{len(runs)} trainings in all" in found["size"].text
    hours = sum(info["duration_s"] for info in runs) / 3600
    assert f"{hours:.1f} hours" in found["cost"].text
    assert "AMD EPYC" in found["cost"].text
    assert runs[0]["split_fingerprint"] in found["split"].text
    assert "non-commercial" in found["licences"].text
    assert "Apache License 2.0" in found["licences"].text


def test_the_search_and_what_was_fitted_on_validation_images_is_told() -> None:
    chosen = asked("utkface")["chosen"].text
    assert "40 settings" in chosen
    assert "validation images" in chosen
    assert "seed 5, which is none of the study's" in chosen
    fitted = asked("avatars-softbio")["chosen"].text
    assert "Thresholds, demographic parity" in fitted
    assert "fitted on the validation images" in fitted


def test_the_smallest_difference_is_the_median_over_the_methods() -> None:
    view = open_study("utkface")
    table = load_comparison(view).table
    own = table[(table["metric"] == "age.mae") & (table["method"] != view.baseline)]
    sizes = own["smallest_detectable"]
    median = np.median(sizes[np.isfinite(sizes) & (sizes > 0)])
    assert f"In age MAE, a true difference of {median:.2f} years" in (
        asked("utkface")["detectable"].text
    )


def test_the_noise_of_the_labels_is_told_where_it_is_known() -> None:
    assert "1,096 pairs of the same photo" in asked("utkface")["labels"].text
    assert "flipped" in asked("avatars-softbio")["labels"].text
    assert "not measured" in asked("cifar10-lt-200")["labels"].text


def test_one_seed_is_said_to_be_one() -> None:
    found = asked("cifar10-transfer")
    for key in ("size", "seeds", "unknown"):
        assert re.search(r"another training|One|one seed|anew", found[key].text)


def test_another_baseline_and_fewer_seeds_are_taken_in() -> None:
    view = open_study("utkface", baseline="lds", seeds=[0, 1])
    found = {each.key: each.text for each in jury_questions(view)}
    assert "compared with LDS" in found["baseline"]
    assert "own baseline is Baseline" in found["baseline"]
    assert "22 trainings" in found["size"]


def test_the_answers_are_in_the_language_of_the_one_who_asks() -> None:
    story = Story(title="A", study="utkface")
    english = questions_of(story)
    with speaking("fr"):
        french = {each.key: each for each in questions_of(story)}
    assert tuple(french) == KEYS
    for each in english:
        assert french[each.key].question != each.question
        assert french[each.key].question.endswith("\N{NO-BREAK SPACE}?")
    assert "13\N{NARROW NO-BREAK SPACE}806 images d’entraînement" in french["size"].text
    hours = sum(info["duration_s"] for info in infos("utkface")) / 3600
    assert f"{hours:.1f} heures".replace(".", ",") in french["cost"].text
    assert questions_of(story) == english


def test_a_study_that_records_little_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "none")
    write_store(tmp_path, "cifar10-lt-200", methods=("baseline", "focal"), rows=100)
    (tmp_path / "cifar10-lt-200" / "data.json").unlink()
    found = asked("cifar10-lt-200")
    assert "not recorded" in found["split"].text
    assert "not looked for" in found["split"].text
    assert "judged on 100 test images" in found["size"].text


def test_counts_that_nobody_recorded_are_not_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "none")
    write_store(tmp_path, "cifar10-lt-200", methods=("baseline", "focal"), rows=100)
    path = tmp_path / "cifar10-lt-200" / "data.json"
    counts = {"per_split": {"training": 1200, "test": 100}}
    twins = {"removed_test": 1, "removed_rest": 0}
    path.write_text(json.dumps({"counts": counts, "twins": twins}))
    found = asked("cifar10-lt-200")
    assert "1,200 training images" in found["size"].text
    assert "how many validation images there were is not recorded" in found["size"].text
    assert "The split has 1,200 training and 100 test images" in found["split"].text
    assert "were found in the data is not recorded" in found["split"].text
    assert "leaves 1 copy out" in found["split"].text
    assert not re.search(r"\b0 (images|validation)", found["size"].text)
    counts |= {"found": 1500}
    counts["per_split"] |= {"validation": 0}
    path.write_text(json.dumps({"counts": counts}))
    found = asked("cifar10-lt-200")
    assert "0 validation images" in found["size"].text
    assert "1,500 images were found" in found["split"].text
