"""What transformers' networks give, as the tasks take it."""

from typing import Any

import pytest
import torch
from torch import nn

from torchferry.errors import UserError
from torchferry.serving.export.external.huggingface.answers import Candidates, Named, Pixels, Scores, Vector


class Giving(nn.Module):
    def __init__(self, **given: Any) -> None:
        super().__init__()
        self.given = given

    def forward(self, pixel_values: torch.Tensor) -> Any:  # noqa: ARG002
        return self.given


PICTURES = torch.zeros(1, 3, 8, 16)


def test_tensors_keep_their_names_and_what_is_none_is_left_out() -> None:
    x = torch.zeros(1, 2)
    network = Giving(logits=x, loss=None, past_key_values=object(), hidden_states=(x, x))
    assert list(Named(network)(PICTURES)) == ["logits", "hidden_states"]
    assert Named(network, ["logits"])(PICTURES) is x
    assert list(Named(network, ["hidden_states", "logits"])(PICTURES)) == ["hidden_states", "logits"]
    with pytest.raises(UserError, match="there is no output 'logit'; did you mean logits"):
        Named(network, ["logit"])(PICTURES)
    assert Scores(network)(pixel_values=PICTURES) is x
    assert Vector(Giving(image_embeds=x, last_hidden_state=None))(PICTURES) is x


def test_logits_have_the_pictures_size() -> None:
    assert Pixels(Giving(logits=torch.zeros(1, 5, 2, 4)))(pixel_values=PICTURES).shape == (1, 5, 8, 16)


def test_boxes_are_corners_in_pixels_and_one_label_is_the_likeliest() -> None:
    logits = torch.tensor([[[2.0, 1.0, 0.0]]])
    network = Giving(pred_boxes=torch.tensor([[[0.5, 0.5, 0.25, 0.5]]]), logits=logits)
    found = Candidates(network, 2)(PICTURES)
    assert found["boxes"].tolist() == [[[6, 2, 10, 6]]]
    scores = found["logits"].sigmoid()
    torch.testing.assert_close(scores[0, 0], torch.tensor([logits.softmax(dim=-1)[0, 0, 0], 0]))
    assert Candidates(network, 3)(PICTURES)["logits"] is logits


def test_a_certain_label_has_a_finite_logit_and_of_two_alike_one_counts() -> None:
    logits = torch.tensor([[[30.0, 1.0, 0.0], [1.0, 1.0, 0.0]]])
    found = Candidates(Giving(pred_boxes=torch.zeros(1, 2, 4), logits=logits), 2)(PICTURES)["logits"]
    exact = torch.logit(logits.double().softmax(dim=-1))[..., 0]
    torch.testing.assert_close(found[..., 0], exact.float())
    assert found[..., 1].tolist() == [[-100, -100]]
