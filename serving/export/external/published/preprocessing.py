"""The preprocessing of a network's pictures where it was judged, in the contract's words."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torchferry.contract.image import CHANNELS
from torchferry.errors import UserError

PICTURE = re.compile(r"(?P<sizeless>(?:[^=:]+=)?image(?::(?P<mode>[A-Z]\w*))?)(?::(?P<size>.+))?")
"""What --input says of a picture, with its size or without."""


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    origin: str
    """Who says so, for people."""
    size: tuple[int, int] | None
    """Height and width of the network's pictures; None where they had sizes of their own."""
    arguments: dict[str, Any]
    """Of training.data.pictures.image_input: resize, fraction, interpolation, antialias, mean and std, as far as they
    are known."""
    labels: tuple[str, ...] = ()
    """The classes that it was trained on, where they are known."""
    without_size: str = ""
    """What it does where it gives pictures of no one size."""

    def beside(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Its arguments, and what the user `said` instead of some."""
        own = dict(self.arguments)
        if "normalize" in said:  # which names both
            own = {name: value for name, value in own.items() if name not in ("mean", "std")}
        if not self.size and "resize" not in said:
            raise UserError(f"--resize: is missing; {self.origin} ({self.without_size}), and the network gets one size")
        return own | dict(said)

    def sized(self, texts: Sequence[str], said: Mapping[str, Any]) -> list[str]:
        """--input, with the size where a picture has none. Raises UserError where it is not known, and for pictures of
        other colours than these constants are for."""
        for text in texts:
            mean, given = self.arguments.get("mean"), PICTURE.fullmatch(text)
            channels = CHANNELS.get(given["mode"] or "RGB") if given else None
            if mean and channels and len(mean) != channels and not said.keys() & {"normalize", "mean"}:
                raise UserError(
                    f"--input: {text} has {channels} channel{'s' * (channels != 1)}, and {self.origin} is for "
                    f"{len(mean)}; give --normalize, or --mean and --std, if it is meant"
                )
        return [self._sized(text) for text in texts]

    def line(self, texts: Sequence[str], said: Mapping[str, Any]) -> str:
        """What is taken of it, and what the user said instead."""
        instead = [f"--input {text}" for text in texts if self._other_size(text)]
        instead += [f"--{name}" for name in said if name in (*self.arguments, "normalize") and name != "fraction"]
        taken = "; ".join(filter(None, (_geometry(self.size, self.arguments), _constants(self.arguments))))
        end = f"; {', '.join(dict.fromkeys(instead))} instead, as given" if instead else ""
        return f"pictures as {self.origin} prepares them: {taken}{end}"

    def _sized(self, text: str) -> str:
        found = PICTURE.fullmatch(text)
        if found is None or found["size"] is not None:
            return text
        if self.size is None:
            raise UserError(f"--input: {text} has no size, and {self.origin} ({self.without_size}) gives none; say "
                            f"{text}:HEIGHTxWIDTH")  # fmt: skip
        return f"{text}:{self.size[0]}x{self.size[1]}"

    def _other_size(self, text: str) -> bool:
        """Whether the user gave one."""
        found = PICTURE.fullmatch(text)
        if self.size is None or found is None or not (found["size"] or "").replace("x", "").isdecimal():
            return False
        sides = tuple(map(int, found["size"].split("x")))
        return (sides[0], sides[-1]) != self.size


def _geometry(size: tuple[int, int] | None, arguments: Mapping[str, Any]) -> str:
    """Such as `224 x 224, shorter side to 256, then the middle, bilinear`."""
    sharp = "" if arguments.get("antialias", True) else " without antialiasing"
    how = f"{arguments['interpolation']}{sharp}" if "interpolation" in arguments else ""
    if size is None:
        return how
    target = [int(side / arguments["fraction"] + 1e-6) for side in size]
    whole = str(target[0]) if target[0] == target[1] else f"{target[0]} x {target[1]}"
    words = {
        "crop": f"shorter side to {whole}, then the middle",
        "pad": f"longer side to {whole}, padded",
        "squash": f"squashed to {target[0]} x {target[1]}" + (", then the middle" if arguments["fraction"] < 1 else ""),
    }
    return f"{size[0]} x {size[1]}, {words[arguments['resize']]}, {how}"


def _constants(arguments: Mapping[str, Any]) -> str:
    """Such as `mean 0.485 0.456 0.406, std 0.229 0.224 0.225`."""
    values = {name: " ".join(format(each, ".4g") for each in arguments.get(name, ())) for name in ("mean", "std")}
    return ", ".join(f"{name} {shown}" for name, shown in values.items() if shown)
