"""The operator as torch's own, so that a program loads wherever torch is: sorted and packed where there are lengths."""

import copy
import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch.fx import Node
from torch.utils._sympy.numbers import int_oo
from torch.utils._sympy.value_ranges import ValueRanges

from torchferry.serving.export.recurrent.operator import RECURRENT

ATEN = torch.ops.aten


def packs(program: torch.export.ExportedProgram) -> bool:
    """Whether its samples have lengths of their own."""
    return any(node.target is ATEN._pack_padded_sequence.default for node in program.graph.nodes)


def with_own_operators(program: torch.export.ExportedProgram) -> torch.export.ExportedProgram:
    """The same one where it has no recurrent layers."""
    if not any(node.target is RECURRENT for node in program.graph.nodes):
        return program
    made = copy.copy(program)
    made._graph_module = copy.deepcopy(program.graph_module)
    made._range_constraints = dict(program.range_constraints)
    for own, copied in zip(program.graph.nodes, made.graph.nodes, strict=True):
        copied.name = own.name  # by which a program knows its inputs; a copy has others for words of Python's
    for node in [*made.graph.nodes]:
        if node.target is RECURRENT:
            _replace(node, made.range_constraints)
    made.graph_module.recompile()
    return made


def _replace(node: Node, ranges: Any) -> None:
    given: Any = node.args
    kind, x, lengths, states, weights, layers, bidirectional = given
    of_each = len(weights) // (layers * (2 if bidirectional else 1))
    rest = (weights, of_each > 3, layers, 0.0, False, bidirectional)
    with node.graph.inserting_before(node):
        calls = Calls(node, ranges)
        results = (
            calls.padded(kind, x, states, rest) if lengths is None else calls.packed(kind, x, lengths, states, rest)
        )
    for user in [*node.users]:
        place: Any = user.args[1]
        user.replace_all_uses_with(results[place])
        node.graph.erase_node(user)
        results[place].name = user.name  # the program knows its outputs by their names
    node.graph.erase_node(node)


class Calls:
    """Torch's operators in the place of a node, each with what it gives, as a program is saved with it."""

    def __init__(self, node: Node, ranges: Any) -> None:
        self.ranges = ranges
        self.graph, self.given = node.graph, node.meta["val"]
        self.fake = self.given[0].fake_mode

    def padded(self, kind: str, x: Node, states: Sequence[Node], rest: Sequence[Any]) -> list[Node]:
        last = states if kind == "lstm" else states[0]
        return self._several(getattr(ATEN, kind).input, (x, last, *rest, False), self.given)

    def packed(self, kind: str, x: Node, lengths: Node, states: Sequence[Node], rest: Sequence[Any]) -> list[Node]:
        sizes, order = self._several(ATEN.sort.default, (lengths, 0, True))
        _, back = self._several(ATEN.sort.default, (order,))
        with self.fake.shape_env.ignore_fresh_unbacked_symbols():  # no call is traced that gives it
            rows = self.fake.shape_env.create_unbacked_symint()
        self.ranges[rows.node.expr] = ValueRanges(1, int_oo)
        whole = x.meta["val"]
        with self.fake:
            data, batches = whole.new_empty(rows, whole.shape[2]), torch.empty(whole.shape[0], dtype=torch.int64)
            out = self.given[0].new_empty(rows, self.given[0].shape[2])
        steps = self._call(ATEN.sym_size.int, (x, 0))
        packed = self._several(
            ATEN._pack_padded_sequence.default, (self._ordered(x, order), sizes, False), (data, batches)
        )
        first = [self._ordered(state, order) for state in states]
        last = first if kind == "lstm" else first[0]
        results = self._several(getattr(ATEN, kind).data, (*packed, last, *rest), (out, *self.given[1:]))
        padded = (results[0], packed[1], False, 0.0, steps)
        results[0], _ = self._several(ATEN._pad_packed_sequence.default, padded, (self.given[0], lengths.meta["val"]))
        return [self._ordered(each, back) for each in results]

    def _ordered(self, value: Node, order: Node) -> Node:
        return self._call(ATEN.index_select.default, (value, 1, order))

    def _several(self, target: Any, given: Sequence[Any], values: Sequence[Any] | None = None) -> list[Node]:
        call = self._call(target, given, values)
        return [self._call(operator.getitem, (call, place)) for place in range(len(call.meta["val"]))]

    def _call(self, target: Any, given: Sequence[Any], value: Any = None) -> Node:
        """`value` where torch cannot say what it gives."""
        made = self.graph.call_function(target, tuple(given))
        if value is None:
            with self.fake:
                value = target(*torch.fx.map_arg(tuple(given), lambda node: node.meta["val"]))
        made.meta["val"] = value
        return made
