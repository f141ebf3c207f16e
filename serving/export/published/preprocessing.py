"""How a network's pictures were prepared where it was judged, as the contract says it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torchferry.errors import UserError

PICTURE = re.compile(r"(?P<sizeless>(?:[^=:]+=)?image(?::[A-Z]\w*)?)(?::(?P<size>.+))?")
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
        return own | said

    def sized(self, texts: Sequence[str]) -> list[str]:
        """--input, with the size where a picture has none. Raises UserError where it is not known."""
        return [self._sized(text) for text in texts]

    def line(self, texts: Sequence[str], said: Mapping[str, Any]) -> str:
        """What is taken of it, and what the user said instead."""
        instead = [f"--input {text}" for text in texts if self._other_size(text)]
        instead += [f"--{name}" for name in said if name in self.arguments or name == "normalize"]
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
        found = PICTURE.fullmatch(text)
        own = self.size and {"x".join(map(str, self.size)), *(map(str, set(self.size)) if len(set(self.size)) == 1 else ())}
        return bool(found and found["size"] and own) and found["size"] not in own


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
