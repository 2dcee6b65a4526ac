"""How fast portraits are drawn, on one core."""

import time
from collections.abc import Callable

from core.data.readers.avatars import AvatarsOptions, render

SIZE = 64
IMAGES = 1000
ROUNDS = 3


def images_per_second() -> tuple[float, str]:
    """Best of a few rounds, by this process's clock: one core, whatever else runs."""
    options = AvatarsOptions(count=IMAGES)
    render(0, SIZE, options)
    rates = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for index in range(IMAGES):
            render(index, SIZE, options)
        rates.append(IMAGES / (time.process_time() - start))
    detail = f"{IMAGES} portraits of {SIZE} px, best of {ROUNDS} rounds"
    return max(rates), detail


ROWS: list[tuple[str, str, Callable[[], tuple[float, str]]]] = [
    ("avatars drawn at 64 px, one core", "1,000 images/s", images_per_second),
]
