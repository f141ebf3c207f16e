"""A loss for vectors that is the mean over samples: each is drawn to the proxy of its class, and from all others'.

The proxies are fixed, so nothing of the loss is learnt, and no sample is compared with others of its batch: the value
is the same at any number of ranks.
"""

from functools import cache

import torch
from torch import nn
from torch.nn import functional

from torchferry.errors import UserError

SCALE = 16.0
SEED = 2**40 + 3


class FixedProxies(nn.Module):
    """Cross entropy of the cosines between a vector and a fixed direction for each class. With as many numbers in a
    vector as classes, or more, the directions are at equal angles; with fewer they are drawn at random.

    Args:
        classes: How many there are; the data's labels if it is not said.
        scale: What the cosines are multiplied by; the larger, the less the near ones of other classes are forgiven.
        margin: By how much the cosine with the own class has to be above the others', 0..1, as in CosFace.
    """

    def __init__(self, classes: int, scale: float = SCALE, margin: float = 0.0) -> None:
        super().__init__()
        if not (scale > 0 and 0 <= margin < 1):
            raise UserError(f"loss.args: scale {scale} and margin {margin}; above 0, and from 0 to below 1, are taken")
        self.classes, self.scale, self.margin = classes, scale, margin

    def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return proxy_losses(outputs, targets, self.classes, self.scale, self.margin).mean()


def proxy_losses(
    outputs: torch.Tensor, targets: torch.Tensor, classes: int, scale: float = SCALE, margin: float = 0.0
) -> torch.Tensor:
    """[samples]. `outputs`: float [samples, numbers] of any length."""
    proxies = fixed_proxies(classes, outputs.shape[1], outputs.device).to(outputs)
    cosines = functional.normalize(outputs, dim=1) @ proxies.T
    if margin:
        cosines = cosines - margin * functional.one_hot(targets, classes).to(cosines)
    return functional.cross_entropy(scale * cosines, targets, reduction="none")


@cache
def fixed_proxies(classes: int, numbers: int, device: torch.device) -> torch.Tensor:
    """float32 [classes, numbers], each of length 1; made once for a device."""
    if numbers >= classes > 1:
        drawn = torch.eye(classes, numbers)
        drawn[:, :classes] -= 1 / classes
    else:
        drawn = torch.randn(classes, numbers, generator=torch.Generator().manual_seed(SEED))
    return functional.normalize(drawn, dim=1).to(device)
