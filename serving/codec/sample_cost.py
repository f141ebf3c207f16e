"""The pixels and elements of a sample, known before it is decoded."""

from dataclasses import dataclass
from math import prod

from torchferry.serving.bundle.tensor_spec import TensorSpec


@dataclass(frozen=True)
class Cost:
    elements: int
    """Of its tensor, at most."""
    pixels: int = 0


def most_elements(spec: TensorSpec) -> int:
    """Of a sample's tensor, whatever is sent."""
    most = {axis.at: axis.most or 1 for axis in spec.axes}
    return prod(most.get(at, size) for at, size in enumerate(spec.shape) if at)
