"""How the training engine is loaded: without a word on stderr."""

import logging
import os
import sys


def load_engine() -> None:
    """Import Keras while nothing reaches stderr.

    TensorFlow greets there at any log level, from below Python. An error in the import
    is still raised as an exception.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, no path
            os.dup2(nowhere.fileno(), 2)
        import keras  # noqa: F401

        # TensorFlow warns if many models are built one after the other; commands do
        # that.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
