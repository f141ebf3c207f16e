"""facenet-pytorch finds faces by MTCNN's three networks, each of which sifts what the one before it has found."""

from typing import Any

import numpy as np
from PIL import Image

from tests.serving.others.replaced import Replace, answered
from tests.serving.others.samples import portrait


def _found(part: str, replace: Replace) -> Any:
    from facenet_pytorch import MTCNN

    found = MTCNN(device="cpu")
    network = getattr(found, part)
    network.forward = answered(network.forward, replace)
    boxes, scores, points = found.detect(Image.open(portrait()).convert("RGB"), landmarks=True)
    assert scores[0] > 0.99
    return [np.asarray(each, np.float64) for each in (boxes, scores, points)]


def sifted(replace: Replace) -> Any:
    return _found("rnet", replace)


def placed(replace: Replace) -> Any:
    """Boxes, eyes, nose and mouth, and a score."""
    return _found("onet", replace)
