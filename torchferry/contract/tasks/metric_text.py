"""A metric's value as people read it."""

PERCENT = ("accuracy", "pixel_accuracy", "pair_accuracy")
"""Shares of samples, or of their parts, that are right."""


def metric_text(name: str, value: float) -> str:
    """A share of what is right in percent, anything else with four decimals."""
    return f"{value:.2%}" if name.rpartition(".")[2] in PERCENT else f"{value:.4f}"
