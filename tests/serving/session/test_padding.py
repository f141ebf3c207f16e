"""Which requests of unequal sizes share a call, what the call is given, and what each gets back of it."""

import numpy as np
import pytest

from tests.serving.texts_bundle import described_texts
from tests.serving.tiny_bundle import described
from torchferry.contract.axes import Axis
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.session.padding import Company, Padding


def taken(padding: Padding, *lengths: int) -> list[int]:
    """Those that share a call with the first."""
    company, together = Company(padding), []
    for length in lengths:
        if company.takes((length,), 1):
            company.add((length,), 1)
            together.append(length)
    return together


@pytest.mark.parametrize(
    ("most", "expected"),
    [(0, [10, 10]), (0.25, [10, 10, 12, 9]), (0.5, [10, 20, 10, 12, 19]), (1, [10, 20, 10, 500, 1, 12, 9, 19])],
)
def test_none_is_more_than_the_limit_padding(most: float, expected: list[int]) -> None:
    assert taken(Padding(described_texts(), most), 10, 20, 10, 500, 1, 12, 9, 19) == expected


def test_a_long_one_in_front_takes_no_short_ones_along_however_many_there_are() -> None:
    assert taken(Padding(described_texts(), 0.5), 128, *[8] * 200, 64) == [128, 64]


def test_equal_ones_alone_go_together_where_nothing_stands_behind_a_shorter_one() -> None:
    assert taken(Padding(described_texts(pad=None), 0.5), 10, 20, 10, 11) == [10, 10]


def test_a_call_has_a_limit_of_elements_which_one_request_may_exceed() -> None:
    padding = Padding(described_texts(), 0.5, 100)
    assert taken(padding, 40, 50, 60, 10) == [40, 50]
    assert taken(padding, 300, 300) == [300]


def test_samples_of_a_request_are_counted_with_it() -> None:
    company = Company(Padding(described_texts(), 0.5, 100))
    company.add((20,), 4)
    assert company.takes((20,), 1)
    assert not company.takes((20,), 2)
    assert not company.takes((25,), 1)


def test_inputs_with_the_same_axes_count_once_and_others_add_up() -> None:
    tokens = (Axis(at=1, name="tokens", most=512),)
    rows, columns = Axis(at=2, name="rows", most=64), Axis(at=3, name="columns", most=64)
    inputs = (
        TensorSpec(name="ids", datatype="INT64", shape=(-1, -1), axes=tokens, pad=0),
        TensorSpec(name="mask", datatype="INT64", shape=(-1, -1), axes=tokens, pad=0),
        TensorSpec(name="image", datatype="UINT8", shape=(-1, 3, -1, -1), axes=(rows, columns), pad=0),
        TensorSpec(name="age", datatype="FP32", shape=(-1, 5)),
    )
    padding = Padding(described(inputs=inputs))
    assert padding.axes == ("tokens", "rows", "columns")
    shapes = {"ids": (2, 7), "mask": (2, 7), "image": (2, 3, 4, 6), "age": (2, 5)}
    sizes = padding.sizes({name: np.zeros(shape) for name, shape in shapes.items()})
    assert sizes == (7, 4, 6)
    assert padding.elements(sizes) == 7 + 3 * 4 * 6


def test_requests_are_grouped_into_as_few_calls_as_the_limit_allows() -> None:
    lengths = [8, 128, 100, 9, 64, 63, 16]
    groups = Padding(described_texts(), 0.5).groups([(length,) for length in lengths])
    assert [sorted(lengths[place] for place in group) for group in groups] == [[64, 100, 128], [63], [8, 9, 16]]
    assert Padding(described()).groups([(), ()]) == [[0, 1]]
    assert Padding(described()).groups([]) == []


def test_shorter_ones_are_padded_and_each_gets_its_own_part_of_the_answers() -> None:
    padding = Padding(described_texts())
    requests = [{"ids": np.array(ids)} for ids in ([[1, 2, 3]], [[4], [5]])]
    together = padding.together(requests)["ids"]
    assert together.tolist() == [[1, 2, 3], [4, 0, 0], [5, 0, 0]]
    own = padding.own({"means": together[1:, :2], "each": together[1:]}, (1,))
    assert {name: values.tolist() for name, values in own.items()} == {"means": [[4, 0], [5, 0]], "each": [[4], [5]]}


def test_a_model_of_fixed_axes_has_samples_of_one_element() -> None:
    padding = Padding(described())
    assert padding.padded([(), ()]) == 1
    assert (padding.axes, padding.sizes({"row": np.zeros((2, 3))}), padding.elements(())) == ((), (), 1)
