"""A network as a function of tensors: normalised, put where forward has them, and what it gives as a list."""

import torch

from tests.serving import signatures
from tests.serving.zoo.networks import Packed
from torchferry.serving.export.external.binding import bind
from torchferry.serving.export.external.input_spec import read_input
from torchferry.serving.export.external.prepared import Prepared


def prepared(network: torch.nn.Module, *inputs: str) -> Prepared:
    given = [read_input(text, number, {"normalize": "half"}) for number, text in enumerate(inputs)]
    return Prepared(network, given, bind(network, given))


def test_several_outputs_are_a_tuple_without_none_and_one_is_itself() -> None:
    network = signatures.Encoder().eval()
    ids, mask = torch.arange(10).reshape(2, 5), torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]])
    own = network(ids, mask)
    given = prepared(network, "attention_mask=tensor:INT64:5", "input_ids=tensor:INT64:5")(mask, ids)
    expected = (own["scores"], own["aux"]["mean"], *own["hidden_states"], own["kinds"])
    assert len(given) == len(expected)
    assert all(torch.equal(*pair) for pair in zip(given, expected, strict=True))
    assert torch.equal(prepared(signatures.Difference(), "table:2", "table:2")(*torch.eye(2)), torch.tensor([1.0, -1]))


def test_images_are_normalised_before_the_network() -> None:
    network = prepared(torch.nn.Identity(), "image:L:2")
    assert torch.equal(network(torch.full((1, 1, 2, 2), 255, dtype=torch.uint8)), torch.ones(1, 1, 2, 2))


def test_a_network_that_packs_takes_samples_in_any_order() -> None:
    torch.manual_seed(0)
    network = prepared(Packed().eval(), "input_ids=tensor:INT64:4", "attention_mask=tensor:INT64:4")
    ids, mask = torch.arange(8).reshape(2, 4), torch.tensor([[1, 0, 0, 0], [1, 1, 1, 0]])
    torch.testing.assert_close(network(ids, mask), network(ids.flip(0), mask.flip(0)).flip(0))
