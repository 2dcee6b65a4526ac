"""The page Images: bring images, see how they are understood, keep or delete them."""

import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.language import speaking
from core.study import load_study, own_studies
from tests import hostile
from tests.images import patients, write_classes, write_picture
from tests.pages.opening import words_of
from tests.pages.test_hostile import faults_of, markdown_of
from tests.pages.test_language import english_of


@pytest.fixture(scope="module")
def xrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = write_classes(tmp_path_factory.mktemp("images") / "xrays")
    patients().drop(columns="diagnosis").to_csv(place / "patients.csv", index=False)
    write_picture(place / "sick" / "sick-000.png", 3)
    return place


def packed(folder: Path, name: str = "My x-rays.zip") -> tuple[str, bytes, str]:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for path in sorted(folder.rglob("*")):
            zipped.write(path, path.relative_to(folder.parent).as_posix())
        zipped.writestr("__MACOSX/._x.png", b"x")
    return name, file.getvalue(), "application/zip"


def bring(open_page, upload: tuple[str, bytes, str], **query: str) -> AppTest:
    app = open_page("images", **query)
    app.file_uploader(key="images_file_0").set_value(upload).run()
    assert not app.exception
    return app


def uploads(store: Path) -> list[str]:
    folder = store / "images"
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


def chosen(app: AppTest, kind: str, start: str):
    """The element whose key begins so; the rest of it names the upload."""
    return next(e for e in getattr(app, kind) if str(e.key).startswith(start))


def test_a_zip_becomes_a_study_that_can_be_deleted(store, open_page, xrays) -> None:
    app = bring(open_page, packed(xrays))
    words = words_of(app)
    assert "48 images, with the table xrays/patients.csv" in app.success[0].value
    assert "1 file that a Mac or Windows adds was skipped" in app.success[0].value
    assert chosen(app, "multiselect", "images_targets").value == ["class folder"]
    assert chosen(app, "selectbox", "images_positive").value == "sick"
    assert chosen(app, "selectbox", "images_group").value == "patient"
    assert "has fewer than 20 images" in words + "".join(w.value for w in app.warning)
    (upload,) = uploads(store)
    assert upload.startswith(".upload-")

    # A number as a second target, and another positive class.
    chosen(app, "multiselect", "images_targets").set_value(["class folder", "age"])
    chosen(app, "selectbox", "images_positive").set_value("healthy")
    app.run()
    chosen(app, "text_input", "images_unit").set_value("years").run()
    assert not app.exception
    app.button(key="images_keep").click().run()
    assert not app.exception
    assert "**My x rays** is kept" in app.success[0].value
    assert uploads(store) == ["my-x-rays"]
    study = load_study("my-x-rays")
    assert study.dataset.options["path"] == "images/my-x-rays"
    assert study.dataset.options["two_classes"] == {"class folder": ["sick", "healthy"]}
    assert study.dataset.options["units"] == {"age": "years"}
    # The page is empty again.
    assert not [b for b in app.button if b.key == "images_keep"]

    app.get_by_key("images_way").set_value("kept").run()
    assert "my-x-rays" in words_of(app) + str(app.selectbox(key="images_kept").options)
    app.button(key="images_delete").click().run()
    assert own_studies() == ("my-x-rays",)
    app.button(key="images_delete_for_good").click().run()
    assert "is deleted" in app.success[0].value
    assert own_studies() == ()
    assert uploads(store) == []


def test_a_folder_of_this_machine_stays_where_it_is(
    store, open_page, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("pages.images.bring.is_own_machine", lambda address: True)
    place = write_classes(tmp_path / "leaves", oak=20, elm=20)
    (place / "oak" / "oak-001.png").write_bytes(b"\x89PNG cut")
    app = open_page("images")
    app.get_by_key("images_from").set_value("folder").run()
    app.text_input(key="images_path").set_value(str(tmp_path / "none")).run()
    assert "There is no folder at" in app.error[0].value
    app.text_input(key="images_path").set_value(str(place)).run()
    assert any("1 picture cannot be read" in e.value for e in app.error)
    assert not [b for b in app.button if b.key == "images_keep"]
    app.button(key="images_leave_out").click().run()
    assert not app.error
    # What changes in the folder is seen when it is read again.
    write_picture(place / "elm" / "more.png", 77)
    app.button(key="images_again").click().run()
    assert "41 images" in app.success[0].value
    chosen(app, "text_input", "images_name").set_value("avatars").run()
    assert "is a study 'avatars' already" in app.error[0].value
    chosen(app, "text_input", "images_name").set_value("Leaves").run()
    app.button(key="images_keep").click().run()
    study = load_study("leaves")
    assert study.dataset.options["path"] == str(place.resolve())
    assert study.dataset.options["leave_out"] == ["oak/oak-001.png"]
    assert uploads(store) == []


def test_what_cannot_be_used_is_said_and_leaves_nothing(store, open_page) -> None:
    app = bring(open_page, ("a.zip", b"Dear reader", "application/zip"))
    assert "a.zip is not an archive" in app.error[0].value
    assert uploads(store) == []


def test_a_class_of_one_image_is_a_fault_until_it_is_left_out(
    store, open_page, tmp_path
) -> None:
    place = write_classes(tmp_path / "pets", cat=20, dog=20, fox=1)
    app = bring(open_page, packed(place))
    assert "too few images of fox (1)" in app.error[0].value
    chosen(app, "number_input", "images_least").set_value(8).run()
    assert not app.exception
    assert not app.error
    assert app.button(key="images_keep")


def test_on_a_server_of_others_it_is_off_until_it_is_allowed(
    store, open_page, monkeypatch
) -> None:
    monkeypatch.setattr("pages.images.bring.is_own_machine", lambda address: False)
    monkeypatch.setattr("core.host_check.is_own_machine", lambda address: False)
    monkeypatch.delenv("EQUIPOISE_TRAINING", raising=False)
    app = open_page("images")
    assert "EQUIPOISE_TRAINING=on" in app.info[0].value
    assert not app.get("file_uploader")
    monkeypatch.setenv("EQUIPOISE_TRAINING", "on")
    app = open_page("images")
    assert app.file_uploader(key="images_file_0")
    # A path of the server is not for others to read.
    assert not [e for e in app.button_group if e.key == "images_from"]


def test_names_of_files_columns_and_classes_are_text(
    store, open_page, tmp_path
) -> None:
    place = tmp_path / "bad"
    names = [f"**bold** $x^2$ :smile: {i}.png" for i in range(60)]
    for i, name in enumerate(names):
        write_picture(place / name, i // 2)
    table = pd.DataFrame({"file": names})
    for column in (hostile.HOSTILE, "<b>b</b> numbers", *hostile.PARTS[:3]):
        table[f"{column} label"] = [hostile.PARTS[i % 2] for i in range(60)]
    table["<b>b</b> numbers label"] = range(60)
    table.to_csv(place / "labels.csv", index=False)
    app = bring(open_page, packed(place, f"{hostile.HOSTILE[:60]}.zip"))
    assert not faults_of(app)
    chosen(app, "multiselect", "images_targets").set_value(
        list(table.columns[1:])
    ).run()
    assert not faults_of(app)
    chosen(app, "text_input", "images_name").set_value(hostile.HOSTILE[:60]).run()
    app.button(key="images_keep").click().run()
    assert not faults_of(app)
    app.get_by_key("images_way").set_value("kept").run()
    app.button(key="images_delete").click().run()
    assert not faults_of(app)
    shown = " ".join(text for _, text in markdown_of(app))
    assert "is deleted for good" in shown.replace("are deleted", "is deleted")


def test_the_page_in_french_has_no_english(store, open_page, xrays) -> None:
    with speaking("fr"):
        app = bring(open_page, packed(xrays), lang="fr")
        found = english_of(app)
    assert not found
