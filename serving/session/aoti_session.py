"""AOTInductor packages: machine code that was compiled when the bundle was made, for that kind of processor."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch._inductor import aoti_load_package

from torchferry.malloc import keep_freed_memory
from torchferry.serving.session.operators import import_operators
from torchferry.serving.session.torch_session import TorchSession


class AotiSession(TorchSession):
    def __init__(self, path: Path, inputs: list[str], outputs: list[str], threads: int) -> None:
        # Not super().__init__: a package is no torch.export program.
        torch.set_num_threads(threads)
        keep_freed_memory()
        self.inputs, self.outputs = inputs, outputs
        import_operators(path)
        self.module: Callable[..., Any] = aoti_load_package(str(path))
