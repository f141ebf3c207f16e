"""Requests of unequal sizes computed together: which may share a call, how they are padded, and each one's own part of
the answers. No torch.

The limit is of each request, and so of the whole call: none is more than that share padding. A limit of the call alone
would let a long request in as long as few are with it, and then keep out all that are behind it.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from torchferry.contract.axes import cut, sizes_of, stacked
from torchferry.serving.bundle.bundle import Bundle

Arrays = Mapping[str, np.ndarray]
Sizes = tuple[int, ...]
"""On each of a model's axes that vary, in their order."""
MOST_PADDING = 0.25
"""Of what is computed for a request, unless it is said otherwise; serving/README.md has what it was measured by."""


class Padding:
    """Of one model. Where nothing may stand behind a shorter sample, only equal ones are computed together."""

    def __init__(self, bundle: Bundle, most: float = MOST_PADDING, most_elements: int = 0) -> None:
        """`most`: share of a request's elements that are padding, 0..1. `most_elements`: in a call, padding included; 0
        is no limit."""
        self.inputs, self.outputs = bundle.inputs, bundle.outputs
        self.least_own = 1.0 - most if bundle.pads else 1.0
        self.most_elements = most_elements or math.inf
        self.axes = tuple(dict.fromkeys(axis.name for spec in self.inputs for axis in spec.axes))
        """By name."""
        fixed: dict[tuple[int, ...], int] = {}
        for spec in self.inputs:
            if spec.axes:
                places = tuple(self.axes.index(axis.name) for axis in spec.axes)
                fixed[places] = max(fixed.get(places, 1), math.prod(size for size in spec.shape[1:] if size != -1))
        self.parts = [(size, places) for places, size in fixed.items()]
        """Inputs with the same axes, such as tokens and their mask, count as one."""

    def sizes(self, inputs: Arrays) -> Sizes:
        """Of a request, all of whose samples have one size."""
        found = sizes_of(self.inputs, inputs)
        return tuple([found[name] for name in self.axes])

    def elements(self, sizes: Sizes) -> int:
        """Of one sample; 1 of a model whose axes are fixed."""
        if not self.parts:
            return 1
        return sum([size * math.prod([sizes[place] for place in places]) for size, places in self.parts])

    def padded(self, sizes: Sequence[Sizes]) -> int:
        """Elements of each sample of a call for requests of these sizes."""
        return self.elements(tuple(map(max, zip(*sizes, strict=True))))

    def groups(self, sizes: Sequence[Sizes]) -> list[list[int]]:
        """The places of requests of one sample, by those that share a call: as few calls as the limits allow."""
        groups: list[list[int]] = []
        company = Company(self)
        for place in sorted(range(len(sizes)), key=lambda place: self.elements(sizes[place]), reverse=True):
            if not groups or not company.takes(sizes[place], 1):
                company = Company(self)
                groups.append([])
            company.add(sizes[place], 1)
            groups[-1].append(place)
        return groups

    def together(self, requests: Sequence[Arrays]) -> dict[str, np.ndarray]:
        """The inputs of one call for all of them."""
        return {spec.name: stacked([request[spec.name] for request in requests], spec) for spec in self.inputs}

    def own(self, outputs: Arrays, sizes: Sizes) -> Arrays:
        """Of the answer to a request of these sizes what is not padding's. Views."""
        named = dict(zip(self.axes, sizes, strict=True))
        return {spec.name: cut(outputs[spec.name], spec, named) for spec in self.outputs}


class Company:
    """Of requests that share a call so far."""

    def __init__(self, padding: Padding) -> None:
        self.padding = padding
        self.largest: Sizes = ()
        """On each axis."""
        self.smallest = math.inf
        """Elements of the sample that has the fewest."""
        self.samples = 0

    def takes(self, sizes: Sizes, samples: int) -> bool:
        """Whether a request may join; the first one always may."""
        if not self.samples:
            return True
        padding = self.padding
        if sizes == self.largest:
            largest = own = padding.elements(sizes)
        else:
            largest = padding.elements(tuple(map(max, self.largest, sizes)))
            own = padding.elements(sizes)
        if (self.samples + samples) * largest > padding.most_elements:
            return False
        return min(self.smallest, own) >= padding.least_own * largest

    def add(self, sizes: Sizes, samples: int) -> None:
        self.largest = tuple(map(max, self.largest, sizes)) if self.samples else sizes
        self.smallest = min(self.smallest, self.padding.elements(sizes))
        self.samples += samples
