"""The image processors of Hugging Face's transformers that are known, and how each differs from the others.

Read from transformers/models/*/image_processing_*.py, of releases 4 and 5. For others nothing is assumed.
"""

from collections.abc import Callable
from dataclasses import dataclass


def _plain(edge: int, _: float | None) -> int:
    return edge


def _convnext(edge: int, crop_pct: float | None) -> int | None:
    """From 384 on it squashes the picture."""
    return int(edge / (crop_pct or 224 / 256)) if edge < 384 else None


def _poolformer(edge: int, crop_pct: float | None) -> int:
    return edge if crop_pct is None else int(edge / crop_pct)


def _levit(edge: int, _: float | None) -> int:
    return int(256 / 224 * edge)


@dataclass(frozen=True, kw_only=True)
class Processor:
    """What a file may leave out, and what differs between processors that say the same."""

    square: bool | None = None
    """What a size of one number means: both sides or the shorter one; None where that is not known."""
    crops: bool | None = False
    """Without `do_center_crop`: whether it crops the middle; None where that is not known."""
    shorter: Callable[[int, float | None], int | None] = _plain
    """shortest_edge and crop_pct to what the shorter side becomes; None where the picture is squashed to it."""
    crop_pct: float | None = None
    """Of a file that does not say it."""
    crops_to_size: bool = False
    """Whether it crops to shortest_edge itself, without a crop_size."""
    own_sizes: bool = False
    """Whether pictures keep ratios of their own, and are padded to the largest of a batch."""
    includes_top: bool = False
    """Whether it divides by the std again where `include_top` says so, which it does by default."""


UNKNOWN = Processor(crops=None)
"""Of a file that names none: all has to be said."""
_SQUARE = Processor(square=True)
_SHORTER = Processor(square=False, crops=True)
_DETECTOR = Processor(square=False, own_sizes=True)
PROCESSORS = {
    "ViT": _SQUARE,
    "DeiT": Processor(square=True, crops=True),
    "Beit": _SQUARE,
    "Data2VecVision": _SQUARE,
    "Pvt": _SQUARE,
    "Segformer": _SQUARE,
    "Siglip": _SQUARE,
    "RTDetr": _SQUARE,
    **dict.fromkeys(("Detr", "Yolos", "ConditionalDetr", "DeformableDetr"), _DETECTOR),
    "EfficientNet": Processor(square=True, includes_top=True),
    "Bit": _SHORTER,
    "ViTHybrid": _SHORTER,
    "CLIP": _SHORTER,
    "MobileNetV1": _SHORTER,
    "MobileNetV2": _SHORTER,
    "Levit": Processor(square=False, crops=True, shorter=_levit),
    "PoolFormer": Processor(square=False, crops=True, shorter=_poolformer, crop_pct=0.9),
    "ConvNext": Processor(square=False, shorter=_convnext, crops_to_size=True),
}
TAKE_CROP_PCT = (_convnext, _poolformer)


def family(name: str) -> str:
    """`ViT` of `ViTImageProcessorFast`, as a file names it."""
    for ending in ("Fast", "Pil", "ImageProcessor", "FeatureExtractor"):
        name = name.removesuffix(ending)
    return name
