"""What tables depend on: the files that they are made from, by path, time and size."""

from collections.abc import Sequence

from core.runs import MANIFEST_FILE, PREDICTIONS, Run, stores

Fingerprint = tuple[tuple[str, int, int], ...]


def fingerprint(runs: Sequence[Run]) -> Fingerprint:
    """What the tables of these runs depend on."""
    stats = ((run, (run.folder / PREDICTIONS).stat()) for run in runs)
    return tuple((_name(run), s.st_mtime_ns, s.st_size) for run, s in stats)


def _name(run: Run) -> str:
    """A run as it is shown: under which name, and on which of its test images."""
    only = "" if run.only is None else f" {hash(run.only)}"
    return f"{run.folder} {run.method}{only}"


def manifest_fingerprint(study: str) -> Fingerprint:
    """What the split of a study depends on; empty where none is kept."""
    places = [store / study / MANIFEST_FILE for store in stores()]
    stats = ((str(place), place.stat()) for place in places if place.is_file())
    return tuple((path, s.st_mtime_ns, s.st_size) for path, s in stats)
