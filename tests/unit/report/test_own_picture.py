"""A person's own picture goes into every format, without its metadata."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pptx import Presentation

from core.errors import StoryError
from core.report.deck import build_deck
from core.report.latex import latex_files
from core.report.markdown import markdown_files
from core.report.own_picture import clean_picture, read_picture
from core.report.page import build_page
from core.report.pdf import build_pdf
from core.report.report import build_report
from core.story.story import Slide, Story

SLIDE = Slide(view="text", title="A photo", text="Its words.", picture="a.JPG")
STORY = Story(title="Photos", study="avatars", slides=(SLIDE,))


def _halves(width=40, height=20):
    """Red at the left, blue at the right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2] = (255, 0, 0)
    pixels[:, width // 2 :] = (0, 0, 255)
    return Image.fromarray(pixels)


def _file(image, kind, **options):
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def _photo(image=None):
    """As a phone writes it: to be turned, and with the place where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8825)[1] = "N"
    return _file(image or _halves(), "JPEG", exif=exif, comment=b"secret")


def _opened(content):
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def test_a_photo_is_turned_and_says_nothing_but_what_it_shows():
    assert dict(_opened(_photo()).getexif())
    picture = clean_picture(_photo())
    image = _opened(picture.content)
    assert (picture.kind, image.format, image.size) == ("jpeg", "JPEG", (20, 40))
    red, blue = image.getpixel((10, 5)), image.getpixel((10, 35))
    assert red[0] > 200 > 60 > red[2]
    assert blue[2] > 200 > 60 > blue[0]
    assert not dict(image.getexif())
    for word in (b"Exif", b"Maker", b"secret"):
        assert word in _photo()
        assert word not in picture.content


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "BMP", "TIFF", "PNG"])
def test_other_formats_become_png(kind):
    picture = clean_picture(_file(_halves(), kind))
    assert (picture.kind, _opened(picture.content).format) == ("png", "PNG")
    assert _opened(picture.content).size == (40, 20)


def test_what_is_transparent_stays_so():
    clear = _file(Image.new("RGBA", (4, 4), (255, 0, 0, 0)), "PNG")
    assert _opened(clean_picture(clear).content).getpixel((0, 0))[3] == 0


def test_what_is_no_picture_or_too_large_is_refused(monkeypatch):
    with pytest.raises(StoryError, match=r"a\.png"):
        clean_picture(b"no picture", "a.png")
    whole = _file(_halves(400, 400), "PNG")
    with pytest.raises(StoryError):
        clean_picture(whole[:80])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(StoryError, match="pixels"):
        clean_picture(whole)


@pytest.mark.parametrize("name", ["a\0.png", "../a.png", "not-there.png"])
def test_a_path_that_leads_to_no_picture_is_named(name, tmp_path):
    (tmp_path / "story").mkdir()
    (tmp_path / "a.png").write_bytes(_file(_halves(), "PNG"))
    slide = SLIDE.model_copy(update={"picture": name})
    with pytest.raises(StoryError, match="The picture"):
        read_picture(slide, tmp_path / "story")


def test_a_picture_that_was_given_goes_before_the_folder(tmp_path):
    (tmp_path / "a.JPG").write_bytes(_file(_halves(), "PNG"))
    assert read_picture(SLIDE, tmp_path).kind == "png"
    given = read_picture(SLIDE, tmp_path, {"a.JPG": _photo()})
    assert given.kind == "jpeg"
    assert read_picture(SLIDE, None, {"a.JPG": _photo()}) == given


def test_a_jpeg_goes_into_every_format():
    report = build_report("avatars", STORY, pictures={"a.JPG": _photo()})
    assert report.problems == ()
    report = replace(report, questions=())
    assert b"/Subtype /Image" in build_pdf(report)
    assert b"data:image/jpeg;base64," in build_page(report)
    for files in (latex_files(report), markdown_files(report)):
        assert files["figures/01-a-photo.jpeg"] == report.slides[0].picture.content
    deck = Presentation(io.BytesIO(build_deck(report)))
    (shape,) = (s for s in deck.slides[1].shapes if s.shape_type == 13)
    assert shape.image.content_type == "image/jpeg"


def test_a_missing_picture_leaves_the_words_and_says_so():
    report = build_report("avatars", STORY)
    assert "a.JPG" in report.problems[0]
    deck = Presentation(io.BytesIO(build_deck(report)))
    said = "\n".join(
        shape.text_frame.text for shape in deck.slides[1].shapes if shape.has_text_frame
    )
    assert "Its words." in said
    assert "a.JPG" in said


def test_the_jury_does_not_read_the_notes():
    slide = SLIDE.model_copy(update={"picture": "", "notes": "Breathe out slowly."})
    report = build_report("avatars", STORY.model_copy(update={"slides": (slide,)}))
    assert b"Breathe" not in build_page(report)
    deck = Presentation(io.BytesIO(build_deck(report)))
    assert "Breathe" in deck.slides[1].notes_slide.notes_text_frame.text
