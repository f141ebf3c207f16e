"""torch.export programs, compiled by torch.compile when they are loaded; needs a C++ compiler."""

from pathlib import Path

import torch

from torchferry.serving.session.torch_session import TorchSession


class CompiledSession(TorchSession):
    def __init__(self, path: Path, inputs: list[str], outputs: list[str], threads: int) -> None:
        super().__init__(path, inputs, outputs, threads)
        # dynamic, or every new batch size would be compiled anew.
        self.module = torch.compile(self.module, dynamic=True)
