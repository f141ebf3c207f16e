"""Torchvision's segmentation networks by name."""

from collections.abc import Callable

from torch import nn


def torchvision_segmenter(name: str, classes: int, auxiliary: bool = True) -> nn.Module:
    """[batch, 3, height, width] to {"out": logits [batch, classes, height, width]}, for task segmentation.

    It is torchvision's own module, so that a file of its weights fits. With other classes `weights.skip` leaves out
    what gives them: [classifier.4, aux_classifier.4] of FCN and DeepLab, [classifier.low, classifier.high] of LRASPP.

    Args:
        name: lraspp_mobilenet_v3_large, deeplabv3_mobilenet_v3_large, deeplabv3_resnet50, deeplabv3_resnet101,
            fcn_resnet50 or fcn_resnet101.
        classes: How many there are, the ground among them.
        auxiliary: Whether FCN and DeepLab have an auxiliary head in training, as their published weights do; its loss
            counts half. Without it `weights.skip` names aux_classifier. LRASPP has none.
    """
    from torchvision.models import segmentation

    if name not in NAMES:
        raise ValueError(f"name {name} is none of {', '.join(NAMES)}")
    if classes < 2:
        raise ValueError(f"classes {classes}: two or more are told apart")
    build: Callable[..., nn.Module] = getattr(segmentation, name)
    aux = {"aux_loss": auxiliary} if NAMES[name] else {}
    return build(weights=None, weights_backbone=None, num_classes=classes, **aux)


NAMES = {
    "lraspp_mobilenet_v3_large": False,
    "deeplabv3_mobilenet_v3_large": True,
    "deeplabv3_resnet50": True,
    "deeplabv3_resnet101": True,
    "fcn_resnet50": True,
    "fcn_resnet101": True,
}
"""And whether it can have an auxiliary head."""
