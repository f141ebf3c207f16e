"""A JPEG decoded at a half, a quarter or an eighth of its size, where the network's is smaller still.

The decoder then leaves out the finest of each block's 8 x 8 frequencies, which costs less than to decode and average
them. It travels into archives.
"""

from typing import TYPE_CHECKING

from PIL import Image

from torchferry.contract.resize import spans

if TYPE_CHECKING:
    from torchferry.contract.image import ImageSpec

JPEGS = ("full", "scaled")


def scale_down(image: Image.Image, turned: bool, spec: "ImageSpec") -> None:
    """Before `image` is unpacked: the smallest of those sizes that is as large as what the resize makes of the whole
    picture, or larger. `turned` is whether its sides change places after that. Other formats stay as they are."""
    if spec.jpeg != "scaled" or image.format not in ("JPEG", "MPO"):
        return
    width, height = image.size
    across, down = spans(height, width, spec) if turned else spans(width, height, spec)
    resized = (down.resized, across.resized) if turned else (across.resized, down.resized)
    image.draft(None, resized)
