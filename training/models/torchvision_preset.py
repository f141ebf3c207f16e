"""How torchvision's weights had their pictures prepared, in the words of an image source.

What a preset does: torchvision/transforms/_presets.py.
"""

from typing import Any

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
