"""onnxruntime's own example: scikit-learn's logistic regression of iris flowers, which takes three rows at a time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.datasets import get_example
from sklearn.datasets import load_iris

from tests.serving.others.replaced import Replace


def example(replace: Replace) -> Any:
    """Labels and scores of two columns of scikit-learn's own flowers."""
    own = onnxruntime.InferenceSession(get_example("logreg_iris.onnx"))

    def run(given: Sequence[np.ndarray]) -> list[np.ndarray]:
        (rows,) = given
        labels, scores = own.run(None, {"float_input": rows})
        return [labels, np.array([list(each.values()) for each in scores], np.float32)]

    compute = replace(run)
    flowers = load_iris().data[:, :2].astype(np.float32)
    return [compute([flowers[first : first + 3]]) for first in range(0, len(flowers), 3)]
