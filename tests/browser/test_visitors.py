"""Several visitors at once, without a browser: nobody is sent a photo of another's."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import core.runs
from bench.load import fill, mixed_up


def test_visitors_at_once_see_their_own_photos_alone(app, store, monkeypatch):
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(store))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: store / "shipped")
    visits = fill(app.url, None, walking=1, sending=2, seconds=2)
    # The browser of other tests has a loop in this thread.
    with ThreadPoolExecutor(1) as thread:
        stays, _ = thread.submit(asyncio.run, visits).result()
    walker, *senders = stays
    assert walker.pages
    for stay in senders:
        assert stay.photos
        assert stay.names == {stay.number}
        assert stay.own
    assert [error for stay in stays for error in stay.errors] == []
    assert mixed_up(stays) == []
