"""Sentences and numbers in the reader's language."""

import json
import threading

import numpy as np
import pytest

from core.language import (
    LANGUAGES,
    N_,
    gettext,
    in_this_language,
    language,
    listening,
    ngettext,
    remembering,
    say_again,
    speak_as,
    speaking,
)
from core.language.catalogue import PLURALS
from core.text import NO_BREAK, listed, number, percent
from core.views.caching import cached


def test_english_is_said_as_it_is_written() -> None:
    assert gettext("Nothing of {this}") == "Nothing of {this}"
    assert gettext("{a} of {b}", a="x", b=1234) == "x of 1,234"
    assert gettext("") == ""
    assert N_("a text") == "a text"


def test_a_message_is_said_in_the_language_that_is_spoken() -> None:
    with speaking("fr"):
        assert gettext("{names} and {last_name}", names="a", last_name="b") == "a et b"
        assert gettext("No catalogue holds this.") == "No catalogue holds this."
        assert gettext("") == ""
    assert language() == "en"


def test_a_count_decides_the_form_of_a_message() -> None:
    said = [ngettext("{count} photo", "{count} photos", n) for n in (0, 1, 2000)]
    assert said == ["0 photos", "1 photo", "2,000 photos"]


@pytest.mark.parametrize("code", PLURALS)
def test_every_language_of_a_catalogue_can_be_chosen(code: str) -> None:
    assert code in LANGUAGES


def test_a_field_that_has_decimals_is_refused() -> None:
    with pytest.raises(TypeError, match="share"):
        gettext("{share} of it", share=0.25)


def test_a_person_s_text_may_hold_braces() -> None:
    assert gettext("{name} is here", name="{x} {0}") == "{x} {0} is here"


@pytest.mark.parametrize(
    ("value", "digits", "english", "french"),
    [
        (1234.5, 1, "1,234.5", "1\u202f234,5"),
        (-0.25, 2, "−0.25", "−0,25"),
        (-0.001, 2, "0.00", "0,00"),
        (float("nan"), 2, "–", "–"),
    ],
)
def test_numbers_have_the_form_of_the_language(
    value: float, digits: int, english: str, french: str
) -> None:
    assert number(value, digits) == english
    with speaking("fr"):
        assert number(value, digits) == french


def test_percentages_and_lists_have_it_too() -> None:
    assert (percent(0.124, 1), listed(["a", "b", "c"])) == ("12.4\xa0%", "a, b and c")
    with speaking("fr"):
        assert (percent(0.124, 1), listed("abc")) == ("12,4\xa0%", "a, b et c")
        assert gettext("{n}", n=np.int64(12345)) == "12\u202f345"
        assert gettext("{n}", n=True) == "True"


def test_what_is_kept_is_kept_for_each_language() -> None:
    made = []

    @cached(entries=4)
    def say(name: str) -> str:
        made.append(name)
        return listed([name, "b"])

    assert say("a") == "a and b"
    with speaking("fr"):
        assert say("a") == "a et b"
    assert say("a") == "a and b"
    assert made == ["a", "a"]


def test_what_says_nothing_is_kept_once_for_all_languages() -> None:
    made = []

    @cached(entries=4)
    def count(name: str) -> int:
        made.append(name)
        return len(name)

    @cached(entries=4)
    def count_both(name: str) -> int:
        return 2 * count(name)

    assert count_both("a") == 2
    with speaking("fr"):
        assert count_both("a") == 2
    assert made == ["a"]


def test_what_is_made_of_a_sentence_that_is_kept_is_kept_for_each_language() -> None:
    @cached(entries=4)
    def say(name: str) -> str:
        return listed([name, "b"])

    @cached(entries=4)
    def shout(name: str) -> str:
        return say(name).upper()

    assert say("a") == "a and b"
    assert shout("a") == "A AND B"
    with speaking("fr"):
        assert shout("a") == "A ET B"


def test_who_waits_for_a_sentence_gets_it_in_an_own_language() -> None:
    begun, go_on = threading.Event(), threading.Event()
    said: list[str] = []

    @cached(entries=4)
    def say(name: str) -> str:
        begun.set()
        assert go_on.wait(10)
        return listed([name, "b"])

    def ask_in_french() -> None:
        with speaking("fr"):
            said.append(say("a"))

    first = threading.Thread(target=say, args=("a",))
    first.start()
    assert begun.wait(10)
    second = threading.Thread(target=ask_in_french)
    second.start()
    go_on.set()
    first.join(10)
    second.join(10)
    assert said == ["a et b"]


def test_whether_the_language_was_asked_for_is_noticed() -> None:
    with listening() as outer, listening() as inner:
        pass
    assert not outer.has_heard
    assert not inner.has_heard
    with listening() as outer, listening() as inner:
        number(1.5)
    assert outer.has_heard
    assert inner.has_heard


def test_an_app_says_what_its_reader_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.language._of_reader", lambda: "en")
    speak_as(lambda: "fr")
    assert language() == "fr"
    with speaking("en"):
        assert language() == "en"


def test_what_is_made_later_is_in_the_language_of_now() -> None:
    with speaking("fr"):
        make = in_this_language(listed)
    assert listed("ab") == "a and b"
    assert make("ab") == "a et b"
    assert language() == "en"


def test_a_sentence_that_is_kept_is_said_again_in_the_language_of_its_reader() -> None:
    with remembering() as recall:
        why = gettext("there is no such folder")
        sentence = "The weights {weights} could not be loaded: {reason}."
        said = gettext(sentence, weights="own", reason=why)
        counted = ngettext("{count} image", "{count} images", 3)
    kept = [json.loads(json.dumps(recall(one))) for one in (said, counted, "As is.")]
    assert [say_again(one) for one in kept] == [said, counted, "As is."]
    with speaking("fr"):
        again = say_again(kept[0]).replace(NO_BREAK, " ")
        assert again.startswith("Les poids own ")
        assert again.endswith(
            " pas pu être chargés : ce dossier n'existe pas.".replace(
                "'", "\N{RIGHT SINGLE QUOTATION MARK}"
            )
        )
        assert say_again(kept[2]) == "As is."
