"""Networks by name; any other `nn.Module` or torchvision model goes by its import path."""

from collections.abc import Callable

from torch import nn

from training.models.seed_nets import DigitsCNN

NETWORKS: dict[str, Callable[..., nn.Module]] = {"digits_cnn": DigitsCNN}
