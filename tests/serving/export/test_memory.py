"""A network that needs very much memory for each sample is given fewer of them at a time."""

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.serving.export.tiny_reference import half, tiny_reference
from torchferry.serving.export import memory
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.memory import free_bytes, most_that_fit
from torchferry.training.tasks.task import Served

MB = 1 << 20


class Wide(nn.Module):
    """It makes 64 MB of each sample."""

    def __init__(self, numbers: int = 16 * MB) -> None:
        super().__init__()
        self.numbers = numbers

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return row[:, :1].expand(-1, self.numbers).tanh().mean(1, keepdim=True) + row[:, :2]


@pytest.mark.parametrize(
    ("free", "most"), [(64 * 4 * 70 * MB, None), (8 * 4 * 70 * MB, 8), (7 * 4 * 70 * MB, 4), (1, 1)]
)
def test_samples_are_as_many_as_fit(free: int, most: int | None) -> None:
    assert most_that_fit(tiny_reference(module=Wide()), free) == most


def test_a_small_network_computes_any_number() -> None:
    assert most_that_fit(tiny_reference()) is None


def test_what_is_asked_for_stands() -> None:
    assert most_that_fit(tiny_reference(module=Wide(), max_batch=3), 1) is None


def test_samples_that_a_network_does_not_take_are_left_to_the_judges() -> None:
    assert most_that_fit(tiny_reference(module=torch.nn.Linear(9, 2)), 1) is None


def test_the_bundle_holds_servers_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda: 1)
    bundle = export(
        tiny_reference(module=Served(Wide(1024), half("classification", ("no", "yes"))).eval()),
        tmp_path / "bundle",
        ["onnx-fp32"],
        {},
        "1.0",
    )
    assert bundle.max_batch == 1


def test_a_control_groups_limit_holds(tmp_path: Path) -> None:
    machine = free_bytes(tmp_path)
    assert machine is not None
    for name, text in {"memory.max": f"{9 * MB}", "memory.current": f"{5 * MB}"}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "memory.stat").write_text(f"anon 1\ninactive_file {2 * MB}\n")
    assert free_bytes(tmp_path) == 6 * MB
    (tmp_path / "memory.max").write_text("max")
    assert free_bytes(tmp_path) > 6 * MB  # type: ignore[operator]
