"""UTKFace: faces with age, gender and ethnicity in their file names.

Source: Zhang, Song and Qi, "Age Progression/Regression by Conditional Adversarial
Autoencoder", CVPR 2017; the aligned and cropped set, in its published layout.
"""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from core.data.archive import folder_of
from core.data.cache import Progress
from core.data.class_folders import by_published_name, walk_pictures
from core.data.duplicates import (
    SAME_PHOTO,
    DuplicatePairs,
    describe_duplicates,
    find_duplicates,
    hash_images,
)
from core.data.face_templates import UTKFACE
from core.data.manifest import (
    TEST,
    DatasetInfo,
    LoadedDataset,
)
from core.data.splits import (
    draw_balanced_test,
    keep_share,
    leave_out,
    split_training_validation,
    with_new_split,
    with_shipped_split,
)
from core.data.unreadable_pictures import CANNOT_BE_READ, UNREADABLE, describe_damage
from core.errors import DatasetError
from core.language import N_, gettext
from core.study import DatasetOptions, Seed
from core.tasks import Binary, Multiclass, Regression

AGE = Regression("age", "Age", N_("years"), 1, 80, 10)
GENDER = Binary("gender", "Gender", ("male", "female"))
ETHNICITY = Multiclass("ethnicity", "Ethnicity", ("White", "Black", "Asian", "Indian"))
OTHERS = "Others"
THINNED = N_("Asian, under-sampled")

INFO = DatasetInfo(
    name="utkface",
    title="UTKFace",
    tasks=(AGE, GENDER, ETHNICITY),
    sensitive_features={"gender": GENDER.classes, "ethnicity": ETHNICITY.classes},
    shareable=False,
    generated=False,
    faces=UTKFACE,
    notice=(
        N_(
            "UTKFace may be used for non-commercial research only and its pictures "
            "may not be passed on; models and predictions made from it carry the same "
            "limits. Its labels were estimated by an algorithm and checked by "
            "annotators: they are perceived age, gender and ethnicity."
        )
    ),
    opt_in={
        ETHNICITY.name: (
            N_(
                "The ethnicity label is one of White, Black, Asian, Indian: words that "
                "annotators gave to faces by their looks, to measure whether methods "
                "treat groups alike. It is not a person's identity, origin or "
                "nationality, it leaves most of the world out, and it is often wrong. "
                "Do not use it to decide anything about anyone."
            )
        )
    },
)

_NAME = re.compile(r"(\d{1,3})_([01])_([0-4])_\d+\.jpg\.chip\.jpg")
_SECOND = N_("second file of the same photo")
_ETHNICITIES = (*ETHNICITY.classes, OTHERS)


class UTKFaceOptions(DatasetOptions):
    """The protocol of a study on UTKFace.

    Parameters
    ----------
    youngest, oldest : int
        Ages kept, in years, both included.
    test_per_stratum : int
        Test photos of each gender x ethnicity x decade.
    twin_bits : int
        Two photos are the same one if their 256-bit hashes differ in at most so many.
    asian_share : float
        Share of the remaining Asian photos that is kept.
    validation_share : float
        Share of what is left that is not trained on.
    seed : int
        Draws the test set, the Asian photos and the validation set.
    """

    youngest: Annotated[int, Field(ge=1, le=80)] = 1
    oldest: Annotated[int, Field(ge=1, le=80)] = 79
    test_per_stratum: Annotated[int, Field(ge=1)] = 10
    twin_bits: Annotated[int, Field(ge=0, le=256)] = 40
    asian_share: Annotated[float, Field(gt=0, le=1)] = 0.25
    validation_share: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    seed: Seed = 0


def parse_names(names: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Read age, gender and ethnicity from published file names.

    Parameters
    ----------
    names : list of str
        ``[age]_[gender]_[race]_[timestamp].jpg.chip.jpg``.

    Returns
    -------
    DataFrame
        ``image_id`` (the file name), ``age`` in years, ``gender``, ``ethnicity``;
        sorted by ``image_id``.
    list of str
        The malformed names, sorted.
    """
    rows, malformed = [], []
    for name in sorted(names):
        match = _NAME.fullmatch(name)
        if match is None:
            malformed.append(name)
            continue
        age, gender, race = (int(part) for part in match.groups())
        rows.append((name, age, GENDER.classes[gender], _ETHNICITIES[race]))
    columns = ["image_id", "age", "gender", "ethnicity"]
    return pd.DataFrame(rows, columns=columns), malformed


def load(
    location: Path,
    options: UTKFaceOptions,
    *,
    shipped: pd.DataFrame | None = None,
    progress: Progress = lambda what, done, total: None,
) -> LoadedDataset:
    """Read a copy of UTKFace and split it by the study's protocol.

    Parameters
    ----------
    location : Path
        The folder of photos, or the archive itself.
    options : UTKFaceOptions
        The protocol.
    shipped, progress
        As for ``catalog.load_dataset``.

    Returns
    -------
    LoadedDataset
        All well-named photos; those left out by the protocol are so marked.

    Raises
    ------
    DatasetError
        If the place is missing, empty or not UTKFace, or if a photo of the shipped
        split is not in it.
    """
    folder = folder_of(location, pattern="*", what="UTKFace")
    paths, copies = by_published_name(folder / name for name in walk_pictures(folder))
    if not paths:
        raise DatasetError(
            gettext("{location} holds no picture.", location=location),
            expected=gettext("UTKFace in its published layout."),
            remedy=gettext("check that the download or the unpacking was complete."),
        )
    manifest, malformed = parse_names(list(paths))
    if len(manifest) < len(paths) / 2:
        raise DatasetError(
            gettext(
                "{location} is not UTKFace: {n} of its {total} pictures are not "
                "named as published, {example} for one.",
                location=location,
                n=len(malformed),
                total=len(paths),
                example=malformed[0],
            ),
            expected=gettext("names such as 26_0_2_20170104023102422.jpg.chip.jpg."),
            remedy=gettext(
                "point --data at the folder or archive of aligned, cropped faces."
            ),
        )
    manifest["path"] = [str(paths[name]) for name in manifest["image_id"]]
    if shipped is not None:
        return with_shipped_split(INFO, manifest, shipped, location)
    loaded = _split(manifest, malformed, options, folder, progress)
    return _count_copies(loaded, len(copies))


def _split(
    manifest: pd.DataFrame,
    malformed: list[str],
    options: UTKFaceOptions,
    folder: Path,
    progress: Progress,
) -> LoadedDataset:
    """Apply the protocol in its order; the report says what each step did."""
    manifest = manifest.assign(split="", reason="")
    leave_out(manifest, manifest["ethnicity"] == OTHERS, f"ethnicity {OTHERS}")
    outside = ~manifest["age"].between(options.youngest, options.oldest)
    leave_out(manifest, outside, f"age outside {options.youngest}-{options.oldest}")
    hashes, corrupt = hash_images(manifest["path"].tolist(), progress=progress)
    leave_out(manifest, manifest.index.isin(list(corrupt)), CANNOT_BE_READ)

    kept = manifest[manifest["split"] == ""].copy()
    decade = AGE.bin_of(kept["age"])
    strata = kept["gender"] + " " + kept["ethnicity"] + " " + decade.astype(str)
    test = draw_balanced_test(strata, options.test_per_stratum, seed=options.seed)
    manifest.loc[test, "split"] = TEST

    duplicates = find_duplicates(hashes, max_bits=options.twin_bits).without(
        list(corrupt)
    )
    removed = _leave_out_duplicates(manifest, duplicates, seed=options.seed)

    remaining = manifest.index[manifest["split"] == ""]
    asian = manifest.loc[remaining, "ethnicity"] == "Asian"
    dropped = keep_share(asian, options.asian_share, seed=options.seed)
    leave_out(manifest, manifest.index.isin(dropped), THINNED)

    remaining = manifest.index[manifest["split"] == ""]
    strata = manifest.loc[remaining, "gender"] + manifest.loc[remaining, "ethnicity"]
    bins = pd.Series(AGE.bin_of(manifest.loc[remaining, "age"]), index=remaining)
    split_training_validation(
        manifest,
        strata + bins.astype(str),
        share=options.validation_share,
        seed=options.seed,
    )
    parts: dict[str, object] = {
        "twins": {
            "threshold_bits": options.twin_bits,
            **removed,
            **describe_duplicates(
                duplicates, manifest, AGE, (GENDER.name, ETHNICITY.name)
            ),
        },
    }
    ids = manifest["image_id"].to_numpy(object)
    parts[SAME_PHOTO] = ids[duplicates.pairs].tolist()
    if corrupt:
        damaged = describe_damage(manifest, corrupt, folder)
        parts[UNREADABLE] = [asdict(picture) for picture in damaged]
    return with_new_split(INFO, manifest, malformed, **parts)


def _count_copies(loaded: LoadedDataset, copies: int) -> LoadedDataset:
    """Add duplicate files, of which one was read, to the report."""
    counts = loaded.report["counts"]
    if copies and isinstance(counts, dict):
        counts["found"] += copies
        counts["left_out_by"][_SECOND] = copies
    return loaded


def _leave_out_duplicates(
    manifest: pd.DataFrame, duplicates: DuplicatePairs, *, seed: int
) -> dict[str, int]:
    """Leave out, in place, the copies of test photos, and all but one of the others.

    Returns
    -------
    dict of str to int
        How many of either.
    """
    in_test = manifest["split"].eq(TEST).to_numpy()
    near_test = manifest.index.isin(duplicates.partners_of(in_test))
    near_test &= manifest["split"].eq("").to_numpy()
    leave_out(manifest, near_test, N_("same photo as one in the test set"))
    rest = manifest["split"].eq("").to_numpy()
    rng = np.random.default_rng(seed)
    spare = manifest.index.isin(duplicates.spare_copies(rest, rng))
    leave_out(manifest, spare, N_("same photo as another one kept"))
    return {"removed_test": int(near_test.sum()), "removed_rest": int(spare.sum())}
