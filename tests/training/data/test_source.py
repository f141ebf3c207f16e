"""Sources and their inputs: shapes, sizes and blank batches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from torchferry.training.data.source import ImageInput, Input, Source, TableInput, TensorInput, blank

GREY = ImageInput(mode="L", height=2, width=3, mean=(0.5,), std=(0.5,))
COLOUR = ImageInput(mode="RGB", height=2, width=3, mean=(0.5,) * 3, std=(0.5,) * 3)
TABLE = TableInput(columns=("a", "b"), mean=(0, 0), std=(1, 1))


@pytest.mark.parametrize(
    ("input", "shape", "datatype"),
    [
        (GREY, (1, 2, 3), torch.uint8),
        (COLOUR, (3, 2, 3), torch.uint8),
        (TABLE, (2,), torch.float32),
        (replace(TABLE, datatype="float64"), (2,), torch.float64),
        (TensorInput(shape=(4, 5)), (4, 5), torch.float32),
        (TensorInput(shape=(7,), datatype="int64"), (7,), torch.int64),
    ],
)
def test_zeros_are_as_the_input_says(input: Input, shape: tuple[int, ...], datatype: torch.dtype) -> None:
    zeros = blank(input, 2)
    assert input.shape == shape
    assert (zeros.shape, zeros.dtype) == ((2, *shape), datatype)
    assert not zeros.any()
    assert len(blank(input, 0)) == 0


def test_a_source_knows_its_sizes_and_is_of_classes_in_any_order() -> None:
    train, test = (TensorDataset(torch.zeros(count, 2), torch.zeros(count)) for count in (5, 3))
    source = Source(train=train, test=test, labels=("a", "b"), input=TABLE)
    assert (source.train_size, source.test_size) == (5, 3)
    assert (source.targets, source.order, source.notes) == ("classes", None, ())


def test_what_is_said_of_an_input_is_by_name_and_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        TensorInput((2,))  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        GREY.height = 3  # type: ignore[misc]
    assert np.prod(GREY.shape) == 6
