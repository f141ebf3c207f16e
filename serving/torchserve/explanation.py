"""The answer to an explanation request: attributions as numbers, or drawn over the image."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from torchferry.serving.codec.tensors import write_tensors

STEPS = 50
"""Points of the line from the baseline to the input."""
LONGEST_SIDE = 224
"""Of a picture, in pixels: smaller images are enlarged by the largest whole factor that keeps to it."""
FOR, AGAINST = (230, 40, 30), (40, 90, 230)
"""Red and blue, as RGB."""
STRONGEST = 99
"""The percentile of the attributions' sizes that gets the full colour, so that one pixel does not pale all others."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    target: str | int
    """The label whose score is explained, or the output's number where labels have no names."""
    baseline: str
    convergence_delta: float
    attributions: dict[str, np.ndarray]
    """By the inputs' names, of their shapes with a batch of one; each in units of the score. float32, or float64 of an
    FP64 input."""
    pixels: dict[str, np.ndarray]
    """By the names of the inputs that are images: uint8 [channels, height, width]."""

    def text(self, model: str) -> str:
        head: dict[str, Any] = {"model": model, "target": self.target, "method": "integrated gradients", "steps": STEPS}
        head |= {"baseline": self.baseline, "convergence_delta": self.convergence_delta}
        return json.dumps(head | write_tensors(self.attributions, "attributions"))

    def picture(self) -> bytes:
        """A PNG of the image in grey, with red where it speaks for the target and blue where it speaks against it.

        The attributions are added up over the channels; the more a pixel counts, the less of the grey is left. Several
        images stand beside each other in the order of the inputs, and their colours have one scale.
        """
        counts = {name: self.attributions[name][0].sum(axis=0) for name in self.pixels}
        sizes = np.abs(np.concatenate([each.ravel() for each in counts.values()]))
        full = np.percentile(sizes, STRONGEST) or sizes.max() or 1.0
        drawn = [_drawn(pixels, counts[name] / full) for name, pixels in self.pixels.items()]
        buffer = io.BytesIO()
        _beside(drawn).save(buffer, "PNG")
        return buffer.getvalue()


def _drawn(pixels: np.ndarray, counts: np.ndarray) -> Image.Image:
    """`counts`: [height, width], of which 1 and more have the full colour."""
    strength = np.clip(np.abs(counts), 0, 1)[..., None]
    grey = pixels.mean(axis=0)[..., None]
    mixed = grey * (1 - strength) + np.where(counts[..., None] > 0, FOR, AGAINST) * strength
    image = Image.fromarray(np.round(mixed).astype(np.uint8))
    factor = max(1, LONGEST_SIDE // max(image.size))
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def _beside(images: Sequence[Image.Image]) -> Image.Image:
    size = (sum(image.width for image in images), max(image.height for image in images))
    whole, left = Image.new("RGB", size), 0
    for image in images:
        whole.paste(image, (left, 0))
        left += image.width
    return whole
