"""The input of a network, as the contract's functions are told of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Spec:
    mode: str = "RGB"
    height: int = 12
    width: int = 10
    resize: str = "squash"
    fraction: float = 1.0
    interpolation: str = "bilinear"
    antialias: bool = True
    fill: tuple[int, ...] = ()
    exif: str = "apply"
    jpeg: str = "full"
