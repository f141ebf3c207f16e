"""Networks of one recurrent layer of torch's each, of every kind, with samples of unequal lengths."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from torchferry.serving.export.recurrent.tracing import traceable

FEATURES, WIDTH, MOST = 3, 8, 200
PADDING = -1.0
SIZES = ((1, 1), (3, 7), (4, 30), (2, 1))
"""Samples and steps of what is asked of an exported one."""


@dataclass(frozen=True)
class Kind:
    layer: str
    pack: str = ""
    """`whole` is padded to all steps again, `longest` to those of the longest sample."""
    states: bool = False
    """Whether the first ones are given."""
    args: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.layer, self.pack or "padded", *(["states"] if self.states else []), *self.args])

    @property
    def sizes_of_states(self) -> list[tuple[int, int]]:
        layers = self.args.get("num_layers", 1) * (2 if self.args.get("bidirectional") else 1)
        widths = [self.args.get("proj_size") or WIDTH, WIDTH]
        return [(layers, width) for width in widths[: 2 if self.layer == "LSTM" else 1]]

    def inputs(self, samples: int, steps: int) -> tuple[torch.Tensor, ...]:
        lengths = torch.randint(1, steps + 1, (samples,))
        states = (torch.randn(samples, *size) for size in self.sizes_of_states) if self.states else ()
        return (torch.randn(samples, steps, FEATURES), lengths, *states)


DEEP = {"num_layers": 2, "bidirectional": True}
KINDS = (
    Kind("LSTM", args={"batch_first": True}),
    Kind("LSTM", "whole", args=DEEP),
    Kind("LSTM", "longest", states=True, args=DEEP | {"batch_first": True}),
    Kind("LSTM", "whole", args={"proj_size": 4, "bias": False}),
    Kind("LSTM", "whole", states=True, args=DEEP | {"proj_size": 4}),
    Kind("LSTM", states=True, args=DEEP | {"proj_size": 4}),
    Kind("GRU", states=True, args=DEEP),
    Kind("GRU", "longest", args={"batch_first": True, "bias": False}),
    Kind("RNN", "whole", args=DEEP),
    Kind("RNN", args={"nonlinearity": "relu"}),
)


class Layer(nn.Module):
    """All that the layer gives, the samples first; of steps up to the longest sample their sum."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.kind, self.layer = kind, getattr(nn, kind.layer)(FEATURES, WIDTH, **kind.args)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor, *states: torch.Tensor) -> tuple[torch.Tensor, ...]:
        first, steps = self.layer.batch_first, x.shape[1]
        given: Any = x if first else x.transpose(0, 1)
        if self.kind.pack:
            given = pack_padded_sequence(given, lengths.cpu(), batch_first=first, enforce_sorted=False)
        before: Any = tuple(state.transpose(0, 1).contiguous() for state in states)
        given, last = self.layer(given, (before if len(before) > 1 else before[0]) if before else None)
        if self.kind.pack:
            length = steps if self.kind.pack == "whole" else None
            given, _ = pad_packed_sequence(given, first, PADDING if length else 0.0, length)
        given = given if first else given.transpose(0, 1)
        last = last if isinstance(last, tuple) else (last,)
        return (given.sum(1) if self.kind.pack == "longest" else given, *(state.transpose(0, 1) for state in last))


def traced(network: nn.Module, inputs: tuple[torch.Tensor, ...]) -> torch.export.ExportedProgram:
    """Of any number of samples, and of steps."""
    samples, steps = torch.export.Dim("samples"), torch.export.Dim("steps", min=1, max=MOST)
    shapes: Any = ({0: samples, 1: steps}, *({0: samples},) * (len(inputs) - 1))
    if len(inputs) > 2:  # the states are one tuple
        shapes = (*shapes[:2], shapes[2:])
    with traceable():
        return torch.export.export(network.eval(), inputs, dynamic_shapes=shapes)


def asked(network: nn.Module, kind: Kind) -> Iterator[tuple[tuple[torch.Tensor, ...], list[torch.Tensor]]]:
    """Inputs, and what the network gives for each sample alone."""
    for samples, steps in SIZES:
        inputs = kind.inputs(samples, steps)
        with torch.inference_mode():
            alone = [network(*(each[[sample]] for each in inputs)) for sample in range(samples)]
        yield inputs, [torch.cat(each) for each in zip(*alone, strict=True)]
