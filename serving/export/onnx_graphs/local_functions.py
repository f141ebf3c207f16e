"""Functions that a file brings along, with their nodes where they are called."""

from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import onnx
import onnx.inliner

from torchferry.errors import UserError, some
from torchferry.serving.export.onnx_graphs.nodes import Body, nodes_in

MOST_NODES = 2**20
"""That may come of them: of 30 functions that call the next one twice come 2**30, and no memory holds them."""


def without_functions(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """The model itself where it has none. Raises UserError for one that calls itself, is in an opset that cannot be
    brought to the graph's, or becomes too many nodes."""
    if not model.functions:
        return model
    if (count := _nodes_then(model)) > MOST_NODES:
        raise UserError(f"{path}: its functions become {count:,} nodes where they are called; {MOST_NODES:,} are taken")
    try:
        made = onnx.inliner.inline_local_functions(model, convert_version=True)
    except Exception as error:  # it has no kind of its own
        raise UserError(
            f"{path}: its functions cannot be put into its graph ({' '.join(str(error).split())[:200]})"
        ) from error
    if made.functions:
        names = some(sorted({f"{each.domain}::{each.name}" for each in made.functions}))
        raise UserError(f"{path}: its functions {names} cannot be put into its graph")
    return made


def _nodes_then(model: onnx.ModelProto) -> int:
    """0 where they call each other in a circle, which is refused by who puts them into the graph."""
    calls = {(each.domain, each.name): _called(each) for each in model.functions}
    sizes: dict[tuple[str, str], int] = {}
    try:
        for function in TopologicalSorter(calls).static_order():
            sizes[function] = _size(calls[function], sizes) if function in calls else 1
    except CycleError:
        return 0
    return _size(_called(model.graph), sizes)


def _called(body: Body) -> Counter[tuple[str, str]]:
    return Counter((node.domain, node.op_type) for node in nodes_in([body]))


def _size(called: Counter[tuple[str, str]], sizes: dict[tuple[str, str], int]) -> int:
    return sum(times * sizes.get(operator, 1) for operator, times in called.items())
