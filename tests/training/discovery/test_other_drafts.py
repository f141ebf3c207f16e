from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset

from tests.training.data.sources import refusal
from tests.training.discovery.small_data import table_of
from torchferry.training.discovery.other_drafts import dataset, table


class Points(Dataset):
    """Three numbers and their sum, or whether it is above 0."""

    def __init__(self, n: int = 16, kind: str = "class") -> None:
        self.points, self.kind = torch.randn(n, 3, generator=torch.Generator().manual_seed(0)), kind

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if index >= len(self):
            raise IndexError
        total = self.points[index].sum().item()
        x = Image.new("RGB", (40, 36)) if self.kind == "image" else self.points[index]
        return x, (total if self.kind == "value" else int(total > 0))


POINTS = f"{__name__}.Points"


@pytest.mark.parametrize(
    ("columns", "target", "asked", "task", "widths"),
    [
        ("a,b,price", "price", None, "regression", [2, 64, 64, 1]),
        ("a,b,kind", "kind", None, "classification", [2, 64, 64, 2]),
        ("a,b,count", "count", None, "regression", [2, 64, 64, 1]),
        ("a,b,price,count", "price,count", None, "regression", [2, 64, 64, 2]),
        ("a,b,count", "count", "regression", "regression", [2, 64, 64, 1]),
    ],
)
def test_the_task_is_found_in_the_target(
    columns: str, target: str, asked: str | None, task: str, widths: list[int], tmp_path: Path
) -> None:
    draft = table(str(table_of(tmp_path / "houses.csv", tuple(columns.split(",")))), target, asked)
    assert (draft.task, draft.name, draft.network.args["widths"]) == (task, "houses", widths)
    assert task in draft.title


@pytest.mark.parametrize(
    ("target", "task", "words"),
    [
        ("prices", None, "did you mean 'price'?"),
        ("kind", "regression", "kind"),
        ("price", "classification", "price"),
    ],
)
def test_a_target_that_cannot_be_right_is_refused(target: str, task: str | None, words: str, tmp_path: Path) -> None:
    path = table_of(tmp_path / "houses.csv", ("a", "b", "kind" if target == "kind" else "price"))
    assert words in refusal(lambda: table(str(path), target, task))


@pytest.mark.parametrize(
    ("kind", "labels", "task", "args"),
    [
        ("class", "2", "classification", {"shape": [3]}),
        ("class", "no,yes", "classification", {"shape": [3], "labels": ["no", "yes"]}),
        ("value", "1", "regression", {"shape": [3]}),
        ("image", "2", "classification", {"image": {"height": 32, "width": 32}}),
    ],
)
def test_a_data_set_says_shape_and_task_by_its_first_sample(
    kind: str, labels: str, task: str, args: dict[str, Any]
) -> None:
    spec = {"name": POINTS, "args": {"kind": kind}}
    draft = dataset(spec, spec, labels, None)
    assert (draft.task, draft.samples, draft.name) == (task, 16, "Points")
    assert args.items() <= draft.source.args.items()


def test_what_is_no_data_set_is_refused() -> None:
    spec = {"name": "builtins.object", "args": {}}
    assert "TRAIN" in refusal(lambda: dataset(spec, spec, "2", None))
