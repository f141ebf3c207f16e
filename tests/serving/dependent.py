"""Networks of `row` [batch, 8] whose samples depend on each other, on the calls before, or on chance; and some that
only look so."""

from collections.abc import Callable

import torch
from torch import nn

Forward = Callable[["Of", torch.Tensor], torch.Tensor]


class Of(nn.Module):
    """A layer, and what is made of it and the rows."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.made = nn.Linear(8, 3), forward
        self.seen: torch.Tensor
        self.register_buffer("seen", torch.zeros(3))

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return self.made(self, row)


class Statistics(nn.Module):
    """Of the batch, for want of running ones."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm = nn.BatchNorm1d(2, track_running_stats=False)

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return self.norm(row.unflatten(1, (2, 4))).flatten(1)


class AcrossSamples(nn.Module):
    """Attention whose batch is taken for the sequence, as nn.TransformerEncoderLayer does unless told otherwise."""

    def __init__(self, batch_first: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=batch_first)

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return self.layer(row.unflatten(1, (2, 4))).flatten(1)


class Branch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(8, 3)

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return torch.cond(row.sum() > 0, lambda row: self.layer(row), lambda row: -2 * self.layer(row), (row,))


class Counting(nn.Module):
    """In no buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return row * self.calls


def running(of: Of, row: torch.Tensor) -> torch.Tensor:
    given = of.layer(row)
    of.seen.mul_(0.9).add_(0.1 * given.mean(0))
    return given - of.seen


def unique(of: Of, row: torch.Tensor) -> torch.Tensor:
    return of.layer(row).round().unique(return_inverse=True)[1].float()


def when(condition: torch.Tensor, of: Of, row: torch.Tensor) -> torch.Tensor:
    """The branch of a graph without branches."""
    return torch.where(condition, of.layer(row), 2 * of.layer(row))


DEPENDENT: dict[str, Callable[[], nn.Module]] = {
    "statistics of the batch": Statistics,
    "attention across samples": AcrossSamples,
    "sorted": lambda: Of(lambda of, row: of.layer(row).sort(0).values),
    "ranked": lambda: Of(lambda of, row: of.layer(row).argsort(0).argsort(0)),
    "unique": lambda: Of(unique),
    "a branch on the sum": lambda: Of(lambda of, row: when(row.sum() > 0, of, row)),
    "a branch on the first": lambda: Of(lambda of, row: when((row[0] > 0).all(), of, row)),
    "a branch on NaN": lambda: Of(lambda of, row: when(row.isnan().any(), of, row)),
    "a branch on large values": lambda: Of(lambda of, row: when(row.abs().max() > 1000, of, row)),
    "a branch on the length": lambda: Of(lambda of, row: (2 if len(row) > 20 else 1) * of.layer(row)),
    "divided by the largest": lambda: Of(lambda of, row: of.layer(row) / row.abs().max()),
    "summed up": lambda: Of(lambda of, row: of.layer(row).cumsum(0)),
    "shares of the batch": lambda: Of(lambda of, row: of.layer(row).softmax(0)),
    "shifted": lambda: Of(lambda of, row: of.layer(row).roll(1, 0)),
    "by its place": lambda: Of(lambda of, row: of.layer(row) + torch.arange(len(row))[:, None]),
    "tiny outputs": lambda: Of(lambda of, row: 1e-9 * (of.layer(row) + row.mean())),
    "a small output beside a large one": lambda: Of(
        lambda of, row: torch.cat([1e9 * of.layer(row)[:, :1], of.layer(row)[:, 1:] + 0.01 * row.mean()], 1)
    ),
}
INDEPENDENT: dict[str, Callable[[], nn.Module]] = {
    "a layer": lambda: Of(lambda of, row: of.layer(row)),
    "attention within samples": lambda: AcrossSamples(batch_first=True),
    "large outputs": lambda: Of(lambda of, row: 1e12 * of.layer(row).exp()),
    "what rounding leaves of zero": lambda: Of(
        lambda of, row: 3 * of.layer(row) - of.layer(3 * row) - 2 * of.layer.bias
    ),
    "one class or another": lambda: Of(lambda of, row: (1e8 * of.layer(row)).softmax(1)),
    "whole numbers": lambda: Of(lambda of, row: of.layer(row).argmax(1)),
    "not always finite": lambda: Of(lambda of, row: of.layer(row).sqrt()),
    "said to be float32": lambda: Of(lambda of, row: of.layer(row.float()) + torch.ones(3, dtype=torch.float32)),
}
RANDOM: dict[str, Callable[[], nn.Module]] = {
    "dropout": lambda: Of(lambda of, row: nn.functional.dropout(of.layer(row), 0.1)),
    "noise": lambda: Of(lambda of, row: of.layer(row) + 1e-4 * torch.randn(3)),
}
KEEPING: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "a running mean": (lambda: Of(running), "its buffer 'seen'"),
    "a number of calls": (Counting, "something of its own"),
}
"""And what is said to be kept."""
