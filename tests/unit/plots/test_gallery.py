"""Pictures side by side: each over its own lines, in rows."""

from core.plots.gallery import COLUMNS, LETTERS, plot_gallery
from core.text import only_own_tags
from tests.hostile import HOSTILE

PNG = b"\x89PNG\r\n"


def test_each_picture_stands_over_its_lines_in_rows() -> None:
    count = COLUMNS + 2
    figure = plot_gallery(
        [PNG] * count,
        [f"image-{n}" for n in range(count)],
        [(f"truth {n}", f"answer {n}") for n in range(count)],
    )
    places = [(image.x, image.y) for image in figure.layout.images]
    assert [x for x, _ in places[:COLUMNS]] == [x for x, _ in sorted(places[:COLUMNS])]
    assert len({y for _, y in places}) == 2
    sources = {image.source for image in figure.layout.images}
    assert sources == {"data:image/png;base64,iVBORw0K"}
    for n, note in enumerate(figure.layout.annotations):
        assert note.text == f"<b>truth {n}</b><br>answer {n}"
        assert note.x == places[n][0]
        assert note.y > places[n][1]
    low, high = sorted(figure.layout.yaxis.range)
    assert low <= min(y for _, y in places) <= max(y for _, y in places) < high
    assert list(figure.data[0].customdata)[1] == "image-1<br>truth 1<br>answer 1"


def test_long_lines_are_broken_and_make_the_figure_higher() -> None:
    words = "word " * (LETTERS // 2)
    short = plot_gallery([PNG], ["a"], [("truth", "answer")])
    long = plot_gallery([PNG], ["a"], [("truth", words)])
    lines = long.layout.annotations[0].text.split("<br>")
    assert len(lines) > 2
    assert all(len(line) <= LETTERS for line in lines[1:])
    assert long.layout.height > short.layout.height


def test_names_stay_text() -> None:
    figure = plot_gallery([PNG], [HOSTILE], [(HOSTILE, HOSTILE)])
    text = figure.layout.annotations[0].text
    assert only_own_tags(text) == text
    assert "&lt;" in text
