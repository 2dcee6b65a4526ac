"""The rule behind a label, on as many images and attributes as CelebA has."""

import time

import numpy as np
import pandas as pd

from core.evaluation.rules.search import search_rules

IMAGES, ATTRIBUTES = 200_000, 40
NOISE = 0.1


def measure_search() -> tuple[float, str]:
    """Seconds for every rule of three attributes, with wrong labels among them."""
    rng = np.random.default_rng(0)
    shares = rng.uniform(0.05, 0.6, ATTRIBUTES)
    table = pd.DataFrame(rng.random((IMAGES, ATTRIBUTES)) < shares).add_prefix("a")
    labels = (table["a3"] | (table["a7"] & ~table["a30"])).to_numpy()
    began = time.perf_counter()
    search = search_rules(table, labels ^ (rng.random(IMAGES) < NOISE))
    seconds = time.perf_counter() - began
    found = search.best.text if search.best else "no rule"
    return seconds, f"{search.tried:,} sets of conditions; found: {found}"


ROWS = [
    (
        f"the rule behind a label, searched over {IMAGES:,} images x {ATTRIBUTES} "
        "attributes",
        "under 10 s",
        measure_search,
    )
]
