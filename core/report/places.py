"""A place on a slide."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A place on a slide, in inches from its upper left corner."""

    x: float
    y: float
    width: float
    height: float
