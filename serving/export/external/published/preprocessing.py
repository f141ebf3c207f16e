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
        """What is taken of it, what the user said instead, and how pictures are resized then."""
        sizes = [size for text in texts if (size := _size_of(text)) not in (None, self.size)] if self.size else []
        instead = [f"--input {text}" for text in texts if _size_of(text) in sizes]
        instead += [f"--{name}" for name in said if name in (*self.arguments, "normalize") and name != "fraction"]
        end = f"; {', '.join(dict.fromkeys(instead))} instead, as given" if instead else ""
        own = _geometry(self.size, self.arguments)
        taken = "; ".join(filter(None, (own, _constants(self.arguments))))
        given = _geometry(next(iter(sizes), self.size), self.arguments | dict(said))  # of several pictures the first
        return f"pictures as {self.origin} prepares them: {taken}{end}" + (f", so {given}" if given != own else "")

    def _sized(self, text: str) -> str:
        found = PICTURE.fullmatch(text)
        if found is None or found["size"] is not None:
            return text
        if self.size is None:
            raise UserError(f"--input: {text} has no size, and {self.origin} ({self.without_size}) gives none; say "
                            f"{text}:HEIGHTxWIDTH")  # fmt: skip
        return f"{text}:{self.size[0]}x{self.size[1]}"


def _size_of(text: str) -> tuple[int, int] | None:
    """Height and width that --input says of a picture, if it does."""
    found = PICTURE.fullmatch(text)
    if found is None or not (found["size"] or "").replace("x", "").isdecimal():
        return None
    sides = tuple(map(int, found["size"].split("x")))
    return sides[0], sides[-1]


def _geometry(size: tuple[int, int] | None, arguments: Mapping[str, Any]) -> str:
    """Such as `shorter side to 256, then the middle 224 x 224, bilinear`: what is done, in its order."""
    sharp = "" if arguments.get("antialias", True) else " without antialiasing"
    how = f"{arguments['interpolation']}{sharp}" if "interpolation" in arguments else ""
    if size is None:
        return how
    target = [int(side / arguments["fraction"] + 1e-6) for side in size]
    given, whole = (f"{sides[0]} x {sides[1]}" for sides in (size, target))
    square, cut = target[0] == target[1], target != list(size)
    words = {
        "crop": f"shorter side to {target[0]}" if square else f"resized to cover {whole}",
        "pad": f"longer side to {target[0]}" if square else f"resized to fit into {whole}",
        "squash": f"squashed to {whole}",
    }
    ends = {
        "crop": f", then the middle {given}",
        "pad": f", padded{' or cut' if cut else ''} to {given}",
        "squash": f", then the middle {given}" if cut else "",
    }
    return f"{words[arguments['resize']]}{ends[arguments['resize']]}, {how}"


def _constants(arguments: Mapping[str, Any]) -> str:
    """Such as `mean 0.485 0.456 0.406, std 0.229 0.224 0.225`."""
    values = {name: " ".join(format(each, ".4g") for each in arguments.get(name, ())) for name in ("mean", "std")}
    return ", ".join(f"{name} {shown}" for name, shown in values.items() if shown)
