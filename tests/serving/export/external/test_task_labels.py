"""A task's labels are those of --labels, those of its data, or numbers, as many as the network knows."""

import re

import pytest
import torch

from tests.serving.export.tiny_reference import half
from torchferry.contract.tasks import TASKS
from torchferry.contract.tasks.find import made
from torchferry.errors import UserError
from torchferry.serving.export.external.labels import Labels
from torchferry.serving.export.external.task_labels import task_labels
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import TrainingTask

AB, XYZ = ("a", "b"), ("x", "y", "z")
KEY = "--task it"


def labels(task: TrainingTask, given: object, said: Labels, of_data: tuple[str, ...] = ()) -> tuple[str, ...]:
    return task_labels(task, given, said, of_data, KEY)


def heads() -> TrainingTask:
    said = {"kind": {"name": "classification"}, "size": {"name": "regression"}}
    return half_of(made(TASKS["heads"], {"heads": said}, ()))


def test_they_are_said_or_the_datas_or_numbers() -> None:
    three = torch.zeros(2, 3)
    assert labels(half("classification"), three, Labels(XYZ)) == XYZ
    assert labels(half("classification"), three, Labels((), {"probabilities": XYZ})) == XYZ
    assert labels(half("classification"), three, Labels(), XYZ) == XYZ
    assert labels(half("classification"), three, Labels()) == ("0", "1", "2")
    assert labels(half("binary"), torch.zeros(2, 1), Labels(AB)) == AB
    assert labels(half("segmentation"), torch.zeros(2, 3, 8, 8), Labels(XYZ)) == XYZ
    assert labels(half("detection"), {"boxes": torch.zeros(2, 5, 4), "logits": torch.zeros(2, 5, 2)}, Labels(AB)) == AB
    assert labels(half("embedding"), three, Labels(), AB) == ()


def test_each_head_has_its_own() -> None:
    given = {"kind": torch.zeros(2, 2), "size": torch.zeros(2, 1)}
    assert labels(heads(), given, Labels((), {"kind": AB})) == ("kind: a", "kind: b", "size: 0")
    of_data = ("kind: no", "kind: yes", "size: metres")
    assert labels(heads(), given, Labels(), of_data) == of_data


@pytest.mark.parametrize(
    ("task", "given", "said", "of_data", "words"),
    [
        (half("classification"), torch.zeros(2, 2), Labels(XYZ), (), "--labels: has 3 classes, but the model knows 2"),
        (half("embedding"), torch.zeros(2, 2), Labels(AB), (), "--labels: the task has none; leave it out"),
        (half("segmentation"), torch.zeros(2, 3, 4, 4), Labels(), AB, "--source: has 2 labels, but the model knows 3"),
        (half("classification"), torch.zeros(2, 2), Labels(AB), ("b", "a"),
         "--labels: says a, b, and --source has b, a;"),
        (half("classification"), torch.zeros(2, 2), Labels((), {"probabilitys": AB}), (),
         "there is no output 'probabilitys'; did you mean probabilities?"),
        (heads(), {"kind": torch.zeros(2, 2), "size": torch.zeros(2, 1)}, Labels((), {"kinds": AB}), (),
         "there is no head 'kinds'; did you mean kind?"),
        (heads(), {"kind": torch.zeros(2, 2), "size": torch.zeros(2, 1)}, Labels(AB), (),
         "--labels: of which head? say kind=FILE, or another of kind, size"),
        (heads(), {"kind": torch.zeros(2, 2), "size": torch.zeros(2, 1)}, Labels((), {"kind": XYZ}), (),
         "has 3 classes, but the model knows 2 in kind"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused(
    task: TrainingTask, given: object, said: Labels, of_data: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        labels(task, given, said, of_data)
