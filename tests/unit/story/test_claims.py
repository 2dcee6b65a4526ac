"""Claims in English and French are checked against the verdicts, and proposed."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

import core.runs
from core.evaluation import verdicts
from core.evaluation.metrics import metric_info
from core.language import speaking
from core.story.claim_reading import _named
from core.story.claim_words import Kind
from core.story.claims import (
    NOTHING_RECOGNISED,
    ONE_TRAINING,
    Status,
    _judge,
    check_claim,
    propose_claims,
)
from core.text import strong
from core.views.catalog import draw_view
from core.views.drawing import Drawn
from core.views.loads import load_comparison, load_metrics
from core.views.studies import open_study
from core.views.study_view import StudyView
from tests.synthetic import write_store

APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
# By their making (tests/synthetic.py) these methods differ in truth: the age errors of
# DenseWeight are smaller and those of DenseWeight, alpha 1 larger than the baseline's;
# LMF and INS find the rare ethnicity; under-sampling is worse at both classes.
SUPPORTED = (
    "DenseWeight beats the baseline on age MAE.",
    "denseweight outperforms Baseline on the mean absolute error",
    "DenseWeight has a lower age error than the baseline.",
    "The age error of DenseWeight is lower than that of the baseline.",
    "Compared with the baseline, DenseWeight lowers the age MAE.",
    "The baseline is beaten by DenseWeight on age MAE.",
    "The baseline is worse than DenseWeight on age MAE.",
    "DenseWeight, alpha 1 is worse than the baseline on age MAE",
    "DenseWeight, alpha 1 does not improve the age error.",
    "LMF improves the F1 of Asian.",
    "LMF and INS improve ethnicity macro-F1.",
    "DenseWeight improves the age MAE but DenseWeight, alpha 1 worsens it.",
    "LMF is better than DenseWeight on macro F1, and worse on age MAE.",
    "LMF is equivalent to the baseline on age MAE.",
    "There is no difference between LMF and the baseline in age MAE.",
    "No difference between INS and the baseline was detected in age MAE.",
    "On age MAE, the data cannot tell INS and the baseline apart.",
    "INS was not found to be better than the baseline on age MAE.",
    "INS isn't significantly better than the baseline on age MAE.",
    "No method was found to improve gender accuracy.",
    "The age MAE is lower for DenseWeight than for LMF.",
    "The age MAE is lower with DenseWeight.",
    "Thanks to DenseWeight, the age MAE falls.",
    "DenseWeight bat la référence sur la MAE d'âge.",
    "DenseWeight est meilleur que la référence sur la MAE",
    f"DenseWeight réduit l{APOSTROPHE}erreur d{APOSTROPHE}âge.",
    "Par rapport à la référence, DenseWeight réduit l'erreur absolue moyenne.",
    "LMF améliore la macro F1 mais n'améliore pas la MAE",
    "Undersampling est moins bon que la référence pour l'exactitude du genre.",
    "Undersampling est battu par la référence sur la macro F1.",
    "L'erreur d'âge de DenseWeight est plus faible que celle de la référence.",
    "Aucune différence entre INS et la référence n'a été détectée sur la MAE.",
    "LMF est équivalent à la référence sur la MAE.",
    "La différence entre INS et la référence sur la MAE n'est pas concluante.",
    "LMF not only improves macro F1 but also the F1 of Asian.",
    "LMF n'améliore pas seulement la macro F1, mais aussi le F1 de Asian.",
    "With no extra cost, DenseWeight improves the age MAE.",
    "DenseWeight improves the age MAE without extra cost.",
    "DenseWeight won against the baseline on age MAE.",
    "DenseWeight, alpha 1 fails to improve the age MAE.",
    "Undersampling improves neither macro F1 nor the F1 of Asian.",
    "LMF improves macro F1 without worsening the age MAE.",
    "Undersampling has been clearly outperformed by the baseline on macro F1.",
    "Only DenseWeight improves the age MAE.",
    "Seule DenseWeight améliore la MAE.",
    "Compared with no remedy, DenseWeight improves the age MAE.",
    "There is a difference between DenseWeight and the baseline in age MAE.",
    "It was not shown that INS is better than the baseline on age MAE.",
    "DenseWeight improves the age MAE (p<0.05).",
    "DenseWeight improves the age MAE, p = 0.01.",
    "No method improves gender accuracy significantly.",
    "No significant difference between INS and the baseline in age MAE was found.",
    "Of all methods, only DenseWeight improves the age MAE.",
    "La MAE de DenseWeight est inférieure à celle de la référence.",
    "Pour DenseWeight, l'erreur d'âge baisse.",
    "DenseWeight abaisse la MAE (âge).",
    "DenseWeight surpasse la référence pour la MAE.",
    "DenseWeight, alpha 1 dégrade la MAE.",
    "DenseWeight n'est pas battu par la référence pour la MAE.",
    "La référence est dépassée pour la MAE par DenseWeight.",
    "Aucune différence avec la référence n'a été détectée pour INS sur la MAE.",
    "La MAE de INS ne diffère pas de façon détectable de celle de la référence.",
)
CONTRADICTED = (
    "DenseWeight is worse than the baseline on age MAE.",
    "DenseWeight, alpha 1 improves the age error.",
    "Under-sampling beats the baseline on gender accuracy.",
    "Under-sampling helps.",
    "LMF does not improve macro F1.",
    "LMF beats the baseline on age MAE.",
    "LMF differs from the baseline in age MAE.",
    "No difference between LMF and the baseline was detected in macro F1.",
    "INS improves macro F1, but DenseWeight, alpha 1 improves age MAE.",
    "LMF raises the age MAE by 3 years.",
    "The baseline is the best on age MAE.",
    "LMF beats everything else on age MAE.",
    "LMF has the lowest age MAE.",
    "LMF a la plus faible MAE.",
    "DenseWeight has the highest age MAE.",
    "DenseWeight alpha 1 bat la référence sur la MAE d'âge.",
    "Undersampling améliore l'exactitude du genre.",
    "DenseWeight augmente l'erreur d'âge.",
    "La référence est meilleure que LMF sur la macro F1.",
    "LMF n'améliore pas la macro F1.",
    "LMF fait moins bien que la référence sur la macro F1.",
    "DenseWeight fails to improve the age MAE.",
    "DenseWeight is unable to improve the age MAE.",
    "DenseWeight hardly improves the age MAE.",
    "DenseWeight won't improve the age MAE.",
    "DenseWeight échoue à améliorer la MAE.",
    "DenseWeight peine à réduire la MAE.",
    "DenseWeight improves nothing on age MAE.",
    "LMF improves macro F1 without improving the F1 of Asian.",
    "LMF améliore la macro F1 sans améliorer le F1 de Asian.",
    "LMF improves macro F1, but not the F1 of Asian.",
    "DenseWeight is significantly beaten by the baseline on age MAE.",
    "DenseWeight has been outperformed by the baseline on age MAE.",
    "DenseWeight est nettement battu par la référence sur la MAE.",
    "DenseWeight is beaten on age MAE by the baseline.",
    "Only LMF improves macro F1.",
    "LMF est la seule méthode qui améliore la macro F1.",
    "Undersampling lowers the macro F1 and raises that of Asian.",
    "There is a difference between LMF and the baseline in age MAE.",
    "There is no difference between LMF and the baseline in macro F1, as shown.",
    "La MAE de DenseWeight est supérieure de 3,5 ans à celle de la référence.",
    "DenseWeight est dépassé par la référence pour la MAE.",
    "La référence l'emporte sur DenseWeight pour la MAE.",
    "Undersampling élargit l'erreur d'âge, et LMF abaisse la macro F1.",
)
INCONCLUSIVE = (
    "INS beats the baseline on age MAE.",
    "INS is worse than the baseline on age MAE.",
    "INS does not help on age MAE.",
    "INS is equivalent to the baseline on age MAE.",
    "LMF does not improve gender accuracy.",
    "LMF is the best method on ethnicity macro F1.",
    "INS bat la référence sur la MAE d'âge.",
    "INS n'aide pas pour l'erreur d'âge.",
    "DenseWeight is better than INS on age MAE.",
    "As shown in the table, INS does not help on age MAE.",
    "DenseWeight improves the age MAE but hurts gender.",
    "LMF improves macro F1 but not gender accuracy.",
    "Compared with no remedy, INS improves the age MAE.",
)
NOT_CHECKED = (
    "",
    "Faces are hard.",
    "The error is lower.",
    "DenseWeight weights rare ages.",
    "Not all methods help.",
    "LMF is faster than the baseline on Tuesdays.",
    "The training took 7.1 years.",
    "Les visages sont difficiles.",
    "Does DenseWeight beat the baseline on age MAE?",
    "DenseWeight est-elle meilleure que la référence sur la MAE ?",
    "DenseWeight, not LMF, is worse on age MAE.",
    "LMF improves macro F1, which is not surprising.",
    "LMF does not fail to improve macro F1.",
    "LMF n'améliore que la macro F1.",
    "LMF improves only macro F1.",
    "Almost all methods improve macro F1.",
    "Presque toutes les méthodes améliorent la macro F1.",
    "Most methods improve macro F1.",
    "All methods except undersampling improve macro F1.",
    "LMF is one of the best on macro F1.",
    "LMF is second best on macro F1.",
    "LMF est l'une des meilleures méthodes pour la macro F1.",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(core.runs.STORE_VARIABLE, str(folder))
        patch.setattr(core.runs, "shipped_store", lambda: folder / "none")
        write_store(folder, "utkface")
        write_store(folder, "avatars", seeds=(0,))
        yield


@pytest.fixture(scope="module")
def view(store: None) -> StudyView:
    return open_study("utkface")


@pytest.fixture(scope="module")
def one_seed(store: None) -> StudyView:
    return open_study("avatars")


def test_the_methods_differ_as_the_claims_take_for_granted(view: StudyView) -> None:
    comparison = load_comparison(view)
    expected = {
        ("denseweight", "age.mae"): verdicts.BETTER,
        ("denseweight-1", "age.mae"): verdicts.WORSE,
        ("lmf", "age.mae"): verdicts.EQUIVALENT,
        ("ins", "age.mae"): verdicts.INCONCLUSIVE,
        ("lmf", "gender.accuracy"): verdicts.INCONCLUSIVE,
        ("undersample", "gender.accuracy"): verdicts.WORSE,
        ("lmf", "ethnicity.macro_f1"): verdicts.BETTER,
        ("ins", "ethnicity.macro_f1"): verdicts.BETTER,
    }
    found = {pair: comparison.row(*pair)["verdict"] for pair in expected}
    assert found == expected


@pytest.mark.parametrize("text", SUPPORTED)
def test_what_the_numbers_say_is_supported(text: str, view: StudyView) -> None:
    check = check_claim(text, view)
    assert (check.status, check.warning) == (Status.SUPPORTED, ""), check.reason
    assert not check.needs_mark


@pytest.mark.parametrize("text", CONTRADICTED)
def test_what_points_the_wrong_way_is_contradicted(text: str, view: StudyView) -> None:
    check = check_claim(text, view)
    assert check.status is Status.CONTRADICTED, check.reason
    assert check.warning == f"✕ The numbers contradict this claim. {check.reason}"
    assert "interval" in check.reason


@pytest.mark.parametrize("text", INCONCLUSIVE)
def test_what_the_data_cannot_tell_is_marked(text: str, view: StudyView) -> None:
    check = check_claim(text, view)
    assert check.status is Status.INCONCLUSIVE, check.reason
    assert check.warning.startswith("○ The numbers do not settle this claim. ")
    assert "the data cannot tell" in check.reason


@pytest.mark.parametrize("text", NOT_CHECKED)
def test_what_is_not_understood_is_not_judged(text: str, view: StudyView) -> None:
    check = check_claim(text, view)
    assert (check.status, check.mark) == (Status.NOT_CHECKED, "")
    assert check.reason == NOTHING_RECOGNISED


def test_a_claim_is_judged_alike_whatever_its_reader_speaks(view: StudyView) -> None:
    text = "LMF raises the age MAE by 3 years."
    before = check_claim(text, view)
    with speaking("fr"):
        french = check_claim(text, view)
        marked = french.warning
    assert french.status is before.status is Status.CONTRADICTED
    assert marked.startswith("✕ Les chiffres contredisent cette affirmation. ")
    reasons = " ".join(each.reason for each in french.statements)
    assert "L’affirmation dit 3 years, mais l’intervalle à 95" in reasons
    assert check_claim(text, view) == before
    with speaking("fr"):
        nothing = check_claim("Faces are hard.", view)
    assert nothing.reason.startswith("Aucun énoncé")


def test_the_reason_gives_the_numbers_of_the_comparison(view: StudyView) -> None:
    row = load_comparison(view).row("denseweight", "age.mae")
    reason = check_claim("DenseWeight beats the baseline on age MAE", view).reason
    assert f"{-row['delta']:.2f} years lower than the baseline's" in reason
    span = f"{-row['delta_high']:.2f} to {-row['delta_low']:.2f} lower"
    assert f"95 % interval {span}" in reason


def test_another_method_than_the_baseline_is_the_reference(view: StudyView) -> None:
    row = load_comparison(view, reference="denseweight").row("lmf", "age.mae")
    assert row["verdict"] == verdicts.WORSE
    check = check_claim("LMF is worse than DenseWeight on age MAE.", view)
    assert check.status is Status.SUPPORTED
    assert f"{row['delta']:.2f} years higher than DenseWeight's" in check.reason


def test_what_is_claimed_of_all_metrics_must_hold_for_all(view: StudyView) -> None:
    check = check_claim("DenseWeight is better than the baseline.", view)
    assert check.status is Status.INCONCLUSIVE
    # Age MAE and balanced MAE, gender accuracy, macro F1 and balanced accuracy.
    assert len(check.statements) == 5
    assert Status.SUPPORTED in {each.status for each in check.statements}


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("DenseWeight lowers the age MAE by 0.5 years.", Status.SUPPORTED),
        ("DenseWeight lowers the age MAE by 5 years.", Status.CONTRADICTED),
        ("DenseWeight's age MAE is 0.52 years lower.", Status.SUPPORTED),
        ("DenseWeight's age MAE is 2.5 years lower.", Status.CONTRADICTED),
        ("DenseWeight réduit la MAE de 0,5 an.", Status.SUPPORTED),
        ("DenseWeight réduit la MAE de 5 ans.", Status.CONTRADICTED),
        ("LMF improves macro F1 by 18 points.", Status.SUPPORTED),
        ("LMF improves macro F1 by 3 points.", Status.CONTRADICTED),
        ("LMF improves macro F1 by 0.18.", Status.SUPPORTED),
        ("LMF améliore la macro F1 de 18 points", Status.SUPPORTED),
        ("LMF améliore la macro F1 de 30 points", Status.CONTRADICTED),
        # Nobody knows whether points or shares of the value are meant.
        ("LMF improves macro F1 by 24 %.", Status.SUPPORTED),
        ("DenseWeight has an age MAE of 6.0 years.", Status.SUPPORTED),
        ("DenseWeight has an age MAE of 7.1 years.", Status.CONTRADICTED),
        ("DenseWeight atteint une MAE de 6,0 ans.", Status.SUPPORTED),
        ("DenseWeight atteint une MAE de 7,1 ans.", Status.CONTRADICTED),
        (
            "DenseWeight reaches an age MAE of 6.0 years, against 6.5 years for the"
            " baseline.",
            Status.SUPPORTED,
        ),
        (
            "DenseWeight reaches an age MAE of 6.0 years, against 9.5 years for the"
            " baseline.",
            Status.CONTRADICTED,
        ),
        ("LMF reaches a macro F1 of 92 %.", Status.SUPPORTED),
        ("LMF reaches a macro F1 of 0.75.", Status.CONTRADICTED),
        (
            "DenseWeight lowers age MAE from 6.5 years to 6.0 years.",
            Status.SUPPORTED,
        ),
        ("DenseWeight lowers the age MAE from 6.5 to 6.0 years.", Status.SUPPORTED),
        (
            "DenseWeight lowers MAE from 9.5 years to 6.0 years.",
            Status.CONTRADICTED,
        ),
        (
            "DenseWeight lowers MAE from 6.5 years to 3.0 years.",
            Status.CONTRADICTED,
        ),
        ("DenseWeight réduit la MAE de 6,5 ans à 6,0 ans.", Status.SUPPORTED),
        ("LMF raises macro F1 from 74 % to 92 %.", Status.SUPPORTED),
        ("LMF raises macro F1 from 52 % to 60 %.", Status.CONTRADICTED),
        ("LMF improves macro F1 by 18 points (95 % CI 5 to 30).", Status.SUPPORTED),
        ("LMF improves macro F1 by 18 points, 95 % CI [5, 30].", Status.SUPPORTED),
        (
            "DenseWeight réduit la MAE de 0,5 an (IC à 95 % 0,3 à 0,7).",
            Status.SUPPORTED,
        ),
        (
            "DenseWeight lowers the age MAE, a difference of 0.5 years.",
            Status.SUPPORTED,
        ),
        # As the sentence of Overview writes a difference, in both languages.
        (
            "Age, MAE: DenseWeight (−0.52 years) is better than the"
            " baseline; DenseWeight, alpha 1 (+1.10 years) is worse than the baseline;"
            " 1 method is equivalent to the baseline.",
            Status.SUPPORTED,
        ),
        (
            "Âge, MAE : DenseWeight (−0,52 an) fait mieux que la référence"
            " ; DenseWeight, alpha 1 (+1,10 an) fait moins bien que la référence ;"
            " 1 méthode est équivalente à la référence.",
            Status.SUPPORTED,
        ),
        (
            "DenseWeight (−2.5 years) is better than the baseline on age"
            " MAE; LMF is equivalent.",
            Status.CONTRADICTED,
        ),
        ("DenseWeight has an age bias of 0.2 years.", Status.SUPPORTED),
        ("DenseWeight has an age bias of -2.1 years.", Status.CONTRADICTED),
        ("DenseWeight, alpha 1 has an age bias of -1.8 years.", Status.CONTRADICTED),
    ],
)
def test_numbers_are_held_to_the_intervals(
    text: str, status: Status, view: StudyView
) -> None:
    check = check_claim(text, view)
    assert check.status is status, check.reason
    if status is Status.CONTRADICTED:
        assert "The claim says " in check.reason


@pytest.mark.parametrize(
    ("kind", "lower", "higher"),
    [
        (Kind.DIFFERENT, Status.SUPPORTED, Status.SUPPORTED),
        (Kind.LOWER, Status.SUPPORTED, Status.CONTRADICTED),
        (Kind.NOT_LOWER, Status.CONTRADICTED, Status.SUPPORTED),
        (Kind.NOT_HIGHER, Status.SUPPORTED, Status.CONTRADICTED),
        (Kind.NOT_FOUND_LOWER, Status.CONTRADICTED, Status.SUPPORTED),
        (Kind.NOT_FOUND_HIGHER, Status.SUPPORTED, Status.CONTRADICTED),
        (Kind.LOWEST, Status.SUPPORTED, Status.CONTRADICTED),
        (Kind.HIGHEST, Status.CONTRADICTED, Status.SUPPORTED),
        (Kind.SAME, Status.CONTRADICTED, Status.CONTRADICTED),
        (Kind.BETTER, Status.INCONCLUSIVE, Status.INCONCLUSIVE),
    ],
)
def test_a_number_with_no_better_side_is_judged_by_its_sign(
    kind: Kind, lower: Status, higher: Status, view: StudyView
) -> None:
    row = load_comparison(view).row("lmf", "gender.accuracy").copy()
    info = metric_info("gender.accuracy", view.tasks)
    row["verdict"] = verdicts.DIFFERS
    for delta, expected in ((-0.1, lower), (0.1, higher)):
        row["delta"] = delta
        assert _judge(kind, row, info, mirrored=False) is expected
        # Beside the other method, the same number is on the other side.
        row["delta"] = -delta
        assert _judge(kind, row, info, mirrored=True) is expected


def test_a_part_without_a_metric_is_of_its_own_class(view: StudyView) -> None:
    text = "LMF raises the F1 of Asian and lowers that of White."
    said = [each.reason for each in check_claim(text, view).statements]
    assert len(said) == 2
    assert {"Asian" in each for each in said} == {True, False}
    assert {"White" in each for each in said} == {True, False}


def test_numbers_of_seeds_and_images_are_no_amounts(view: StudyView) -> None:
    text = "With 3 seeds and 640 images, DenseWeight beats the baseline on age MAE."
    assert check_claim(text, view).status is Status.SUPPORTED


def test_gaps_between_groups_are_compared(view: StudyView) -> None:
    (task,) = (task for task in view.tasks if task.name == "age")
    gaps = load_metrics(view, [task], ["age.mae"], by="gender")
    for method in ("denseweight", "lmf"):
        verdict = gaps.row(method, "age.mae", "difference")["verdict"]
        says = {
            verdicts.BETTER: Status.SUPPORTED,
            verdicts.INCONCLUSIVE: Status.INCONCLUSIVE,
        }.get(verdict, Status.CONTRADICTED)
        for text in (
            f"{method} reduces the gap in age MAE between genders",
            f"{method} réduit l'écart de MAE entre les genres",
        ):
            check = check_claim(text, view)
            assert check.status is says
            assert "The groups are those of gender." in check.reason


def test_a_group_is_looked_at_alone(view: StudyView) -> None:
    (task,) = (task for task in view.tasks if task.name == "age")
    groups = load_metrics(view, [task], ["age.mae"], by="ethnicity")
    row = groups.row("denseweight-1", "age.mae", "", "White")
    check = check_claim("DenseWeight, alpha 1 worsens the age MAE of White", view)
    assert "in the group White" in check.reason
    assert (check.status is Status.SUPPORTED) == (row["verdict"] == verdicts.WORSE)


def test_one_trained_model_does_not_speak_for_its_method(one_seed: StudyView) -> None:
    text = "DenseWeight, alpha 1 is worse than the baseline on age MAE."
    check = check_claim(text, one_seed)
    assert check.status is Status.INCONCLUSIVE
    assert check.reason.endswith(ONE_TRAINING)
    for said in (
        "The trained model of DenseWeight, alpha 1 is worse on age MAE.",
        "Ce modèle entraîné, DenseWeight, alpha 1, est moins bon sur la MAE.",
    ):
        assert check_claim(said, one_seed).status is Status.SUPPORTED
    wrong = "DenseWeight, alpha 1 improves the age MAE."
    assert check_claim(wrong, one_seed).status is Status.CONTRADICTED


def test_another_baseline_is_meant_by_the_baseline(view: StudyView) -> None:
    other = open_study("utkface", baseline="denseweight")
    check = check_claim("LMF is worse than the baseline on age MAE.", other)
    assert check.status is Status.SUPPORTED
    assert "than DenseWeight's" in check.reason
    named = check_claim("Baseline is worse than the baseline on age MAE.", other)
    assert named.status is Status.SUPPORTED


def test_seeds_that_a_method_does_not_have_are_said(view: StudyView) -> None:
    run = next(r for r in view.runs if r.method == "baseline")
    kept = tuple(r for r in view.runs if r.method != "baseline")
    check = check_claim("LMF beats the baseline", replace(view, runs=kept))
    assert check.status is Status.NOT_CHECKED
    assert run.method in check.reason


def test_marks_of_the_text_do_not_hide_a_claim(view: StudyView) -> None:
    text = f"{strong('DenseWeight')} is worse than the baseline on {strong('age MAE')}"
    assert check_claim(text, view).status is Status.CONTRADICTED


def test_proposed_claims_are_certain_first_and_hold(view: StudyView) -> None:
    drawn = draw_view("age-error", view, {})
    said = propose_claims(view, drawn, "age.mae")
    assert "DenseWeight's age MAE" in said[0]
    assert said[0].endswith(": better.")
    assert "worse." in said[1]
    assert all("equivalent" in each for each in said[2:4])
    for each in said:
        assert check_claim(each, view).status is Status.SUPPORTED, each


def test_where_all_is_inconclusive_the_smallest_difference_is_given(
    view: StudyView,
) -> None:
    two = open_study("utkface", methods=["ins"])
    drawn = draw_view("age-error", two, {})
    (said,) = propose_claims(two, drawn, "age.mae")
    assert "No difference from the baseline was detected" in said
    row = load_comparison(two).row("ins", "age.mae")
    assert f"{row['smallest_detectable']:.2f} years" in said
    assert check_claim(said, two).status is Status.SUPPORTED


def test_claims_of_a_view_come_first_and_its_metric_is_taken(view: StudyView) -> None:
    drawn = Drawn(
        title="A",
        name="a",
        takeaway="It is so.",
        claims=("Its own claim.",),
        parameters={"metric": "gender.accuracy"},
    )
    said = propose_claims(view, drawn)
    assert said[0] == "Its own claim."
    assert all("ender accuracy" in each for each in said[1:])
    gap = Drawn(
        title="B",
        name="b",
        takeaway="It is so.",
        parameters={"metric": "age.mae", "features": ("gender",)},
    )
    assert propose_claims(view, gap)


def test_a_view_of_groups_proposes_claims_on_its_gap(view: StudyView) -> None:
    drawn = Drawn(
        title="Gaps",
        name="gaps",
        takeaway="It is so.",
        view="fairness-gaps",
        parameters={"task": "age", "features": ("gender",)},
    )
    gaps = load_metrics(view, view.tasks, ["age.mae"], by="gender").gaps
    own = gaps[gaps["measure"] == "difference"]
    said = propose_claims(view, drawn)
    if own["verdict"].isin(verdicts.CERTAIN).any():
        assert "age MAE difference" in said[0]
    else:
        assert any("No method's gap in age MAE" in each for each in said)


def test_an_amount_is_no_bin_of_ages() -> None:
    named = _named("0-9")
    assert named is not None
    assert all(map(named.search, ("age mae 0-9", "ages 0 - 9", "of 0 9 years")))
    assert not any(map(named.search, ("0.09 years", "0,9 an", "0.9 years", "at 09")))
