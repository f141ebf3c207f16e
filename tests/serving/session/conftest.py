"""Networks of a few numbers, as the files that sessions load."""

from pathlib import Path

import pytest
import torch
from torch import nn


class SumAndDouble(nn.Module):
    def forward(self, row: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return row.sum(1), row * 2


@pytest.fixture(scope="session")
def two_outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes `row` of [batch, 3] and gives its sum and its double."""
    return saved(SumAndDouble(), torch.zeros(2, 3), tmp_path_factory.mktemp("two-outputs"))


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes `words` of [batch, 1], 0 to 2, and gives the vectors 0 1, 2 3 or 4 5."""
    vectors = nn.Embedding.from_pretrained(torch.arange(6.0).reshape(3, 2))
    return saved(vectors, torch.zeros(2, 1, dtype=torch.int64), tmp_path_factory.mktemp("table"))


def saved(module: nn.Module, example: torch.Tensor, folder: Path) -> Path:
    program = torch.export.export(module.eval(), (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, folder / "model.pt2")
    return folder / "model.pt2"
