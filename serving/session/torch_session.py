"""torch.export programs."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from torchferry.malloc import keep_freed_memory
from torchferry.serving.errors import WrongTensor
from torchferry.serving.session.operators import import_operators


class TorchSession:
    def __init__(self, path: Path, inputs: list[str], outputs: list[str], threads: int) -> None:
        torch.set_num_threads(threads)
        keep_freed_memory()
        self.inputs, self.outputs = inputs, outputs
        import_operators(path)
        self.module: Callable[..., Any] = torch.export.load(path).module()

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Raises WrongTensor for an index outside of a table of the network's."""
        # np.require copies only what torch cannot wrap: a read-only array, a view of received bytes.
        tensors = [torch.from_numpy(np.require(inputs[name], requirements=["C", "W"])) for name in self.inputs]
        try:
            with torch.inference_mode():
                outputs = self.module(*tensors)
        except IndexError as error:
            raise WrongTensor(str(error)) from error
        results = outputs if isinstance(outputs, tuple | list) else (outputs,)
        return {name: result.numpy() for name, result in zip(self.outputs, results, strict=True)}
