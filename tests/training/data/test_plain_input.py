"""Inputs come back from YAML and JSON as they were."""

import json

import pytest
import yaml

from torchferry.training.data.plain_input import from_plain, plain, to_plain
from torchferry.training.data.source import (
    AudioInput,
    ImageInput,
    Input,
    SeriesInput,
    TableInput,
    TensorInput,
    TextInput,
)

INPUTS: list[Input] = [
    ImageInput(mode="RGB", height=8, width=6, mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 3.0)),
    TableInput(columns=("a", "b"), mean=(0.1, 1 / 3), std=(1e-9, 2.0)),
    TensorInput(shape=(3, 4), datatype="int64"),
    TextInput(tokenizer='{"model": "ä"}', pad=3, rows=9, most=12, truncate=True),
    AudioInput(rate=16_000, least=400, most=32_000, truncate=False),
    SeriesInput(channels=2, mean=(0.1, 0.2), std=(1.0, 1 / 3), most=100),
    SeriesInput(channels=None, mean=(0.0,), std=(1.0,), most=100),
]


@pytest.mark.parametrize("input", INPUTS)
def test_an_input_comes_back_as_it_was(input: Input) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(input)))) == input
    assert from_plain(yaml.safe_load(yaml.safe_dump(to_plain(input)))) == input


def test_what_is_no_input_is_refused() -> None:
    with pytest.raises(KeyError):
        from_plain({"kind": "sound"})
    with pytest.raises(TypeError):
        from_plain({"kind": "tensor", "size": [3]})


def test_tuples_become_lists_at_any_depth() -> None:
    assert plain({"a": ((1, 2), [3])}) == {"a": [[1, 2], [3]]}
