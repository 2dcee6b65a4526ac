"""Keys of the places for files: others after each start of the server."""

import time

_start = ""


def name_this_start() -> None:
    """Give every place for files a new key; called as the server starts.

    A browser that comes back to a server which was started anew still shows the file
    that only the server before had. Under the old key it would be shown as if it was
    there, and another file in its place would not arrive.
    """
    global _start
    _start = f"_{time.time_ns():x}"


def upload_key(name: str) -> str:
    """The key of a place for files, as this server has it."""
    return name + _start
