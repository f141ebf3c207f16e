"""Small networks of which an axis varies."""

from dataclasses import replace

import torch
from torch import nn

from tests.serving.export.tiny_reference import half
from torchferry.contract.tasks.find import task_of
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.external.input_spec import read_input
from torchferry.serving.export.external.made_up import made_up
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.training.tasks.task import Served

TOKENS, CHANNELS = 50, 8


class Bag(nn.Module):
    """The mean of what is no padding, which is 0."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.last = nn.Embedding(TOKENS, CHANNELS), nn.Linear(CHANNELS, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        there = (ids != 0).unsqueeze(-1).float()
        return self.last((self.embedding(ids) * there).sum(1) / there.sum(1).clamp(min=1.0))


class Leaking(Bag):
    """The mean of all, padding as well."""

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.last(self.embedding(ids).mean(1))


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.place = nn.Embedding(TOKENS, CHANNELS), nn.Embedding(64, CHANNELS)
        layer = nn.TransformerEncoderLayer(CHANNELS, 2, 16, batch_first=True, dropout=0.0)
        self.layers = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.last = nn.Linear(CHANNELS, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> dict[str, torch.Tensor]:
        there = attention_mask.bool()
        x = self.embedding(input_ids) + self.place(torch.arange(input_ids.shape[1]))
        x = self.layers(x, src_key_padding_mask=~there)
        weights = there.unsqueeze(-1).float()
        pooled = (x * weights).sum(1) / weights.sum(1).clamp(min=1.0)
        return {"logits": self.last(pooled), "by_token": x}


class Sound(nn.Module):
    """A convolution over samples, of which one of the least length leaves a single step."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.filters, self.last = nn.Conv1d(1, CHANNELS, 16, stride=8), nn.Linear(CHANNELS, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.filters(x[:, None]).relu().mean(2))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.down = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, stride=2, padding=1)
        self.up, self.last = nn.ConvTranspose2d(4, 4, 2, 2), nn.Conv2d(8, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.first(x).relu()
        return self.last(torch.cat([first, self.up(self.down(first).relu())], 1))


def bag_reference(module: nn.Module, pad: float | None = 0, most: int = 32) -> Reference:
    """Of ids, on samples that are made up."""
    given = read_input(f"ids:INT64:[tokens=1..{most}]", 0, {})
    return Reference(
        name="bag",
        task=task_of("tensors", ()).of_outputs({"scores": None}),
        module=Served(module, half("tensors")).eval(),
        inputs=(TensorSpec(name="ids", datatype="INT64", shape=(-1, -1), axes=given.axes, pad=pad),),
        outputs=(TensorSpec(name="scores", datatype="FP32", shape=(-1, 2)),),
        test=Samples(made_up([replace(given, pad=pad)]), ("ids",), random=True),
        calibration=None,
        limits={},
        provenance={},
    )
