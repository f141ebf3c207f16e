"""Pieces of photographs, of many sizes and shapes, to resize as others do it."""

import functools

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images


@functools.cache
def photographs() -> tuple[Image.Image, ...]:
    """scikit-learn's two, and scikit-image's in colour where it is installed."""
    found = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    try:
        from skimage import data
    except ImportError:
        return tuple(found)
    return (*found, *(Image.fromarray(each()) for each in (data.astronaut, data.chelsea, data.coffee)))


def pieces(count: int, least: int = 40) -> list[Image.Image]:
    """`count` of them, every second one portrait; at random, but the same for each call."""
    random, found = np.random.default_rng(0), []
    for number in range(count):
        photograph = photographs()[number // 2 % len(photographs())]
        sides = random.integers(least, photograph.size, endpoint=True)
        left, top = random.integers(0, np.array(photograph.size) - sides, endpoint=True)
        width, height = sides
        piece = photograph.crop((left, top, left + width, top + height))
        is_portrait = piece.width < piece.height
        found.append(piece.transpose(Image.Transpose.ROTATE_90) if is_portrait != number % 2 else piece)
    return found
