"""The line of photos: whose turn it is, who shares a batch, and who is forgotten."""

import threading
from types import SimpleNamespace

import pytest

from core.predictor import PhotoResult, Upload
from pages.shell import photo_queue
from pages.shell.photo_queue import Line, Question

PATIENCE_S = 30


@pytest.fixture
def models(monkeypatch):
    """Models that note what they answer together, from when they are let go."""
    models = SimpleNamespace(batches=[], let_go=threading.Event())

    def answer(uploads, predictor, detector, *, mirrored):
        assert models.let_go.wait(PATIENCE_S)
        names = [upload.name for upload in uploads]
        models.batches.append(names)
        if "bad" in names:
            raise RuntimeError("no memory left")
        return [PhotoResult(name) for name in names]

    monkeypatch.setattr(photo_queue, "predict_uploads", answer)
    monkeypatch.setattr(photo_queue, "TOGETHER", 2)
    return models


def ask(line, visitor, name, predictor="models"):
    return line.join(Question(Upload(b"", name), predictor, None, False), visitor)


def hold(line):
    """A photo that is being answered: what is asked afterwards waits."""
    ticket = ask(line, "someone", "held", predictor="other models")
    while line.photos_before(ticket) or line._waiting:
        threading.Event().wait(0.01)
    return ticket


def test_visitors_take_turns_and_share_batches(models):
    line = Line()
    held = hold(line)
    many = [ask(line, "ann", name) for name in ("a1", "a2", "a3")]
    one = ask(line, "bob", "b1")
    assert [line.photos_before(ticket) for ticket in (*many, one)] == [0, 2, 3, 1]
    assert not one.has_ended
    models.let_go.set()
    assert [ticket.result().photo for ticket in many] == ["a1", "a2", "a3"]
    assert one.result().photo == "b1"
    assert models.batches == [["held"], ["a1", "b1"], ["a2", "a3"]]
    assert held.has_ended


def test_a_photo_that_nobody_keeps_is_not_answered(models):
    line = Line()
    held = hold(line)
    gone = ask(line, "ann", "gone")
    kept = ask(line, "bob", "kept")
    assert line.photos_before(kept) == 1
    del gone
    assert line.photos_before(kept) == 0
    models.let_go.set()
    assert kept.result().photo == "kept"
    assert models.batches == [["held"], ["kept"]]
    assert held.has_ended


def test_a_photo_that_fails_is_no_fault_of_its_neighbour(models):
    line = Line()
    held = hold(line)
    bad, good = ask(line, "ann", "bad"), ask(line, "bob", "good")
    models.let_go.set()
    assert good.result().photo == "good"
    with pytest.raises(RuntimeError, match="no memory left"):
        bad.result()
    assert held.has_ended
