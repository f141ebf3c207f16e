"""Networks of which nothing is known but their tensors. They are exported, and not trained here."""

from typing import Any, NoReturn

import torch

from torchferry.contract.tasks.tensors import Tensors as TensorsTask
from torchferry.errors import UserError
from torchferry.training.data.source import Source
from torchferry.training.tasks.task import Raw, TrainingTask


class Tensors(TrainingTask):
    task: TensorsTask
    targets, takes, default_loss = "nothing", "nothing", ""
    loss_width = 0

    @classmethod
    def check_source(cls, source: Source) -> NoReturn:  # noqa: ARG003
        raise UserError("task: tensors have no targets, so nothing can be trained; it is for torchferry export --model")

    def graph(self, outputs: Raw) -> Any:
        """As the network gives them."""
        return outputs

    def answers(self, outputs: Raw) -> dict[str, torch.Tensor]:
        values = outputs if isinstance(outputs, tuple) else (outputs,)
        return dict(zip(self.task.outputs, values, strict=True))

    def labels_in(self, given: Raw, key: str) -> int:  # noqa: ARG002
        return 0

    def check_outputs(self, given: Raw, samples: int) -> NoReturn:
        raise NotImplementedError

    def blank_targets(self, samples: int) -> NoReturn:
        raise NotImplementedError

    def varied_targets(self, samples: int, random: torch.Generator) -> NoReturn:
        raise NotImplementedError

    def test_loss(self, outputs: Raw, targets: Any) -> NoReturn:
        raise NotImplementedError
