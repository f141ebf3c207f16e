"""Inputs of transformers' networks that nobody has said."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from torchferry.errors import UserError
from torchferry.serving.export.external.huggingface.inputs import texts_of


class Seeing(nn.Module):
    main_input_name = "pixel_values"

    def forward(self, pixel_values: Any) -> None: ...


class Reading(nn.Module):
    main_input_name = "input_ids"

    def forward(self, input_ids: Any = None, attention_mask: Any = None) -> None: ...


class Hearing(nn.Module):
    main_input_name = "input_values"

    def forward(self, input_values: Any) -> None: ...


def test_a_picture_whose_size_is_known_is_the_input(tmp_path: Path) -> None:
    assert texts_of(Seeing(), SimpleNamespace(image_size=32), tmp_path) == ["image:32"]
    assert texts_of(Seeing(), SimpleNamespace(image_size=[32, 48], num_channels=1), tmp_path) == ["image:L:32x48"]
    (tmp_path / "preprocessor_config.json").touch()
    assert texts_of(Seeing(), SimpleNamespace(image_size=32), tmp_path) == ["image"]


@pytest.mark.parametrize(
    ("network", "config", "words"),
    [
        (Seeing(), {}, "nothing in .* says a size; give one, such as image:224"),
        (Seeing(), {"num_channels": 5}, "such as pixel_values=tensor:FP32:CHANNELSx224x224"),
        (Seeing(), {"num_frames": 8, "image_size": 32}, "takes pixel_values; say their sizes, such as --input pixel_v"),
        (
            Reading(),
            {"max_position_embeddings": 64},
            "--input input_ids=tensor:INT64:64 --input attention_mask=tensor:INT64",
        ),
        (Hearing(), {}, "takes input_values; say their sizes, such as --input input_values=tensor:FP32:16000"),
    ],
)
def test_others_are_asked_for_with_an_example(tmp_path: Path, network: nn.Module, config: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        texts_of(network, SimpleNamespace(**config), tmp_path)
