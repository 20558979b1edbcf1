"""Colours, markers and percentiles that the page's charts and the pictures share. Needs no Matplotlib."""

from typing import Final

from harness.analysis.analysis import Analysis

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C564B")

MARKERS: Final = "osD^vPX*"

PERCENTILES: Final = (0.50, 0.90, 0.99, 0.999, 0.9999)

TAIL_SAMPLES: Final = 6.6  # a curve ends where fewer samples than this lie beyond: the rule of SAMPLES_NEEDED


def is_async(analysis: Analysis, arm: str) -> bool:
    """Whether an arm is loaded on its async views."""
    return bool(analysis.run.scenario.arm(arm).view == "async")
