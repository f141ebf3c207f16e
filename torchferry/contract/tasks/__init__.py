"""Tasks by name."""

from torchferry.contract.tasks.classes import Binary, Classification
from torchferry.contract.tasks.detection import Detection
from torchferry.contract.tasks.embedding import Embedding
from torchferry.contract.tasks.heads import Heads
from torchferry.contract.tasks.multilabel import Multilabel
from torchferry.contract.tasks.regression import Regression
from torchferry.contract.tasks.segmentation import Segmentation
from torchferry.contract.tasks.task import Task
from torchferry.contract.tasks.tensors import Tensors
from torchferry.contract.tasks.verification import Verification

TASKS: dict[str, type[Task]] = {
    "classification": Classification,
    "binary": Binary,
    "regression": Regression,
    "multilabel": Multilabel,
    "segmentation": Segmentation,
    "embedding": Embedding,
    "verification": Verification,
    "heads": Heads,
    "detection": Detection,
    "tensors": Tensors,
}


def name_of(kind: type[Task]) -> str:
    """Its own in the table, or its import path."""
    return next((name for name, known in TASKS.items() if known is kind), f"{kind.__module__}.{kind.__qualname__}")
