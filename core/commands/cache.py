"""``equipoise cache``: what lies in the cache, and how to empty it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from core.commands.console import stdout

if TYPE_CHECKING:
    from core.data.cache_entries import CacheEntry
    from core.results.tables import Table

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))
_KINDS = {
    "images": "images of a study",
    "features": "outputs of frozen layers for images",
    "generated": "generated images of a study",
    "unpacked": "unpacked archive",
    "properties": "properties of the images of a study",
    "results": "results of pages",
}


def cache(
    clear: Annotated[
        bool,
        typer.Option("--clear", help="Remove everything that no process uses now."),
    ] = False,
) -> None:
    """List the entries of the cache: sizes, ages, studies.

    It lies in $EQUIPOISE_CACHE (~/.cache/equipoise by default). Over
    $EQUIPOISE_CACHE_GB (20 by default) the entries that were used longest ago are
    removed, but never those that a running training reads.
    """
    from core.data.cache_entries import cache_limit_bytes, cache_root, list_entries

    limit, entries = cache_limit_bytes(), list_entries()
    if clear:
        entries = _clear(entries)
    elif entries:
        from core.results.console import print_table

        print_table(_describe(entries), stdout())
    total = sum(entry.size_bytes for entry in entries)
    stdout().print(
        f"{_gigabytes(total)} of at most {limit / 1e9:g} GB in {cache_root()}.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _clear(entries: Sequence[CacheEntry]) -> list[CacheEntry]:
    """Remove what can be, and say so; what stays is returned."""
    from core.data.cache_entries import remove_entry

    kept = [entry for entry in entries if not remove_entry(entry)]
    gone = [entry for entry in entries if entry not in kept]
    freed = sum(entry.size_bytes for entry in gone)
    out = stdout()
    out.print(f"Removed {len(gone)} of {len(entries)}: {_gigabytes(freed)}.")
    for entry in kept:
        out.print(f"In use, and kept: {_what(entry)}.", markup=False, highlight=False)
    return kept


def _describe(entries: Sequence[CacheEntry]) -> Table:
    from core.results.cells import Text
    from core.results.tables import Column, Table

    now = time.time()
    left = (Column(heading, align="left") for heading in ("What", "Studies"))
    right = (Column(heading) for heading in ("Size", "Used", "In use"))
    return Table(
        "The cache, the last used entries first",
        (*left, *right),
        tuple(
            (
                Text(_what(entry)),
                Text(", ".join(entry.about.get("studies", ())) or "-"),
                Text(_gigabytes(entry.size_bytes)),
                Text(_age(now - entry.used)),
                Text("yes" if entry.is_in_use else ""),
            )
            for entry in sorted(entries, key=lambda entry: -entry.used)
        ),
    )


def _what(entry: CacheEntry) -> str:
    about = entry.about
    if not about:
        return f"{_KINDS[entry.kind]}, of an earlier version or unfinished"
    if entry.kind == "unpacked":
        return f"{_KINDS[entry.kind]} {about.get('archive', entry.key)}"
    if entry.kind == "results":
        return f"{_KINDS[entry.kind]}, of version {about.get('version', '?')}"
    if entry.kind == "properties":
        return f"brightness, sharpness and size of {about.get('images', 0):,} images"
    side = about.get("side_pixels", "?")
    made = "generated images" if entry.kind == "generated" else "images"
    images = f"{about.get('images', 0):,} {made} of {side} x {side} pixels"
    if entry.kind == "features":
        return (
            f"frozen layers of {about.get('backbone', '?')} on {images}, "
            f"{about.get('variants', '?')} variants"
        )
    return images


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def _age(seconds: float) -> str:
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return "now"
