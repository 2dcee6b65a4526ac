import numpy as np
import pandas as pd
import pytest

from core.data.manifest import TRAINING, VALIDATION, split_fingerprint
from core.data.splits import draw_balanced_test, keep_share, split_training_validation
from core.errors import DatasetError


def test_balanced_test_takes_the_same_of_each_stratum() -> None:
    strata = pd.Series(["a"] * 50 + ["b"] * 5, index=np.arange(55) * 3)
    drawn = draw_balanced_test(strata, 5, seed=0)
    assert strata[drawn].value_counts().to_dict() == {"a": 5, "b": 5}
    assert drawn.is_unique
    assert not drawn.equals(draw_balanced_test(strata, 5, seed=1))
    with pytest.raises(DatasetError, match="'b' has 5"):
        draw_balanced_test(strata, 6, seed=0)


@pytest.mark.parametrize("others", [0, 30])
def test_keep_share_drops_only_marked_rows(others: int) -> None:
    mask = pd.Series([True] * 40 + [False] * others, index=np.arange(40 + others) + 100)
    dropped = keep_share(mask, 0.25, seed=0)
    assert len(dropped) == 30
    assert mask[dropped].all()


def test_keep_share_of_none_or_all() -> None:
    assert len(keep_share(pd.Series([False, False]), 0.25, seed=0)) == 0
    assert len(keep_share(pd.Series([True, False]), 1.0, seed=0)) == 0


def test_validation_is_stratified_and_loners_train() -> None:
    manifest = pd.DataFrame({"split": [""] * 101})
    strata = pd.Series(["a"] * 80 + ["b"] * 20 + ["alone"])
    split_training_validation(manifest, strata, share=0.2, seed=0)
    validation = manifest.index[manifest["split"] == VALIDATION]
    assert strata[validation].value_counts().to_dict() == {"a": 16, "b": 4}
    assert manifest["split"].iloc[100] == TRAINING


def test_fingerprint_ignores_order_and_what_is_left_out() -> None:
    table = pd.DataFrame({"image_id": ["x", "y"], "split": [TRAINING, VALIDATION]})
    extra = pd.DataFrame({"image_id": ["z"], "split": ["left out"]})
    same = pd.concat([extra, table.iloc[::-1]])
    assert split_fingerprint(same) == split_fingerprint(table)
    moved = table.assign(split=TRAINING)
    assert split_fingerprint(moved) != split_fingerprint(table)


def test_too_few_rows_to_validate_on_are_refused() -> None:
    strata = pd.Series(["a", "a", "b", "b"])
    with pytest.raises(DatasetError, match="4 images in 2 strata"):
        split_training_validation(
            pd.DataFrame({"split": [""] * 4}), strata, share=0.2, seed=0
        )
