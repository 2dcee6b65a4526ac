"""The figure and the sentence of a schedule."""

import pandas as pd

from core.plots import schedule as plots


def test_schedule_shades_and_names_its_phases():
    rates = pd.DataFrame({"epoch": [0, 5, 100, 199.5], "rate": [0.02, 0.1, 1e-3, 1e-5]})
    phases = [(0, 5, "warm-up"), (5, 100, "cross-entropy"), (100, 200, "HMLoss")]
    figure = plots.plot_schedule(
        rates, phases, label="HM", log_axis=True, drops=((100, 0.01),)
    )
    bands = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert [(band.x0, band.x1) for band in bands] == [(0, 5), (5, 100), (100, 200)]
    keys = [trace.name for trace in figure.data if trace.name]
    assert keys == ["1: warm-up", "2: cross-entropy", "3: HMLoss"]
    assert any("× 0.01" in note.text for note in figure.layout.annotations)
    words = plots.schedule_takeaway(rates, phases, label="HM")
    assert "(2) cross-entropy for 95 epochs and (3) HMLoss for 100 epochs" in words
    assert "0.1 at its highest and 10⁻⁵ in the last step" in words


def test_nothing_is_written_on_the_line_of_a_schedule():
    rates = pd.DataFrame(
        {"epoch": [0, 24, 26.9, 27, 30], "rate": [0.1, 1e-3, 1e-3, 1e-5, 1e-5]}
    )
    figure = plots.plot_schedule(
        rates,
        [(0, 30, "LDAM")],
        label="x",
        log_axis=True,
        drops=((24, 0.01), (27, 0.01)),
    )
    phase, first, second = figure.layout.annotations
    # The phases are numbered above the highest line, and a fall is written left of it.
    assert (phase.yref, phase.y) == ("paper", 1)
    assert figure.layout.yaxis.domain[1] < 1
    assert (first.x, first.xanchor, second.x) == (24, "right", 27)
    assert (first.y, second.y) == (-2, -4)
