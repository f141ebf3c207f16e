"""Resizes a picture of any size to the network's. Pillow and numpy only: it travels into archives.

Both sides of the network's size, divided by `fraction` and rounded down, are the target. The picture is resized, and of
that the middle is taken:

- squash: to the target itself, whatever the ratio of its sides.
- crop: its ratio kept, so that it covers the target. For a square target as torchvision's Resize, which rounds the
  longer side down; for another as timm's ResizeKeepRatio, which rounds both sides to the nearest whole number.
- pad: its ratio kept, as large as fits into the target, as timm's ResizeKeepRatio(longest=1). What it does not fill has
  the colour `fill`; an odd pixel more is at the right and below.
- keep: for a network that takes many sizes. The picture has its own, as `own_size` has the rules; what lies beyond it
  up to the next size that the network takes has the colour `fill`.
"""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from torchferry.contract.axes import Axis
from torchferry.contract.own_size import own_size, up_to_step

if TYPE_CHECKING:
    from torchferry.contract.image import ImageSpec

RESIZES = ("squash", "crop", "pad")
"""Of a network of one size."""
KEEP: Final = "keep"
FILLED = ("pad", KEEP)
"""Those that may leave room beside a picture."""
SAMPLED = ("nearest", "bilinear", "bicubic")
"""The interpolations that are known without antialiasing."""
INTERPOLATIONS = (*SAMPLED, "lanczos", "box", "hamming")
"""Pillow's, in small letters."""
LEAST_FRACTION = 0.1
"""Of less, a picture would be resized to sizes that nobody means."""
MAX_BETWEEN = 50_000_000
"""Pixels of what Pillow keeps between its two passes."""


@dataclass(frozen=True)
class Span:
    """One side: it is resized from `source` pixels to `resized`; `count` of these from `first` on are shown, from the
    pixel `at` of the network's `side` pixels."""

    source: int
    resized: int
    first: int
    count: int
    at: int
    side: int

    @property
    def shown(self) -> slice:
        return slice(self.first, self.first + self.count)

    def of(self, source: int) -> "Span":
        """The same of a picture that was made smaller before."""
        return replace(self, source=source)

    @property
    def box(self) -> tuple[float, float]:
        """What is shown, in pixels of the source."""
        scale = self.source / self.resized
        return self.first * scale, (self.first + self.count) * scale


def wrong(spec: "ImageSpec") -> str | None:
    """The first field that cannot be as it is, and why: `fraction: 2 is ...`."""
    varies = isinstance(spec.height, Axis), isinstance(spec.width, Axis)
    if any(varies) and not all(varies):
        return f"{'width' if varies[0] else 'height'}: is one size, and the other side has bounds; give both, or none"
    if spec.resize not in (ways := (KEEP,) if all(varies) else RESIZES):
        return f"resize: {spec.resize} is not one of {', '.join(ways)}"
    if spec.resize == KEEP and spec.fraction != 1:
        return f"fraction: {spec.fraction} is for a network of one size; of pictures of their own size all is kept"
    if not LEAST_FRACTION <= spec.fraction <= 1:
        return f"fraction: {spec.fraction} is not from {LEAST_FRACTION} to 1"
    if spec.interpolation not in INTERPOLATIONS:
        return f"interpolation: {spec.interpolation} is not one of {', '.join(INTERPOLATIONS)}"
    if not spec.antialias and spec.interpolation not in SAMPLED:
        return f"antialias: {spec.interpolation} always averages; only {', '.join(SAMPLED)} can do without"
    if spec.fill and spec.resize not in FILLED:
        return f"fill: {list(spec.fill)} is the colour around a picture with resize pad; resize is {spec.resize}"
    if not all(0 <= value <= 255 for value in spec.fill):
        return f"fill: {list(spec.fill)} must be 0 to 255"
    return None


def spans(width: int, height: int, spec: "ImageSpec") -> tuple[Span, Span]:
    """Across and down, of a picture of `width` x `height` pixels. Raises NoOwnSize, with resize keep."""
    if isinstance(spec.width, Axis) and isinstance(spec.height, Axis):
        across, down = own_size(width, height, spec.width, spec.height)
        return _from_corner(width, across, spec.width), _from_corner(height, down, spec.height)
    across, down = _resized_size(width, height, spec)
    return _span(width, across, fixed(spec.width)), _span(height, down, fixed(spec.height))


def fixed(side: int | Axis) -> int:
    """Of a network of one size."""
    assert isinstance(side, int)
    return side


def target_of(spec: "ImageSpec") -> tuple[int, int]:
    """Width and height. A part of a millionth is for fractions such as 224 / 232, which floats have a little off."""
    return math.floor(fixed(spec.width) / spec.fraction + 1e-6), math.floor(fixed(spec.height) / spec.fraction + 1e-6)


def fitted(image: Image.Image, across: Span, down: Span, spec: "ImageSpec") -> np.ndarray:
    """uint8 [height, width, channels] of the network's size, from a picture in the declared mode."""
    if image.size == (across.resized, down.resized):
        shown = _array(image)[down.shown, across.shown]
    elif spec.interpolation == "nearest":
        shown = _array(image)[_nearest(down)[:, None], _nearest(across)]
    elif spec.antialias:
        shown = _array(_averaged(image, across, down, spec.interpolation))
    else:
        shown = _sampled(_array(image), across, down, spec.interpolation)
    if (across.count, down.count) == (across.side, down.side):
        return shown
    canvas = np.zeros((down.side, across.side, shown.shape[2]), np.uint8)
    canvas[:] = spec.fill or 0
    canvas[down.at : down.at + down.count, across.at : across.at + across.count] = shown
    return canvas


def framed(pixels: np.ndarray, spec: "ImageSpec") -> np.ndarray:
    """A picture that becomes exactly `pixels`, uint8 [channels, height, width]: where the contract keeps a fraction of
    a picture, with a frame around it that is cut off again."""
    if spec.resize == KEEP:
        return pixels
    width, height = target_of(spec)
    frame = [(0, 0)]
    for span in (_span(height, height, fixed(spec.height)), _span(width, width, fixed(spec.width))):
        frame.append((span.first, span.source - span.count - span.first))
    return np.pad(pixels, frame, mode="edge")


def _resized_size(width: int, height: int, spec: "ImageSpec") -> tuple[int, int]:
    target = target_of(spec)
    if spec.resize == "squash":
        return target
    if spec.resize == "crop" and target[0] == target[1]:
        side, short, long = target[0], min(width, height), max(width, height)
        longer = int(side * long / short)
        return (side, longer) if width <= height else (longer, side)
    ratios = width / target[0], height / target[1]
    ratio = min(ratios) if spec.resize == "crop" else max(ratios)
    return max(1, round(width / ratio)), max(1, round(height / ratio))


def _span(source: int, resized: int, shown: int) -> Span:
    first = max(0, round((resized - shown) / 2))  # rounds halves to even, as torchvision and timm do
    return Span(source, resized, first, min(resized, shown), max(0, (shown - resized) // 2), shown)


def _from_corner(source: int, resized: int, axis: Axis) -> Span:
    return Span(source, resized, 0, resized, 0, up_to_step(resized, axis))


def _averaged(image: Image.Image, across: Span, down: Span, how: str) -> Image.Image:
    """Of what is cropped, the whole is resized first, as torchvision and timm do.

    To read the middle alone is faster, but Pillow may then do its two passes, and round between them, in the other
    order, which is some levels off at sharp edges. It is done where the whole would have too many pixels.
    """
    if across.resized * down.resized > MAX_BETWEEN:
        (left, right), (top, bottom) = across.box, down.box
        return _passes(image, (across.count, down.count), how, (left, top, right, bottom))
    whole = _passes(image, (across.resized, down.resized), how, (0, 0, *image.size))
    corner = across.first + across.count, down.first + down.count
    return whole.crop((across.first, down.first, *corner))


def _passes(image: Image.Image, size: tuple[int, int], how: str, box: tuple[float, float, float, float]) -> Image.Image:
    """Pillow may resize rows first, which of a tall and narrow picture could be gigabytes; then columns are first."""
    filter, (left, top, right, bottom) = Image.Resampling[how.upper()], box
    if size[0] * image.height > MAX_BETWEEN:
        image = image.resize((image.width, size[1]), filter, (0, top, image.width, bottom))
        top, bottom = 0, size[1]
    return image.resize(size, filter, (left, top, right, bottom))


def _nearest(span: Span) -> np.ndarray:
    """int64 [count]: the source's pixels. Pillow adds up its steps, so that halves fall to the side where its sum has
    them; a product would have some elsewhere."""
    step = span.source / span.resized
    steps = np.full(span.first + span.count, step)
    steps[0] = step * 0.5
    return np.cumsum(steps).astype(np.int64)[span.first :]


def _sampled(pixels: np.ndarray, across: Span, down: Span, how: str) -> np.ndarray:
    """From the nearest 2 x 2 or 4 x 4 pixels, however many lie between them, as OpenCV does it and torch's interpolate
    with align_corners=False. The longer side is taken from first, so that little lies between."""
    rows, columns = _taps(down, how, (-1, 1, 1)), _taps(across, how, (1, -1, 1))
    first, second = ((0, rows), (1, columns)) if down.source > across.source else ((1, columns), (0, rows))
    total = np.zeros((down.count, across.count, pixels.shape[2]), np.float32)
    for places, weights in first[1]:
        line = pixels.take(places, axis=first[0])
        total += weights * sum(line.take(beside, axis=second[0]) * weight for beside, weight in second[1])
    return np.clip(np.rint(total), 0, 255).astype(np.uint8)


def _taps(span: Span, how: str, shape: tuple[int, int, int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pixels of each tap, int64 [count], and their weights, float32 of that `shape`."""
    places = (np.arange(span.first, span.first + span.count) + 0.5) * (span.source / span.resized) - 0.5
    below = np.floor(places)
    part = places - below
    taps, weight = ((0, 1), _linear) if how == "bilinear" else ((-1, 0, 1, 2), _cubic)
    return [
        (
            np.clip(below + tap, 0, span.source - 1).astype(np.int64),
            weight(np.abs(part - tap)).astype(np.float32).reshape(shape),
        )
        for tap in taps
    ]


def _linear(distance: np.ndarray) -> np.ndarray:
    return 1 - distance


def _cubic(x: np.ndarray, a: float = -0.75) -> np.ndarray:
    """Keys' kernel for distances 0 to 2 (https://doi.org/10.1109/TASSP.1981.1163711), with OpenCV's and torch's `a`."""
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.where(x <= 1, near, far)


def _array(image: Image.Image) -> np.ndarray:
    """uint8 [height, width, channels]."""
    return np.asarray(image, dtype=np.uint8).reshape(image.height, image.width, -1)
