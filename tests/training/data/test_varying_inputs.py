"""Made-up samples are as an input says, and every second one of a batch is padded."""

import pytest
import torch

from torchferry.training.data.source import Input, blank, pad_of
from torchferry.training.data.varying_inputs import AudioInput, SeriesInput, TextInput

TEXT = TextInput(tokenizer="{}", pad=0, rows=5, most=6, truncate=True)
SOUND = AudioInput(rate=16_000, least=3, most=16_000, truncate=False)
SERIES = SeriesInput(channels=2, mean=(0, 0), std=(1, 1), most=100)
ONE = SeriesInput(channels=None, mean=(0,), std=(1,), most=100)


def test_texts_are_of_ids_that_are_no_padding_with_the_largest_among_them() -> None:
    made = blank(TEXT, 3)
    assert made.dtype == torch.int64
    assert made.tolist() == [[4, 3, 2, 1, 4, 3], [4, 0, 0, 0, 0, 0], [4, 3, 2, 1, 4, 3]]


@pytest.mark.parametrize(("input", "shape"), [(SOUND, (2, 8)), (SERIES, (2, 8, 2)), (ONE, (2, 8))])
def test_numbers_are_finite_up_to_the_padding(input: Input, shape: tuple[int, ...]) -> None:
    made = blank(input, 2)
    assert (tuple(made.shape), made.dtype) == (shape, torch.float32)
    assert made[0].isfinite().all()
    least = input.least  # type: ignore[union-attr]  # all of these have one
    assert made[1, :least].isfinite().all()
    assert made[1, least:].isnan().all()
    assert len(input.shape) == len(shape) - 1
    assert pad_of(input) != pad_of(input)  # NaN


def test_made_up_samples_stay_within_the_limits() -> None:
    assert blank(AudioInput(rate=8, least=6, most=7, truncate=False), 2).shape == (2, 7)
    assert blank(AudioInput(rate=8, least=400, most=9000, truncate=False), 1).shape == (1, 800)
