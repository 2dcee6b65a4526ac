"""Every remedy: one module a family, each with its ``ENTRIES``."""

from core.methods.entries import (
    adjustment,
    balanced,
    focal,
    hard_mining,
    margin,
    regression,
    sampling,
    weighting,
)
from core.methods.entry import Entry

FAMILIES = (
    sampling,
    weighting,
    focal,
    margin,
    balanced,
    hard_mining,
    regression,
    adjustment,
)
ENTRIES: dict[str, Entry] = {
    entry.name: entry for family in FAMILIES for entry in family.ENTRIES
}
