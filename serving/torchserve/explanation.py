"""The answer to an explanation request: attributions as numbers, or drawn over the image."""

import io
import json
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
    pixels: np.ndarray | None
    """uint8 [channels, height, width]; None where the model takes no image."""

    def text(self, model: str) -> str:
        head: dict[str, Any] = {"model": model, "target": self.target, "method": "integrated gradients", "steps": STEPS}
        head |= {"baseline": self.baseline, "convergence_delta": self.convergence_delta}
        return json.dumps(head | write_tensors(self.attributions, "attributions"))

    def picture(self) -> bytes:
        """A PNG of the image in grey, with red where it speaks for the target and blue where it speaks against it.

        The attributions are added up over the channels; the more a pixel counts, the less of the grey is left.
        """
        assert self.pixels is not None
        (found,) = self.attributions.values()
        counts = found[0].sum(axis=0)[..., None]
        full = np.percentile(np.abs(counts), STRONGEST) or np.abs(counts).max() or 1.0
        strength = np.clip(np.abs(counts) / full, 0, 1)
        grey = self.pixels.mean(axis=0)[..., None]
        mixed = grey * (1 - strength) + np.where(counts > 0, FOR, AGAINST) * strength
        image = Image.fromarray(np.round(mixed).astype(np.uint8))
        factor = max(1, LONGEST_SIDE // max(image.size))
        buffer = io.BytesIO()
        image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST).save(buffer, "PNG")
        return buffer.getvalue()
