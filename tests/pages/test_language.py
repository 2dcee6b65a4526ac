"""Every page in French: no English sentence is left, in no element and no chart."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

from tests.pages.opening import NAMES
from tests.pages.test_hostile import nodes

# Words that English sentences have, and French ones have not.
ENGLISH = re.compile(
    r"(?<![\w/.-])(the|of|and|is|are|with|which|each|from|this|that|its|by|were|has|"
    r"Methods|seeds|years|images of|better|worse|inconclusive)(?![\w/-])"
)
# What no reader sees as a sentence: names, code, addresses, values of data.
NO_SENTENCE = {
    *("id", "element_id", "form_id", "url", "value", "default", "raw_values", "icon"),
    *("query_param_key", "query_string", "anchor", "config", "arrow_data", "markup"),
    *("raw_value", "user_key", "data", "options", "html", "js", "css"),
}
# Titles of papers and names that are not ours to translate.
NAMES_OF_OTHERS = re.compile(
    r"“[^”]*”|«[^»]*»|`[^`]*`|\[[^\]]*\]\([^)]*\)|http\S+|Group weights, 1 and 0\.1"
)


def texts(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        if field.name in NO_SENTENCE:
            continue
        if field.name == "spec":
            yield from chart_texts(json.loads(value))
            continue
        single = isinstance(value, str | bytes | Message | int | float)
        for each in [value] if single else value:
            if isinstance(each, Message):
                yield from texts(each)
            elif isinstance(each, str):
                yield each


def chart_texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from chart_texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from chart_texts(each)


def english_of(app: AppTest) -> list[str]:
    """What a page says in English."""
    found = []
    for node in nodes(app._tree):
        proto = getattr(node, "proto", None)
        said = [] if proto is None else list(texts(proto))
        if getattr(node, "type", "") in ("table", "arrow_data_frame"):
            said += [str(heading) for heading in node.value.columns]
        for text in said:
            if text.startswith("<style>"):
                continue
            bare = NAMES_OF_OTHERS.sub("", text)
            if word := ENGLISH.search(bare):
                found.append(f"{word[0]}: {text[:200]}")
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("study", ["utkface", "avatars"])
@pytest.mark.parametrize("page", NAMES)
def test_a_page_in_french_has_no_english(
    fill: Callable[..., object],
    open_page: Callable[..., AppTest],
    page: str,
    study: str,
) -> None:
    fill(study)
    app = open_page(page, study=study, lang="fr")
    assert not app.exception
    assert not english_of(app)


@pytest.mark.parametrize("page", NAMES)
def test_a_page_without_runs_has_no_english(
    store: Path, open_page: Callable[..., AppTest], page: str
) -> None:
    app = open_page(page, lang="fr")
    assert not app.exception
    assert not english_of(app)


def test_a_page_is_in_english_unless_french_is_asked_for(
    fill: Callable[..., object], open_page: Callable[..., AppTest]
) -> None:
    fill("utkface")
    assert english_of(open_page("overview", study="utkface"))
    assert english_of(open_page("overview", study="utkface", lang="xx"))


def test_the_switch_changes_the_language_and_the_address(
    open_page: Callable[..., AppTest], store: Path
) -> None:
    app = open_page("import", study="utkface")
    english = app.title[0].value
    app.button_group(key="language_choice").set_value("fr").run()
    assert app.title[0].value != english
    assert app.query_params["lang"] == "fr"
    assert app.query_params["study"] == "utkface"
    app.button_group(key="language_choice").set_value("en").run()
    assert app.title[0].value == english
