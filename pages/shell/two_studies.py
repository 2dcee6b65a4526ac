"""Another study that shares test images, found and set beside the chosen one."""

from collections import Counter

from core.errors import EquipoiseError
from core.language import gettext, ngettext
from core.results.run_settings import TOGETHER
from core.results.two_studies import (
    TwoStudies,
    pairing_notes,
    shared_test_images,
)
from core.runs import list_studies
from core.study import Study
from core.text import BREAK, code, strong
from core.views.caching import Fingerprint, cached, manifest_fingerprint
from core.views.studies import study_named


def studies_beside(study: Study) -> dict[str, str]:
    """Titles of the studies that share test images with a study, by name."""
    found = {}
    for name in list_studies():
        try:
            other = study_named(name)
        except EquipoiseError:  # the study's own page says so
            continue
        keys = manifest_fingerprint(study.name), manifest_fingerprint(name)
        if name != study.name and _share_images(keys, study, other):
            found[name] = gettext(other.title)
    known = Counter([gettext(study.title), *found.values()])
    return {n: f"{t} ({n})" if known[t] > 1 else t for n, t in found.items()}


@cached(entries=256)
def _share_images(
    splits: tuple[Fingerprint, Fingerprint],
    study: Study,
    other: Study,
) -> bool:
    """Whether the kept splits have test images in common; by their ids alone."""
    try:
        return bool(all(splits) and shared_test_images(study, other).ids)
    except EquipoiseError:
        return False


def two_studies_caption(two: TwoStudies, baseline: str) -> str:
    """What is compared with what, on which images, and what else differs."""
    _, other = two.names
    first = gettext("Each method is compared with the study's own baseline.")
    if two.counterparts is not None:
        first = gettext(
            "The baseline of each method is the same method there; where one baseline "
            "is spoken of, it is {baseline}.",
            baseline=strong(baseline),
        )
    said = list(pairing_notes(two))
    if two.differing:
        said += [
            ngettext(
                "They differ in {count} setting, which Overview lists.",
                "They differ in {count} settings, which Overview lists.",
                len(two.differing),
            ),
            gettext(TOGETHER),
        ]
    beside = gettext(
        "Beside {study} ({name}).",
        study=strong(gettext(two.other.title)),
        name=code(other),
    )
    return BREAK.join((f"{beside} {first}", " ".join(said)))
