"""The preprocessing that a preprocessor_config.json says, as the image processors of Hugging Face's transformers do it.

A key that is not understood, or that says what the contract cannot do, is refused by its name.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.serving.export.external.published.image_processors import (
    PROCESSORS,
    TAKE_CROP_PCT,
    UNKNOWN,
    Processor,
    family,
)
from torchferry.serving.export.external.published.preprocessing import Preprocessing

FILE = "preprocessor_config.json"
RESAMPLING = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
"""Pillow's numbers for them."""
TYPES = ("image_processor_type", "feature_extractor_type")
READ = (
    *("do_resize", "size", "resample", "do_center_crop", "crop_size", "crop_pct", "default_to_square"),
    *("do_rescale", "rescale_factor", "rescale_offset", "do_normalize", "image_mean", "image_std", "include_top"),
)
BESIDE = (
    *TYPES,
    *("processor_class", "_processor_class", "_valid_processor_keys", "model_input_names", "do_convert_rgb"),
    *("format", "do_convert_annotations"),
    *("do_reduce_labels", "reduce_labels", "num_channels", "return_tensors", "device", "disable_grouping"),
)
"""What changes nothing of a picture: how it is handed over, and what is done to a map of labels. Every picture becomes
RGB here, with `do_convert_rgb` or without it."""


def huggingface_file(path: Path) -> Preprocessing:
    """Raises UserError, with the key, for what cannot be read or done."""
    path = path / FILE if path.is_dir() else path
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        said = getattr(error, "strerror", None) or error
        raise UserError(f"--preprocess: cannot read {path} ({said}); a {FILE} is expected") from error
    if not isinstance(config, dict) or not set(config) & {*READ, *TYPES}:
        raise UserError(f"--preprocess: {path} is no {FILE}: it says nothing of pictures")
    return _Config(path, config).preprocessing()


class _Config:
    """What the file says, each key in its kind or refused."""

    def __init__(self, path: Path, config: Mapping[str, Any]) -> None:
        self.path = path
        self.keys = {name: value for name, value in config.items() if value is not None}
        self.processor = self._processor()
        self.crop_pct = config.get("crop_pct", self.processor.crop_pct)
        self._check_keys()

    def preprocessing(self) -> Preprocessing:
        mean, std = self._constants()
        known = {"interpolation": self._interpolation(), "mean": mean, "std": std}
        sides = self._needed("size")
        if self.processor.own_sizes and isinstance(sides, dict) and "shortest_edge" in sides:
            longest = f", but the longer to {sides['longest_edge']} at most" if sides.get("longest_edge") else ""
            without = f"resizes the shorter side to {sides['shortest_edge']}{longest}, and crops nothing"
            return Preprocessing(origin=str(self.path), size=None, arguments=known, without_size=without)
        size, arguments = self._geometry()
        return Preprocessing(origin=str(self.path), size=size, arguments=arguments | known)

    def refused(self, key: str, why: str) -> UserError:
        return UserError(f"--preprocess: {self.path}: {key}: {why}")

    def _processor(self) -> Processor:
        key = next((name for name in TYPES if name in self.keys), None)
        if key is None:
            return UNKNOWN
        given = str(self.keys[key])
        if family(given) not in PROCESSORS:
            ways = "--input image:SIZE, --resize, --interpolation and --normalize say what it does"
            raise self.refused(key, f"{given} is none of those that are known, {', '.join(PROCESSORS)}; {ways}")
        return PROCESSORS[family(given)]

    def _check_keys(self) -> None:
        for name, value in self.keys.items():
            if name in READ or name in BESIDE or value is False:  # what is not done
                continue
            if name == "do_pad" and self.processor.own_sizes:
                continue
            if name in ("data_format", "input_data_format") and value == "channels_first":
                continue
            hint = did_you_mean(name, READ, "leave it out if the network does without it")
            raise self.refused(name, f"{json.dumps(value)} is nothing that a server does to pictures{hint}")
        if "crop_pct" in self.keys and self.processor.shorter not in TAKE_CROP_PCT:
            raise self.refused("crop_pct", "is of ConvNext's and PoolFormer's processors, and the file names neither")
        for name in ("include_top", "rescale_offset"):
            if self._flag(name, False) and not self.processor.includes_top:
                raise self.refused(name, "is of EfficientNet's processor, which the file does not name")
        if self.crop_pct is not None:
            self._positive("crop_pct", self.crop_pct)

    def _flag(self, name: str, default: bool) -> bool:
        value = self.keys.get(name, default)
        if not isinstance(value, bool):
            raise self.refused(name, f"{json.dumps(value)} is neither true nor false")
        return value

    def _geometry(self) -> tuple[tuple[int, int], dict[str, Any]]:
        """Height and width, and the resize that gives them."""
        if not self._flag("do_resize", True):
            raise self.refused("do_resize", "false leaves each picture its own size; the network needs one")
        sides = self._size()
        edge = sides.get("shortest_edge")
        crop = self._crop(edge)
        if edge is None:
            return self._squashed((sides["height"], sides["width"]), crop)
        shorter = self.processor.shorter(edge, self.crop_pct)
        if shorter is None:
            return self._squashed((edge, edge), None)
        if crop is None:
            raise self.refused("do_center_crop", "without it a picture keeps its own ratio; the network needs one size")
        if crop[0] != crop[1] or crop[0] > shorter:
            raise self.refused("crop_size", f"{crop[0]} x {crop[1]} is no square within a shorter side of {shorter}")
        return crop, {"resize": "crop", "fraction": crop[0] / shorter}

    def _squashed(self, whole: tuple[int, int], crop: tuple[int, int] | None) -> tuple[tuple[int, int], dict[str, Any]]:
        crop = crop or whole
        if crop[0] > whole[0] or crop[0] * whole[1] != crop[1] * whole[0]:
            shown = f"{crop[0]} x {crop[1]} is no middle of {whole[0]} x {whole[1]} of the same ratio"
            raise self.refused("crop_size", shown)
        return crop, {"resize": "squash", "fraction": crop[0] / whole[0]}

    def _size(self) -> dict[str, int]:
        size = self._needed("size")
        square = self.keys.get("default_to_square", self.processor.square)
        if _is_whole(size):
            if square is None:
                ways = f'{{"shortest_edge": {size}}} or {{"height": {size}, "width": {size}}}'
                raise self.refused("size", f"{size} is either the shorter side or both; write {ways}")
            size = {"height": size, "width": size} if square else {"shortest_edge": size}
        sides = self._sides("size", size, ({"height", "width"}, {"shortest_edge"}))
        if self.processor.shorter in TAKE_CROP_PCT and "height" in sides:
            raise self.refused("size", f"{json.dumps(size)} is not what its processor takes, which is shortest_edge")
        return sides

    def _crop(self, edge: int | None) -> tuple[int, int] | None:
        """The middle that is taken, if one is."""
        if self.processor.crops_to_size:
            if self._flag("do_center_crop", False):
                raise self.refused("do_center_crop", "its processor crops by crop_pct; a second crop is not known")
            return None if edge is None else (edge, edge)
        if self.processor.crops is None and "crop_size" in self.keys and "do_center_crop" not in self.keys:
            raise self.refused("do_center_crop", "is missing; true or false says whether crop_size counts")
        if not self._flag("do_center_crop", bool(self.processor.crops)):
            return None
        size = self._needed("crop_size")
        size = {"height": size, "width": size} if _is_whole(size) else size
        sides = self._sides("crop_size", size, ({"height", "width"},))
        return sides["height"], sides["width"]

    def _sides(self, key: str, value: Any, shapes: tuple[set[str], ...]) -> dict[str, int]:
        sides = {name: side for name, side in value.items() if side is not None} if isinstance(value, dict) else {}
        if not all(_is_whole(side) and side > 0 for side in sides.values()) or set(sides) not in shapes:
            words = " or ".join(" and ".join(sorted(shape)) for shape in shapes)
            raise self.refused(key, f"{json.dumps(value)} is not understood; {words} in pixels are")
        return sides

    def _needed(self, name: str) -> Any:
        if name not in self.keys:
            raise self.refused(name, "is missing")
        return self.keys[name]

    def _interpolation(self) -> str:
        number = self._needed("resample")
        if isinstance(number, bool) or number not in range(len(RESAMPLING)):
            words = ", ".join(f"{number} {name}" for number, name in enumerate(RESAMPLING))
            raise self.refused("resample", f"{json.dumps(number)} is none of Pillow's: {words}")
        return RESAMPLING[number]

    def _constants(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and std of values scaled to 0..1, whatever the file scales them to: (x - mean) / std stays the same."""
        factor = self._positive("rescale_factor", self.keys.get("rescale_factor", 1 / 255))
        scale = 255.0 * (factor if self._flag("do_rescale", True) else 1.0)
        offset = float(self._flag("rescale_offset", False))
        if offset and abs(scale - 2) > 1e-6:  # releases of transformers differ for others
            raise self.refused("rescale_offset", "true is known with a rescale_factor of 1/127.5, which gives -1 to 1")
        mean: tuple[float, ...] = (0.0,) * 3
        std: tuple[float, ...] = (1.0,) * 3
        if self._flag("do_normalize", True):
            mean, std = self._per_channel("image_mean"), self._per_channel("image_std")
        if min(std) <= 0:
            raise self.refused("image_std", f"{list(std)} must be above 0")
        if self.processor.includes_top and self._flag("include_top", True):
            again = self._per_channel("image_std")
            std = tuple(value * more for value, more in zip(std, again, strict=True))
        return tuple((value + offset) / scale for value in mean), tuple(value / scale for value in std)

    def _positive(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise self.refused(name, f"{json.dumps(value)} is no number above 0")
        return float(value)

    def _per_channel(self, name: str) -> tuple[float, ...]:
        """One number stands for all three."""
        value = self._needed(name)
        values = value if isinstance(value, list) else [value] * 3
        if not values or any(isinstance(each, bool) or not isinstance(each, int | float) for each in values):
            raise self.refused(name, f"{json.dumps(value)} is no number, nor a list of one for each channel")
        return tuple(map(float, values))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
