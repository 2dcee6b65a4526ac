"""Many visitors at once: ``python -m bench.load``.

Starts the app, or takes one that runs, and opens Streamlit sessions without a browser.
Of an app that it starts, every page was visited before, as the app does by itself.
Most walk through the result pages, and now and then change the study or the methods.
The others send photos, one after another: portraits that the project draws. The table
says whether pages and photos came in time, whether anything failed, whether memory
grew, and whether anyone was sent a photo of another's.
"""

import argparse
import asyncio
import io
import math
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil
from PIL import Image

from bench.app import ROOT, cpu_seconds, memory_mb, serve
from bench.run import Result, Row, print_table
from bench.visitor import Seen, Visitor
from core.data.readers.avatars import AvatarsOptions, render
from core.runs import list_runs, list_studies
from core.stores import CACHE_VARIABLE
from pages.shell.warm_up import PAGES as RESULT_PAGES

# By their addresses; that of Overview is empty.
PAGES = tuple("" if name == "overview" else name for name in RESULT_PAGES)
# Whose models answer photos: the one takes whole pictures, the other looks for faces.
ANSWERING = ("avatars", "utkface")
PHOTOS, OPT_IN = "Photos", "Show ethnicity as well"
SIDE = 512
# As many as there are, and more than one visitor sends.
PORTRAITS, PHOTOS_EACH = 200_000, 400
# Seconds that a visitor looks at a page, or at answers, at least and at most.
READING_S = (5.0, 15.0)
# Share of the pages before which a visitor changes the study or the methods.
CHANGES = 1 / 3
# Seconds within which all have come.
ARRIVING_S = 10.0
# Seconds within which pictures of a photo that was taken away are gone.
FORGOTTEN_S = 10.0
# When memory is compared with that at the end, as a share of the time.
SETTLED = 0.4
# Memory is the mean over so many seconds.
MEMORY_OVER_S = 15.0
PAGES_S, PHOTO_S, GIB, GROWTH = 3.0, 10.0, 2.5, 1.05
PHOTO_NAME = re.compile(rb"visitor(\d+)photo")


@dataclass
class Stay:
    """What one visitor has seen.

    Parameters
    ----------
    number : int
        Of the visitor.
    pages, photos : list of float
        Seconds until a page was drawn, and until a photo was answered.
    errors : list of str
    names : set of int
        Visitors whose photos were named in anything that was sent to this one.
    media : set of str
        Addresses of all pictures that were sent.
    own : set of str
        Those of them that came with an own photo only.
    left : set of str
        Own ones that could still be loaded when the photo had been taken away.
    """

    number: int
    pages: list[float] = field(default_factory=list)
    photos: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    names: set[int] = field(default_factory=set)
    media: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)

    def note(self, seen: Seen, what: str) -> None:
        """Note what one run of a page brought."""
        self.errors += [f"{what}: {error}" for error in seen.errors]
        self.names |= {int(found) for found in PHOTO_NAME.findall(seen.content)}
        self.media |= seen.media


def photo_name(visitor: int, count: int) -> str:
    """What a visitor calls a photo; ``PHOTO_NAME`` finds whose it is."""
    return f"visitor{visitor}photo{count}"


def draw_photo(visitor: int, count: int) -> bytes:
    """A portrait that no other visitor sends, as JPEG."""
    index = PHOTOS_EACH * visitor + count
    pixels = render(index, SIDE, AvatarsOptions(count=PORTRAITS))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=92)
    return file.getvalue()


async def walk(
    visitor: Visitor,
    stay: Stay,
    end: float,
    rng: random.Random,
    *,
    studies: Mapping[str, Sequence[str]],
) -> None:
    """Look at one result page after another; now and then change what it is about."""
    about: dict[str, str | list[str]] = {"study": rng.choice(list(studies))}
    while not stay.pages or time.monotonic() < end:
        page = rng.choice(PAGES)
        if rng.random() < CHANGES:
            about = change(about["study"], studies, rng)
        seen = await visitor.look_at(page, about)
        stay.note(seen, f"{page or 'overview'} of {about['study']}")
        stay.pages.append(seen.seconds)
        await read(end, rng)


def change(
    study: str, studies: Mapping[str, Sequence[str]], rng: random.Random
) -> dict[str, str | list[str]]:
    """Another study with all its methods, or some methods of this one."""
    if rng.random() < 0.5:
        return {"study": rng.choice(list(studies))}
    methods = studies[study]
    count = rng.randint(min(2, len(methods)), len(methods))
    return {"study": study, "methods": rng.sample(methods, count)}


async def read(end: float, rng: random.Random) -> None:
    """Take the time that a person takes before the next click."""
    left = max(0.0, end - time.monotonic())
    await asyncio.sleep(min(rng.uniform(*READING_S), left))


def studies_with_methods() -> dict[str, list[str]]:
    """Methods that have runs, by study."""
    found = {name: list_runs(name).runs for name in list_studies()}
    return {
        name: list(dict.fromkeys(run.method for run in runs))
        for name, runs in found.items()
        if runs
    }


async def send_photos(
    visitor: Visitor, stay: Stay, end: float, rng: random.Random
) -> None:
    """Send one photo after another, and now and then ask for one more task."""
    study = ANSWERING[stay.number % len(ANSWERING)]
    seen = await visitor.look_at("predict", {"study": study})
    stay.note(seen, f"predict of {study}")
    shared, count, given = set(seen.media), 0, set()
    while not stay.photos or time.monotonic() < end:
        count += 1
        name = photo_name(stay.number, count)
        content = await asyncio.to_thread(draw_photo, stay.number, count)
        seen = await visitor.give(PHOTOS, {f"{name}.jpg": content})
        stay.note(seen, f"a photo for {study}")
        # A drawn face is not always found in a photo; that is an answer, too.
        if not {"table", "alert"} & seen.elements or name.encode() not in seen.content:
            stay.errors.append(f"a photo for {study}: it has no answer")
        stay.photos.append(seen.seconds)
        given = seen.media - shared
        stay.own |= given
        if study == "utkface" and count % 3 == 0:
            seen = await visitor.switch(OPT_IN, count % 2 == 1)
            stay.note(seen, f"{OPT_IN} for {study}")
        await read(end, rng)
    seen = await visitor.give(PHOTOS, {})
    stay.note(seen, "a photo taken away")
    limit = time.monotonic() + FORGOTTEN_S
    for address in given:
        # Streamlit drops pictures just after the page is drawn.
        while (
            is_there := await visitor.is_there(address)
        ) and time.monotonic() < limit:
            await asyncio.sleep(0.1)
        if is_there:
            stay.left.add(address)


Doing = Callable[[Visitor, Stay, float, random.Random], Awaitable[None]]


async def visit(url: str, stay: Stay, doing: Doing, start: float, end: float) -> None:
    """Open a session, use it until the time is over, and leave."""
    visitor, rng = Visitor(url), random.Random(stay.number)
    await asyncio.sleep(max(0.0, start - time.monotonic()))
    try:
        await visitor.open()
        await doing(visitor, stay, end, rng)
    except Exception as error:  # noqa: BLE001 - it is counted, and the others go on
        stay.errors.append(f"{type(error).__name__}: {error}")
    finally:
        await visitor.close()


async def watch_memory(
    server: psutil.Process | None, began: float, end: float
) -> list[tuple[float, float]]:
    """Memory of the server each second: share of the time that is over, and MB."""
    seen = []
    while server is not None and (now := time.monotonic()) < end:
        seen.append(((now - began) / (end - began), memory_mb(server)))
        await asyncio.sleep(1)
    return seen


async def fill(
    url: str,
    server: psutil.Process | None,
    *,
    walking: int,
    sending: int,
    seconds: float,
) -> tuple[list[Stay], list[tuple[float, float]]]:
    """Let all visit at once; give what each has seen, and the server's memory."""
    walking_through = partial(walk, studies=studies_with_methods())
    began = time.monotonic()
    end = began + seconds
    stays = [Stay(number) for number in range(walking + sending)]
    arriving = min(ARRIVING_S, seconds / 4)
    visits = [
        visit(
            url,
            stay,
            walking_through if stay.number < walking else send_photos,
            began + arriving * stay.number / len(stays),
            end,
        )
        for stay in stays
    ]
    memory, *_ = await asyncio.gather(watch_memory(server, began, end), *visits)
    return stays, memory


def mixed_up(stays: Sequence[Stay]) -> list[str]:
    """A sentence for each visitor who was sent something of another's photo."""
    said = []
    for stay in stays:
        others = [other for other in stays if other.number != stay.number]
        names = stay.names - {stay.number}
        if names:
            said.append(f"{stay.number} read names of photos of {sorted(names)}")
        foreign = {o.number for o in others if o.own & stay.media}
        if foreign:
            said.append(f"{stay.number} was sent pictures of {sorted(foreign)}")
        if stay.left:
            said.append(f"{len(stay.left)} pictures of {stay.number} stayed")
    return said


def percentile(seconds: Iterable[float], share: float) -> float:
    """The least of the values that so large a share does not exceed."""
    ordered = sorted(seconds)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def results_of(
    stays: Sequence[Stay], memory: Sequence[tuple[float, float]], seconds: float
) -> list[Result]:
    """The rows of the table."""
    kinds: Mapping[str, tuple[list[float], float]] = {
        "a result page": ([s for stay in stays for s in stay.pages], PAGES_S),
        "a photo, from its upload to its answers": (
            [s for stay in stays for s in stay.photos],
            PHOTO_S,
        ),
    }
    results = []
    for what, (took, limit) in kinds.items():
        if not took:
            continue
        half, most = statistics.median(took), max(took)
        detail = f"{len(took)} of them; median {half:.2f} s, at most {most:.2f} s"
        row = _row(what, f"under {limit:g} s at p95")
        results.append(Result(row, percentile(took, 0.95), detail))
    errors = [error for stay in stays for error in stay.errors]
    row = _row("errors", "at most 0")
    results.append(Result(row, float(len(errors)), "; ".join(errors[:3]) or "none"))
    if memory:
        results += _of_memory(memory, seconds)
    wrong = mixed_up(stays)
    row = _row("nobody was sent a photo of another's", "yes")
    results.append(Result(row, not wrong, "; ".join(wrong[:3]) or "names and pictures"))
    return results


def _of_memory(
    memory: Sequence[tuple[float, float]], seconds: float
) -> tuple[Result, Result]:
    span = MEMORY_OVER_S / seconds
    then = [mb for share, mb in memory if abs(share - SETTLED) <= span / 2]
    last = [mb for share, mb in memory if share >= 1 - span]
    before, after = statistics.mean(then), statistics.mean(last)
    minutes = [f"{seconds * share / 60:.3g}" for share in (SETTLED, 1)]
    row = _row(f"memory of the server, minute {minutes[1]}", f"under {GIB} GiB")
    most = f"at most {max(mb for _, mb in memory) / 1024:.2f} GiB"
    size = Result(row, after / 1024, most)
    row = _row(f"the same against minute {minutes[0]}", f"at most {GROWTH} x")
    return size, Result(row, after / before, f"{before:.0f} MiB, then {after:.0f} MiB")


def _row(what: str, bound: str) -> Row:
    return Row(__name__, 0, what, bound)


def visit_every_page(cache: Path) -> None:
    """Let the process that visits pages before a reader does come to its end."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "pages.shell.warm_up", str(os.getpid())],
        cwd=ROOT,
        env={**os.environ, CACHE_VARIABLE: str(cache)},
        check=True,
    )
    seconds = time.perf_counter() - began
    sys.stdout.write(f"Every page was visited before, in {seconds:.0f} s.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Let visitors come, and print the table; 1 if a bound was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--visitors", type=int, default=50, help="all of them")
    parser.add_argument("--photos", type=int, default=20, help="those who send photos")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--url", help="of an app that runs; its memory is not seen")
    parser.add_argument(
        "--cold", action="store_true", help="no page was visited before they come"
    )
    parser.add_argument("--markdown", action="store_true")
    chosen = parser.parse_args(arguments)
    if not 0 <= chosen.photos <= chosen.visitors:
        parser.error("--photos: at most as many as --visitors, and not below 0.")
    most = PORTRAITS // PHOTOS_EACH
    if chosen.visitors > most:
        parser.error(f"--visitors: at most {most}, each of whom has own portraits.")

    def measure(url: str, server: psutil.Process | None) -> list[Result]:
        seconds = 60 * chosen.minutes
        walking = chosen.visitors - chosen.photos
        stays, memory = asyncio.run(
            fill(url, server, walking=walking, sending=chosen.photos, seconds=seconds)
        )
        return results_of(stays, memory, seconds)

    if chosen.url:
        results = measure(chosen.url, None)
    else:
        with tempfile.TemporaryDirectory() as cache, serve(Path(cache)) as served:
            server, url = served
            if not chosen.cold:
                visit_every_page(Path(cache))
            results = measure(url, server)
            cpu = cpu_seconds(server)
        sys.stdout.write(f"The server took {cpu:.0f} s of the processor.\n")
    print_table(results, markdown=chosen.markdown)
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    sys.stdout.write(f"Load of the machine over 1, 5 and 15 minutes: {load}.\n")
    return 0 if all(result.holds for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
