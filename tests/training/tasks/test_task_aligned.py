import pytest
import torch

from torchferry.training.tasks.task_aligned import TaskAlignedLoss, picture_losses


def anchors(samples: int) -> torch.Tensor:
    """Of 8 x 8 points, 8 pixels apart."""
    middles = torch.cartesian_prod(torch.arange(8) * 8 + 4.0, torch.arange(8) * 8 + 4.0)
    return torch.cat([middles - 8, middles + 8], dim=1).expand(samples, -1, -1)


def outputs(samples: int = 2, classes: int = 3) -> dict[str, torch.Tensor]:
    boxes = anchors(samples).clone().requires_grad_()
    return {
        "boxes": boxes,
        "logits": torch.full((samples, 64, classes), -4.0, requires_grad=True),
        "anchors": anchors(samples),
    }


def gradient(given: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    found = given[name].grad
    assert found is not None
    return found


def targets() -> dict[str, torch.Tensor]:
    """Two objects in the first picture, none in the second."""
    boxes = torch.tensor([[[4.0, 4, 24, 20], [40, 30, 60, 58]], [[0, 0, 0, 0], [0, 0, 0, 0]]])
    return {"boxes": boxes, "labels": torch.tensor([[0, 2], [-1, -1]])}


def test_what_is_learnt_is_near_the_objects_and_of_their_labels() -> None:
    given = outputs()
    TaskAlignedLoss()(given, targets()).backward()
    pulled = gradient(given, "boxes")[0].abs().sum(dim=1) > 0
    middles = (anchors(1)[0, :, :2] + anchors(1)[0, :, 2:]) / 2
    inside = sum(((middles > box[:2]) & (middles < box[2:])).all(dim=1) for box in targets()["boxes"][0]) > 0
    assert pulled.any()
    assert not (pulled & ~inside).any()
    rising = (gradient(given, "logits")[0] < 0).nonzero()
    assert set(rising[:, 1].tolist()) == {0, 2}
    assert not gradient(given, "boxes")[1].any()
    assert (gradient(given, "logits")[1] > 0).all()


def test_learns_to_answer() -> None:
    given = outputs()
    optimizer = torch.optim.Adam([given["boxes"], given["logits"]], lr=0.5)
    for _ in range(60):
        optimizer.zero_grad()
        loss = TaskAlignedLoss()(given, targets())
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.1
    best = given["logits"][0].sigmoid().amax(dim=1).topk(2).indices
    found = sorted(given["boxes"][0, best].detach().round().tolist())
    assert found == [pytest.approx(box, abs=2) for box in targets()["boxes"][0].tolist()]


def test_each_picture_costs_the_same_alone_and_padding_nothing() -> None:
    given, true = outputs(), targets()
    both = picture_losses(given, true)
    for place in range(2):
        alone = picture_losses(
            {name: each[place : place + 1] for name, each in given.items()},
            {name: each[place : place + 1] for name, each in true.items()},
        )
        assert torch.allclose(alone[0], both[place])
    padded = {"boxes": torch.cat([true["boxes"], torch.zeros(2, 3, 4)], dim=1),
              "labels": torch.cat([true["labels"], torch.full((2, 3), -1)], dim=1)}  # fmt: skip
    assert torch.allclose(picture_losses(given, padded), both)
    assert torch.isfinite(both).all()


def test_an_object_between_all_candidates_is_learnt_by_the_nearest() -> None:
    given = outputs(samples=1)
    tiny = {"boxes": torch.tensor([[[30.5, 30.5, 31.5, 31.5]]]), "labels": torch.tensor([[1]])}
    TaskAlignedLoss()(given, tiny).backward()
    (pulled,) = gradient(given, "boxes")[0].abs().sum(dim=1).nonzero()
    assert anchors(1)[0, pulled].tolist() == [[20, 20, 36, 36]]


def test_weights_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="box_weight 0"):
        TaskAlignedLoss(box_weight=0)


def test_boxes_may_be_of_each_class() -> None:
    given = outputs()
    logits = given["logits"].detach() + torch.rand(2, 64, 3, generator=torch.Generator().manual_seed(0))
    given = {"boxes": given["boxes"].detach(), "logits": logits, "anchors": given["anchors"]}
    for_each = torch.stack([given["boxes"], given["boxes"] * 0, given["boxes"]], dim=2).requires_grad_()
    losses = picture_losses(given | {"boxes": for_each}, targets())  # objects are of classes 0 and 2
    assert torch.allclose(losses, picture_losses(given, targets()))
    losses.sum().backward()
    pulled = for_each.grad
    assert pulled is not None
    assert [bool(each.any()) for each in pulled.unbind(dim=2)] == [True, False, True]


def test_a_first_stage_is_learnt_as_of_one_class() -> None:
    given = outputs()
    first = {f"first_{name}": values for name, values in (given | {"logits": given["logits"][:, :, :1]}).items()}
    of_one = {name.removeprefix("first_"): values for name, values in first.items()}
    labels = targets()["labels"].clamp(max=0)
    wanted = picture_losses(given, targets()) + picture_losses(of_one, targets() | {"labels": labels})
    assert torch.allclose(picture_losses(given | first, targets()), wanted)
