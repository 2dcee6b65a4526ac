"""A view's figures for print: every format at both widths, and the data."""

from core.csv_text import csv_text
from core.report.print_files import print_files
from core.views.catalog import draw_view
from core.views.studies import open_study


def test_a_view_is_printed_in_every_format_with_its_data():
    drawn = draw_view("age-error", open_study("avatars"), {})
    files = print_files(drawn)
    assert sorted(files) == [
        "avatars-age-mae-one-column.pdf",
        "avatars-age-mae-one-column.png",
        "avatars-age-mae-one-column.svg",
        "avatars-age-mae-two-columns.pdf",
        "avatars-age-mae-two-columns.png",
        "avatars-age-mae-two-columns.svg",
        "avatars-age-mae.csv",
    ]
    assert files["avatars-age-mae.csv"].decode() == csv_text(drawn.data)
    starts = {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml"}
    for name, content in files.items():
        assert content.startswith(starts.get(name[-3:], b"")), name
