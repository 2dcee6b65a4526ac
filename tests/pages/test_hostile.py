"""Hostile names on every page: text in every element, chart and download.

What a page shows is walked through as the browser gets it, field by field, so that a
new page or widget is looked at too. ``PLAIN`` lists what a browser shows as it is.
"""

import csv
import io
import json
import re
from collections.abc import Iterator

import pytest
import streamlit as st
from google.protobuf.message import Message

from tests import hostile
from tests.imports import long, theirs, write_study
from tests.pages.opening import NAMES
from tests.pages.test_predict import folder, photo  # noqa: F401

# Predict and Images are asked with pictures of their own.
PAGES = tuple(name for name in NAMES if name not in ("images", "predict"))
# Fields that are never Markdown, by name, or by message and name.
PLAIN = {
    *("id", "element_id", "form_id", "alt", "placeholder", "url", "value", "default"),
    *("raw_value", "raw_values", "query_param_key", "query_string", "icon", "anchor"),
    *("Selectbox.options", "MultiSelect.options"),
    *("Text.body", "Code.code_text", "PlotlyChart.spec", "PlotlyChart.config"),
    *("Dataframe.columns", "Dataframe.arrow_data", "Table.arrow_data"),
    *("Image.markup", "Image.url"),
}
CODE = re.compile(r"(?<![\\`])(`+)(?!`)(.+?)(?<!`)\1(?!`)")
# Our own: a mark of colour, a badge, an icon.
OWN = re.compile(r":(?:green|red|gray|blue|orange)(?:-background|-badge)?\[")
MARKDOWN_SIGNS = (
    *("![", "](", "<b>", "<a ", "<http", "$x^2$", "**bold", "_em_", "~~s", ":red[x"),
    *("://", "www.", "@other", ":material/home", ":smile:", ":streamlit:", "`code`"),
    *("a | b",),
)
CHART_SIGNS = ("<a ", "<http", "<b>b</b>", "$x^2$", "%{x} a", "|&lt;|")


def nodes(block) -> Iterator:
    yield block
    for child in getattr(block, "children", {}).values():
        yield from nodes(child)


def texts(message: Message, within: str = "") -> Iterator[tuple[str, str]]:
    """Every text that the browser reads as Markdown, with its place."""
    kind = message.DESCRIPTOR.name
    for field, value in message.ListFields():
        place = f"{kind}.{field.name}"
        if PLAIN & {field.name, place}:
            continue
        repeated = isinstance(value, str | bytes | Message | int | float)
        for each in [value] if repeated else value:
            if isinstance(each, Message):
                yield from texts(each, place)
            elif isinstance(each, str):
                yield place, each


def markdown_of(app) -> Iterator[tuple[str, str]]:
    for node in nodes(app._tree):
        proto = getattr(node, "proto", None)
        if proto is not None:
            yield from texts(proto)
        if getattr(node, "type", "") == "table":
            table = node.value
            for cell in (*table.columns, *table.to_numpy().ravel()):
                if isinstance(cell, str):
                    yield "Table cell", cell


def charts_of(app) -> Iterator[str]:
    def strings(value) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            for each in value.values():
                yield from strings(each)
        elif isinstance(value, list):
            for each in value:
                yield from strings(each)

    for node in nodes(app._tree):
        if getattr(node, "type", "") == "plotly_chart":
            yield from strings(json.loads(node.proto.spec))


def faults_of(app) -> list[str]:
    """What of a hostile name would be more than text on this page."""
    assert not app.exception
    found = []
    for place, text in markdown_of(app):
        bare = OWN.sub("", CODE.sub("", text)).lower()
        found += [
            f"{place}: {sign} in {text[:300]}"
            for sign in MARKDOWN_SIGNS
            if re.search(rf"(?<!\\){re.escape(sign)}", bare)
        ]
    for text in charts_of(app):
        bare = text.replace("<extra></extra>", "")
        found += [
            f"chart: {sign} in {text[:300]}" for sign in CHART_SIGNS if sign in bare
        ]
    return list(dict.fromkeys(found))


def says_it(app) -> bool:
    """Whether the page shows a hostile name at all."""
    return any(
        hostile.HOST in text.replace(":small[]", "") for _, text in markdown_of(app)
    )


@pytest.fixture
def offered(monkeypatch) -> list[tuple[str, object]]:
    """Every download that a page offers: the name of the file and what is in it."""
    files: list[tuple[str, object]] = []
    real = st.download_button

    def offer(label, data, file_name, **options):
        files.append((file_name, data))
        return real(label, data, file_name, **options)

    monkeypatch.setattr(st, "download_button", offer)
    return files


def check_downloads(files: list[tuple[str, object]]) -> None:
    for name, data in files:
        # Figures for print take long: tests/unit/report looks at the names in them.
        if name.endswith("-print.zip"):
            continue
        content = data() if callable(data) else data
        if name.endswith(".csv"):
            for row in csv.reader(io.StringIO(content)):
                for cell in row:
                    is_number = re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?|[-+]inf", cell)
                    assert is_number or not cell.startswith(("=", "+", "-", "@", "\t"))
        elif name.endswith(".html"):
            # What is not in a script is read as HTML, and tags in it are escaped.
            page = re.sub(r"(?s)<script.*?</script>", "", content)
            # A title is text, and no tag of it is left.
            titles = re.findall(r"(?s)<title>(.*?)</title>", page)
            assert not any("<" in title for title in titles)
            page = re.sub(r"(?s)<title>.*?</title>", "", page)
            # A model card says names as text: an address is in no tag of it.
            assert not [
                tag for tag in re.findall(r"<[^>]*>", page) if hostile.HOST in tag
            ]
            assert "<a href" not in content.split("Plotly.newPlot(", 1)[-1]
        elif name.endswith(".json"):
            json.loads(content)


@pytest.fixture
def bad_store(copied):
    """Studies whose every name is hostile: of a table, and of trained methods."""
    return copied(hostile.write_hostile_store)


# Train offers what can be trained: a table of predictions cannot.
@pytest.mark.parametrize("page", [name for name in PAGES if name != "train"])
@pytest.mark.parametrize("study", ["hostile-binary", "hostile-regression"])
def test_a_study_of_a_table_is_text_everywhere(
    bad_store, open_page, offered, page, study
):
    app = open_page(page, study=study)
    assert not faults_of(app)
    assert says_it(app)
    check_downloads(offered)


def test_a_tag_with_a_foreign_address_would_be_seen():
    with pytest.raises(AssertionError):
        check_downloads([("card.html", f'<p><a href="http://{hostile.HOST}">a</a>')])
    check_downloads([("card.html", f"<p>&lt;a href=http://{hostile.HOST}&gt;</p>")])


@pytest.mark.parametrize("page", PAGES)
def test_a_trained_study_is_text_everywhere(bad_store, open_page, offered, page):
    app = open_page(page, study="utkface")
    assert not faults_of(app)
    # These show the title among the choices of a box only, which are plain text.
    assert says_it(app) or page in ("import", "methods", "data")
    check_downloads(offered)


def options_of(group) -> list[object]:
    """What can be chosen, where that can be told from what is shown."""
    # ``choose`` gives the function that labels an option, as one of its arguments.
    show = getattr(group.format_func, "args", [group.format_func])[0]
    table = getattr(show, "__self__", None)
    if isinstance(table, dict):
        return [key for key in table if group.format_func(key) in group.options]
    try:
        return [o for o in group.options if group.format_func(o) == o]
    except KeyError:
        return []


@pytest.mark.parametrize("page", ["classification", "errors", "data"])
def test_every_view_of_a_page_shows_text(bad_store, open_page, offered, page):
    app = open_page(page, study="hostile-binary")
    seen = 0
    for key in [group.key for group in app.get("button_group")]:
        group = next((g for g in app.get("button_group") if g.key == key), None)
        if group is None or not group._is_single_select:
            continue
        for option in options_of(group):
            group = next(g for g in app.get("button_group") if g.key == key)
            group.set_value(option).run()
            assert not faults_of(app)
            seen += 1
    assert seen
    check_downloads(offered)


BAD_ADDRESS = hostile.HOSTILE[:60]
ERRORS_PARAMETERS = (
    *("task", "method", "truth", "predicted", "where", "agree", "order", "page"),
    *("methods", "seeds", "baseline", "with", "pairs", "meaning"),
)


def test_a_hostile_address_is_text(fill, open_page):
    fill("utkface", methods=("baseline", "ins"), seeds=(0,))
    for page, query in (
        ("overview", {"study": f"x` {BAD_ADDRESS}"}),
        ("methods", {"study": "utkface", "method": f"x` {BAD_ADDRESS}"}),
        ("import", {"study": f"x` {BAD_ADDRESS}"}),
        (
            "errors",
            {
                "study": "utkface",
                **dict.fromkeys(ERRORS_PARAMETERS, f"x` {BAD_ADDRESS}"),
            },
        ),
    ):
        app = open_page(page, **query)
        assert not faults_of(app), page
        shown = " ".join(text for _, text in markdown_of(app))
        assert hostile.HOST in shown or page == "import"


def test_the_name_of_a_photo_is_text(folder, open_page, offered):  # noqa: F811
    app = open_page("predict", study="utkface")
    for name in (f"{hostile.HOSTILE[:200]}.jpg", "$x^2$.jpg"):
        app.file_uploader[0].upload(name, photo())
    app.file_uploader[0].upload(f"{hostile.PARTS[0]} broken.jpg", b"")
    app.run()
    assert not faults_of(app)
    assert says_it(app)
    assert app.error
    check_downloads(offered)


@pytest.mark.parametrize("way", ["method", "study"])
def test_the_names_in_a_file_to_import_are_text(store, open_page, offered, way):
    write_study(store)
    app = open_page("import")
    # What a name may not hold is refused, and named.
    name = f"{hostile.PARTS[0]} $x^2$.csv"
    table = theirs() if way == "method" else long()
    bad = table.rename(columns={table.columns[-1]: hostile.HOSTILE[:90]})
    good = table.assign(**{"$x^2$ :smile: www.other.example": "a"})
    if way == "study":
        app.get_by_key("import_way").set_value("study").run()
    key = "import_name" if way == "method" else "import_study_name"
    place = "predictions" if way == "method" else "study"
    app.text_input(key=key).set_value("http://other.example **x**").run()
    for content, called in ((bad, name), (good, "$x^2$ www.other.example.csv")):
        given = (called, content.to_csv(index=False).encode(), "text/csv")
        app.file_uploader(key=f"import_{place}_file_0").set_value(given).run()
        assert not faults_of(app)
        assert says_it(app)
    check_downloads(offered)


def test_the_check_finds_what_is_not_escaped(open_page, monkeypatch, fill):
    fill("utkface", methods=("baseline", "ins"), seeds=(0,))
    app = open_page("overview", study=f"x` {BAD_ADDRESS}")
    assert not faults_of(app)
    monkeypatch.setattr("pages.shell.address.to_markdown", str)
    app = open_page("overview", study=f"x` {BAD_ADDRESS}")
    assert faults_of(app)
