"""The defense: a slide turned, a deck and a whole report made, pages in French."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.app import RERUNS, RESULT_PAGES, STUDY, open_page, seconds_of_rerun

FORMATS = ("pptx", "html", "pdf", "latex", "md")


def measure_next_slide() -> tuple[float, str]:
    """Median server time to show the next slide of the shipped story, in ms.

    Each was drawn while the slide before it was looked at, as it is on stage.
    """
    from core.story.stories import story_named

    slides = len(story_named(STUDY).load().slides)
    page = open_page("defense", study=STUDY, story=STUDY, slide="1", present="1")
    seconds = []
    for is_drawn in (False, True):
        for number in range(1, slides + 1):
            page.query_params["slide"] = str(number)
            took = seconds_of_rerun(page)
            if is_drawn:
                seconds.append(took)
    seen = f"{slides} slides of {STUDY}; slowest {1000 * max(seconds):.0f} ms"
    return 1000 * statistics.median(seconds), seen


def measure_deck() -> tuple[float, str]:
    """Seconds to make the deck of the shipped study, nothing cached."""
    return _seconds_of_report(("pptx",), "en")


def measure_report() -> tuple[float, str]:
    """Seconds to make every format of the shipped study's report, in French."""
    return _seconds_of_report(FORMATS, "fr")


def measure_french() -> tuple[float, str]:
    """How long reruns of the result pages take in French, as a multiple of English."""
    from core.language import speaking

    total = dict.fromkeys(("en", "fr"), 0.0)
    for name in RESULT_PAGES:
        for code in total:
            page = open_page(name, language=code, study=STUDY)
            # AppTest asks what an option is called outside of the visit.
            with speaking(code):
                seconds = [seconds_of_rerun(page) for _ in range(RERUNS)]
            total[code] += statistics.median(seconds)
    seen = ", ".join(f"{code} {1000 * s:.0f} ms" for code, s in total.items())
    return total["fr"] / total["en"], f"{len(RESULT_PAGES)} pages together; {seen}"


def _seconds_of_report(formats: tuple[str, ...], code: str) -> tuple[float, str]:
    names = ",".join(formats)
    with tempfile.TemporaryDirectory() as folder:
        asked = ["report", STUDY, "--format", names, "--lang", code, "--out", folder]
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "core.cli", *asked], check=True)
        seconds = time.perf_counter() - began
        made = sum(path.is_file() for path in Path(folder).rglob("*"))
    return seconds, f"equipoise {' '.join(asked[:-2])}: {made} files"


ROWS = [
    (
        "Present's next slide, server time, shipped story",
        "median under 100 ms",
        measure_next_slide,
    ),
    ("the deck of the shipped study", "under 60 s", measure_deck),
    ("every format of its report, in French", "under 60 s", measure_report),
    (
        "result pages in French, server time of a rerun, against English",
        "at most 1.1 x",
        measure_french,
    ),
]
