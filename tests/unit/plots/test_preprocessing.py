import numpy as np
import pytest

from core.plots import preprocessing as plots
from core.study import Augmentation

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (12, 20, 3), dtype=np.uint8)


def test_histograms_count_every_pixel_of_each_channel():
    table = plots.count_levels({"before": PICTURE, "after": PICTURE[:4, :4]})
    assert len(table) == 2 * 3 * 256 / plots.BIN_WIDTH
    totals = table.groupby(["picture", "channel"])["share"].sum()
    np.testing.assert_allclose(totals, 100)
    row = table.set_index(["picture", "channel", "level"]).loc[
        ("before", "green", 11.5)
    ]
    inside = (PICTURE[..., 1] >= 8) & (PICTURE[..., 1] < 16)
    assert row["share"] == pytest.approx(100 * inside.mean())


def test_the_highest_level_is_counted():
    table = plots.count_levels({"white": np.full((2, 2, 3), 255, np.uint8)})
    assert table.loc[table["share"] > 0, "level"].unique().tolist() == [251.5]


def test_a_channel_is_an_area_with_lines_over_it():
    pictures = {"before": PICTURE, "after": PICTURE[::-1]}
    figure = plots.plot_levels(plots.count_levels(pictures), "red")
    assert [trace.name for trace in figure.data] == ["before", "after"]
    assert [trace.fill for trace in figure.data] == ["tozeroy", None]
    assert figure.layout.title.text == "<b>Red channel</b>"
    assert sum(figure.data[1].y) == pytest.approx(100)


def test_several_of_a_kind_have_one_line_in_the_legend():
    draws = {f"draw {i}": PICTURE for i in (1, 2, 3)}
    table = plots.count_levels({"preprocessed": PICTURE, **draws})
    figure = plots.plot_levels(table, "blue", others="the 3 draws")
    shown = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert shown == ["preprocessed", "the 3 draws"]
    assert "draw 3" in figure.data[-1].hovertemplate
    assert len({trace.line.color for trace in figure.data[1:]}) == 1


def test_takeaways_state_mean_and_contrast():
    dark, light = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 100, np.uint8)
    half = np.concatenate([dark, light])
    sentence = plots.takeaway_preprocessing(half, light)
    assert "mean level from 50 to 100" in sentence
    assert "from 50 to 0, of 255" in sentence
    sentence = plots.takeaway_augmentation(light, np.stack([dark, light]))
    assert sentence.startswith("Over 2 draws the mean level lies between 0 and 100")
    assert "(without augmentation 100)" in sentence


def test_every_change_is_described_with_its_size():
    assert plots.describe_augmentation(Augmentation()) == ""
    every = Augmentation(
        rotation_degrees=5,
        shift=0.04,
        shear_degrees=2.5,
        zoom=0.06,
        brightness=0.08,
        contrast=0.2,
        horizontal_flip=True,
        crop_padding=4,
        resolution=0.35,
        blur=1.5,
        jpeg_quality=40,
    )
    said = plots.describe_augmentation(every)
    for part in (
        "5°",
        "4\xa0% of the side",
        "2.5°",
        "6\xa0%",
        "8\xa0% of the range",
        "20\xa0%",
    ):
        assert part in said
    assert "mirrored" in said
    assert "4 pixels of black" in said
    assert "as little as 35\xa0% of the side" in said
    assert "blurred by up to 1.5 pixels" in said
    assert "JPEG of quality 40" in said
    # A change that is not asked for is not spoken of.
    for name in Augmentation.model_fields:
        default = Augmentation.model_fields[name].default
        fewer = plots.describe_augmentation(every.model_copy(update={name: default}))
        assert len(fewer) < len(said), name
