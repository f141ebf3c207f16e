"""Photographs in scikit-learn, and what the contract makes of them."""

from pathlib import Path
from typing import Any

import numpy as np
import sklearn.datasets
import torch
from PIL import Image

from torchferry.contract.image import image_array
from torchferry.serving.export.external.published.preprocessing import Preprocessing
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.source import ImageInput

FOLDER = Path(sklearn.datasets.__file__).parent / "images"


def photographs() -> list[Image.Image]:
    """A landscape, 640 x 427, and a portrait, 427 x 601: one side an even number of pixels from the other."""
    china, flower = (Image.open(FOLDER / name).convert("RGB") for name in ("china.jpg", "flower.jpg"))
    return [china, flower.transpose(Image.Transpose.ROTATE_90).crop((0, 0, 427, 601))]


def input_of(published: Preprocessing) -> ImageInput:
    assert published.size is not None
    return image_input(*published.size, **published.arguments)


def pixels_of(image: Image.Image, input: ImageInput) -> np.ndarray:
    return image_array(image, input).astype(int)


def apart(ours: np.ndarray, theirs: Any) -> int:
    """The largest difference, in grey levels, of [3, height, width]."""
    theirs = theirs.numpy() if isinstance(theirs, torch.Tensor) else np.asarray(theirs).transpose(2, 0, 1)
    assert ours.shape == theirs.shape
    return int(np.abs(ours - theirs.astype(int)).max())
