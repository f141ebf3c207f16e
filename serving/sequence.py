"""A sequence of requests whose state the ONNX Runtime server keeps: made by `Client.sequence`."""

import uuid
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

Arrays = Mapping[str, np.ndarray]


class Steps(Protocol):
    """What asks a server: a Client."""

    def step(self, model: str, inputs: Arrays, parameters: Mapping[str, Any]) -> dict[str, np.ndarray]: ...


class Sequence:
    def __init__(self, client: Steps, model: str, word: int | str | None = None) -> None:
        """`word`: its id, 0 and an empty text aside; a new one, if none is given."""
        self.client, self.model, self.word = client, model, word or uuid.uuid4().hex
        self.is_begun = False

    def infer(self, inputs: Arrays, *, last: bool = False) -> dict[str, np.ndarray]:
        """The outputs for the next piece, without the state: one sample, with the batch as the first axis. `last` ends
        the sequence; one that is not ended so is kept for --sequence-timeout. After an error the same piece may be sent
        again, since the state is as it was before. Raises as `Client.infer` does."""
        flags = {"sequence_start": not self.is_begun, "sequence_end": last}
        outputs = self.client.step(self.model, inputs, {"sequence_id": self.word, **flags})
        self.is_begun = not last
        return outputs
