import pytest
import torch

from torchferry.training.models.grid_detector import GridDetector, within


@pytest.mark.parametrize(("coarse", "candidates"), [(False, 12 * 8), (True, 12 * 8 + 6 * 4)])
def test_candidates_lie_on_grids_and_boxes_in_the_picture(coarse: bool, candidates: int) -> None:
    network = GridDetector(classes=3, channels=3, width=8, coarse=coarse).eval()
    given = network(torch.rand(2, 3, 48, 32))
    assert {name: list(each.shape[1:]) for name, each in given.items()} == {
        "boxes": [candidates, 4], "logits": [candidates, 3], "anchors": [candidates, 4]
    }  # fmt: skip
    middles = (given["anchors"][0, :, :2] + given["anchors"][0, :, 2:]) / 2
    assert middles[0].tolist() == [2, 2]
    assert middles[95].tolist() == [30, 46]
    assert (given["boxes"] >= 0).all()
    assert (given["boxes"] <= torch.tensor([32.0, 48, 32, 48])).all()


def test_begins_with_boxes_like_its_anchors_and_low_scores() -> None:
    given = GridDetector(reach=5).train()(torch.rand(1, 1, 64, 64))
    assert torch.allclose(given["boxes"], given["anchors"], atol=8)
    assert given["logits"].sigmoid().max() < 0.05


def test_arguments_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="classes 0"):
        GridDetector(classes=0)


def test_within_cuts_off() -> None:
    assert within(torch.tensor([[-5.0, 3, 100, 100]]), 20, 30).tolist() == [[0, 3, 30, 20]]
