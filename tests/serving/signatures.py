"""Networks whose arguments and outputs are not one tensor each."""

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

Found = namedtuple("Found", "boxes scores")


class Encoder(nn.Module):
    """The mean of the embeddings of those ids that the mask has, as a text encoder does; ids and mask are no mirror
    images of each other, so that one in the place of the other changes the answer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words, self.head = nn.Embedding(50, 4), nn.Linear(4, 3)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        *,
        scale: torch.Tensor | None = None,
    ) -> dict[str, Any]:
        mask = attention_mask.unsqueeze(2).float()
        states = self.words(input_ids) * mask
        pooled = states.sum(1) / mask.sum(1).clamp(min=1)
        if scale is not None:
            pooled = pooled * scale
        scores = self.head(pooled)
        return {
            "scores": scores,
            "aux": {"mean": pooled.mean(1), "nothing": token_type_ids},
            "hidden_states": [states, pooled],
            "kinds": torch.cat([scores, -scores[:, :1]], 1),
        }


class Batch(nn.Module):
    """Takes a dict, and a list."""

    def forward(self, batch: dict[str, torch.Tensor], maps: list[torch.Tensor]) -> Found:
        return Found(batch["class"] - batch["left"], maps[0] - maps[1])


class Anything(nn.Module):
    """Takes what it is given by name."""

    def forward(self, first: torch.Tensor, flag: torch.Tensor | None = None, **others: torch.Tensor) -> torch.Tensor:
        return first - 2 * others["class"] if flag is None else first


class Rest(nn.Module):
    """Takes the first by name, and any number of others."""

    def forward(self, first: torch.Tensor, second: int = 1, *others: torch.Tensor) -> torch.Tensor:
        return first * second - others[0] + 2 * others[1]


class ByPlace(nn.Module):
    def forward(self, left: torch.Tensor, middle: float = 3.0, right: torch.Tensor | None = None, /) -> torch.Tensor:
        return left * middle if right is None else left * middle - right


@dataclass
class Heads:
    mean: torch.Tensor
    add: torch.Tensor
    weight: torch.Tensor | None
    best: Any
    """What torch.max gives."""


class Collisions(nn.Module):
    """Every name here is also one that an exporter gives, or a tool that quantises."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.weight = nn.Linear(6, 3)

    def forward(self, cat: torch.Tensor, cat_scale: torch.Tensor) -> Heads:
        given = torch.cat([cat, cat_scale], 1)
        linear = self.weight(given)
        return Heads(mean=linear.mean(1), add=linear + 1, weight=linear, best=linear.max(1))


class Returned(nn.Module):
    """Gives its input as it is, under the input's name and another, and one tensor under two names."""

    def forward(self, row: torch.Tensor) -> dict[str, torch.Tensor]:
        twice = row * 2
        return {"row": row, "same": row, "twice": twice, "once more": twice}


class Odd(nn.Module):
    """Gives one member that no server can answer with: of Python's own kind, without a batch, or not always there."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, row: torch.Tensor) -> dict[str, Any]:
        odd = {
            "float": 0.5,
            "text": "done",
            "anchors": torch.zeros(100, 4),
            "loss": row.mean(),
            "object": self.kind.encode(),
            "sometimes": None if len(row) == 1 else row,
        }
        return {"good": row + 1, "extra": [odd[self.kind]]}


class Nothing(nn.Module):
    def forward(self, row: torch.Tensor) -> dict[str, Any]:
        return {"loss": None if len(row) else row}


class Loaded(nn.Module):
    """Made by functions and classmethods, which may load weights of their own."""

    def __init__(self, size: int = 2) -> None:
        super().__init__()
        self.layer = nn.Linear(8, size)

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return self.layer(row)

    @classmethod
    def from_pretrained(cls, size: int = 3) -> "Loaded":
        return cls(size)


def build() -> nn.Module:
    return Loaded()


def create_layers() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 2))


def compiled() -> nn.Module:
    return torch.compile(Collisions())  # type: ignore[return-value]  # it says a callable


def traced() -> nn.Module:
    rows = torch.randn(2, 3)
    return torch.jit.trace(Difference(), (rows, rows))


class Difference(nn.Module):
    def forward(self, minuend: torch.Tensor, subtrahend: torch.Tensor) -> torch.Tensor:
        return minuend - subtrahend


def parallel() -> nn.Module:
    return nn.DataParallel(Loaded())


def scripted() -> nn.Module:
    return torch.jit.script(Loaded())
