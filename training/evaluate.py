"""Exact evaluation at any world size: sums per rank, one reduction, one division."""

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset

from training.process_group import Place

BATCH = 256
PICTURED_MISTAKES = 16


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    samples: int
    loss: float
    """Mean cross entropy, without label smoothing."""
    confusion: torch.Tensor
    """int64 [classes, classes]: row is the true class, column the predicted one."""
    mistakes: list[int]
    """Indices of the first few samples that were predicted wrongly."""

    @property
    def accuracy(self) -> float:
        return self.confusion.diag().sum().item() / self.samples


@torch.no_grad()
def evaluate(model: nn.Module, samples: Dataset, classes: int, place: Place) -> Evaluation:
    """Every sample is counted once: rank r takes r, r + world size, ...; every rank gets the whole result."""
    mine = range(place.rank, len(samples), place.world_size)  # type: ignore[arg-type]
    confusion = torch.zeros(classes, classes, dtype=torch.int64, device=place.device)
    loss = torch.zeros((), dtype=torch.float64, device=place.device)
    wrong = []
    model.eval()
    for images, truth in DataLoader(Subset(samples, mine), batch_size=BATCH):
        truth = truth.to(place.device)
        logits = model(images.to(place.device))
        predicted = logits.argmax(dim=1)
        loss += nn.functional.cross_entropy(logits, truth, reduction="sum")
        confusion += torch.bincount(truth * classes + predicted, minlength=classes**2).view(classes, classes)
        wrong.append(predicted != truth)
    model.train()
    dist.all_reduce(confusion)
    dist.all_reduce(loss)
    count = int(confusion.sum().item())
    return Evaluation(
        samples=count, loss=loss.item() / count, confusion=confusion.cpu(), mistakes=_first_mistakes(wrong, mine)
    )


def _first_mistakes(wrong: list[torch.Tensor], mine: range) -> list[int]:
    flags = torch.cat(wrong).cpu() if wrong else torch.zeros(0, dtype=torch.bool)
    found = [mine[position] for position in flags.nonzero().flatten().tolist()][:PICTURED_MISTAKES]
    gathered: list[list[int]] = [[]] * dist.get_world_size()
    dist.all_gather_object(gathered, found)
    return sorted(index for found in gathered for index in found)[:PICTURED_MISTAKES]
