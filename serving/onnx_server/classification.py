"""Answers of the outputs that were asked for; by the classification extension the best classes, not all numbers."""

from collections.abc import Sequence

import numpy as np

from torchferry.serving.onnx_server.inference import Inference, Outputs
from torchferry.serving.onnx_server.models.model import Model


def wanted_of(outputs: Outputs, asked: Inference, model: Model) -> Outputs:
    """Those that are asked for; where none is named all, in a sequence without the state, which is kept."""
    if not asked.outputs:
        return {name: outputs[name] for name in model.sequences.answered(outputs)} if asked.sequence else outputs
    labels_of = model.bundle.labels_of
    return {
        each.name: classified(outputs[each.name], each.classes, labels_of(each.name))
        if each.classes
        else outputs[each.name]
        for each in asked.outputs
    }


def classified(values: np.ndarray, classes: int, labels: Sequence[str]) -> np.ndarray:
    """BYTES [batch, classes] of `value:index` or `value:index:label`, the best first; fewer where there are fewer."""
    rows = values.reshape(len(values), -1)
    best = np.argsort(-rows.astype(np.float64), axis=1, kind="stable")[:, :classes]
    named = len(labels) == rows.shape[1]
    answer = np.empty(best.shape, dtype=object)
    for row, column in np.ndindex(best.shape):
        index = int(best[row, column])
        text = f"{rows[row, index].item():f}:{index}" + (f":{labels[index]}" if named else "")
        answer[row, column] = text.encode()
    return answer
