"""The operator as nodes of ONNX: an LSTM, GRU or RNN for each layer."""

from collections.abc import Callable, Sequence
from typing import Any

import onnx_ir as ir
from onnxscript import opset18

from torchferry.serving.export.recurrent.operator import RECURRENT

op: Any = opset18
GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn_tanh": (0,), "rnn_relu": (0,)}
"""Which of torch's blocks of weights are ONNX's, in its order."""
INT32, INT64, FLOAT = ir.DataType.INT32, ir.DataType.INT64, ir.DataType.FLOAT
Way = Sequence[Any]
"""Of one direction of a layer: what is multiplied with its input and its state, two biases or none, and the matrix that
the state is projected by, if it is."""


def recurrent(
    kind: str,
    x: Any,
    lengths: Any,
    states: Sequence[Any],
    weights: Sequence[Any],
    layers: int,
    bidirectional: bool,
) -> list[Any]:
    directions = 2 if bidirectional else 1
    of_each = len(weights) // (layers * directions)
    ends = None if lengths is None else op.Cast(lengths, to=INT32)
    last: list[list[Any]] = [[] for _ in states]
    size = int(weights[0].shape[0]) // len(GATES[kind])
    for start in range(0, layers * directions, directions):
        ways = [
            _way(weights[way * of_each : (way + 1) * of_each], GATES[kind], size)
            for way in range(start, start + directions)
        ]
        first = [op.Slice(state, [start], [start + directions], [0]) for state in states]
        computed = _projected if of_each in (3, 5) else _layer
        given, *after = computed(kind, size, x, ways, ends, first)
        # [steps, directions, batch, width] to [steps, batch, directions * width]
        x = op.Reshape(op.Transpose(given, perm=[0, 2, 1, 3]), [0, 0, -1])
        for found, value in zip(last, after, strict=True):
            found.append(value)
    return [x, *(op.Concat(*each, axis=0) for each in last)]


def _way(weights: Sequence[Any], gates: Sequence[int], size: int) -> Way:
    """With the gates in ONNX's order."""
    rows = [gate * size + row for gate in gates for row in range(size)]
    count = len(weights) // 2 * 2
    return [*(op.Gather(each, rows, axis=0) for each in weights[:count]), *weights[count:]]


def _layer(kind: str, size: int, x: Any, ways: Sequence[Way], ends: Any, first: Sequence[Any]) -> Any:
    """`first`: the states before it, of which one may be None, for zeros."""
    input, hidden = (_stacked([way[place] for way in ways]) for place in (0, 1))
    bias = _stacked([op.Concat(way[2], way[3], axis=0) for way in ways]) if len(ways[0]) == 4 else None
    said: dict[str, Any] = {"hidden_size": size, "direction": "bidirectional" if len(ways) == 2 else "forward"}
    if kind == "lstm":
        return op.LSTM(x, input, hidden, bias, ends, *first, **said)
    if kind == "gru":
        return op.GRU(x, input, hidden, bias, ends, *first, linear_before_reset=1, **said)
    activation = {"rnn_tanh": "Tanh", "rnn_relu": "Relu"}[kind]
    return op.RNN(x, input, hidden, bias, ends, *first, activations=[activation] * len(ways), **said)


def _projected(kind: str, size: int, x: Any, ways: Sequence[Way], ends: Any, first: Sequence[Any]) -> Any:
    """ONNX has no projection. What is projected, and then multiplied, is multiplied by the product of both matrices,
    and projected behind the layer. The first state, which no layer has projected, is part of the first step's input."""
    state, cell = first
    inputs = [x, *(_at_its_start(x, state, way, ends) for way in range(len(ways)))]
    zero, unprojected = op.Constant(value_float=0.0), []
    for number, (input, hidden, *biases, projection) in enumerate(ways):
        columns = [hidden if way == number else op.Mul(hidden, zero) for way in range(len(ways))]
        unprojected.append([op.Concat(input, *columns, axis=1), op.MatMul(hidden, projection), *biases])
    given, last, cells = _layer(kind, size, op.Concat(*inputs, axis=2), unprojected, ends, [None, cell])
    after = _stacked([op.Transpose(way[-1], perm=[1, 0]) for way in ways])
    return op.MatMul(given, after), op.MatMul(last, after), cells


def _at_its_start(x: Any, state: Any, way: int, ends: Any) -> Any:
    """[steps, batch, width]: the state of a direction at the step that this begins with, and zeros at the others."""
    zero, one = op.Constant(value_int=0), op.Constant(value_int=1)
    steps = op.Squeeze(op.Shape(x, start=0, end=1), [0])
    start = op.Sub(steps if ends is None else op.Cast(ends, to=INT64), one) if way else zero
    begins = op.Cast(op.Equal(op.Unsqueeze(op.Range(zero, steps, one), [1]), start), to=FLOAT)
    return op.Mul(op.Unsqueeze(begins, [2]), op.Slice(state, [way], [way + 1], [0]))


def _stacked(values: Sequence[Any]) -> Any:
    """One behind the other along a new first axis."""
    return op.Concat(*(op.Unsqueeze(each, [0]) for each in values), axis=0)


TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {RECURRENT: recurrent}
"""As torch.onnx.export takes them."""
