"""Several tasks of one network: each head's part is its own task's."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from torchferry.contract.tasks.heads import Heads as HeadsTask
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.data.augment import Augment
from torchferry.training.data.digits import digits
from torchferry.training.data.source import TargetScale
from torchferry.training.tasks import half_of, task_for
from torchferry.training.tasks.heads import Heads

HEADS: dict[str, dict[str, Any]] = {
    "kind": {"name": "classification"},
    "size": {"name": "regression", "weight": 2.0},
}
LABELS = ("kind: cat", "kind: dog", "size: cm")
TASK = half_of(HeadsTask(heads=HEADS, labels=LABELS))
RAW = {"kind": torch.tensor([[1.0, 0.0], [0.0, 2.0]]), "size": torch.tensor([[1.0], [3.0]])}
TARGETS = {"kind": torch.tensor([0, 0]), "size": torch.tensor([[1.0], [2.0]])}
SOURCE = digits(targets="several")
OF_DIGITS: dict[str, dict[str, Any]] = {"ink": {"name": "regression"}, "digit": {"name": "classification"}}


def test_answers_are_by_head() -> None:
    answers = TASK.answers(RAW)
    assert [*answers] == ["kind", "size"]
    torch.testing.assert_close(answers["kind"], RAW["kind"].softmax(dim=1))
    assert [len(each) for each in TASK.graph(RAW)] == [2, 2]
    raw = TASK.raw(answers)
    assert TASK.test_loss(raw, TARGETS) == pytest.approx(TASK.test_loss(RAW, TARGETS).item())


def test_the_loss_on_the_test_set_is_the_sum_by_weight() -> None:
    each = functional.cross_entropy(RAW["kind"], TARGETS["kind"], reduction="sum"), torch.tensor(1.0)
    assert TASK.test_loss(RAW, TARGETS).item() == pytest.approx(each[0].item() + 2 * each[1].item())


def test_targets_are_put_together_by_head() -> None:
    samples = [{name: values[place] for name, values in TARGETS.items()} for place in range(2)]
    for name, values in TASK.batched(samples).items():
        assert torch.equal(values, TARGETS[name])
    assert [*TASK.of_tensors([*TARGETS.values()])] == ["kind", "size"]
    assert TASK.wrong_targets(TARGETS) is None
    wrong = TARGETS | {"kind": torch.tensor([0, 5])}
    assert TASK.wrong_targets(wrong) == (1, "of head kind has class 5, but there are 2 labels, 0 to 1")
    assert [*TASK.blank_targets(2)] == [*TASK.varied_targets(2, torch.Generator())] == ["kind", "size"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (torch.zeros(2, 3), "gives a Tensor, not a dictionary with a tensor for each of kind, size"),
        ({"kind": RAW["kind"]}, "gives nothing for head size; it gives kind"),
        (RAW | {"sizes": RAW["size"]}, "gives sizes, which is no head; did you mean size"),
        (RAW | {"kind": torch.zeros(2, 7)}, r"head kind: model: gives \[7\] per sample"),
    ],
)
def test_a_network_gives_what_each_head_takes(given: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        TASK.check_outputs(given, 2)


def test_heads_are_in_the_sources_order_and_know_what_their_data_say() -> None:
    task = task_for("heads", {"heads": OF_DIGITS}, SOURCE)
    assert isinstance(task, Heads)
    assert [*task.halves] == ["digit", "ink"]
    assert task.task.tasks["digit"].labels == tuple("0123456789")
    scale = task.target_scale
    assert isinstance(scale, dict)
    assert scale == SOURCE.target_scale
    assert isinstance(scale["ink"], TargetScale)
    assert half_of(task.task).target_scale == scale


@pytest.mark.parametrize(
    ("heads", "said"),
    [
        (OF_DIGITS | {"inc": {"name": "regression"}}, "heads.inc: has no targets; did you mean ink"),
        ({"ink": OF_DIGITS["ink"]}, "heads: data.source has targets for digit too"),
        (OF_DIGITS | {"ink": {"name": "classification"}}, "heads.ink: data.source gives values, not classes"),
        (OF_DIGITS | {"digit": {"name": "binary"}}, "heads.digit: binary takes 2 classes"),
    ],
)
def test_a_head_without_targets_of_its_own_is_refused(heads: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        task_for("heads", {"heads": heads}, SOURCE)


def pictured(**mask: Any) -> Heads:
    """Whether a picture is bright, and where it is."""
    source = replace(
        digits(size=8),
        targets="several",
        parts={"kind": "classes", "mask": "masks", "edges": "masks"},
        labels=("kind: dark", "kind: bright", "mask: dark", "mask: bright", "edges: no", "edges: yes"),
    )
    masks = {"mask": {"name": "segmentation"}, "edges": {"name": "segmentation", **mask}}
    task = task_for("heads", {"heads": {"kind": {"name": "classification"}, **masks}}, source)
    assert isinstance(task, Heads)
    return task


def test_masks_of_heads_move_with_the_picture() -> None:
    task, random = pictured(), torch.Generator().manual_seed(0)
    images = torch.where(torch.rand(6, 1, 8, 8, generator=random) < 0.4, 250, 100).to(torch.uint8)
    mask = (images[:, 0] > 200).to(torch.uint8)
    targets = {"kind": torch.arange(6) % 2, "mask": mask, "edges": 1 - mask}
    augment = Augment([Component(name="random_crop", args={"padding": 2})], seed=1)

    moved, given = augment(images, targets, 1, np.arange(6), task)

    assert not torch.equal(moved, images)
    assert given["kind"].tolist() == targets["kind"].tolist()
    assert torch.equal(given["mask"] == 1, moved[:, 0] > 200)
    assert (given["edges"][moved[:, 0] < 50] == 255).all()


def test_masks_of_heads_are_of_the_pictures_size() -> None:
    logits = torch.zeros(2, 2, 8, 8)
    pictured().check_outputs({"kind": torch.zeros(2, 2), "mask": logits, "edges": logits}, 2)
    with pytest.raises(UserError, match=r"^task.args.heads.edges.ignore_index: the data decide it"):
        pictured(ignore_index=7)


def test_a_source_of_one_target_has_no_heads() -> None:
    with pytest.raises(UserError, match=r"takes several, data.source gives classes"):
        task_for("heads", {"heads": OF_DIGITS}, digits())


def test_a_caption_has_a_line_for_each_head() -> None:
    answer = {name: values[1].numpy() for name, values in TASK.answers(RAW).items()}
    text, wrong = TASK.caption(answer, {"kind": 0, "size": np.array([2.0])})
    assert text.splitlines() == ["kind: true: cat, predicted: dog", "size: true: 2, predicted: 3"]
    assert wrong


def test_a_picture_is_drawn_by_the_head_that_draws() -> None:
    task = half_of(
        HeadsTask(heads={"scene": {"name": "segmentation"}, **HEADS}, labels=("scene: a", "scene: b", *LABELS))
    )
    scene = np.array([[0, 1]], np.uint8)
    answer: dict[str, np.ndarray] = {"scene": scene, "kind": np.zeros(2), "size": np.zeros(1)}
    pixels = np.zeros((1, 2, 3), np.uint8)
    drawn = task.drawn(pixels, answer, {"scene": None, "kind": 0, "size": None})
    assert (drawn[0, 0] == 0).all()
    assert drawn[0, 1].any()


def test_of_a_network_from_elsewhere_each_head_takes_what_its_task_does() -> None:
    heads = {"mask": {"name": "segmentation"}, "size": {"name": "regression"}}
    task = half_of(HeadsTask(heads=heads))
    masks, sizes = torch.zeros(2, 3, 8, 4), torch.zeros(2, 1)
    raw = task.picked({"mask": {"out": masks, "aux": None}, "size": sizes, "loss": None})
    assert raw == {"mask": masks, "size": sizes}
    assert task.labels_in(raw, "--task") == 4
    task.take_outputs(raw)
    assert task.halves["mask"].blank_targets(1).shape == (1, 8, 4)
    with pytest.raises(UserError, match=r"^--task: gives nothing for head size; it gives mask"):
        task.labels_in({"mask": masks}, "--task")
    with pytest.raises(UserError, match=r"^--task, head size: needs one output of"):
        task.labels_in({"mask": masks, "size": masks}, "--task")


def test_heads_are_judged_in_the_order_of_the_source() -> None:
    heads = {"ink": {"name": "regression"}, "digit": {"name": "classification"}}
    assert list(half_of(HeadsTask(heads=heads)).judged_by(SOURCE).halves) == ["digit", "ink"]
    with pytest.raises(UserError, match=r"data\.source has targets for digit too"):
        half_of(HeadsTask(heads={"ink": heads["ink"]})).judged_by(SOURCE)
