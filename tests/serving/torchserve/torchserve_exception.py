"""TorchServe's exception for a failed prediction; its package leaves a file open when it is imported."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ResourceWarning)
    from ts.utils.util import PredictionException  # type: ignore[import-untyped]

__all__ = ["PredictionException"]
