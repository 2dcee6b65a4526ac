"""Figures for print, offered below every view with a chart."""

import io
import threading
import zipfile
from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest


def test_a_view_is_taken_away_for_print_in_the_reader_s_language(
    fill: Callable[..., object],
    open_page: Callable[..., AppTest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offered: dict[str, Callable[[], bytes]] = {}
    real = st.download_button

    def offer(label: str, data: object, file_name: str, **options: object) -> bool:
        offered[file_name] = data
        return real(label, data, file_name, **options)

    monkeypatch.setattr(st, "download_button", offer)
    fill("utkface")
    app = open_page("age", study="utkface", lang="fr")
    assert not app.exception
    # As a server makes it: where no visit is.
    made: list[bytes] = []
    make = offered["utkface-age-mae-print.zip"]
    maker = threading.Thread(target=lambda: made.append(make()))
    maker.start()
    maker.join()
    with zipfile.ZipFile(io.BytesIO(made[0])) as archive:
        names = archive.namelist()
        drawn = archive.read("utkface-age-mae-one-column.svg").decode()
    assert names == [
        *(
            f"utkface-age-mae-{width}.{kind}"
            for width in ("one-column", "two-columns")
            for kind in ("pdf", "svg", "png")
        ),
        "utkface-age-mae.csv",
    ]
    assert "ans" in drawn
    assert "years" not in drawn
