"""Every remedy: one module a family, each with its ``ENTRIES``."""

from core.methods.entries import (
    adjustment,
    balanced,
    by_group,
    decision,
    focal,
    hard_mining,
    margin,
    mixing,
    regression,
    sampling,
    weighting,
)
from core.methods.entry import Entry

FAMILIES = (
    sampling,
    mixing,
    weighting,
    focal,
    margin,
    balanced,
    hard_mining,
    regression,
    by_group,
    adjustment,
    decision,
)
ENTRIES: dict[str, Entry] = {
    entry.name: entry for family in FAMILIES for entry in family.ENTRIES
}
