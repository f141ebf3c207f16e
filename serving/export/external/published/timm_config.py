"""The preprocessing that a network of timm carries with it, as timm.data.resolve_data_config reads it, and its classes.

The defaults are timm's own, of timm/data/config.py and transforms_factory.py (transforms_imagenet_eval).
"""

import math
import sys
from collections.abc import Mapping
from typing import Any

from torch import nn

from torchferry.errors import UserError
from torchferry.serving.export.external.published.preprocessing import Preprocessing

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
CROP_PCT = 0.875
MODES = {"center": "crop", "squash": "squash", "border": "pad"}


def timm_config(network: nn.Module) -> Preprocessing | None:
    """What its `pretrained_cfg` says; None for a network that has none. Raises UserError for what is not understood."""
    config = getattr(network, "pretrained_cfg", None)
    if config is None:
        return None
    config = config if isinstance(config, Mapping) else vars(config)
    return from_config(config, "the network's pretrained_cfg", _labels(network, config))


def from_config(config: Mapping[str, Any], origin: str, labels: tuple[str, ...] = ()) -> Preprocessing:
    """Raises UserError."""
    name = config.get("architecture")
    origin = f"{origin} ({name}{'.' + tag if (tag := config.get('tag')) else ''})" if name else origin
    _, *sides = config.get("input_size") or (3, 224, 224)
    share, mode = config.get("crop_pct") or CROP_PCT, config.get("crop_mode") or "center"
    if mode not in MODES:
        raise UserError(f"--preprocess: {origin} has crop_mode {mode}; {', '.join(MODES)} are known")
    arguments = {
        "resize": MODES[mode],
        "fraction": _fraction(sides[0], share),
        "interpolation": config.get("interpolation") or "bicubic",
        **{key: tuple(config.get(key) or default) for key, default in IMAGENET.items()},
    }
    return Preprocessing(origin=origin, size=(sides[0], sides[1]), arguments=arguments, labels=labels)


def _labels(network: nn.Module, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Those that the config names, or ImageNet's of a network that was made for as many as its weights know."""
    if names := config.get("label_names"):
        described = config.get("label_descriptions") or {}
        return tuple(str(described.get(name, name)) for name in names)
    data = sys.modules.get("timm.data")  # which is there where the network is timm's
    if data is None or getattr(network, "num_classes", None) != config.get("num_classes"):
        return ()
    subset = data.infer_imagenet_subset(network)
    return tuple(data.ImageNetInfo(subset).label_descriptions()) if subset else ()


def _fraction(side: int, share: float) -> float:
    """The contract rounds up what misses a whole number by 1e-6, which timm does not."""
    resized = math.floor(side / share)
    return share if math.floor(side / share + 1e-6) == resized else side / resized
