"""Samples that are made up are of the datatype and of the sizes that the inputs say."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from torchferry.serving.export.external.input_spec import GivenInput, read_input
from torchferry.serving.export.external.made_up import FEWEST, MOST_SAMPLES, made_up, numbers


def read(*texts: str) -> list[GivenInput]:
    return [read_input(text, number, {}) for number, text in enumerate(texts)]


def test_sizes_lie_between_the_bounds_and_are_shared_by_inputs_of_one_axis() -> None:
    ids, x = read("ids:INT64:[t=2..100]", "x:FP32:2x[t=2..100]")
    data = made_up([replace(ids, pad=0), x])
    samples = [data[number] for number in range(MOST_SAMPLES)]
    assert all(len(one) == two.shape[1] for one, two in samples)
    sizes = [len(one) for one, _ in samples]
    assert (min(sizes), max(sizes), len(set(sizes))) == (2, 100, 8)
    assert all((one > 0).all() for one, _ in samples)  # none is taken for padding


def test_a_picture_is_not_always_as_wide_as_it_is_high() -> None:
    data = made_up(read("x:UINT8:3x[h=8..64/8]x[w=8..64/8]"))
    shapes = [data[number][0].shape for number in range(MOST_SAMPLES)]
    assert any(height > width for _, height, width in shapes)
    assert any(height < width for _, height, width in shapes)
    assert all(size % 8 == 0 for shape in shapes for size in shape[1:])


@pytest.mark.parametrize(("pad", "value"), [(0, 1), (None, 1), (1, 0)])
def test_a_mask_and_a_length_say_that_all_is_there(
    pad: int | None, value: int, capsys: pytest.CaptureFixture[str]
) -> None:
    ids, mask, lengths = read("ids:INT64:[t=2..9]", "attention_mask:INT64:[t=2..9]", "lengths:INT32")
    data = made_up([ids, replace(mask, pad=pad), lengths])
    for number in range(FEWEST):
        one, all_there, length = data[number]
        assert set(all_there.tolist()) == {value}
        assert int(length) == len(one)
    assert capsys.readouterr().out == (
        "no --eval-data: attention_mask, lengths made up as of a sample that is all there\n"
    )


def test_numbers_are_the_same_ones_each_time() -> None:
    (table,) = read("table:3")
    np.testing.assert_array_equal(numbers(table, (4, 3)), numbers(table, (4, 3)))
    assert numbers(read("tensor:BF16:2")[0], (4, 2)).dtype == torch.float32
