"""Everything that a recipe can name, by kind."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torchferry.contract.tasks import TASKS
from torchferry.training.data import SOURCES
from torchferry.training.data.augment import AUGMENTATIONS
from torchferry.training.models import NETWORKS
from torchferry.training.trainer.losses import LOSSES
from torchferry.training.trainer.lr_schedule import OF_TORCH, SHAPES
from torchferry.training.trainer.optimizer import OPTIMIZERS


@dataclass(frozen=True, kw_only=True)
class Kind:
    name: str
    key: str
    """The recipe's key that names one."""
    components: Mapping[str, Callable[..., Any]]
    given: int = 0
    """How many arguments come from the trainer and not from the recipe."""
    of_torch: bool = False
    """Whether they are all that torch has, which are another number with each release."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.components)


TRAINED = {name: kind for name, kind in TASKS.items() if kind.headline}
"""Of the others nothing is known that could be learnt."""
KINDS = (
    Kind(name="source", key="data.source", components=SOURCES),
    Kind(name="network", key="model", components=NETWORKS),
    Kind(name="augmentation", key="data.augment", components=AUGMENTATIONS),
    Kind(name="loss", key="loss", components=LOSSES),
    Kind(name="schedule", key="schedule", components=SHAPES),
    Kind(name="task", key="task", components=TRAINED, given=1),
    Kind(name="optimizer", key="optimizer", components=OPTIMIZERS, given=1, of_torch=True),
    Kind(name="scheduler of torch", key="schedule", components=OF_TORCH, given=1, of_torch=True),
)
