"""Helpers of the data sources' tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component, build
from torchferry.training.data import SOURCES
from torchferry.training.data.source import Source


def source(name: str, **args: Any) -> Source:
    """As a recipe has it built."""
    built: Source = build(Component(name=name, args=args), SOURCES, "data.source")
    return built


def refusal(do: Callable[[], object]) -> str:
    """The one line that it is refused with."""
    with pytest.raises(UserError) as refused:
        do()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def noise(seed: int, height: int = 12, width: int = 10) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def image_tree(root: Path, classes: tuple[str, ...] = ("ant", "bee", "cat"), each: int = 4) -> Path:
    """ROOT/train and ROOT/test of PNG files, `each` and 1 per class."""
    for split, count in (("train", each), ("test", 1)):
        for place, label in enumerate(classes):
            folder = root / split / label
            folder.mkdir(parents=True)
            for index in range(count):
                noise(100 * place + index).save(folder / f"{index}.png")
    return root
