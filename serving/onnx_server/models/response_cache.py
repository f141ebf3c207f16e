"""Answers of one model that are kept, so that a request which comes again is not computed again."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping

import numpy as np

from torchferry.serving.codec.strings import held, to_raw

Outputs = Mapping[str, np.ndarray]


class ResponseCache:
    """The least recently asked go first. Nothing is kept where `limit` is 0."""

    def __init__(self, limit: int) -> None:
        """`limit`: bytes of outputs; an entry's own are counted with them."""
        self.limit, self.bytes = limit, 0
        self.entries: OrderedDict[bytes, Outputs] = OrderedDict()

    def find(self, inputs: Mapping[str, np.ndarray]) -> tuple[bytes, Outputs | None]:
        """The request's key, and what it was answered before."""
        key = _key(inputs)
        if outputs := self.entries.get(key):
            self.entries.move_to_end(key)
        return key, outputs

    def keep(self, key: bytes, outputs: Outputs) -> None:
        if key in self.entries or (size := _bytes(outputs)) > self.limit:
            return
        # Copies: what a session gave may be a part of what a whole batch was answered.
        self.entries[key] = {name: values.copy() for name, values in outputs.items()}
        self.bytes += size
        while self.bytes > self.limit:
            self.bytes -= _bytes(self.entries.popitem(last=False)[1])


def _key(inputs: Mapping[str, np.ndarray]) -> bytes:
    """Of names, shapes and elements; the datatypes are the model's."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(inputs):
        values = inputs[name]
        # With its shape: the same bytes may be another tensor.
        digest.update(f"{name}{values.shape}".encode())
        # hashlib takes contiguous buffers of one dimension.
        digest.update(to_raw(values) if values.dtype == object else np.ascontiguousarray(values).reshape(-1).data)
    return digest.digest()


ENTRY = 512
"""Bytes of an entry besides its elements, about."""


def _bytes(outputs: Outputs) -> int:
    return ENTRY + sum(map(held, outputs.values()))
