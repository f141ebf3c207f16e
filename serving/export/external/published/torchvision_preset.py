"""The preprocessing of torchvision's weights, and the classes they know."""

from torchferry.errors import UserError
from torchferry.serving.export.external.published.preprocessing import Preprocessing
from torchferry.training.models.torchvision_preset import picture_arguments
from torchferry.training.models.torchvision_weights import named_weights

OTHERS: dict[str, tuple[dict[str, tuple[float, ...]], str]] = {
    "SemanticSegmentation": ({}, "resizes the shorter side to {resized} and crops nothing"),
    "ObjectDetection": ({"mean": (0.0,) * 3, "std": (1.0,) * 3}, "takes pictures of any size and resizes them inside"),
    "OpticalFlow": ({"mean": (0.5,) * 3, "std": (0.5,) * 3}, "takes pictures of any size"),
}
"""Presets that give pictures of no one size: how they normalise, and what they do instead."""
EACH_PIXEL = ("SemanticSegmentation",)
"""Of those the ones whose categories are in the order of what the network gives."""


def torchvision_preset(name: str, option: str) -> Preprocessing:
    """Of weights by name, such as ResNet18_Weights.DEFAULT. Raises UserError for no such name, and for weights whose
    samples are no single pictures. Nothing is downloaded."""
    weights = named_weights(name, option)
    preset = weights.transforms()
    kind, known = type(preset).__name__, picture_arguments(preset)
    if kind not in (*OTHERS, "ImageClassification"):
        raise UserError(
            f"{option}: {weights} prepares its samples by {kind}, which is not for single pictures; give them as "
            "tensors, such as --input tensor:FP32:3x16x112x112"
        )
    normalized, instead = OTHERS.get(kind, ({}, ""))
    sides = known.pop("height", 0), known.pop("width", 0)
    return Preprocessing(
        origin=str(weights),
        size=sides if all(sides) else None,
        arguments=known | normalized,
        labels=tuple(weights.meta.get("categories") or ()) if all(sides) or kind in EACH_PIXEL else (),
        without_size=f"{kind} " + instead.format(resized=(getattr(preset, "resize_size", None) or ["any"])[0]),
    )
