"""The input of a network, as the contract's functions are told of it."""

from dataclasses import dataclass

from torchferry.contract.axes import Axis


@dataclass(frozen=True)
class Spec:
    mode: str = "RGB"
    height: int | Axis = 12
    width: int | Axis = 10
    resize: str = "squash"
    fraction: float = 1.0
    interpolation: str = "bilinear"
    antialias: bool = True
    fill: tuple[int, ...] = ()
    exif: str = "apply"
    jpeg: str = "full"
