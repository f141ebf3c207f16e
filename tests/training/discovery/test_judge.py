from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from tests.training.discovery.small_data import folder_of
from tests.training.discovery.test_other_data import IMAGES, PICTURES, card
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.data.source import Source
from torchferry.training.discovery.judge import judge


class Brightness(nn.Module):
    """The second class is the lighter one."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        level = images.float().mean(dim=(1, 2, 3)) - 128
        return torch.stack([-level, level], dim=1)


def test_every_sample_counts_once_and_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder_of(tmp_path, train=1, test=3)
    (tmp_path / "test" / "dark" / "cut.png").write_bytes((tmp_path / "test" / "dark" / "0.png").read_bytes()[:300])
    found = judge(Brightness(), card("image_folder", {**IMAGES, "root": "."}), str(tmp_path), None)
    assert (found.samples, found.metrics["accuracy"]) == (6, 1.0)
    assert len(found.left_out) == 1
    assert "cut.png" in found.left_out[0]


def test_classes_in_another_order_are_scored_by_name(tmp_path: Path) -> None:
    folder_of(tmp_path, train=1, test=3)
    given = card("image_folder", {**IMAGES, "root": "."}, labels=("light", "dark"))
    assert judge(Brightness(), given, str(tmp_path), None).metrics["accuracy"] == 0.0


def test_targets_in_memory_are_looked_at_first() -> None:
    given, source = card("image_folder", {**IMAGES, "root": "."}), Component(name=f"{__name__}.three_classes")
    with pytest.raises(UserError, match=r"^data.source: test sample 2 has class 2, but there are 2 labels"):
        judge(Brightness(), given, None, source)


def three_classes() -> Source:
    """More than there are labels."""
    pictures = TensorDataset(torch.zeros(3, *PICTURES.shape, dtype=torch.uint8), torch.arange(3))
    return Source(train=pictures, test=pictures, labels=("dark", "light"), input=PICTURES)


def test_an_embedding_is_judged_on_classes_that_it_has_never_seen_and_has_no_loss_there(tmp_path: Path) -> None:
    folder_of(tmp_path, train=1, test=3)
    for labels in (("dark", "light"), ("cat", "dog", "owl"), ()):
        given = card("image_folder", {**IMAGES, "root": "."}, labels=labels, task="embedding")
        found = judge(Brightness(), given, str(tmp_path), None)
        assert (found.metrics["recall_at_1"], "loss" in found.metrics) == (1, labels == ("dark", "light"))
