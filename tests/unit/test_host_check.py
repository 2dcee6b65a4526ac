"""Which requests a server on its own machine answers."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.host_check import HostCheck, is_own_host_header, is_own_machine, may_train

OWN = (
    "localhost",
    "localhost:8501",
    "LOCALHOST:8501",
    "127.0.0.1",
    "127.0.0.1:8501",
    "[::1]",
    "[::1]:8501",
)
FOREIGN = (
    "evil.example",
    "evil.example:8501",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1@evil.example",
    "evil.example@127.0.0.1",
    "evil.example#@localhost",
    "localhost/evil.example",
    "localhost:port",
    "192.0.2.7:8501",
    "0.0.0.0:8501",
    "[::1",
    "",
)


@pytest.mark.parametrize("header", OWN)
def test_a_name_of_this_machine_passes(header):
    assert is_own_host_header(header)


@pytest.mark.parametrize("header", FOREIGN)
def test_a_foreign_name_does_not_pass(header):
    assert not is_own_host_header(header)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7", "", None, "a.b"])
def test_others_can_reach_these_addresses(address):
    assert not is_own_machine(address)
    assert is_own_machine("127.0.0.1")
    assert is_own_machine("::1")


def test_a_server_that_others_reach_trains_only_where_it_is_told_to(monkeypatch):
    monkeypatch.delenv("EQUIPOISE_TRAINING", raising=False)
    assert may_train("127.0.0.1")
    assert not may_train("0.0.0.0")
    monkeypatch.setenv("EQUIPOISE_TRAINING", "off")
    assert not may_train("0.0.0.0")
    # A proxy on the same machine lets others in.
    assert not may_train("127.0.0.1")
    monkeypatch.setenv("EQUIPOISE_TRAINING", "on")
    assert may_train("0.0.0.0")


def answer(kind: str, hosts: list[bytes], address: str | None) -> list[dict]:
    """What a request gets: "passed", or what the check sends."""
    sent: list[dict] = []

    async def passed(scope, receive, send):
        sent.append({"type": "passed"})

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "headers": [(b"host", host) for host in hosts]}
    asked = HostCheck(passed, address=address)(scope, receive, send)
    # In a thread of its own: the browser of other tests has a loop in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, asked).result()
    return sent


@pytest.mark.parametrize("hosts", [[], [b"evil.example"], [b"localhost", b"evil"]])
def test_pages_and_sockets_are_refused_to_foreign_names(hosts):
    assert answer("http", hosts, "127.0.0.1")[0]["status"] == 403
    assert answer("websocket", hosts, "::1")[0]["type"] == "websocket.close"
    for kind in ("http", "websocket"):
        assert answer(kind, [b"localhost"], "127.0.0.1") == [{"type": "passed"}]
        # Asked for by name: how others call this machine is not known.
        assert answer(kind, hosts, "0.0.0.0") == [{"type": "passed"}]
        assert answer(kind, hosts, None) == [{"type": "passed"}]
