"""The preprocessing of torchvision's weights, in the words of an image source.

What a preset does: torchvision/transforms/_presets.py.
"""

import re
from pathlib import Path
from typing import Any

from torchferry.training.data.source import ImageInput, Input
from torchferry.training.models.torchvision_weights import named_weights

NAME = re.compile(r"(?:\w+\.)*\w+_(?:Quantized)?Weights\.\w+")
"""What can only be weights of torchvision's."""
ALONE = ("mean", "std", "interpolation", "antialias")
"""What a preset says that suits a picture of any size."""


def picture_arguments(preset: Any) -> dict[str, Any]:
    """The arguments of an image source that do what `preset`, the transforms of weights, does to a picture of its own.

    height, width, resize and fraction are among them for ImageClassification alone: the other presets have no one size.
    """
    known = {name: getattr(preset, name) for name in ALONE if hasattr(preset, name)}
    if "interpolation" in known:
        known["interpolation"] = known["interpolation"].value
    if type(preset).__name__ != "ImageClassification":
        return known
    (crop,), (resized,) = preset.crop_size, preset.resize_size
    return {"height": crop, "width": crop, "resize": "crop", "fraction": crop / resized, **known}


def published_arguments(weights: str) -> dict[str, Any]:
    """The same by the name of weights; nothing for a file's. Raises UserError for a name that torchvision lacks."""
    if Path(weights).exists() or not NAME.fullmatch(weights):
        return {}
    return picture_arguments(named_weights(weights).transforms())


def unlike_published(weights: str, input: Input) -> str:
    """One line on what torchvision's weights were judged on other than pictures as `input` says, if there is something
    but the size."""
    if not isinstance(input, ImageInput):
        return ""
    judged = {name: value for name, value in published_arguments(weights).items() if name not in ("height", "width")}
    judged |= {name: tuple(value) for name, value in judged.items() if isinstance(value, list)}
    other = {name: value for name, value in judged.items() if getattr(input, name) != value}
    theirs = ", ".join(f"{name} {_shown(value)}" for name, value in other.items())
    ours = ", ".join(_shown(getattr(input, name)) for name in other)
    return f"{weights} were judged on pictures with {theirs}; the source has {ours}" if other else ""


def _shown(value: Any) -> str:
    numbers = value if isinstance(value, tuple) else (value,)
    return " ".join(format(each, ".4g") if isinstance(each, float) else str(each) for each in numbers)
