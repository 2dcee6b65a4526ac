"""Every way of starting the app listens on this machine alone, and refuses others."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

ROOT = Path(__file__).parents[2]
START_S = 120
WAYS = {
    "equipoise app": ("core.cli", "app"),
    "streamlit run": ("streamlit", "run", str(ROOT / "streamlit_app.py")),
}
PATHS = ("/", "/overview", "/_stcore/health", "/_stcore/host-config", "/media/x.png")


@pytest.fixture(scope="module", params=WAYS)
def port(request, tmp_path_factory) -> Iterator[int]:
    """A server that was started in one of the ways; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    environment = {**os.environ, "EQUIPOISE_RUNS": str(folder), "HOME": str(folder)}
    server = subprocess.Popen(
        [sys.executable, "-m", *WAYS[request.param], f"--server.port={number}"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + START_S
        while not is_up(number):
            assert server.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.1)
        yield number
        server.terminate()
        server.wait(START_S)
        assert not is_up(number), "what stops the command does not stop the server"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, 9)
        server.wait()


def is_up(port: int) -> bool:
    try:
        return ask(port, f"127.0.0.1:{port}", "/_stcore/health")[0] == 200
    except OSError:
        return False


def ask(port: int, host: str, path: str, method: str = "GET") -> tuple[int, str]:
    """Status and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Host": host, "Origin": f"http://{host}"}
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    answer = response.status, response.read().decode()
    connection.close()
    return answer


def test_a_foreign_host_gets_no_page(port):
    assert "<html" in ask(port, f"localhost:{port}", "/")[1]
    for host in (f"evil.example:{port}", "evil.example"):
        for path in PATHS:
            status, body = ask(port, host, path)
            assert status == 403, path
            assert "<html" not in body
        # An upload.
        path = "/_stcore/upload_file/session/file"
        assert ask(port, host, path, "PUT")[0] == 403
        assert ask(port, host, path, "DELETE")[0] == 403


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_its_own_names_pass(port, name):
    assert ask(port, f"{name}:{port}", "/")[0] == 200
    assert ask(port, f"{name}:{port}", "/_stcore/health")[0] == 200


def test_the_websocket_refuses_a_foreign_host_with_a_matching_origin(port):
    def stream(host: str):
        raw = socket.create_connection(("127.0.0.1", port), timeout=30)
        return connect(
            f"ws://{host}:{port}/_stcore/stream",
            sock=raw,
            origin=f"http://{host}:{port}",
        )

    for host in ("localhost", "127.0.0.1"):
        with stream(host):
            pass
    with pytest.raises(InvalidStatus) as refused, stream("evil.example"):
        pass
    assert refused.value.response.status_code == 403


def test_only_this_machine_is_listened_to(port):
    # All of 127.0.0.0/8 is this machine: a server on every interface answers here too.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=5)


@pytest.mark.parametrize(
    ("arguments", "ending"), [((), "app"), (("HOST=0.0.0.0",), "app --host 0.0.0.0")]
)
def test_make_demo_starts_what_equipoise_app_starts(arguments, ending):
    # Within `make test` a make of its own would say where it is.
    command = ["make", "--no-print-directory", "--dry-run"]
    command += ["--assume-old=.venv/.installed", "demo", *arguments]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1].strip().endswith(f"bin/equipoise {ending}")
