"""A JPEG decoded at a half, a quarter or an eighth of its size, where the network's is smaller still.

The decoder then leaves out the finest of each block's 8 x 8 frequencies, which takes less time than to decode them and
average the pixels. It travels into archives.
"""

from typing import TYPE_CHECKING

from PIL import Image

from torchferry.contract.resize import spans

if TYPE_CHECKING:
    from torchferry.contract.image import ImageSpec


def scale_down(image: Image.Image, spec: "ImageSpec", sideways: bool) -> tuple[int, int] | None:
    """Before `image` is unpacked: to the smallest of those sizes that is not below what the resize makes of the whole
    picture. `sideways` is whether its sides change places afterwards.

    Returns width and height in full, as they are then: the resize goes by them, because a part of a side is rounded up,
    and nothing moves by a whole pixel of the result. None for another format, and where `spec` says nothing of it.
    """
    if spec.jpeg != "scaled" or image.format not in ("JPEG", "MPO"):
        return None
    width, height = image.size[::-1] if sideways else image.size
    across, down = spans(width, height, spec)
    image.draft(None, (down.resized, across.resized) if sideways else (across.resized, down.resized))
    return width, height
