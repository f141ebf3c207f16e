"""A body and the heads on it."""

import pytest
import torch

from torchferry.errors import UserError
from torchferry.training.models.branches import Branches

BODY = {"name": "mlp", "args": {"widths": [3, 5]}}


def test_every_head_has_its_numbers() -> None:
    network = Branches(BODY, {"type": 4, "size": 1})
    given = network(torch.zeros(2, 3))
    assert {name: list(value.shape) for name, value in given.items()} == {"type": [2, 4], "size": [2, 1]}


@pytest.mark.parametrize(
    ("body", "said"),
    [({"args": {}}, "model.args.body: {'args': {}} is not"), ({"name": "mpl"}, "model.args.body.name")],
)
def test_a_body_is_a_network_by_name(body: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Branches(body, {"kind": 1})
