"""Each input is the argument of forward that it names, and nothing is guessed."""

import functools
import inspect
from typing import Any

import pytest
import torch
from torch import nn

from tests.serving import signatures
from torchferry.errors import UserError
from torchferry.serving.export.external.binding import Binding, bind
from torchferry.serving.export.external.input_spec import read_input

ONE, TWO, THREE = (torch.full((2, 3), number) for number in (1.0, 2.0, 3.0))


def bound(network: nn.Module, *names: str) -> Binding:
    """With an input for each name, which is none for an empty one."""
    texts = [f"{name}=table:3" if name else "table:3" for name in names]
    return bind(network, [read_input(text, number, {"normalize": "none"}) for number, text in enumerate(texts)])


def called(network: nn.Module, *names: str) -> Any:
    """What the network gives for 1, 2, 3 as its inputs in the order of the names."""
    arguments, keywords = bound(network, *names).filled([ONE, TWO, THREE][: len(names)])
    return network(*arguments, **keywords)


def test_names_of_forward_bind_in_any_order() -> None:
    assert (called(signatures.Difference(), "minuend", "subtrahend") == -1).all()
    assert (called(signatures.Difference(), "subtrahend", "minuend") == 1).all()
    assert bound(signatures.Difference(), "subtrahend", "minuend").names == ("subtrahend", "minuend")
    assert bound(signatures.Difference(), "subtrahend", "minuend").said == ()


def test_without_names_the_order_binds_and_the_names_are_those_of_forward() -> None:
    assert (called(signatures.Difference(), "", "") == -1).all()
    binding = bound(signatures.Difference(), "", "")
    assert binding.names == ("minuend", "subtrahend")
    assert binding.said == ("--input: by position, in the order of forward: minuend, subtrahend",)


def test_one_without_a_name_keeps_the_name_of_its_kind() -> None:
    binding = bound(signatures.Loaded(), "")
    assert (binding.names, binding.said) == (("row",), ())


def test_defaults_may_be_left_out_and_keyword_only_arguments_given() -> None:
    binding = bound(signatures.Encoder(), "scale", "attention_mask", "input_ids")
    arguments, keywords = binding.filled(["scale", "mask", "ids"])
    assert (arguments, keywords) == (("ids", "mask"), {"scale": "scale"})
    arguments, keywords = bound(signatures.Encoder(), "input_ids", "attention_mask").filled(["ids", "mask"])
    assert (arguments, keywords) == (("ids", "mask"), {})


def test_arguments_without_a_name_in_a_call_are_given_in_their_place() -> None:
    assert (called(signatures.ByPlace(), "right", "left") == 2 * 3 - 1).all()
    assert (called(signatures.ByPlace(), "left") == 3).all()


def test_dots_are_keys_of_a_dict_and_places_of_a_list() -> None:
    binding = bound(signatures.Batch(), "maps.1", "batch.left", "maps.0", "batch.class")
    arguments, keywords = binding.filled(["1", "left", "0", "class"])
    assert (arguments, keywords) == (({"left": "left", "class": "class"}, ["0", "1"]), {})
    assert binding.names == ("maps.1", "batch.left", "maps.0", "batch.class")


def test_keywords_take_names_that_forward_does_not_have_and_it_is_said() -> None:
    assert (called(signatures.Anything(), "class", "first") == 2 - 2 * 1).all()
    assert bound(signatures.Anything(), "class", "first").said == (
        "--input: class are no names of forward and go into its **others",
    )
    (said,) = bound(signatures.Anything(), "first", "flags").said
    assert said.endswith("**others; did you mean flag?")


def test_a_variable_number_of_arguments_takes_the_others_in_their_order() -> None:
    assert (called(signatures.Rest(), "first", "x", "y") == 1 * 1 - 2 + 2 * 3).all()
    assert bound(signatures.Rest(), "first", "x", "y").said == (
        "--input: x, y are no names of forward and go into its *others in this order",
    )


def test_a_wrapped_forward_has_the_names_of_what_it_wraps() -> None:
    network = signatures.Difference()
    plain = network.forward

    @functools.wraps(plain)
    def timed(*arguments: torch.Tensor, **keywords: torch.Tensor) -> torch.Tensor:
        return plain(*arguments, **keywords)

    network.forward = timed  # type: ignore[method-assign]
    assert (called(network, "subtrahend", "minuend") == 1).all()
    network.forward = functools.partial(plain, subtrahend=ONE)  # type: ignore[method-assign]
    assert (called(network, "minuend") == 0).all()


@pytest.mark.parametrize(
    ("network", "names", "words"),
    [
        (signatures.Encoder(), ("input_id", "attention_mask"), "has no argument 'input_id'; did you mean input_ids?"),
        (signatures.Loaded(), ("picture",), "forward has no argument 'picture'; it takes row"),
        (signatures.Encoder(), ("input_ids",), "needs 'attention_mask', which no --input gives; it takes input_ids, "
                                               "attention_mask, [token_type_ids], [scale]"),
        (signatures.Encoder(), ("",), "forward needs 'attention_mask', which no --input gives"),
        (signatures.Loaded(), ("", ""), "--input: 2 are given, but forward takes row"),
        (signatures.Difference(), ("minuend", ""), "'table:3' has no name and others have; give all of them names of "
                                                   "forward, which takes minuend, subtrahend, or none"),
        (signatures.Difference(), ("minuend", "minuend"), "'minuend' is given twice"),
        (signatures.Loaded(), ("self", "row"), "forward has no argument 'self'"),
        (signatures.Anything(), ("self", "first"), "forward has no argument 'self'"),
        (signatures.Loaded(), ("ids", "mask"), "no argument 'ids'; it takes row; if that is a dict, say row.ids=..."),
        (signatures.Rest(), ("x", "y"), "forward needs 'first', which no --input gives; it takes first, [second], "
                                        "*others"),
        (signatures.Batch(), ("batch", "batch.left"), "'batch' is given as a tensor, and 'batch.left' as a part of it"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(network: nn.Module, names: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError) as error:
        bound(network, *names)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_forward_without_a_signature_is_given_its_inputs_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: object) -> inspect.Signature:
        raise ValueError("no signature found")

    monkeypatch.setattr(inspect, "signature", none)
    assert (called(signatures.Difference(), "x", "y") == -1).all()
    assert bound(signatures.Difference(), "", "").names == ("row", "row_1")
