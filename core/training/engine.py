"""How the training engine is loaded: without a word on stderr."""

import logging
import os
import sys


def load_engine() -> None:
    """Import Keras while nothing reaches stderr.

    TensorFlow greets there at any log level, from below Python. What goes wrong in
    the import is an exception, and is not lost.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, no path
            os.dup2(nowhere.fileno(), 2)
        import keras  # noqa: F401

        # That models are built one after the other is what a command is for.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
