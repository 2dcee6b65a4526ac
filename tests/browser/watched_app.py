"""Start the app as ``streamlit run`` does, and write down what it does to the machine.

Usage: ``watched_app.py PORT LOG``. Every file that the process opens for writing,
every file that it makes or renames, and the first import of TensorFlow becomes a line
of LOG. Python reports them through its audit hooks, nameless temporary files included.
"""

import os
import sys
from pathlib import Path

ROUTER = Path(__file__).parents[2] / "streamlit_app.py"
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
MAKING = {"os.rename", "os.link", "os.mkdir", "tempfile.mkstemp", "tempfile.mkdtemp"}
# Devices and pipes are no files on a disk.
HARMLESS = ("/dev/", "/proc/", "/sys/")


def watch(log: Path) -> None:
    """Write a line to ``log`` for every event of this process that makes a file."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event == "open":
            path, _, flags = args
            named = isinstance(path, str | bytes | os.PathLike)
            if not named or not isinstance(flags, int) or not flags & WRITING:
                return
            if not os.fsdecode(path).startswith(HARMLESS):
                os.write(out, f"write {os.fsdecode(path)}\n".encode())
        elif event in MAKING:
            os.write(out, f"{event} {args}\n".encode())
        elif event == "import" and args[0] == "tensorflow":
            os.write(out, b"import tensorflow\n")

    sys.addaudithook(hook)


if __name__ == "__main__":
    port, log_path = sys.argv[1:]
    watch(Path(log_path))
    from streamlit.web import cli

    import core.runs

    # The journeys are on runs of their own: what is shipped is not among them.
    core.runs.shipped_store = lambda: Path(log_path).parent / "shipped"

    options = {
        "server.port": port,
        "server.headless": "true",
    }
    sys.argv = ["streamlit", "run", str(ROUTER)]
    sys.argv += [f"--{name}={value}" for name, value in options.items()]
    cli.main(prog_name="streamlit")
